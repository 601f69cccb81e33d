"""Measures the questions of docs/reference/questions.md, and random ones: `python -m bench.insights`.

Several demo portals' events and catalogs are in the log, and the reader is built from it by another process. Each
question is answered by the reader as in the service, by hand-written SQL over the events in the reader's DuckDB, and by
PostgreSQL over the log's events. The answers must be equal, or it is printed what differs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import msgspec
import psutil

from analytics_internal.catalog import CatalogFile, Following
from analytics_internal.errors import AnalyticsError
from analytics_internal.query.answer import answer
from analytics_internal.query.kinds import parse_question
from analytics_internal.reader import Replica
from bench import events, names_in_postgres
from bench.database import Databases, open_pool, running_postgres, scratch_folder
from bench.events import UNTIL
from bench.query import size_of
from bench.questions import ZONE, insights
from bench.questions.by_hand import statement_of
from bench.questions.insights import Cells, Question
from bench.questions.random_questions import random_questions
from bench.table import print_table

POSTGRES_S = 60
DATABASE = "insights"
HEAD = ("", "here ms", "first time ms", "DuckDB by hand ms", "÷ DuckDB", "PostgreSQL ms", "PostgreSQL ÷", "answers")


class Measured(msgspec.Struct):
    """What one question took in milliseconds, and whether its answers are the same."""

    name: str
    question: Question
    first_ms: float = 0.0
    here_ms: float = 0.0
    by_hand_ms: float | None = None
    postgres_ms: float | None = None
    said_of_postgres: str = ""
    differences: list[str] = []
    rows: list[Cells] = []

    @property
    def ratio(self) -> float | None:
        return self.here_ms / self.by_hand_ms if self.by_hand_ms else None

    def row(self) -> tuple[str, ...]:
        by_hand, postgres = self.by_hand_ms, self.postgres_ms
        return (
            self.name,
            f"{self.here_ms:.1f}",
            f"{self.first_ms:.1f}",
            f"{by_hand:.1f}" if by_hand is not None else "",
            f"{self.ratio:.2f}" if self.ratio is not None else "",
            f"{postgres:,.0f}" if postgres is not None else self.said_of_postgres,
            f"{postgres / self.here_ms:,.1f}×" if postgres is not None else "",
            "differ" if self.differences else ("same" if by_hand is not None else "not compared"),
        )


async def _timed(ask: Callable[[], Awaitable[list[Cells]]]) -> tuple[list[Cells], float]:
    started = time.perf_counter()
    rows = await ask()
    return rows, 1000 * (time.perf_counter() - started)


class Asked:
    """Asks questions in three ways."""

    def __init__(self, replica: Replica, postgres: asyncpg.Connection[Any] | None, rounds: int) -> None:
        self._replica = replica
        self._postgres = postgres
        self._rounds = rounds

    async def here(self, question: Question) -> Any:
        """As `POST /query` does, JSON included."""
        query, wire = parse_question(msgspec.json.encode(question))
        answered = await answer(self._replica, query, wire, ZONE, UNTIL)
        msgspec.json.encode(answered)
        return answered.results

    async def first(self, measured: Measured) -> None:
        """Ask once, when nothing is planned or cached yet."""
        started = time.perf_counter()
        results = await self.here(measured.question)
        measured.first_ms = 1000 * (time.perf_counter() - started)
        measured.rows = insights.rows_of_answer(results)

    async def compare(self, measured: Measured, duckdb: str | None, postgres: str | None) -> None:
        """Ask in turns, here and by hand, so that other programs on the machine slow both."""
        here, by_hand = [], []
        for _ in range(self._rounds):
            here.append((await _timed(lambda: self.here(measured.question)))[1])
            if duckdb is not None:
                rows, ms = await _timed(lambda: self._in_duckdb(duckdb))
                by_hand.append(ms)
        measured.here_ms = median(here)
        if duckdb is not None:
            measured.by_hand_ms = median(by_hand)
            self._told(measured, "DuckDB", rows)
        if postgres is not None and self._postgres is not None:
            try:
                rows, measured.postgres_ms = await _timed(lambda: self._in_postgres(postgres))
            except asyncpg.QueryCanceledError:
                measured.said_of_postgres = f"> {POSTGRES_S:,} s"
            else:
                self._told(measured, "PostgreSQL", rows)

    def _told(self, measured: Measured, engine: str, rows: list[Cells]) -> None:
        found = insights.difference(measured.rows, rows)
        if found is not None:
            measured.differences.append(f"{engine}: {found}")

    async def _in_duckdb(self, sql: str) -> list[Cells]:
        return insights.rows_of_sql(await self._replica.query(sql, lambda cursor: cursor.fetchall()))

    async def _in_postgres(self, sql: str) -> list[Cells]:
        assert self._postgres is not None, "asked for only where there is a connection"
        return insights.rows_of_sql([tuple(row) for row in await self._postgres.fetch(sql)])


async def fill(databases: Databases, folder: Path, options: argparse.Namespace) -> str:
    """Fill the log and its catalog, unless the folder is kept from an earlier run. Returns the DSN."""
    done = folder / "filled.json"
    if done.exists():
        print(f"{folder} has been filled: {done.read_text()}")
        return databases.dsn(DATABASE)
    dsn = await databases.create_log(DATABASE)
    command = [sys.executable, "-m", "bench.fill", "--database-url", dsn]
    command += ["--events", str(options.events), "--portals", str(options.portals)]
    printed = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
    await fill_catalog(dsn, folder, options.portals)
    done.write_text(printed.stdout.decode().strip())
    print(f"filled: {done.read_text()}", flush=True)
    return dsn


async def fill_catalog(dsn: str, folder: Path, portals: int) -> None:
    file = folder / "catalog.jsonl"
    file.write_text("\n".join(map(json.dumps, events.catalog(portals))))
    async with open_pool(dsn) as pool:
        await Following(pool, CatalogFile(file, 60), 60).round()


def build_reader(dsn: str, path: Path) -> None:
    """Build the reader's file in another process, so that this one's memory is that of its answers."""
    if path.exists():
        return
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bench.insights", "--build-reader", dsn, str(path)], check=True)
    print(f"reader built in {time.perf_counter() - started:.1f} s", flush=True)


async def _build_reader(dsn: str, path: Path) -> None:
    async with open_pool(dsn) as pool:
        replica = Replica(pool, path, zone=ZONE)
        await replica.catch_up(patience_s=3600)
        await replica.close()


def _memory() -> tuple[float, float]:
    """This process's memory in MB: now, and at most so far."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return psutil.Process().memory_info().rss / 1e6, int(status["VmHWM"].split()[0]) * 1024 / 1e6


def _say_memory(when: str) -> None:
    now, peak = _memory()
    print(f"memory {when}: {now:,.0f} MB, at most {peak:,.0f} MB", flush=True)


async def _measure(dsn: str, folder: Path, options: argparse.Namespace) -> int:
    path = folder / "reader" / "reader.duckdb"
    path.parent.mkdir(exist_ok=True)
    build_reader(dsn, path)
    async with open_pool(dsn) as pool, contextlib.AsyncExitStack() as stack:
        _say_memory("before the reader is open")
        replica = Replica(pool, path, zone=ZONE)
        stack.push_async_callback(replica.close)
        position = (await replica.catch_up()).position
        print(
            f"reader: {position:,} events, {size_of(path) / 1e6:,.1f} MB, {size_of(path) / position:.1f} bytes an event"
        )
        _say_memory("with the reader open")
        named = [Measured(name, question) for name, question in insights.of_page().items()]
        drawn = [
            Measured(f"random {number}", question)
            for number, question in enumerate(await random_questions(replica, options.random, options.seed))
        ]
        asked = Asked(replica, None, options.rounds)
        await _first(asked, named)
        _say_memory("after the 25")
        await _first(asked, drawn)
        _say_memory(f"after {len(drawn)} random questions")
        postgres = None
        if options.postgres != "none":
            postgres = await asyncpg.connect(dsn, server_settings={"TimeZone": "UTC", "jit": "off"})
            stack.push_async_callback(postgres.close)
            await postgres.execute("SET work_mem = '256MB'; SET max_parallel_workers_per_gather = 2")
            await names_in_postgres.make(replica, postgres)
            await postgres.execute(f"SET statement_timeout = '{POSTGRES_S}s'")
        asked = Asked(replica, postgres, options.rounds)
        await _compare_named(asked, named)
        await _compare_drawn(asked if options.postgres == "all" else Asked(replica, None, options.rounds), drawn)
        _say_memory("after all, with those by hand")
    return int(any(one.differences for one in (*named, *drawn)))


async def _first(asked: Asked, questions: list[Measured]) -> None:
    for one in list(questions):
        try:
            await asked.first(one)
        except AnalyticsError as error:
            print(f"{one.name} cannot be asked: {error!r}: {json.dumps(one.question)}", flush=True)
            questions.remove(one)


async def _compare_named(asked: Asked, questions: list[Measured]) -> None:
    for one in _with_progress("the 25", questions):
        sql, in_postgres = insights.DUCKDB.get(one.name), insights.POSTGRES.get(one.name)
        if sql is None or in_postgres is None:
            one.differences.append("there is no statement by hand")
            continue
        try:
            await asked.compare(
                one,
                insights.for_duckdb(sql, insights.literals(one.question, UNTIL, is_postgres=False)),
                insights.for_postgres(in_postgres, insights.literals(one.question, UNTIL, is_postgres=True)),
            )
        except Exception as error:
            one.differences.append(f"cannot be compared: {error!r}")
    print_table("The questions of docs/reference/questions.md", HEAD, [one.row() for one in questions])
    _summary("the 25", questions)


async def _compare_drawn(asked: Asked, questions: list[Measured]) -> None:
    for one in _with_progress("random questions", questions):
        statements = [statement_of(one.question, UNTIL, is_postgres) for is_postgres in (False, True)]
        try:
            await asked.compare(one, statements[0], statements[1])
        except Exception as error:
            one.differences.append(f"cannot be compared: {error!r}")
    _summary("random questions", questions)


def _with_progress(title: str, questions: list[Measured]) -> Iterator[Measured]:
    for number, one in enumerate(questions):
        if number % 10 == 0:
            print(f"{title}: {number} of {len(questions)}", file=sys.stderr, flush=True)
        yield one


def _summary(title: str, questions: list[Measured]) -> None:
    times = sorted(one.here_ms for one in questions)
    compared = [one for one in questions if one.ratio is not None]
    rows = [("here ms", *_spread(times)), ("÷ DuckDB by hand", *_spread([one.ratio or 0 for one in compared]))]
    in_postgres = [one.postgres_ms / one.here_ms for one in questions if one.postgres_ms is not None]
    rows.append(("PostgreSQL ÷ here", *_spread(in_postgres)))
    print_table(f"{title}: {len(questions)}, {len(compared)} of them by hand", ("", "p50", "p95", "max"), rows)
    same = sum(not one.differences for one in compared)
    faster = sum((one.ratio or 0) <= 0.5 for one in compared)
    slower = sum((one.ratio or 0) > 1.2 for one in compared)
    print(f"\n{same} of {len(compared)} have the same answer")
    print(f"{faster} take half the time by hand or less, {slower} more than 1.2 of it")
    for label, key in (("most time", lambda one: one.here_ms), ("most against DuckDB", lambda one: one.ratio or 0)):
        print(f"\n{title}, {label}:")
        for one in sorted(questions, key=key, reverse=True)[:5]:
            by_hand = f"{one.by_hand_ms:.1f} ms by hand" if one.by_hand_ms is not None else "not by hand"
            print(f"* {one.here_ms:.1f} ms, {by_hand}: {one.name} {json.dumps(one.question)}")
    for one in questions:
        for found in one.differences:
            print(f"DIFFERENT {one.name} {json.dumps(one.question)}: {found}")
    sys.stdout.flush()


def _spread(values: list[float]) -> tuple[str, str, str]:
    if not values:
        return "", "", ""
    ordered = sorted(values)
    at = min(len(ordered) - 1, round(0.95 * len(ordered)))
    return f"{median(ordered):,.2f}", f"{ordered[at]:,.2f}", f"{ordered[-1]:,.2f}"


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with scratch_folder() as folder:
        yield folder


async def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--portals", type=int, default=16, help="portals of some 300 people and 500 entities each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--random", type=int, default=200, help="how many random questions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for log and reader: filled once, and used again")
    parser.add_argument(
        "--postgres", choices=("all", "page", "none"), default="all", help="which of them PostgreSQL answers"
    )
    parser.add_argument("--build-reader", nargs=2, metavar=("DSN", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build_reader is not None:
        await _build_reader(options.build_reader[0], Path(options.build_reader[1]))
        return 0
    with _folder(options.keep) as folder, running_postgres(folder) as databases:
        return await _measure(await fill(databases, folder, options), folder, options)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
