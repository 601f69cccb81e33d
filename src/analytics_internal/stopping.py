"""How a process is asked to stop: by a signal, or by the end of its parent process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from analytics_internal.errors import AnalyticsError

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Stop:
    """Whether this process was asked to stop. Made in the event loop's own thread."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def was_asked(self) -> bool:
        return self._asked.is_set()

    async def asked(self) -> None:
        """Wait until somebody asks."""
        await self._asked.wait()

    def on_signals(self) -> None:
        """Stop on SIGTERM and Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._ask, number.name)

    def on_end_of_stdin(self) -> None:
        """Stop at the end of standard input: the parent has closed it or was killed. Input is ignored."""
        # A thread, as an event loop can watch neither files nor /dev/null. A daemon, so that the process can end while
        # the parent still holds the other end.
        threading.Thread(target=self._read_stdin, name="stdin", daemon=True).start()

    def _read_stdin(self) -> None:
        if sys.stdin is not None:  # closed before the process started
            _read_to_the_end(sys.stdin.fileno())
        with contextlib.suppress(RuntimeError):  # the loop is closed: the service has stopped
            self._loop.call_soon_threadsafe(self._ask, "end of standard input")

    def _ask(self, by: str) -> None:
        log.info("stopping", asked_by=by)
        self._asked.set()


class Stopped(AnalyticsError):
    """The service was asked to stop before it was ready."""


async def unless_stopped(stop: Stop, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work returns. When somebody asks to stop, it is cancelled: raises Stopped after its end."""
    working = asyncio.create_task(work)
    asked = asyncio.create_task(stop.asked())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        raise Stopped
    return working.result()


def _read_to_the_end(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # an error ends it too
        # Wait with `select`: the parent may have made the pipe non-blocking.
        while select.select([descriptor], [], []) and os.read(descriptor, 65_536):
            pass
