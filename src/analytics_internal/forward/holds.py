"""Which destinations this process works: a lock in PostgreSQL for each, so that exactly one replica does.

The locks are held by one transaction that stays open: so they work through a pooler, too. It has no snapshot, and keeps
nothing from being vacuumed. Whoever holds them shows every second that it lives. A process that froze, or whose machine
is gone, loses them after `LEASE_S`; one that was killed, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import asyncpg

from analytics_internal.errors import AnalyticsError
from analytics_internal.log import TRANSIENT_ERRORS, Connection, locks

Connect = Callable[[], Awaitable[Connection]]

POLL_S = 1.0
ANSWER_S = 5.0
"""A server that does not answer for so long may have given the locks to somebody else, or will soon."""
LEASE_S = 15
"""Longer than `POLL_S` and `ANSWER_S`, and the time that deliveries need to stop."""

# The server ends the transaction of a client that is silent for so long. It needs no network to notice that, and it
# also holds behind a pooler, whose own connection to the server would live on.
_LEASE = "SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', $1, true)"
_TAKE = """
SELECT name
FROM unnest($1::text[]) AS name
WHERE pg_try_advisory_xact_lock(hashtextextended(current_schema() || '/destination/' || name, $2))
"""


class HoldsLost(AnalyticsError):
    """The connection with the locks is lost: another process may hold them now."""


class Holds:
    """The destinations that this process holds. Made by `holding`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_lost = asyncio.Event()
        self.names: set[str] = set()
        connection.add_termination_listener(lambda _: self._is_lost.set())

    async def take(self, names: Collection[str]) -> list[str]:
        """Take those that are free. Returns the ones that were not held before, and proves that the others are still.

        Raises:
            HoldsLost
        """
        wanted = sorted(set(names) - self.names)
        try:
            async with asyncio.timeout(ANSWER_S):
                rows = await self._connection.fetch(_TAKE, wanted, locks.DESTINATIONS) if wanted else []
                # A simple query closes the portal of the last one, which holds a snapshot until then.
                await self._connection.execute("SELECT")
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            raise HoldsLost(f"the locks of the destinations are lost: {error!r}") from error
        taken = [row["name"] for row in rows]
        self.names.update(taken)
        return taken

    async def wait(self) -> None:
        """Wait until it is time to `take` again: sooner if the connection is lost."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_lost.wait(), POLL_S)


@contextlib.asynccontextmanager
async def holding(connect: Connect) -> AsyncIterator[Holds]:
    """A connection that can hold destinations. They are free again after the context.

    Raises:
        HoldsLost: the database cannot be reached.
    """
    try:
        async with asyncio.timeout(LEASE_S):
            connection = await connect()
    except (*TRANSIENT_ERRORS, asyncpg.PostgresError, AnalyticsError) as error:
        raise HoldsLost(f"the database cannot be reached: {error!r}") from error
    try:
        transaction = connection.transaction(isolation="read_committed")
        try:
            async with asyncio.timeout(ANSWER_S):
                await transaction.start()
                await connection.execute(_LEASE, f"{LEASE_S}s")
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            raise HoldsLost(f"the database cannot be reached: {error!r}") from error
        yield Holds(connection)
    finally:
        # Closing rolls back. A server that does not answer notices by itself.
        with contextlib.suppress(Exception):
            await connection.close(timeout=ANSWER_S)
