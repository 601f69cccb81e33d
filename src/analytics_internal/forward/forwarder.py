"""The process that forwards: a thread for each destination that it holds, so that none can disturb another."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID, uuid4

import asyncpg
import structlog
import uvloop

from analytics_internal.errors import AnalyticsError
from analytics_internal.forward import state
from analytics_internal.forward.again import Retries
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.holds import ANSWER_S, Connect, Holds, HoldsLost, holding
from analytics_internal.forward.state import HoldLost
from analytics_internal.log import TRANSIENT_ERRORS

STOP_LIMIT_S = 5.0
BLOCKED_S = 30.0
"""A thread whose event loop does not answer for so long is named in the log."""

log = structlog.get_logger(__name__)


class Deliver(Protocol):
    """Forwards to one destination until it is cancelled. Raises HoldLost: another process does."""

    async def __call__(self, configured: Configured, connect: Connect, holder: UUID) -> None: ...


class DoesNotStop(AnalyticsError):
    """A destination's thread does not stop: its type blocks. Only the end of the process ends it."""


class Worker:
    """One destination's thread, with an event loop of its own."""

    def __init__(self, configured: Configured, connect: Connect, deliver: Deliver) -> None:
        self._configured = configured
        self._deliver = deliver
        self._connect = connect
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = threading.Event()
        self._asked_at: float | None = None
        self._is_said = False
        self._thread = threading.Thread(target=self._run, name=f"destination {configured.name}", daemon=True)

    @property
    def name(self) -> str:
        return self._configured.name

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask it to stop; it is not alive when it has."""
        self._is_stopping.set()
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: it ends already
                self._loop.call_soon_threadsafe(self._task.cancel)

    def say_if_blocked(self) -> None:
        """Warn once when its event loop has not answered for long: its type does something that waits."""
        if self._loop is None:
            return
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at, self._is_said = now, False
            with contextlib.suppress(RuntimeError):  # as above
                self._loop.call_soon_threadsafe(self._answer)
        elif now - self._asked_at > BLOCKED_S and not self._is_said:
            self._is_said = True
            frame = sys._current_frames().get(self._thread.ident or 0)
            at = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
            log.warning("a destination's type blocks its thread", destination=self.name, at=at)

    def _answer(self) -> None:
        self._asked_at = None

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._work())
        except asyncio.CancelledError:
            pass

    async def _work(self) -> None:
        structlog.contextvars.bind_contextvars(destination=self.name)
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()  # last: `stop` looks at it
        retries = Retries()
        while not self._is_stopping.is_set():
            retries.begin()
            try:
                # A new holder each time: what an earlier one left behind changes nothing any more.
                await self._deliver(self._configured, self._connect, uuid4())
            except HoldLost:
                log.warning("another process works this destination")
                return
            except Exception:
                wait_s = retries.next_s()
                log.exception("forwarding to a destination failed", next_try_s=round(wait_s, 1))
                await asyncio.sleep(wait_s)


class Forwarder:
    """The destinations of one process, for as long as ``run`` is not cancelled."""

    def __init__(self, configured: Sequence[Configured], connect: Connect, deliver: Deliver) -> None:
        self._configured = {one.name: one for one in configured}
        self._connect = connect
        self._deliver = deliver
        self._workers: dict[str, Worker] = {}

    async def run(self) -> None:
        """Work each destination whenever no other process does, until cancelled.

        Raises:
            DoesNotStop: the process must end.
        """
        retries = Retries()
        while True:
            retries.begin()
            try:
                await self._begin()
                async with holding(self._connect) as holds:
                    try:
                        await self._work_what_is_held(holds)
                    finally:
                        # Before the locks are free for others.
                        await self._stop_all()
            except HoldsLost as error:
                wait_s = retries.next_s()
                log.warning("forwarding waits for the database", reason=str(error), next_try_s=round(wait_s, 1))
                await asyncio.sleep(wait_s)

    async def _begin(self) -> None:
        """Make the rows that are missing: the service could not, or the database is another one."""
        try:
            connection = await self._connect()
            try:
                await state.ensure(connection, self._configured.values())
            finally:
                await connection.close(timeout=ANSWER_S)
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError, AnalyticsError) as error:
            raise HoldsLost(f"the state of destinations cannot be used: {error!r}") from error

    async def _work_what_is_held(self, holds: Holds) -> None:
        while True:
            for name in await holds.take(self._configured):
                log.info("forwarding to a destination", destination=name, type=self._configured[name].type)
                self._workers[name] = worker = Worker(self._configured[name], self._connect, self._deliver)
                worker.start()
            for worker in self._workers.values():
                worker.say_if_blocked()
            if any(not worker.is_alive() for worker in self._workers.values()):
                raise HoldsLost("another process works a destination that this one holds")
            await holds.wait()

    async def _stop_all(self) -> None:
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.stop()
        limit = time.monotonic() + STOP_LIMIT_S
        while alive := [worker.name for worker in workers.values() if worker.is_alive()]:
            if time.monotonic() > limit:
                raise DoesNotStop(f"these destinations do not stop: {', '.join(alive)}")
            await asyncio.sleep(0.01)
