"""What happened on each day, counted: a table of people's days, and one of items' days.

They are far smaller than the events and answer what needs no single one of them. Each row counts the events of one
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
    "person_day": ("day", "person_id", "agent_id"),
    "item_day": (
        "day", "action_id", "item_id", "plugin_id", "entity_id", "path_id", "context_id", "agent_id",
    ),
}  # fmt: skip
"""By table: what its rows are of. In each table the first three are its order."""
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
ORDER BY {order}
"""
# Of another zone's days. The segments stay.
COUNT_ANEW = """
CREATE OR REPLACE TABLE {table} AS
SELECT {keys}, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at, s.up_to
FROM event AS e
ASOF JOIN day_segment AS s ON e.position <= s.up_to
GROUP BY {keys}, s.up_to
ORDER BY {order}
"""


def _of_each_table(statement: str) -> list[str]:
    return [
        statement.format(table=table, keys=", ".join(keys), order=", ".join(keys[:3]))
        for table, keys in DAY_KEYS.items()
    ]


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
    for statement in _of_each_table(ADD_SEGMENT):
        connection.execute(statement, {"after": after, "up_to": up_to})
    connection.execute("INSERT INTO day_segment VALUES (?)", [up_to])


def count_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Count all segments again, when the events have got other days."""
    for statement in _of_each_table(COUNT_ANEW):
        connection.execute(statement)
