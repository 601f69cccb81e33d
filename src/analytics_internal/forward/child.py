"""The process that forwards, as seen by the service: started, kept running, stopped, and asked to send a test event.

Libraries, receivers and types of third parties do their work in a process of its own, so none can slow ingest or bring
the service down.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import asyncpg
import msgspec
import structlog

from analytics_internal.forward import state
from analytics_internal.forward.again import Retries
from analytics_internal.forward.configuration import configure
from analytics_internal.forward.showing import missing_secrets
from analytics_internal.log import TRANSIENT_ERRORS, Pool

STOP_LIMIT_S = 10.0
"""Longer than the process takes itself when one of its threads blocks."""
POLL_S = 0.05
TEST_LIMIT_S = 30.0

log = structlog.get_logger(__name__)


class Order(msgspec.Struct, frozen=True):
    """What the process is to do: one line of JSON on its standard input, as it has secrets."""

    dsn: str
    destinations: Sequence[Any]
    """As in the setting."""
    log_level: str = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    test: str | None = None
    """The name of a destination that gets a test event, and nothing else happens."""


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test event."""

    __test__ = False  # not pytest's

    is_delivered: bool
    sent: str | None = None
    """The event as it was sent; None if it was not encoded."""
    error: str | None = None
    """Why it was not delivered."""
    status: int | None = None
    answer: str | None = None
    seconds: float = 0.0


@contextlib.asynccontextmanager
async def forwarding(order: Order, pool: Pool) -> AsyncIterator[None]:
    """Forward to all destinations for as long as the context lasts; the process is started again when it ends.

    No event that is stored after the context has begun is missed by a destination that starts now.
    """
    await _begin(order, pool)
    if not order.destinations:
        yield
        return
    # Imported here: whoever has no destinations needs none of it.
    from analytics_internal.forward.watching import watching

    keeping = asyncio.create_task(_keep(order))
    try:
        async with watching(pool, {one["name"] for one in order.destinations}):
            yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def test(order: Order, name: str) -> TestResult:
    """Send a test event to one destination, in a process of its own. It changes no state."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, "--test", stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(TEST_LIMIT_S):
            printed, _ = await process.communicate(_line(msgspec.structs.replace(order, test=name)))
        return msgspec.json.decode(printed, type=TestResult)
    except TimeoutError:
        error = f"there was no result within {TEST_LIMIT_S:g} s"
    except msgspec.DecodeError:
        error = "the process that sends test events ended without a result; the service's log says why"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return TestResult(is_delivered=False, error=error, seconds=round(time.monotonic() - began, 3))


async def _begin(order: Order, pool: Pool) -> None:
    """Make the rows of new destinations; say which lack a secret, and which are not configured any more.

    Ingest depends on none of it.
    """
    found = configure(order.destinations)
    for one in found:
        for missing in missing_secrets(one):  # the first event would show it, perhaps days later
            log.warning("a destination lacks a secret; it cannot deliver", destination=one.name, reason=missing)
    try:
        async with pool.acquire() as connection:
            if found:
                await state.ensure(connection, found)
            kept = await state.positions(connection)
    except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
        if order.destinations:
            log.error("the state of destinations cannot be used", error=type(error).__name__)
        return
    configured = {one.name for one in found}
    for name, position in kept.items():
        if name not in configured:
            log.warning(
                "a destination is not configured any more; it keeps its position", destination=name, position=position
            )


# Without the working folder, whose files could stand in for modules.
_COMMAND = (sys.executable, "-P", "-m", "analytics_internal.forward")


def _line(order: Order) -> bytes:
    return msgspec.json.encode(order) + b"\n"


async def _keep(order: Order) -> None:
    retries = Retries()
    while True:
        retries.begin()
        try:
            ended: dict[str, object] = {"exit_code": await _run(order)}
        except OSError as error:  # there is no memory or no process left; perhaps there is later
            ended = {"reason": str(error)}
        wait_s = retries.next_s()
        log.error("forwarding ended", **ended, next_try_s=round(wait_s, 1))
        await asyncio.sleep(wait_s)


async def _run(order: Order) -> int:
    """Run the process until it ends by itself, and return its exit code. Cancelled, it is ended."""
    process = _started(order)
    try:
        while True:
            await asyncio.sleep(POLL_S)
            if (code := process.poll()) is not None:
                return code
    finally:
        await asyncio.shield(_ended(process))


def _started(order: Order) -> subprocess.Popen[bytes]:
    # Its standard output is our standard error: what a library prints must not come between our lines. A group of its
    # own, so that Ctrl-C reaches the service alone, which stops its parts in order; no session of its own, in which
    # Linux would not count its niceness.
    process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=sys.stderr.fileno(), bufsize=0, process_group=0)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # its end is seen by `poll`
        process.stdin.write(_line(order))
    return process


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it has not ended: it is asked first."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    limit = time.monotonic() + STOP_LIMIT_S
    while process.poll() is None:
        if time.monotonic() > limit:
            log.warning("forwarding does not stop; it is killed")
            process.kill()
            limit = float("inf")
        await asyncio.sleep(POLL_S)
