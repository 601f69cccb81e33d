"""The events counted: by day and person, by day and action, and by item.

The tables are far smaller than the events and answer what needs no single one of them. A table of items' days is not:
on a million events it had half as many rows, and hardly any question was faster. So items have their first and last
access only, of all days together. Each row counts the events of one
segment of the log, those behind the segment before up to the position ``up_to``. So an answer as of a position takes
the segments up to it and the events behind them, and what arrives late changes no row that is there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import duckdb

SEGMENT_EVENTS = 100_000
"""So many events make a segment. Those that are in none yet are counted when somebody asks."""
DAY_KEYS = {
    "action_day": ("day", "action_id", "plugin_id", "agent_id"),
    "person_day": ("day", "person_id", "agent_id"),
    "item_access": ("action_id", "item_id", "agent_id"),
}
"""By table, the smallest first: what its rows are of, in its order. One without days is for questions of all time."""
COUNTED = {"events": "BIGINT", "first_at": "TIMESTAMP", "last_at": "TIMESTAMP"}
TABLES = {
    "day_segment": {"up_to": "BIGINT NOT NULL"},
    **{name: {**dict.fromkeys(keys, "INTEGER"), **COUNTED, "up_to": "BIGINT"} for name, keys in DAY_KEYS.items()},
}
ADD_SEGMENT = """
INSERT INTO {table} BY NAME
SELECT {keys}, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at, $up_to AS up_to
FROM event
WHERE position > $after AND position <= $up_to
GROUP BY {keys}
ORDER BY {keys}
"""
# Of another zone's days. The segments stay.
COUNT_ANEW = """
CREATE OR REPLACE TABLE {table} AS
SELECT {keys}, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at, s.up_to
FROM event AS e
ASOF JOIN day_segment AS s ON e.position <= s.up_to
GROUP BY {keys}, s.up_to
ORDER BY {keys}
"""


def _of(table: str, statement: str) -> str:
    return statement.format(table=table, keys=", ".join(DAY_KEYS[table]))


class Segments:
    """The ends of the segments that a file has, in order."""

    def __init__(self, ends: Iterable[int]) -> None:
        self._ends = sorted(ends)

    @property
    def end(self) -> int:
        return self._ends[-1] if self._ends else 0

    def end_before(self, position: int) -> int:
        """The end of the last segment that is as of a position, or before it; 0 if there is none."""
        place = bisect_right(self._ends, position)
        return self._ends[place - 1] if place else 0

    def with_one_more(self, end: int) -> Segments:
        return Segments([*self._ends, end])


def segments_of(connection: duckdb.DuckDBPyConnection) -> Segments:
    return Segments(row[0] for row in connection.execute("SELECT up_to FROM day_segment").fetchall())


def add_segment(connection: duckdb.DuckDBPyConnection, after: int, up_to: int) -> None:
    """Count the events after a position up to another: the next segment."""
    for table in DAY_KEYS:
        connection.execute(_of(table, ADD_SEGMENT), {"after": after, "up_to": up_to})
    connection.execute("INSERT INTO day_segment VALUES (?)", [up_to])


def count_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Count all segments again, when the events have got other days."""
    for table, keys in DAY_KEYS.items():
        if "day" in keys:
            connection.execute(_of(table, COUNT_ANEW))
