"""Somebody asks too much of the real service: others are answered, and what is over is given back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.http.test_bad_input import assert_is_problem
from tests.samples import navigation
from tests.service import ServiceProcess, running_service

pytestmark = pytest.mark.slow

API = "/api/analytics-internal"
EVERYTHING: dict[str, object] = {
    "metrics": ["events", "people", "items"],
    "dimensions": ["item", "person", "entity", "plugin"],
    "date_range": "all",
    "limit": None,
}


@pytest.fixture(scope="module")
def small() -> Iterator[ServiceProcess]:
    """A service whose files may be small only."""
    with running_service(download_limit="10MB", downloads_limit="12MB") as service:
        with httpx.Client(base_url=service.url + API, timeout=60) as client:
            for start in range(0, 16_000, 1_000):
                events = [navigation(f"/{n}/{'long' * 60}", user=f"p{n % 50}") for n in range(start, start + 1_000)]
                assert client.post("/events", json={"events": events}).status_code == 200
        yield service


def slow_reader(service: ServiceProcess, question: dict[str, object]) -> socket.socket:
    """A client that asks for a file and does not read it."""
    connection = socket.create_connection(("127.0.0.1", service.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    body = json.dumps(question).encode()
    head = f"POST {API}/query HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nAccept: text/csv\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert connection.recv(15).startswith(b"HTTP/1.1 200")
    return connection


def files_of(service: ServiceProcess) -> list[Path]:
    """What the service has open and has deleted."""
    found = []
    for link in Path(f"/proc/{service.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = link.readlink()
            if "(deleted)" in str(target) and str(service.data_dir) in str(target):
                found.append(target)
    return found


async def test_a_file_has_a_largest_size_that_the_error_says(small: ServiceProcess) -> None:
    limited = {**EVERYTHING, "filters": ["contains", "subject", ["/1"]]}
    async with httpx.AsyncClient(base_url=small.url + API, timeout=60) as client:
        whole = await client.post("/query", json=limited, headers={"accept": "text/csv"})
        many = [{**EVERYTHING, "dimensions": ["item", "person", "subject", "entity", "doc_page", "plugin"]}]
        too_large = await client.post("/query", json=many[0], headers={"accept": "text/csv"})

    assert whole.status_code == 200
    assert_is_problem(too_large, 413, "download-too-large")
    assert "10,000,000 bytes" in too_large.json()["detail"]


async def test_slow_readers_hold_no_more_than_their_room_and_give_it_back(small: ServiceProcess) -> None:
    one = {**EVERYTHING, "dimensions": ["item", "person"]}
    async with httpx.AsyncClient(base_url=small.url + API, timeout=60) as client:
        slow = slow_reader(small, one)
        refused = await client.post("/query", json=one, headers={"accept": "text/csv"})
        asked = await client.post("/query", json={**EVERYTHING, "limit": 10})
        slow.close()
        for _ in range(600):
            if not files_of(small):
                break
            await asyncio.sleep(0.1)
        again = await client.post("/query", json=one, headers={"accept": "text/csv"})

    assert_is_problem(refused, 503, "busy")
    assert refused.headers["retry-after"]
    assert asked.status_code == 200
    assert again.status_code == 200
    assert files_of(small) == []


async def test_a_slow_reader_does_not_hold_the_readers_file(small: ServiceProcess) -> None:
    slow = slow_reader(small, {**EVERYTHING, "dimensions": ["item", "person"]})
    async with httpx.AsyncClient(base_url=small.url + API, timeout=60) as client:
        (small.data_dir / "reader.duckdb").unlink()
        answered = await client.post("/query", json={"metrics": ["events"], "date_range": "all"})
    slow.close()

    assert answered.json()["results"] == [{"events": {"value": 16_000}}]
