"""Measures the pages' questions against PostgreSQL and hand-written DuckDB SQL: `python -m bench.query`.

The writer fills a log, and the reader is built from it. Each question is then answered by the reader as in the service
(parse, catch up, answer, encode), by PostgreSQL over the event table, and by hand-written SQL in the reader's DuckDB.
The three answers must be equal.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import msgspec
import psutil

from analytics_internal.log.connection import Pool
from analytics_internal.query.answer import answer
from analytics_internal.query.parse import parse
from analytics_internal.query.wire import Answer
from analytics_internal.reader.reader_file import wal_of
from analytics_internal.reader.replica import Replica
from bench import freshness, served, space
from bench.database import open_pool, running_postgres, scratch_folder
from bench.events import UNTIL
from bench.questions import (
    ACCESS_IN_POSTGRES,
    ZONE,
    Bounds,
    bounds,
    card,
    details,
    for_duckdb,
    for_postgres,
    overview,
    rows_of_answer,
    rows_of_sql,
)
from bench.table import print_table

Rows = list[tuple[object, ...]]
Questions = dict[str, dict[str, object]]
HEAD = (
    "", "here ms", "first time ms", "DuckDB by hand ms", "PostgreSQL ms", "÷ DuckDB", "PostgreSQL ÷", "JSON bytes",
)  # fmt: skip


class Timed(msgspec.Struct, frozen=True):
    """One question's rows and times in milliseconds."""

    rows: Rows
    first_ms: float
    ms: float
    json_bytes: int = 0


class Cost(msgspec.Struct, frozen=True):
    """One line of the table."""

    name: str
    here_ms: float
    first_ms: float
    by_hand_ms: float
    postgres_ms: float
    json_bytes: int

    def row(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{self.here_ms:.1f}",
            f"{self.first_ms:.1f}",
            f"{self.by_hand_ms:.1f}",
            f"{self.postgres_ms:,.0f}",
            f"{self.here_ms / self.by_hand_ms:.2f}",
            f"{self.postgres_ms / self.here_ms:,.1f}×",
            f"{self.json_bytes:,}",
        )


async def timed(rounds: int, ask: Callable[[], Awaitable[tuple[Rows, int]]]) -> Timed:
    """The median of some rounds, and separately the first one, which plans and reads without caches."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        rows, size = await ask()
        times.append(1000 * (time.perf_counter() - started))
    return Timed(rows, times[0], median(times[1:] or times), size)


class Asked:
    """Asks a question in three ways."""

    def __init__(self, replica: Replica, postgres: asyncpg.Connection[Any], of: Bounds) -> None:
        self._replica = replica
        self._postgres = postgres
        self._bounds = of

    async def here(self, question: dict[str, object]) -> tuple[Rows, int]:
        """As `POST /query` does."""
        query, wire = parse(msgspec.json.encode(question))
        answered = await answer(self._replica, query, wire, ZONE, UNTIL)
        assert isinstance(answered, Answer), "the questions are breakdowns"
        return rows_of_answer(answered), len(msgspec.json.encode(answered))

    async def by_hand(self, name: str) -> tuple[Rows, int]:
        sql, values = for_duckdb(name, self._bounds)
        return rows_of_sql(await self._replica.query(sql, lambda cursor: cursor.fetchall(), values)), 0

    async def in_postgres(self, name: str) -> tuple[Rows, int]:
        sql, values = for_postgres(name, self._bounds)
        return rows_of_sql([tuple(row) for row in await self._postgres.fetch(sql, *values)]), 0


async def fill(dsn: str, events: int, portals: int) -> None:
    """Fill the log in another process, so that this one's memory is the reader's alone."""
    command = [sys.executable, "-m", "bench.fill", "--database-url", dsn]
    command += ["--events", str(events), "--portals", str(portals)]
    printed = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
    filled = msgspec.json.decode(printed.stdout, type=dict[str, float])
    rate = filled["stored"] / filled["seconds"]
    print(f"filled: {filled['stored']:,.0f} events in {filled['seconds']:.1f} s, {rate:,.0f} events/s")


async def rebuild(replica: Replica, path: Path) -> None:
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    events = (await replica.catch_up(patience_s=3600)).position
    seconds = time.perf_counter() - started
    memory = psutil.Process().memory_info().rss
    print(
        f"reader rebuilt: {events:,} events in {seconds:.1f} s, {events / seconds:,.0f} events/s;"
        f" file {size_of(path) / 1e6:.1f} MB; RSS {before / 1e6:.0f} MB before, {memory / 1e6:.0f} MB after"
    )


def size_of(reader: Path) -> int:
    """The reader's file with DuckDB's write-ahead log beside it."""
    return sum(file.stat().st_size for file in (reader, wal_of(reader)) if file.exists())


async def _busiest_item(replica: Replica) -> int:
    sql = "SELECT item_id FROM event GROUP BY item_id ORDER BY count(*) DESC, item_id LIMIT 1"
    found = await replica.query(sql, lambda cursor: cursor.fetchone())
    return int(found[0])


async def _busiest_entity(replica: Replica) -> str:
    sql = "SELECT ref FROM event JOIN entity USING (entity_id) GROUP BY ref ORDER BY count(*) DESC, ref LIMIT 1"
    found = await replica.query(sql, lambda cursor: cursor.fetchone())
    return str(found[0])


async def compare(asked: Asked, questions: Questions, rounds: int, postgres_rounds: int) -> list[str]:
    """Print the cost of each question. Returns the questions with different answers."""
    costs: list[Cost] = []
    different: list[str] = []
    for name, question in questions.items():
        here = await timed(rounds, lambda question=question: asked.here(question))  # type: ignore[misc]
        by_hand = await timed(rounds, lambda name=name: asked.by_hand(name))  # type: ignore[misc]
        postgres = await timed(postgres_rounds, lambda name=name: asked.in_postgres(name))  # type: ignore[misc]
        for other, engine in ((by_hand, "DuckDB"), (postgres, "PostgreSQL")):
            if here.rows != other.rows:
                different.append(f"{name}: {engine} answers {other.rows[:3]}, here {here.rows[:3]}")
        costs.append(Cost(name, here.ms, here.first_ms, by_hand.ms, postgres.ms, here.json_bytes))
    costs.append(_sum(costs))
    print_table("Questions (median of the rounds)", HEAD, [cost.row() for cost in costs])
    return different


def _sum(costs: list[Cost]) -> Cost:
    sums = [sum(column) for column in zip(*(msgspec.structs.astuple(cost)[1:] for cost in costs), strict=True)]
    return Cost("all together", *sums)


async def at_once(asked: Asked, rounds: int, questions: Questions) -> float:
    """Milliseconds for all questions of a page at once, as a browser asks them."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await asyncio.gather(*(asked.here(question) for question in questions.values()))
        times.append(1000 * (time.perf_counter() - started))
    return median(times)


async def pages(asked: Asked, rounds: int, entity: str) -> None:
    """Print how long the metrics page and the most visited entity's card take."""
    overview_ms = await at_once(asked, rounds, overview())
    card_ms = await at_once(asked, rounds, card(entity))
    print(f"\nthe overview page's questions asked at once: {overview_ms:.1f} ms")
    print(f"the usage card's of {entity}: {card_ms:.1f} ms, {card_ms / overview_ms:.2f} of the overview page's")


async def _measure(pool: Pool, dsn: str, folder: Path, options: argparse.Namespace) -> list[str]:
    path = folder / "reader" / "reader.duckdb"
    replica = Replica(pool, path, zone=ZONE)
    postgres = await asyncpg.connect(dsn, server_settings={"TimeZone": "UTC", "jit": "off"})
    try:
        # PostgreSQL is tuned for such questions, to be a fair baseline.
        await postgres.execute(ACCESS_IN_POSTGRES)
        await postgres.execute("SET work_mem = '256MB'; SET max_parallel_workers_per_gather = 2; ANALYZE")
        await rebuild(replica, path)
        item = await _busiest_item(replica)
        asked = Asked(replica, postgres, bounds(UNTIL, 28, item))
        different = await compare(asked, overview(), options.rounds, options.postgres_rounds)
        await pages(asked, options.rounds, await _busiest_entity(replica))
        different += await compare(asked, details(item), options.rounds, options.postgres_rounds)
        await freshness.measure(pool, replica, options.rounds)
        print(f"\nRSS of this process {psutil.Process().memory_info().rss / 1e6:.0f} MB")
        await space.measure(postgres, size_of(path))
    finally:
        await postgres.close()
        await replica.close()
    return different


async def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--portals", type=int, default=16, help="portals of some 270 people and 6,000 items each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--postgres-rounds", type=int, default=2)
    options = parser.parse_args()
    with scratch_folder() as folder, running_postgres(folder) as databases:
        dsn = await databases.create_log("query")
        await fill(dsn, options.events, options.portals)
        async with open_pool(dsn) as pool:
            different = await _measure(pool, dsn, folder, options)
        await served.measure(dsn, folder)
    print("\nevery answer is the same in all three" if not different else "\nDIFFERENT:\n" + "\n".join(different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
