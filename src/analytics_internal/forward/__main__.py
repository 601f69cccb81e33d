"""`python -m analytics_internal.forward`: forward, or with `--test` send one test event, as standard input says.

The first line of standard input is an `Order`. Its end, or SIGTERM, ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from uuid import UUID

import msgspec
import structlog
import uvloop

from analytics_internal.forward.child import Order, TestResult
from analytics_internal.forward.configuration import Configured, configure, configured_before
from analytics_internal.forward.delivery import Delivery
from analytics_internal.forward.forwarder import Deliver, DoesNotStop, Forwarder
from analytics_internal.forward.holds import Connect
from analytics_internal.forward.recent import Recent
from analytics_internal.log import Connection, connect
from analytics_internal.logs import configure_logs
from analytics_internal.stopping import Stop, Stopped, unless_stopped

NICENESS = 10
"""Ingest and queries come first where processors are scarce."""
COMMAND_TIMEOUT_S = 60.0

log = structlog.get_logger("analytics_internal.forward")


def main() -> int:
    """Do what standard input says. Returns the exit code."""
    # Standard output is for the result alone, whatever a library prints.
    results = os.dup(1)
    os.dup2(2, 1)
    os.nice(NICENESS)
    order = msgspec.json.decode(_first_line(), type=Order)
    configure_logs(order.log_level, order.log_format)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if order.test is None:
                return runner.run(_forward(order))
            os.write(results, msgspec.json.encode(runner.run(_test(order, order.test))))
            os._exit(0)  # whatever a type still does
    except Exception:
        log.exception("forwarding failed")
        return 1


def _first_line() -> bytes:
    """Byte by byte from the descriptor: a buffer would keep the end of input from whoever waits for it."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


async def _forward(order: Order) -> int:
    stop = Stop()
    stop.on_signals()
    stop.on_end_of_stdin()
    try:
        await unless_stopped(
            stop, Forwarder(configured_before(order.destinations), _connector(order.dsn), _deliverer()).run()
        )
    except Stopped:
        return 0
    except DoesNotStop as error:
        log.error("forwarding is ended at once", reason=str(error))
    return 1


async def _test(order: Order, name: str) -> TestResult:
    from analytics_internal.forward.sample import send

    configured = next(one for one in configure(order.destinations) if one.name == name)
    return await send(configured, _connector(order.dsn))


def _deliverer() -> Deliver:
    recent = Recent()

    async def deliver(configured: Configured, connect: Connect, holder: UUID) -> None:
        await Delivery(configured, connect, holder, recent=recent).run()

    return deliver


def _connector(dsn: str) -> Connect:
    async def open_connection() -> Connection:
        return await connect(dsn, COMMAND_TIMEOUT_S)

    return open_connection


if __name__ == "__main__":
    code = main()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)  # a library's threads may never end
