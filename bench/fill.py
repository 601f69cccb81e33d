"""Fill a log through the writer's own code: `python -m bench.fill --database-url URL --events N`."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from multiprocessing.queues import Queue

import msgspec

from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.log import migrations
from analytics_internal.logs import configure_logs
from bench.database import open_pool, open_writer
from bench.events import UNTIL, history

CHUNK_EVENTS = 2_500
CHUNKS_AHEAD = 8


async def fill(dsn: str, payloads: Iterable[bytes], received_at: datetime = UNTIL) -> int:
    """Validate and store events as imported ones. Returns how many were stored."""
    validated = _validated(payloads, received_at)
    stored = 0
    async with open_pool(dsn) as pool, open_writer(pool) as writer:

        async def store() -> None:
            nonlocal stored
            while events := list(islice(validated, CHUNK_EVENTS)):
                verdicts = await writer.append(events)
                stored += sum(verdict.status == "stored" for verdict in verdicts)

        # While one chunk is being stored, the next ones are validated.
        await asyncio.gather(*(store() for _ in range(4)))
    return stored


def _validated(payloads: Iterable[bytes], received_at: datetime) -> Iterator[Event]:
    batch, receipt = Batch([], is_imported=True), Receipt(received_at, None, may_name_person=True)
    for payload in payloads:
        event = validate(payload, batch, receipt)
        assert isinstance(event, Event), event
        yield event


def history_payloads(events: int, portals: int) -> Iterator[bytes]:
    """The JSON texts of `history`, made by another process."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[list[bytes]] = context.Queue(CHUNKS_AHEAD)
    maker = context.Process(target=_make, args=(queue, events, portals), daemon=True)
    maker.start()
    while chunk := queue.get():
        yield from chunk
    maker.join()


def _make(queue: Queue[list[bytes]], events: int, portals: int) -> None:
    payloads = map(msgspec.json.encode, history(events, portals))
    while chunk := list(islice(payloads, CHUNK_EVENTS)):
        queue.put(chunk)
    queue.put([])


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--portals", type=int, default=16)
    asked = parser.parse_args()
    configure_logs("warning", "console")  # to standard error: who started this reads the figures
    await migrations.migrate(asked.database_url)
    started = time.perf_counter()
    stored = await fill(asked.database_url, history_payloads(asked.events, asked.portals))
    seconds = time.perf_counter() - started
    print(msgspec.json.encode({"stored": stored, "seconds": round(seconds, 2)}).decode())


if __name__ == "__main__":
    asyncio.run(_main())
