"""Measures acknowledged events per second: `python -m bench.ingest`.

The baselines are the original's method, the service without storing, and PostgreSQL's COPY. Everything runs on this
machine and one PostgreSQL (embedded, fsync on). Measurements alternate in short rounds, so that other load affects all
alike. Printed are medians with their spread; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import asyncpg
import msgspec

from bench import copying, servers
from bench.baseline import SQL as NAIVE_SQL
from bench.database import Databases, running_postgres, scratch_folder
from bench.events import one_of_each, over_items, recent
from bench.fill import fill, history_payloads
from bench.load import WARM_UP_S, Result
from bench.servers import Server
from bench.table import print_table, spread

EVENTS = 50_000
BATCH = 20
EMPTY = "empty"


class Fill(msgspec.Struct, frozen=True):
    """What a log holds before the measurement, and what is sent."""

    name: str
    items: int = 0
    events: int = 0

    @property
    def database(self) -> str:
        return "".join(character if character.isalnum() else "_" for character in self.name.lower())


class Target(msgspec.Struct, frozen=True):
    """One server to measure, the events it gets, and their batch size."""

    name: str
    server: Server
    events: Path
    batch: int = 1
    database: str | None = None
    is_naive_and_empty: bool = False


class Round(msgspec.Struct, frozen=True):
    """One measurement of one target."""

    result: Result
    server_us: float
    postgres_us: float

    @property
    def rate(self) -> float:
        return self.result.events_per_s


class Bench:
    """The servers of one run, and their measurements."""

    def __init__(self, databases: Databases, folder: Path, seconds: float, connections: int) -> None:
        self._databases = databases
        self._folder = folder
        self._seconds = seconds
        self._connections = connections
        self.targets: dict[str, Target] = {}
        self.rounds: dict[str, list[Round]] = defaultdict(list)
        self.copied: list[float] = []

    def add(self, target: Target) -> None:
        self.targets[target.name] = target

    async def measure(self, target: Target, rate: float | None = None) -> Round:
        """One round of one target. Waits for its reader, so that the reader's work does not disturb the next round."""
        if target.is_naive_and_empty:
            await run_sql(self._databases.dsn(target.database or ""), NAIVE_SQL["empty"])
        server_s, postgres_s = target.server.cpu_s(), self._postgres_s(target)
        result = servers.load(target.server, target.events, self._connections, target.batch, self._seconds, rate)
        if target.name.startswith("service"):
            servers.let_catch_up(target.server)
        # The generator does not count its warm-up, but the server works then, too.
        events = max(result.events * (1 + WARM_UP_S / self._seconds), 1)
        return Round(
            result,
            1e6 * (target.server.cpu_s() - server_s) / events,
            1e6 * (self._postgres_s(target) - postgres_s) / events,
        )

    def _postgres_s(self, target: Target) -> float:
        return servers.postgres_cpu_s(target.database) if target.database else 0.0

    async def run(self, rounds: int, copy: copying.Copy) -> None:
        for number in range(1, rounds + 1):
            for target in self.targets.values():
                say(f"round {number} of {rounds}: {target.name}")
                self.rounds[target.name].append(await self.measure(target))
            say(f"round {number} of {rounds}: COPY")
            self.copied.append(await copy.rows_per_s())

    async def run_at_half(self, rounds: int, names: Sequence[str]) -> dict[str, list[Round]]:
        """The same at half of each target's median rate, sent whether or not the server keeps up."""
        found: dict[str, list[Round]] = defaultdict(list)
        for number in range(1, rounds + 1):
            for name in names:
                say(f"half rate, round {number} of {rounds}: {name}")
                rate = median(round_.rate for round_ in self.rounds[name]) / 2 / self.targets[name].batch
                found[name].append(await self.measure(self.targets[name], max(rate, 1)))
        return found

    def ratio(self, name: str, of: str) -> list[float]:
        pairs = zip(self.rounds[name], self.rounds[of], strict=True)
        return [one.rate / max(other.rate, 0.1) for one, other in pairs]


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def run_sql(dsn: str, sql: str, *arguments: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()


async def prepare(bench: Bench, stack: contextlib.ExitStack, databases: Databases, folder: Path, of: Fill) -> None:
    """The service and the naive baseline at one fill."""
    say(f"filling: {of.name}")
    events = folder / f"{of.database}.jsonl"
    sent = over_items(EVENTS, of.items) if of.items else recent(EVENTS)
    events.write_text("\n".join(map(json.dumps, sent)))
    log = await databases.create_log(f"service_{of.database}")
    if of.items:
        await fill(log, (json.dumps(event).encode() for event in one_of_each(of.items)))
    if of.events:
        await fill(log, history_payloads(of.events, 16))
    service = stack.enter_context(servers.service(log, folder / f"service_{of.database}"))
    bench.add(Target(f"service, {of.name}", service, events, database=f"service_{of.database}"))
    if of.events:
        return
    database = f"naive_{of.database}"
    dsn = await databases.create(database)
    await run_sql(dsn, NAIVE_SQL["schema"])
    if of.items:
        await run_sql(dsn, NAIVE_SQL["fill"].replace("$1", str(of.items)))
        await run_sql(dsn, "ANALYZE")
    naive = stack.enter_context(servers.baseline("naive", folder / database, dsn))
    is_empty = not of.items
    bench.add(Target(f"naive, {of.name}", naive, events, database=database, is_naive_and_empty=is_empty))
    if is_empty:
        bench.add(Target("service, batches", service, events, BATCH, f"service_{of.database}"))
        no_store = stack.enter_context(servers.baseline("no-store", folder / "no_store"))
        bench.add(Target("no-store", no_store, events))
        bench.add(Target("no-store, batches", no_store, events, BATCH))


def report(bench: Bench, fills: Sequence[Fill], half: dict[str, list[Round]]) -> None:
    rows = [_row(name, rounds) for name, rounds in bench.rounds.items()]
    rows.append(("COPY (binary, 100,000 rows each)", spread(bench.copied), "", "", "", "", ""))
    head = ("", "acked events/s", "p50 ms", "p99 ms", "server µs/event", "PostgreSQL µs/event", "generator CPU")
    print_table("At the highest rate (median, least and most of the rounds)", head, rows)
    rows = [
        (
            name,
            f"{median(one.rate for one in rounds):,.0f}",
            spread([one.result.p50_ms for one in rounds]),
            spread([one.result.p99_ms for one in rounds]),
        )
        for name, rounds in half.items()
    ]
    print_table("At half of that rate", ("", "acked events/s", "p50 ms", "p99 ms"), rows)
    print_table("Ratios", ("", "here", "goal"), _ratios(bench, fills, half))


def _row(name: str, rounds: Sequence[Round]) -> Sequence[object]:
    refused = sum(count for one in rounds for status, count in one.result.statuses.items() if status != 200)
    return (
        name + (f" ({refused} requests refused)" if refused else ""),
        spread([one.rate for one in rounds]),
        f"{median(one.result.p50_ms for one in rounds):.1f}",
        f"{median(one.result.p99_ms for one in rounds):.1f}",
        f"{median(one.server_us for one in rounds):.0f}",
        f"{median(one.postgres_us for one in rounds):.0f}",
        f"{100 * median(one.result.cpu_s / one.result.seconds for one in rounds):.0f} %",
    )


def _ratios(bench: Bench, fills: Sequence[Fill], half: dict[str, list[Round]]) -> list[Sequence[object]]:
    empty = f"service, {EMPTY}"
    rows: list[Sequence[object]] = []
    for of in fills:
        if not of.events:
            ratio = bench.ratio(f"service, {of.name}", f"naive, {of.name}")
            rows.append((f"single events ÷ naive, {of.name}", spread(ratio, "×"), "≥ 10×"))
    rows.append(("single events ÷ no-store", _two(bench.ratio(empty, "no-store")), "≥ 0.6"))
    against_copy = [
        one.rate / copied for one, copied in zip(bench.rounds["service, batches"], bench.copied, strict=True)
    ]
    rows.append((f"batches of {BATCH} ÷ COPY", _two(against_copy), "≥ 0.4"))
    rows.append((f"batches of {BATCH} ÷ no-store", _two(bench.ratio("service, batches", "no-store, batches")), ""))
    rows += [
        (f"rate at {of.name} ÷ empty", _two(bench.ratio(f"service, {of.name}", empty)), "≥ 0.9") for of in fills[1:]
    ]
    rows.append(("p99 at half the rate", spread([one.result.p99_ms for one in half[empty]], " ms"), "≤ 25 ms"))
    return rows


def _two(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--items", type=int, nargs="*", default=[10_000, 100_000], help="fills to compare with empty")
    parser.add_argument("--filled", type=int, default=0, help="events of one more log, of the service only")
    asked = parser.parse_args()
    fills = [Fill(EMPTY), *(Fill(f"{items:,} items", items) for items in asked.items)]
    if asked.filled:
        fills.append(Fill(f"{asked.filled:,} events", 100_000, asked.filled))
    with scratch_folder() as folder, running_postgres(folder) as databases, contextlib.ExitStack() as stack:
        bench = Bench(databases, folder, asked.seconds, asked.connections)
        for of in fills:
            await prepare(bench, stack, databases, folder, of)
        copy = await copying.prepare(databases, folder)
        await bench.run(asked.rounds, copy)
        half = await bench.run_at_half(asked.rounds, [f"service, {EMPTY}", "service, batches", f"naive, {EMPTY}"])
        report(bench, fills, half)


if __name__ == "__main__":
    asyncio.run(_main())
