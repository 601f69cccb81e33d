"""The demo's events and catalog, stored and read as a service does, and what is true of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.catalog.file import CatalogFile
from analytics_internal.catalog.following import Following
from analytics_internal.demo import Truth, Written, catalog, events, portal, year
from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.log.connection import connect_pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.answer import answer
from analytics_internal.query.kinds import parse_question
from analytics_internal.reader.replica import Replica

COUNT = 40_000
UNTIL = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
BATCH_EVENTS = 1_000
Question = dict[str, Any]


class DemoPortal(NamedTuple):
    """A reader that has caught up with the demo, and what is true of it."""

    replica: Replica
    truth: Written

    async def ask(self, **question: Any) -> list[dict[str, Any]]:
        """The rows of an answer; of the whole year if no ``date_range`` is given."""
        answered = await self.answer({"date_range": {"last": "53w"}, "limit": 10_000, **question})
        rows: list[dict[str, Any]] = answered["results"]
        return rows

    async def answer(self, question: Question) -> dict[str, Any]:
        answered = await answer(self.replica, *parse_question(json.dumps(question).encode()), ZONE, UNTIL)
        return msgspec.json.decode(msgspec.json.encode(answered))  # type: ignore[no-any-return]


@asynccontextmanager
async def reading_demo_portal(dsn: str, folder: Path) -> AsyncIterator[DemoPortal]:
    """Store the demo in an empty, migrated database, and let a reader catch up."""
    truth = Truth(portal(1), year(UNTIL))
    made = _accepted(events(COUNT, 1, UNTIL, truth))
    pool = await connect_pool(dsn, size=4)
    writer = LogWriter(pool)
    writer.start()
    while batch := list(islice(made, BATCH_EVENTS)):
        assert {verdict.status for verdict in await writer.append(batch)} == {"stored"}
    await writer.close()
    path = folder / "catalog.jsonl"
    path.write_text("".join(json.dumps(entity) + "\n" for entity in catalog(1, UNTIL)))
    await Following(pool, CatalogFile(path, 60), 60).round()
    replica = Replica(pool, folder / "reader.duckdb", zone=ZONE)
    await replica.catch_up()
    yield DemoPortal(replica, truth.written())
    await replica.close()
    await pool.close()


def _accepted(made: Iterator[dict[str, object]]) -> Iterator[Event]:
    batch, receipt = Batch([], is_imported=True), Receipt(UNTIL, None, may_name_person=True)
    for one in made:
        event = validate(json.dumps(one).encode(), batch, receipt)
        assert isinstance(event, Event), event
        yield event
