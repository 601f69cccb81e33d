"""Measures the CPU time of one event, step by step, without HTTP: `python -m bench.validation [--events 20000]`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from statistics import median

import msgspec

from analytics_internal.event import content
from analytics_internal.event.batch import decode_body
from analytics_internal.event.event import Event
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.log.connection import Pool
from analytics_internal.log.rows import EVENT_COLUMNS, Rows
from analytics_internal.log.writer import LogWriter
from bench.database import open_pool, open_writer, running_postgres, scratch_folder
from bench.events import recent
from bench.table import print_table, spread

ROUNDS = 5
BATCH = 20
COMMITS = (1, 16, 64, 256, 1_000, 5_000)
MEASURED_COMMITS = 20


def _bodies(events: int) -> list[bytes]:
    now = datetime.now(UTC)
    fields = {"occurredAt": now.isoformat(), "sentAt": now.isoformat()}
    return [msgspec.json.encode({**event, "id": str(uuid7(now)), **fields}) for event in recent(events)]


def _in_batches(bodies: list[bytes]) -> list[bytes]:
    groups = [bodies[first : first + BATCH] for first in range(0, len(bodies), BATCH)]
    return [b'{"events":[' + b",".join(group) + b"]}" for group in groups]


def validated(bodies: list[bytes]) -> list[Event]:
    """Decode and validate bodies as the service does."""
    events: list[Event] = []
    for body in bodies:
        batch = decode_body(body, 1_000)
        receipt = Receipt(datetime.now(UTC), None, may_name_person=True)
        for payload in batch.events:
            event = validate(payload, batch, receipt)
            assert isinstance(event, Event), event
            events.append(event)
    return events


def validating(bodies: list[bytes]) -> list[tuple[str, str]]:
    """Microseconds per event to decode and validate."""
    groups = _in_batches(bodies)
    cold = []
    for _ in range(ROUNDS):
        content._remembered.clear()
        cold.append(_timed(lambda: validated(bodies)) / len(bodies))
    warm = [_timed(lambda: validated(bodies)) / len(bodies) for _ in range(ROUNDS)]
    batched = [_timed(lambda: validated(groups)) / len(bodies) for _ in range(ROUNDS)]
    return [
        ("decode and validate, one a body, contents new", spread(cold)),
        ("decode and validate, one a body, contents known", spread(warm)),
        (f"decode and validate, {BATCH} a body, contents known", spread(batched)),
    ]


def _timed(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return 1e6 * (time.process_time() - started)


async def copying(pool: Pool, events: list[Event]) -> list[tuple[str, str]]:
    """CPU microseconds of this process per event, to make rows, and to encode and send them by COPY."""
    rows = Rows()
    async with pool.acquire() as connection:
        records, names = await rows.of(connection, events)
        rows.remember(names)

        async def make() -> None:
            await rows.of(connection, events)

        async def copy() -> None:
            await connection.execute("TRUNCATE copied")
            await connection.copy_records_to_table(
                "copied", columns=EVENT_COLUMNS, records=[(0, n % 5_000, *record) for n, record in enumerate(records)]
            )

        await connection.execute("CREATE TEMPORARY TABLE copied (LIKE event)")
        made = [await _timed_async(make) / len(events) for _ in range(ROUNDS)]
        copied = [await _timed_async(copy) / len(events) for _ in range(ROUNDS)]
    return [("make rows, names known", spread(made)), ("COPY: encode and send", spread(copied))]


async def _timed_async(run: Callable[[], Awaitable[None]]) -> float:
    started = time.process_time()
    await run()
    return 1e6 * (time.process_time() - started)


async def committing(writer: LogWriter, events: list[Event]) -> list[tuple[str, str, str, str]]:
    """Wall and CPU time of the writer's commits by number of events."""
    rows = []
    for size in COMMITS:
        walls, cpus = [], []
        for number in range(MEASURED_COMMITS):
            first = number * size % max(len(events) - size, 1)
            fresh = [msgspec.structs.replace(event, id=uuid7()) for event in events[first : first + size]]
            started, cpu_before = time.perf_counter(), time.process_time()
            await writer.append(fresh)
            walls.append(1e3 * (time.perf_counter() - started))
            cpus.append(1e6 * (time.process_time() - cpu_before) / len(fresh))
        rows.append((f"{size:,}", spread(walls), f"{1e3 * median(walls) / size:.0f}", f"{median(cpus):.0f}"))
    return rows


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    bodies = _bodies(parser.parse_args().events)
    steps = validating(bodies)
    events = validated(bodies)
    with scratch_folder() as folder, running_postgres(folder) as databases:
        async with open_pool(await databases.create_log("validation")) as pool:
            steps += await copying(pool, events)
            async with open_writer(pool) as writer:
                await writer.append(events)
                commits = await committing(writer, events)
    print_table("CPU of the service's process", ("", "µs an event (least–most)"), steps)
    head = ("events of a commit", "ms a commit (least–most)", "µs an event", "of it CPU of this process")
    print_table("Commits of the writer, one after the other", head, commits)


if __name__ == "__main__":
    asyncio.run(_main())
