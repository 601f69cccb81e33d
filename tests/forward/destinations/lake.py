"""A folder with Parquet files, the destination that writes them, and what a reader finds there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from analytics_internal.forward.destination import Batch
from analytics_internal.forward.destinations.parquet import Parquet, ParquetOptions
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.destinations.made import batch_of, outgoing

LOG = UUID("0193f2b4-7c1e-7d4a-9b3a-2f6c8e1d5a70")
MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)


def rows_in(folder: Path, columns: str = "*") -> list[tuple[Any, ...]]:
    """The rows of all files, as somebody reads them who knows nothing but the folder."""
    if not list(folder.glob("day=*/*.parquet")):
        return []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT {columns} FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
        return connection.execute(f"{query} ORDER BY position").fetchall()


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))


class Lake:
    """A destination under test, with a log of events for its blocks."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = {"url": str(folder), "events_per_file": 10, **options}
        self.destination = self._made()

    def _made(self) -> Parquet:
        destination = Parquet("lake", ParquetOptions.model_validate(self.options))
        destination.log_id = LOG
        return destination

    async def restart(self) -> None:
        self.destination = self._made()
        await self.destination.open()

    async def send(self, events: Sequence[Outgoing], fresh_after: int | None = None) -> None:
        batch = batch_of(self.destination, events)
        fresh = events[0].position - 1 if fresh_after is None else fresh_after
        await self.destination.send(Batch(batch.events, batch.encoded, fresh))

    def positions(self) -> list[int]:
        return [row[0] for row in rows_in(self.folder, "position")]


def at_midnight(position: int) -> Outgoing:
    """Events around midnight of UTC, every other one on the next day."""
    at = datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC) + timedelta(seconds=2 * (position % 2))
    return outgoing(position, occurred_at=at)
