"""Measures what new events cost the next query: the reader's catching up."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

import msgspec

from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.log.connection import Pool
from analytics_internal.reader.replica import Replica
from bench.database import open_writer
from bench.events import recent
from bench.table import print_table, spread

FRESH = (0, 1, 10, 100, 1_000, 10_000)
MAX_APPEND = 2_500


async def measure(pool: Pool, replica: Replica, rounds: int) -> None:
    """Append new events, then let the reader catch up; several rounds of each number."""
    templates = [msgspec.json.encode({**event, "id": None, "occurredAt": None}) for event in recent(FRESH[-1])]
    rows = []
    async with open_writer(pool) as writer:
        for fresh in FRESH:
            times = []
            for _ in range(rounds):
                events = _events(templates, fresh)
                for first in range(0, fresh, MAX_APPEND):
                    await writer.append(events[first : first + MAX_APPEND])
                started = time.perf_counter()
                await replica.catch_up()
                times.append(1000 * (time.perf_counter() - started))
            rows.append((f"{fresh:,}", spread(times), f"{median(times):.1f}"))
    print_table("Catching up before an answer", ("fresh events", "ms (least–most)", "median ms"), rows)


def _events(templates: list[bytes], number: int) -> list[Event]:
    receipt = Receipt(datetime.now(UTC), None, may_name_person=True)
    validated = [validate(template, Batch([]), receipt) for template in templates[:number]]
    return [event for event in validated if isinstance(event, Event)]
