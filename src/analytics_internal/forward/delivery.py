"""The worker of one destination: reads the log on, sends, and moves the position when the receiver has confirmed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import structlog

from analytics_internal.forward import state
from analytics_internal.forward.again import Retries
from analytics_internal.forward.attempts import Attempts
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.reading import LogEnds
from analytics_internal.forward.recent import Recent
from analytics_internal.forward.retries import Backoff, Breaker
from analytics_internal.forward.session import Session, Timing
from analytics_internal.forward.shaping import Shaper
from analytics_internal.forward.source import Source
from analytics_internal.forward.state import HoldLost, PositionMoved
from analytics_internal.log import TRANSIENT_ERRORS, Connection
from analytics_internal.masking import masked_text, without_values

FIRST_RECONNECT_S = 0.1
CLOSE_LIMIT_S = 3.0

log = structlog.get_logger(__name__)


class Delivery:
    """Delivers the log to one destination. Whoever runs it has the destination's lock, and a thread for it."""

    def __init__(
        self,
        configured: Configured,
        connect: Callable[[], Awaitable[Connection]],
        holder: UUID,
        timing: Timing | None = None,
        recent: Recent | None = None,
    ) -> None:
        """``connect`` opens a connection whose commands have a time limit; it is called again when that one is lost.

        ``holder`` stands for this hold of the lock. ``recent``: of all destinations of this process.
        """
        self.name = configured.name
        self._configured = configured
        self._connect = connect
        self._holder = holder
        self._timing = timing or Timing()
        self._recent = recent or Recent()
        self._attempts = Attempts(
            configured, Backoff(self._timing.first_retry_s, self._timing.longest_retry_s), Breaker()
        )
        self._is_ending = asyncio.Event()
        self._has_taken_over = False

    async def run(self) -> None:
        """Deliver until it is cancelled.

        Then the request under way may end within ``Timing.grace_s``; cancelled again, it is given up at once.

        Raises:
            HoldLost: another process delivers to it now.
        """
        work = asyncio.create_task(self._work())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._is_ending.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work}, timeout=self._timing.grace_s)
            raise
        finally:
            work.cancel()
            await asyncio.wait({work}, timeout=CLOSE_LIMIT_S)
            if work.done() and not work.cancelled():
                work.exception()  # it is raised by the shield, or nobody asks any more
            await self._attempts.close()

    async def _work(self) -> None:
        """One session after the other: what ends one passes."""
        retries = Retries(FIRST_RECONNECT_S)
        while not self._is_ending.is_set():
            retries.begin()
            try:
                await self._session()
            except HoldLost:
                raise
            except (PositionMoved, LogEnds) as error:
                log.warning("reading state and log again", destination=self.name, error=str(error))
            except Exception as error:
                is_expected = isinstance(error, (*TRANSIENT_ERRORS, asyncpg.PostgresError))
                shown = masked_text(str(error)) if isinstance(error, OSError) else without_values(error)
                log.warning(
                    "the log cannot be forwarded, trying again",
                    destination=self.name,
                    error=shown,
                    exc_info=None if is_expected else error,
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_ending.wait(), retries.next_s())

    async def _session(self) -> None:
        connection = await self._connect()
        self._recent.forget()  # the connection may lead to another log than the one before
        try:
            await state.ensure(connection, [self._configured])
            await state.take_over(connection, self._configured, self._holder, is_held=self._has_taken_over)
            self._has_taken_over = True
            source = Source(connection, await Shaper.prepare(connection, self._configured), self._recent)
            session = Session(self._configured, self._holder, source, self._attempts, self._timing, self._is_ending)
            await session.run()
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(connection.close(), CLOSE_LIMIT_S)
