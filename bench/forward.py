"""Measures forwarding: how fast, how soon, and what it costs ingest. `python -m bench.forward [--quick]`.

Rates are those of the real process that forwards, from a log that was filled before. The baselines of the same run:
the log read in the form of exports with nothing else done, and a bare client that posts the same bodies.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncpg
import msgspec
import psutil

from analytics_internal.forward import child
from analytics_internal.forward.configuration import configure, make
from analytics_internal.forward.reading import read
from analytics_internal.forward.shaping import Shaper
from analytics_internal.log import Pool, connect, tail
from analytics_internal.logs import configure_logs
from bench.database import Databases, open_pool, running_postgres, scratch_folder
from bench.events import recent
from bench.receiver import Arrived
from bench.servers import Server, load, running, service
from bench.table import print_table, spread

Configuration = dict[str, Any]
CHUNK_EVENTS = 2_500
BODY_EVENTS = 500
POLL_S = 0.02
LIMIT_S = 600.0
STREAM = "EVENTS"


class Moved(msgspec.Struct, frozen=True):
    """What one process did with one destination."""

    events: int
    seconds: float
    cpu_s: float
    """Of the process that forwards."""
    rss_mb: float

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds


# --- receivers


@contextlib.contextmanager
def webhook(folder: Path) -> Iterator[Server]:
    with running([sys.executable, "-m", "bench.receiver"], folder / "receiver.log") as receiver:
        yield receiver


def arrived(receiver: Server) -> Arrived:
    """What has arrived since the last call."""
    with urlopen(receiver.url) as response:
        return msgspec.json.decode(response.read(), type=Arrived)


@contextlib.asynccontextmanager
async def jetstream(folder: Path) -> AsyncIterator[str]:
    """The address of a NATS server with a stream in files."""
    import nats
    from nats.js.api import StreamConfig

    from tests.nats_server import NatsServer

    server = NatsServer(folder, {}).start()
    try:
        client = await nats.connect(server.address)
        await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["backstage.>"]))
        await client.close()
        yield server.address
    finally:
        server.kill()


# --- rates


async def read_alone(dsn: str, seconds: float) -> float:
    """Events a second when the log is read and nothing is done with it."""
    connection = await connect(dsn)
    try:
        head = (await tail.head(connection)).position
        position, began = 0, time.perf_counter()
        while position < head and time.perf_counter() - began < seconds:
            up_to = min(position + CHUNK_EVENTS, head)
            async for _ in tail.read(connection, position, up_to):
                pass
            position = up_to
        return position / (time.perf_counter() - began)
    finally:
        await connection.close()


async def bodies_of(dsn: str, url: str, count: int) -> list[bytes]:
    """What a webhook is sent of the log's first events."""
    (configured,) = configure([{"name": "bare", "type": "webhook", "url": url}])
    destination = make(configured)
    connection = await connect(dsn)
    try:
        shaper = await Shaper.prepare(connection, configured)
        bodies = []
        for after in range(0, count, BODY_EVENTS):
            shaped = [shaper.shape(event) for event in await read(connection, after, min(after + BODY_EVENTS, count))]
            encoded = [destination.encode(event) for event in shaped if event is not None]
            bodies.append(b'{"events":[' + b",".join(encoded) + b"]}")
        return bodies
    finally:
        await connection.close()


def post_bare(url: str, bodies: Sequence[bytes], seconds: float) -> float:
    """Events a second of a client that posts these bodies one after the other, again and again."""
    place = urlsplit(url)
    head = f"POST / HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: application/json\r\n".encode()
    requests, began = 0, time.perf_counter()
    with socket.create_connection((place.hostname or "", place.port or 80)) as connection:
        while time.perf_counter() - began < seconds:
            body = bodies[requests % len(bodies)]
            connection.sendall(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
            assert connection.recv(65_536).startswith(b"HTTP/1.1 204")
            requests += 1
    return BODY_EVENTS * requests / (time.perf_counter() - began)


async def forwarded(pool: Pool, dsn: str, destination: Configuration, seconds: float) -> Moved:
    """Forward from the log's beginning for some seconds, or to its end."""
    order = child.Order(dsn, [{**destination, "start": "beginning"}], "error", "console")
    started = time.perf_counter()
    async with child.forwarding(order, pool):
        await _until(lambda: _position(pool, destination["name"]))
        process = _forwarding()
        with contextlib.suppress(PermissionError):  # the baselines have normal priority, too
            for thread in process.threads():
                os.setpriority(os.PRIO_PROCESS, thread.id, 0)
        began, first, cpu_s = time.perf_counter(), await _position(pool, destination["name"]), _cpu_s(process)
        position, moved_at, head = first, began, await _head(pool)
        if first == head:  # all of a small log with the first request: its process's start is counted, too
            return Moved(head, began - started, cpu_s, process.memory_info().rss / 1e6)
        # To a move after that time: some types move by thousands of events.
        while position < head and moved_at - began < seconds:
            await asyncio.sleep(POLL_S)
            now = await _position(pool, destination["name"])
            position, moved_at = (now, time.perf_counter()) if now != position else (position, moved_at)
        used_s, rss_mb = _cpu_s(process) - cpu_s, process.memory_info().rss / 1e6
        return Moved(position - first, moved_at - began, used_s, rss_mb)


async def _until(value: Callable[[], Awaitable[int]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            if await value():
                return
            await asyncio.sleep(POLL_S)


async def _position(pool: Pool, name: str) -> int:
    return await pool.fetchval("SELECT position - start_position FROM destination WHERE name = $1", name) or 0


async def _head(pool: Pool) -> int:
    async with pool.acquire() as connection:
        return (await tail.head(connection)).position


def _forwarding(parent: int | None = None) -> psutil.Process:
    children = psutil.Process(parent).children()
    return next(one for one in children if "analytics_internal.forward" in one.cmdline())


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def rates(dsn: str, folder: Path, seconds: float, rounds: int) -> None:
    """Print how fast events reach each receiver."""
    alone: list[float] = []
    bare: list[float] = []
    moved: dict[str, list[Moved]] = {"webhook": [], "NATS JetStream": [], "Parquet": []}
    (folder / "nats").mkdir()
    async with open_pool(dsn) as pool, jetstream(folder / "nats") as nats:
        with webhook(folder) as hook:
            bodies = await bodies_of(dsn, hook.url, 40 * BODY_EVENTS)
            for number in range(rounds):
                alone.append(await read_alone(dsn, seconds))
                bare.append(await asyncio.to_thread(post_bare, hook.url, bodies, seconds / 2))
                for name, destination in {
                    "webhook": {"type": "webhook", "url": hook.url},
                    "NATS JetStream": {"type": "nats", "servers": nats, "subject": "backstage.{action}"},
                    "Parquet": {"type": "parquet", "url": str(folder / "lake" / str(number))},
                }.items():
                    named = {"name": f"{destination['type']}-{number}", **destination}
                    moved[name].append(await forwarded(pool, dsn, named, seconds))
    rows: list[tuple[str, ...]] = [
        ("the log alone (as exports)", spread(alone), "", "", "", ""),
        ("bare client, same bodies", spread(bare), "", "", "", ""),
    ]
    for name, those in moved.items():
        each = [one.events_per_s for one in those]
        rows.append(
            (
                name,
                spread(each),
                spread([1e6 * one.cpu_s / max(one.events, 1) for one in those]),
                spread([one.rss_mb for one in those]),
                spread([a / b for a, b in zip(each, alone, strict=True)]),
                spread([a / b for a, b in zip(each, bare, strict=True)]) if name == "webhook" else "",
            )
        )
    head = ("", "events/s", "process µs/event", "RSS MB", "÷ log alone", "÷ bare client")
    print_table("Rates: one destination, from the log's beginning", head, rows)


async def backfill(dsn: str, folder: Path) -> None:
    """Print how long the whole log takes to a webhook."""
    async with open_pool(dsn) as pool:
        with webhook(folder) as hook:
            moved = await forwarded(pool, dsn, {"name": "backfill", "type": "webhook", "url": hook.url}, 3_600)
            got = arrived(hook).events
    row = (f"{moved.events:,}", f"{moved.seconds:.1f}", f"{moved.events_per_s:,.0f}", f"{moved.rss_mb:.0f}", f"{got:,}")
    print_table("Backfill to a webhook", ("events", "seconds", "events/s", "RSS MB", "arrived"), [row])


# --- beside ingest


async def beside_ingest(databases: Databases, folder: Path, seconds: float, rounds: int, rate: float) -> None:
    """Print how soon events arrive, and the rate of ingest with none, one and five destinations, one of them dead."""
    events = folder / "events.jsonl"
    events.write_bytes(b"\n".join(map(msgspec.json.encode, recent(20_000))))
    with webhook(folder) as hook, socket.socket() as closed, contextlib.ExitStack() as parts:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        lake = str(folder / "beside")
        hooks = [{"name": f"hook-{n}", "type": "webhook", "url": hook.url} for n in range(3)]
        variants: dict[str, list[Configuration]] = {
            "none": [],
            "one": [{"name": "hook", "type": "webhook", "url": f"{hook.url}lags"}],
            "five, one of them dead": [
                *hooks,
                {"name": "lake", "type": "parquet", "url": lake, "linger_s": 5},
                {"name": "dead", "type": "webhook", "url": dead},
            ],
        }
        servers: dict[str, tuple[Server, str]] = {}
        for number, (name, destinations) in enumerate(variants.items()):
            dsn = await databases.create_log(f"beside_{number}")
            started = service(dsn, folder / f"service-{number}", destinations)
            servers[name] = (parts.enter_context(started), dsn)
        one, dsn = servers["one"]
        load(one, events, 8, 20, min(seconds, 2), 10)
        await _caught_up(dsn)
        arrived(hook)
        lags = _lags(one, hook, events, seconds, rate)
        await _caught_up(dsn)
        lags = [*lags, *arrived(hook).lags_ms]
        process = _forwarding(one.process.pid)
        middle, late = _percentile(lags, 50), _percentile(lags, 95)
        print_table(
            f"From receipt to arrival at a webhook, {rate:,.0f} events/s coming in",
            ("events", "p50 ms", "p95 ms", "most ms", "RSS MB of the process"),
            [(f"{len(lags):,}", f"{middle:.0f}", f"{late:.0f}", f"{max(lags):.0f}", f"{_rss_mb(process):.0f}")],
        )
        await _print_ingest(servers, events, seconds, rounds)


def _lags(server: Server, hook: Server, events: Path, seconds: float, rate: float) -> list[float]:
    result = load(server, events, 16, 20, seconds, rate / 20)
    print(f"\n{result.events_per_s:,.0f} events/s were stored", flush=True)
    return arrived(hook).lags_ms


async def _print_ingest(servers: dict[str, tuple[Server, str]], events: Path, seconds: float, rounds: int) -> None:
    for batch, title in ((1, "Single events, 64 connections"), (20, "Batches of 20, 64 connections")):
        found: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(rounds):
            for name, (server, dsn) in servers.items():
                found[name].append(load(server, events, 64, batch, seconds).events_per_s)
                await _caught_up(dsn)
        rows = []
        for name, each in found.items():
            ratios = [mine / none for mine, none in zip(each, found["none"], strict=True)]
            rows.append((name, spread(each), spread([100 * one for one in ratios], " %")))
        print_table(f"Ingest beside destinations. {title}", ("destinations", "acked events/s", "÷ none"), rows)


async def _caught_up(dsn: str) -> None:
    """Wait until all but a dead destination have everything."""
    connection = await asyncpg.connect(dsn)

    async def is_so() -> int:
        behind = "SELECT count(*) FROM destination d, log_head h WHERE d.name <> 'dead' AND d.position < h.position"
        return int(not await connection.fetchval(behind))

    try:
        await _until(is_so)
    finally:
        await connection.close()


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def _rss_mb(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6


def fill(dsn: str, events: int) -> None:
    """Fill a log in another process."""
    command = [sys.executable, "-m", "bench.fill", "--database-url", dsn, "--events", str(events), "--portals", "4"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="in the log that is forwarded from its beginning")
    parser.add_argument("--seconds", type=float, default=5, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=2_000, help="events a second that come in while lag is measured")
    parser.add_argument("--quick", action="store_true", help="60,000 events, one round of a second")
    parser.add_argument("--only", choices=["rates", "backfill", "ingest"], help="one part of it")
    asked = parser.parse_args()
    if asked.quick:
        asked.events, asked.seconds, asked.rounds = 60_000, 1, 1
    configure_logs("error", "console")
    with scratch_folder() as folder, running_postgres(folder) as databases:
        if asked.only != "ingest":
            dsn = await databases.create_log("forward")
            fill(dsn, asked.events)
            if asked.only != "backfill":
                await rates(dsn, folder, asked.seconds, asked.rounds)
            if asked.only != "rates":
                await backfill(dsn, folder)
        if asked.only in (None, "ingest"):
            await beside_ingest(databases, folder, asked.seconds, asked.rounds, asked.rate)


if __name__ == "__main__":
    asyncio.run(_main())
