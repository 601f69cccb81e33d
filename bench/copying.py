"""Measures PostgreSQL's own binary COPY of the writer's rows into the same partitioned and indexed table."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import asyncpg
import msgspec

from analytics_internal.event.uuid7 import uuid7
from analytics_internal.log.rows import EVENT_COLUMNS
from bench.database import Databases
from bench.events import recent
from bench.fill import fill

ROWS = 100_000
TIMES = 3


class Copy(msgspec.Struct, frozen=True):
    """A file of rows, and the database they are copied into."""

    dsn: str
    file: Path
    rows: int

    async def rows_per_s(self) -> float:
        """The median of a few copies into the empty table, including the commit."""
        connection = await asyncpg.connect(self.dsn)
        found = []
        try:
            for _ in range(TIMES):
                await connection.execute("TRUNCATE event")
                started = time.perf_counter()
                await connection.copy_to_table("event", source=self.file, columns=EVENT_COLUMNS, format="binary")
                found.append(self.rows / (time.perf_counter() - started))
        finally:
            await connection.close()
        return median(found)


async def prepare(databases: Databases, folder: Path) -> Copy:
    """Store events through the writer and save their rows as a binary COPY file; names and partitions stay."""
    dsn = await databases.create_log("copy")
    now = datetime.now(UTC)
    events = ({**event, "id": str(uuid7(now)), "occurredAt": now.isoformat()} for event in recent(ROWS))
    stored = await fill(dsn, (json.dumps(event).encode() for event in events), now)
    connection = await asyncpg.connect(dsn)
    try:
        columns = ", ".join(EVENT_COLUMNS)
        file = folder / "rows.copy"
        rows_in_order = f"SELECT {columns} FROM event ORDER BY batch_id, ordinal"
        await connection.copy_from_query(rows_in_order, output=file, format="binary")
    finally:
        await connection.close()
    return Copy(dsn, file, stored)
