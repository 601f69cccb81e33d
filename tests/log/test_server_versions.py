"""Every PostgreSQL that this machine has, from 15 on, holds the log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.log import tail
from analytics_internal.log.connection import connect_pool
from analytics_internal.log.migrations import migrate
from analytics_internal.log.writer import LogWriter
from analytics_internal.reader.replica import Replica

EVENTS = [
    b'{"action": "navigate", "subject": "/catalog", "attributes": {"a": 1}, "context": {"pluginId": "catalog"}}',
    b'{"action": "search", "subject": "pay", "value": 0}',
]


async def test_the_log_is_written_and_read_in_every_version(installed_dsn: str, tmp_path: Path) -> None:
    await migrate(installed_dsn)
    pool = await connect_pool(installed_dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    receipt = Receipt(datetime.now(UTC), "user:default/ana", may_name_person=False)
    events = [validate(text, Batch([]), receipt) for text in EVENTS]
    assert all(isinstance(event, Event) for event in events)

    verdicts = [*await writer.append(events), *await writer.append(events)]
    replica = Replica(pool, tmp_path / "reader.duckdb")
    freshness = await replica.catch_up()
    async with pool.acquire() as connection:
        stored = [event async for event in tail.read(connection, 0, 10)]
    await replica.close()
    await writer.close()
    await pool.close()

    assert [verdict.status for verdict in verdicts] == ["stored", "stored", "duplicate", "duplicate"]
    assert [event.subject for event in stored] == ["/catalog", "pay"]
    assert freshness.position == len(EVENTS)
