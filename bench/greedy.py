"""Measures how long others wait beside a greedy client: `python -m bench.greedy`.

A client sends a light question, a single event and a health check in turn to a service with a filled log, first alone
and then beside each kind of greedy client. The ratio compares its latency beside a greedy client and alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import msgspec

from bench.database import running_postgres, scratch_folder
from bench.query import fill
from bench.servers import Server, service
from bench.table import print_table

API = "api/analytics-internal"
LIGHT = {
    "metrics": ["events", "people"],
    "dimensions": ["action"],
    "date_range": {"from": "2026-10-29", "to": "2026-11-25"},
}
COSTLIEST = {
    "metrics": ["events", "people", "items", "first_access", "last_access"],
    "dimensions": ["item", "person", "entity", "doc_page", "plugin", "action", "subject", "search_term"],
    "order_by": [["first_access", "asc"]],
    "date_range": "all",
    "limit": 10_000,
}
MANY_FILTERS = {
    "metrics": ["events"],
    "filters": ["and", *(["contains", "subject", [f"text {n}"]] for n in range(99))],
    "date_range": "all",
}
FILE: dict[str, object] = {
    "metrics": ["events"],
    "dimensions": ["item", "person", "time:day"],
    "date_range": "all",
    "limit": None,
}
HEAD = (
    "",
    "question p50 ms",
    "max",
    "event p50 ms",
    "max",
    "health p50 ms",
    "max",
    "÷ alone (p50)",
    "others not answered",
)


class Waited(msgspec.Struct):
    """The latencies of the normal client, in milliseconds."""

    question: list[float] = []
    event: list[float] = []
    health: list[float] = []
    failed: int = 0

    def row(self, name: str, alone: Waited) -> tuple[str, ...]:
        cells = [name]
        for times in (self.question, self.event, self.health):
            cells += [f"{median(times):.1f}", f"{max(times):,.0f}"]
        ratios = (median(self.question) / median(alone.question), median(self.event) / median(alone.event))
        return (*cells, " and ".join(f"{ratio:.1f}" for ratio in ratios), str(self.failed))


async def others(url: str, seconds: float) -> Waited:
    """Act as a normal client for some seconds."""
    waited = Waited()
    until = time.perf_counter() + seconds
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        while time.perf_counter() < until:
            event = {"action": "navigate", "subject": f"/greedy/{len(waited.event)}", "context": {}}
            await _timed(waited, waited.question, lambda: client.post(f"{API}/query", json=LIGHT))
            await _timed(waited, waited.event, lambda event=event: client.post(f"{API}/events", json=event))  # type: ignore[misc]
            await _timed(waited, waited.health, lambda: client.get("healthz"))
    return waited


async def _timed(waited: Waited, times: list[float], ask: Callable[[], Awaitable[httpx.Response]]) -> None:
    started = time.perf_counter()
    response = await ask()
    times.append(1000 * (time.perf_counter() - started))
    waited.failed += response.status_code != 200


@contextlib.asynccontextmanager
async def asking(url: str, question: dict[str, object], connections: int) -> AsyncIterator[None]:
    """Greedy: several connections repeat a question without pause."""

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=300) as client:
            while True:
                await client.post(f"{API}/query", json=question)

    greedy = [asyncio.create_task(ask()) for _ in range(connections)]
    try:
        yield
    finally:
        for task in greedy:
            task.cancel()
        await asyncio.gather(*greedy, return_exceptions=True)


@contextlib.asynccontextmanager
async def hanging_up(url: str, question: dict[str, object], times: int) -> AsyncIterator[None]:
    """Greedy: many clients ask and disconnect at once."""
    for _ in range(times):
        _send(url, question).close()
    yield


@contextlib.asynccontextmanager
async def not_reading(url: str, question: dict[str, object], clients: int) -> AsyncIterator[None]:
    """Greedy: clients ask for a large file and do not read it."""
    connections = [_send(url, question) for _ in range(clients)]
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def _send(url: str, question: dict[str, object]) -> socket.socket:
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port))
    body = json.dumps(question).encode()
    head = f"POST /{API}/query HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: text/csv\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


async def _caught_up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for _ in range(600):
            if (await client.get(f"{API}/configuration")).status_code == 200:
                return
            await asyncio.sleep(1)
    raise RuntimeError("the reader does not catch up")


async def measure(server: Server, seconds: float) -> None:
    """Print the normal client's latencies alone and beside each kind of greedy client."""
    url = server.url
    await _caught_up(url)
    await others(url, min(seconds, 2))
    alone = await others(url, seconds)
    rows = [alone.row("alone", alone)]
    for name, greed in (
        ("1 asks the costliest", asking(url, COSTLIEST, 1)),
        ("20 ask the costliest", asking(url, COSTLIEST, 20)),
        ("4 ask with 99 filters", asking(url, MANY_FILTERS, 4)),
        ("400 ask with 99 filters and hang up", hanging_up(url, MANY_FILTERS, 400)),
        ("24 do not read a large file", not_reading(url, FILE, 24)),
    ):
        async with greed:
            await asyncio.sleep(0.5)
            rows.append((await others(url, seconds)).row(name, alone))
        await asyncio.sleep(1)
    print_table("Others' waiting", HEAD, rows)
    print(f"\nRSS of the service {server.rss_mb():.0f} MB")


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--portals", type=int, default=16, help="portals of some 270 people and 6,000 items each")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--database-url", help="a log that is already filled")
    options = parser.parse_args()
    with scratch_folder() as folder, contextlib.ExitStack() as parts:
        dsn = options.database_url
        if dsn is None:
            dsn = await parts.enter_context(running_postgres(folder)).create_log("greedy")
            await fill(dsn, options.events, options.portals)
        with service(dsn, Path(folder) / "service") as server:
            await measure(server, options.seconds)


if __name__ == "__main__":
    asyncio.run(_main())
