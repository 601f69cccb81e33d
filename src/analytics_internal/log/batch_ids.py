"""Batch ids: made without asking the database, unique across its writers, roughly in the order of time.

Events are found by batch id. The ids follow the clock, so a section of the log is a narrow range of ids.
"""

from __future__ import annotations

import time

from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL

# A bigint holds ticks of 10 µs until the year 2680, for 4,096 concurrent writers.
TICK_NS = 10_000
WRITERS = 4_096
RECENT_BATCHES = 10_000


class BatchIds:
    """The ids of one process's batches."""

    def __init__(self) -> None:
        self._writer: int | None = None
        self._tick = 0

    def forget_writer(self) -> None:
        """Get a new writer number before the next batch: the log that gave this one is gone."""
        self._writer = None

    async def following(self, connection: Connection) -> int:
        """The next id: unique, and higher than this writer's earlier ones."""
        if self._writer is None:
            self._writer = await _free_number(connection)
        self._tick = max(self._tick + 1, time.time_ns() // TICK_NS)
        return self._tick * WRITERS + self._writer


async def _free_number(connection: Connection) -> int:
    """A writer number that no recent batch has.

    The sequence may repeat one: after ``WRITERS`` processes, and in a database that was copied without its sequences.
    """
    recent = {row[0] for row in await connection.fetch(SQL["recent_writers"], RECENT_BATCHES, WRITERS)}
    while True:
        number: int = await connection.fetchval(SQL["next_writer"]) % WRITERS
        if number not in recent or len(recent) == WRITERS:
            return number
