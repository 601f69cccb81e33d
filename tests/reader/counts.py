"""What the log and the reader count, to be held against each other."""

from __future__ import annotations

from collections import Counter
from datetime import date

from analytics_internal.log.connection import Pool
from analytics_internal.reader.reader_file import Damaged
from analytics_internal.reader.replica import Replica

Counts = Counter[tuple[date, str, str, str | None]]

LOG_COUNTS = """
SELECT (e.occurred_at AT TIME ZONE 'UTC')::date, a.name, i.subject, p.ref, count(*)
FROM event e JOIN item i USING (item_id) JOIN action a USING (action_id) LEFT JOIN person p USING (person_id)
GROUP BY 1, 2, 3, 4
"""
READER_COUNTS = """
SELECT e.occurred_at::date, a.name, i.subject, p.ref, count(*)
FROM event e JOIN item i USING (item_id) JOIN action a ON a.action_id = e.action_id LEFT JOIN person p USING (person_id)
GROUP BY ALL
"""


async def log_counts(pool: Pool) -> Counts:
    """Events of every (day, item, person) in PostgreSQL."""
    return Counter({tuple(row)[:4]: row[4] for row in await pool.fetch(LOG_COUNTS)})


async def reader_counts(replica: Replica) -> Counts:
    """The same from the reader, after it has caught up; damage that only a question finds is caught up again."""
    await replica.catch_up()
    try:
        rows = await replica.query(READER_COUNTS, lambda cursor: cursor.fetchall())
    except Damaged:
        await replica.catch_up()
        rows = await replica.query(READER_COUNTS, lambda cursor: cursor.fetchall())
    return Counter({row[:4]: row[4] for row in rows})


async def reader_positions(replica: Replica) -> list[int]:
    """The positions of the reader's events, in order."""
    rows = await replica.query("SELECT position FROM event ORDER BY 1", lambda cursor: cursor.fetchall())
    return [row[0] for row in rows]
