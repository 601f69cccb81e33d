"""The months of the log: partitions by the time in the events' ids, made when the first event of a month comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from analytics_internal.log import locks
from analytics_internal.log.connection import Connection


def month_of(id_: UUID) -> tuple[int, int]:
    """Year and month (UTC) of the time in a UUIDv7."""
    at = datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
    return at.year, at.month


def bounds(year: int, month: int) -> tuple[UUID, UUID]:
    """The first id of the month and the first one after it."""
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return _first_id(year, month), _first_id(*following)


def _first_id(year: int, month: int) -> UUID:
    return UUID(int=int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000) << 80)


class Partitions:
    """Knows which months are there already."""

    def __init__(self) -> None:
        self._ranges: list[tuple[UUID, UUID]] = []

    async def ensure(self, connection: Connection, ids: Sequence[UUID]) -> None:
        """Make the partitions that these ids, in order, need."""
        if any(first <= ids[0] and ids[-1] < end for first, end in self._ranges):
            return
        for id_ in ids:
            if not any(first <= id_ < end for first, end in self._ranges):
                await self._make(connection, *month_of(id_))

    async def _make(self, connection: Connection, year: int, month: int) -> None:
        first, end = bounds(year, month)
        async with connection.transaction():
            await locks.take(connection, locks.PARTITIONS)
            # Names and bounds are built from integers, so there is nothing to escape.
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS event_{year:04}_{month:02} "
                f"PARTITION OF event FOR VALUES FROM ('{first}') TO ('{end}')"
            )
        self._ranges.insert(0, (first, end))  # the newest month first: it is asked for most
