"""A worker of one destination in the tests' own event loop, and what the tests ask of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from analytics_internal.forward import state
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.delivery import Delivery
from analytics_internal.forward.recent import Recent
from analytics_internal.forward.session import Timing
from analytics_internal.log.connection import Connection, Pool, connect
from analytics_internal.log.writer import LogWriter
from tests.forward.scripted import Inbox, scripted
from tests.samples import event

PATIENCE_S = 60.0
QUICK = Timing(poll_s=0.01, round_s=0.005, first_retry_s=0.01, longest_retry_s=0.02, grace_s=30)


@dataclass
class Worked:
    """A destination, its receiver, and the log that is delivered to it."""

    configured: Configured
    inbox: Inbox
    pool: Pool
    dsn: str
    writer: LogWriter
    timing: Timing = QUICK
    connection: Connection | None = None
    recent: Recent | None = None

    @property
    def name(self) -> str:
        return self.configured.name

    async def store(self, *subjects: str) -> None:
        await self.writer.append([event(subject) for subject in subjects])

    async def overview(self) -> state.Overview:
        async with self.pool.acquire() as connection:
            (found,) = await state.overviews(connection, self.name)
        return found

    async def letters(self) -> dict[int, str]:
        """The reasons of the dead letters by position."""
        async with self.pool.acquire() as connection:
            return {one.position: one.reason for one in await state.dead_letters(connection, self.name, 0, 10_000)}

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the state for this destination."""
        async with self.pool.acquire() as connection:
            return await function(connection, self.name, *arguments)

    async def until(self, is_so: Callable[[state.Overview], bool]) -> state.Overview:
        """Wait until the destination's row is so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if is_so(found := await self.overview()):
                    return found
                await asyncio.sleep(0.005)

    async def caught_up(self) -> state.Overview:
        """Wait until nothing is left to do."""
        return await self.until(
            lambda row: row.lag_events == 0 and not row.queued and all(one.ended_at for one in row.replays)
        )

    async def connect(self) -> Connection:
        self.connection = await connect(self.dsn, 30)
        return self.connection

    async def lose_connection(self) -> None:
        """The server ends the session of the worker."""
        assert self.connection is not None
        await self.pool.execute("SELECT pg_terminate_backend($1)", self.connection.get_server_pid())

    def delivery(self, holder: UUID | None = None) -> Delivery:
        return Delivery(self.configured, self.connect, holder or uuid4(), self.timing, self.recent)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[asyncio.Task[None]]:
        """The destination is worked as long as the context."""
        task = asyncio.create_task(self.delivery().run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


@contextlib.asynccontextmanager
async def destination(pool: Pool, dsn: str, name: str = "inbox", **common: Any) -> AsyncIterator[Worked]:
    """A destination that starts at the beginning of an empty log, and a writer of that log."""
    writer = LogWriter(pool)
    writer.start()
    configured = Configured(**{"name": name, "type": "scripted", "start": "beginning", "people": "named", **common})
    try:
        with scripted(name) as inbox:
            async with pool.acquire() as connection:
                await state.ensure(connection, [configured])
            yield Worked(configured, inbox, pool, dsn, writer)
    finally:
        await writer.close()
