"""Each destination has a thread of its own; what goes wrong in one disturbs no other."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import pytest
import structlog

from analytics_internal.forward import forwarder as forwarding
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.forwarder import DoesNotStop, Forwarder
from analytics_internal.forward.holds import Connect
from analytics_internal.forward.state import HoldLost
from tests.forward.test_holds import eventually, terminate_holders, to

AUDIT = Configured(name="audit", type="webhook")
LAKE = Configured(name="lake", type="parquet")


class Deliveries:
    """Stands for what forwards to a destination: keeps who does, and does what is asked for by name."""

    def __init__(self, **acts: Callable[[], Awaitable[None]]) -> None:
        self._acts = acts
        self.at_work: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.begun: Counter[str] = Counter()
        self.threads: dict[str, int] = {}
        self.holders: set[UUID] = set()
        self.destinations_in_log_lines: set[str] = set()

    async def __call__(self, configured: Configured, connect: Connect, holder: UUID) -> None:
        name = configured.name
        self.begun[name] += 1
        self.holders.add(holder)
        self.threads[name] = threading.get_ident()
        self.destinations_in_log_lines.add(structlog.contextvars.get_contextvars()["destination"])
        self.at_work[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self.at_work[name])
        try:
            if name in self._acts:
                await self._acts[name]()
            await asyncio.Event().wait()
        finally:
            self.at_work[name] -= 1

    async def all_at_work(self) -> bool:
        return self.at_work["audit"] == self.at_work["lake"] == 1


@asynccontextmanager
async def forwarder(dsn: str, deliveries: Deliveries) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(Forwarder([AUDIT, LAKE], to(dsn), deliveries).run())
    try:
        yield running
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, DoesNotStop):
            await running


async def test_each_destination_is_worked_in_a_thread_of_its_own(dsn: str) -> None:
    deliveries = Deliveries()
    async with forwarder(dsn, deliveries):
        await eventually(deliveries.all_at_work)

    assert len({threading.get_ident(), *deliveries.threads.values()}) == 3
    assert deliveries.destinations_in_log_lines == {"audit", "lake"}
    assert not +deliveries.at_work


async def test_two_replicas_never_work_one_destination_at_once(dsn: str) -> None:
    deliveries = Deliveries()
    async with forwarder(dsn, deliveries) as first, forwarder(dsn, deliveries):
        await eventually(deliveries.all_at_work)
        for _ in range(3):
            begun = deliveries.begun.total()
            await terminate_holders(dsn)

            async def began_again(begun: int = begun) -> bool:
                return deliveries.begun.total() >= begun + 2 and await deliveries.all_at_work()

            await eventually(began_again)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        await eventually(deliveries.all_at_work)

    assert deliveries.most_at_once == {"audit": 1, "lake": 1}
    assert len(deliveries.holders) == deliveries.begun.total()


async def test_a_bug_in_one_begins_it_anew_and_disturbs_no_other(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics_internal.forward.again.FIRST_S", 0.01)

    async def fails() -> None:
        raise KeyError("a bug")

    deliveries = Deliveries(audit=fails)
    async with forwarder(dsn, deliveries):

        async def failed_often() -> bool:
            return deliveries.begun["audit"] >= 4

        await eventually(failed_often)

    assert deliveries.begun["lake"] == 1


async def test_one_that_blocks_disturbs_no_other_but_ends_the_process_when_it_has_to_stop(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "STOP_LIMIT_S", 0.2)
    is_over = threading.Event()
    turns = 0

    async def blocks() -> None:
        is_over.wait(60)

    async def works() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    deliveries = Deliveries(audit=blocks, lake=works)
    async with forwarder(dsn, deliveries) as running:

        async def worked() -> bool:
            return turns > 10 and deliveries.at_work["audit"] == 1

        await eventually(worked)
        running.cancel()
        with pytest.raises(DoesNotStop, match="audit"):
            await running
        is_over.set()


async def test_one_that_blocks_is_named_in_the_log(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "BLOCKED_S", 0.1)
    is_over = threading.Event()

    async def blocks() -> None:
        is_over.wait(60)

    with structlog.testing.capture_logs() as lines:
        async with forwarder(dsn, Deliveries(audit=blocks)):

            async def is_named() -> bool:
                return any(line["event"] == "a destination's type blocks its thread" for line in lines)

            await eventually(is_named)
            is_over.set()

    named = [line for line in lines if "blocks" in line["event"]]
    assert [line["destination"] for line in named] == ["audit"]
    assert "threading.py" in named[0]["at"]


async def test_a_destination_that_another_process_took_is_not_worked_on(dsn: str) -> None:
    async def loses() -> None:
        if deliveries.begun["audit"] < 3:
            raise HoldLost("another process")

    deliveries = Deliveries(audit=loses)
    async with forwarder(dsn, deliveries):

        async def began_again() -> bool:
            return deliveries.begun["audit"] == 3 and await deliveries.all_at_work()

        await eventually(began_again)

    assert deliveries.most_at_once == {"audit": 1, "lake": 1}


async def test_every_destination_has_a_row_before_it_is_worked(dsn: str) -> None:
    deliveries = Deliveries()
    async with forwarder(dsn, deliveries):
        await eventually(deliveries.all_at_work)
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch("SELECT name, type FROM destination ORDER BY name")
        await connection.close()

    assert [tuple(row) for row in rows] == [("audit", "webhook"), ("lake", "parquet")]


async def test_it_waits_for_a_database_that_is_not_there_yet(postgres: str) -> None:
    name = f"later_{time.time_ns()}"
    dsn = postgres.replace("/analytics_internal", f"/{name}", 1)
    deliveries = Deliveries()
    async with forwarder(dsn, deliveries) as running:
        await asyncio.sleep(0.1)
        assert not running.done()
