"""The months of the log: partitions by the time in the events' ids.

A month's table is created on its own and then attached, which waits for no reader or writer of the log. All months that
live events may need are made ahead; only imports of older history need more.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog
from cachetools import TTLCache

from analytics_internal.errors import AnalyticsError, CommandError
from analytics_internal.event import MAX_CLOCK_ERROR, version_7
from analytics_internal.log import locks
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.statements import SQL

Month = tuple[int, int]
# Months are made this far beyond the ids accepted today, so `migrate` need not run more often than that.
MARGIN = timedelta(days=31)
LOCK_TIMEOUT = "5s"
ACQUIRE_TIMEOUT_S = 10.0
PAUSE_S = 10.0
"""How long a month that could not be made is not tried again, to spare the database."""
MAX_FAILURES = 1_000
FAR_FUTURE_S = 32_503_680_000  # the year 3000
_bound = re.compile(r"FROM \(('[^']+'|MINVALUE)\) TO \(('[^']+'|MAXVALUE)\)")
log = structlog.get_logger(__name__)


class MonthMissing(CommandError):
    """A month has no partition and none could be made; the message says which month and why."""

    def __init__(self, months: Iterable[Month], why: str) -> None:
        self.months = sorted(months)
        names = ", ".join(f"{year:04}-{month:02}" for year, month in self.months)
        super().__init__(f"the log has no partition for {names}: {why}")


def month_of(id_: UUID) -> Month:
    """Year and month (UTC) of the time in a UUIDv7."""
    at = datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
    return at.year, at.month


def bounds(year: int, month: int) -> tuple[UUID, UUID]:
    """The month's first id, and the first id after the month."""
    return _first_id(year, month), _first_id(*following((year, month)))


def following(month: Month) -> Month:
    return (month[0] + 1, 1) if month[1] == 12 else (month[0], month[1] + 1)


def table_of(month: Month) -> str:
    return f"event_{month[0]:04}_{month[1]:02}"


def expected(now: datetime) -> list[Month]:
    """The months that live events may need, the nearest first."""
    last = now + MAX_CLOCK_ERROR + MARGIN
    month, months = ((first := now - MAX_CLOCK_ERROR).year, first.month), []
    while month <= (last.year, last.month):
        months.append(month)
        month = following(month)
    return sorted(months, key=lambda one: abs((one[0] - now.year) * 12 + one[1] - now.month))


def _first_id(year: int, month: int) -> UUID:
    return UUID(int=int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000) << 80)


class Partitions:
    """Knows which ids have a partition, and makes missing months."""

    def __init__(self) -> None:
        self._ranges: list[tuple[UUID, UUID]] = []
        self._making = asyncio.Lock()
        self._failures: TTLCache[Month, str] = TTLCache(MAX_FAILURES, PAUSE_S)

    def has(self, id_: UUID) -> bool:
        """Whether an id is known to have a partition."""
        return any(first <= id_ < end for first, end in self._ranges)

    def missing(self, ids: Iterable[UUID]) -> set[Month]:
        """The months of the ids without a known partition."""
        return {month_of(id_) for id_ in ids if not self.has(id_)}

    def forget(self) -> None:
        """Forget all partitions: the log may be another one, or a month may have been dropped."""
        self._ranges = []

    async def look(self, connection: Connection) -> None:
        """Read which partitions exist."""
        rows = await connection.fetch(SQL["partitions"])
        # Newest first: most ids are in it.
        self._ranges = sorted((each for row in rows for each in _ranges(row[0])), reverse=True)

    async def ensure(self, pool: Pool, months: Iterable[Month]) -> None:
        """Make those of the months that have no partition.

        Raises:
            MonthMissing: some of them could not be made; the others are there.
        """
        async with self._making, pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            await self.look(connection)
            missing = [month for month in months if not self.has(bounds(*month)[0])]
            if missing:
                await self._make(connection, missing)

    async def _make(self, connection: Connection, months: list[Month]) -> None:
        refused = {month: why for month in months if (why := self._failures.get(month)) is not None}
        tried = [month for month in months if month not in refused]
        # One by one, so that one month's failure does not stop the others.
        for month in tried:
            try:
                await make(connection, [month])
            except asyncpg.LockNotAvailableError as error:
                refused[month] = str(error)
            except LASTING as error:
                refused[month] = str(error)
                self._failures[month] = str(error)
        await self.look(connection)
        refused = {month: why for month, why in refused.items() if not self.has(bounds(*month)[0])}
        if refused:
            raise MonthMissing(refused, next(iter(refused.values())))

    async def keep_ahead(self, pool: Pool, nearest: int | None = None) -> None:
        """Make the months that live events may need, or only the ``nearest``. Raises MonthMissing."""
        await self.ensure(pool, expected(datetime.now(UTC))[:nearest])

    def reach(self) -> datetime | None:
        """Until when new ids have a partition; None if the current month has none."""
        now = end = version_7(int(time.time() * 1000), 0)
        while (further := next((after for first, after in self._ranges if first <= end < after), None)) is not None:
            end = further
        return datetime.fromtimestamp(min((end.int >> 80) / 1000, FAR_FUTURE_S), UTC) if end > now else None


class Unattached(AnalyticsError):
    """A table with a month's name exists but is not attached to the log."""


# Errors that a second attempt would meet again.
LASTING = (
    Unattached,
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidObjectDefinitionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)


async def make(connection: Connection, months: list[Month]) -> None:
    """Make the partitions of these missing months without waiting for readers or writers of the log.

    Raises:
        Unattached: a table with that name already exists.
        asyncpg.PostgresError: the role lacks the right, or another session locks the table for too long.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await locks.take(connection, locks.PARTITIONS)
        # Another service may have made them while we waited.
        there = {each for row in await connection.fetch(SQL["partitions"]) for each in _ranges(row[0])}
        for month in months:
            first, end = bounds(*month)
            if any(begin <= first and end <= after for begin, after in there):
                continue
            table = table_of(month)
            if await connection.fetchval("SELECT to_regclass($1)", table) is not None:
                raise Unattached(f"the table {table} is no partition of event: attach it, or rename it")
            # Names and bounds come from integers, so nothing needs escaping. CREATE TABLE … PARTITION OF would wait for
            # all readers of the log, and all other sessions would queue behind it.
            await connection.execute(f"CREATE TABLE {table} (LIKE event INCLUDING ALL)")
            await connection.execute(
                f"ALTER TABLE event ATTACH PARTITION {table} FOR VALUES FROM ('{first}') TO ('{end}')"
            )
    log.info("months of the log made", months=[f"{year:04}-{month:02}" for year, month in sorted(months)])


def _ranges(bound: str) -> Iterator[tuple[UUID, UUID]]:
    """The id range in a partition's bound, as PostgreSQL prints it."""
    found = _bound.search(bound)
    lowest, highest = UUID(int=0), UUID(int=(1 << 128) - 1)
    if bound == "DEFAULT":
        yield lowest, highest
    elif found is not None:
        first, end = (text.strip("'") for text in found.groups())
        yield (
            lowest if first == "MINVALUE" else UUID(first),
            highest if end == "MAXVALUE" else UUID(end),
        )
