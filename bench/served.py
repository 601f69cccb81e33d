"""Measures the real service on the filled log: its start, the overview page over HTTP, its memory."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median

import httpx

from bench.questions import overview
from bench.servers import Server, service

ROUNDS = 7
RANGE = {"date_range": {"from": "2026-10-29", "to": "2026-11-25"}}


async def measure(dsn: str, folder: Path) -> None:
    """Start the service on a finished reader file and ask the overview page's questions one after the other."""
    data = folder / "service"
    data.mkdir()
    shutil.copy(folder / "reader" / "reader.duckdb", data / "reader.duckdb")
    started = time.perf_counter()
    with service(dsn, data) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            await _ask(client)
            first_s = time.perf_counter() - started
            times, sizes = zip(*[await _ask(client) for _ in range(ROUNDS)], strict=True)
        _report(server, first_s, list(times), sizes[-1])


async def _ask(client: httpx.AsyncClient) -> tuple[float, int]:
    started = time.perf_counter()
    size = 0
    for question in overview().values():
        response = await client.post("api/analytics-internal/query", json={**question, **RANGE}, timeout=600)
        response.raise_for_status()
        size += len(response.content)
    return 1000 * (time.perf_counter() - started), size


def _report(server: Server, first_s: float, times: list[float], size: int) -> None:
    print(
        f"\nthe service: {first_s:.2f} s from its start to the first overview page; a page in {median(times):.1f} ms"
        f" over HTTP, {size / 1000:.1f} kB; RSS {server.rss_mb():.0f} MB"
    )
