"""The service's memory stays within its limits, whatever clients send: a real process, and its memory as it is."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.service import API, ServiceProcess, running_service

pytestmark = pytest.mark.slow

MB = 1 << 20
# What an allocator keeps, and what happens to be going on.
MARGIN = 60 * MB
SMALL = {
    "cache_bytes": 32 * MB,
    "buffer_bytes": 8 * MB,
    "bodies_bytes": 16 * MB,
    "max_connections": 200,
    "head_timeout_seconds": 5,
    "transfer_timeout_seconds": 5,
    "reader_memory_limit": "128MB",
}


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    with running_service(**SMALL) as service:
        store(service, 0, 200, 1_000)
        yield service


def memory(service: ServiceProcess) -> int:
    rss: int = psutil.Process(service.pid).memory_info().rss
    return rss


def store(service: ServiceProcess, first: int, events: int, size: int) -> None:
    """Store events whose contents are all different and of about ``size`` bytes."""
    with httpx.Client(timeout=120) as client:
        for start in range(first, first + events, 20):
            body = {"events": [event(number, size) for number in range(start, min(start + 20, first + events))]}
            answer = client.post(f"{service.url}{API}/events", json=body)
            assert {one["status"] for one in answer.json()["results"]} == {"stored"}, answer.text


def event(number: int, size: int) -> dict[str, object]:
    context = {"pluginId": "memory", "text": f"{number} ".ljust(size, "x")}
    return {"action": "navigate", "subject": f"/memory/{number}", "context": context, "user": "user:default/ana"}


@pytest.mark.parametrize(("size", "events"), [(30_000, 100), (900, 1_500)], ids=["large", "small"])
def test_ten_times_as_many_distinct_contents_leave_the_memory_flat(
    service: ServiceProcess, size: int, events: int
) -> None:
    first = size * 1_000_000
    store(service, first, events, size)
    before = memory(service)
    store(service, first + events, 10 * events, size)

    assert memory(service) - before < SMALL["cache_bytes"] + MARGIN  # type: ignore[operator]


def test_hostile_connections_leave_the_memory_flat(service: ServiceProcess) -> None:
    before = memory(service)
    sent = [
        b"GET / HTTP/1.1\r\nx: " + b"x" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 300_000,
        b"GET /" + b"x" * 2_000_000,
        b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 20_000,
        b"POST " + API.encode() + b"/events HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"1;" + b"x" * 2_000_000,
        b"POST " + API.encode() + b"/events HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"1\r\n{\r\n" * 300_000,
        b"POST " + API.encode() + b"/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n"
        + b" " * 999_999,
        b"POST " + API.encode() + b"/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n"
        + b" " * 2_000_000,
    ]  # fmt: skip
    with contextlib.ExitStack() as open_:
        for number in range(240):
            client = open_.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.settimeout(0.5)
            with contextlib.suppress(OSError):
                client.sendall(sent[number % len(sent)])
        assert memory(service) - before < SMALL["bodies_bytes"] + 200 * 150_000 + MARGIN  # type: ignore[operator]
        assert httpx.get(f"{service.url}/healthz", timeout=60).json() == {"status": "alive"}
    assert httpx.get(f"{service.url}{API}/configuration", timeout=60).status_code == 200


def test_a_thousand_silent_connections_keep_nobody_out(service: ServiceProcess) -> None:
    with contextlib.ExitStack() as open_:
        for _ in range(1_100):
            open_.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        answer = httpx.post(f"{service.url}{API}/events", content=json.dumps(event(-1, 100)), timeout=60)

        assert answer.json()["results"][0]["status"] == "stored"
        assert psutil.Process(service.pid).num_fds() < 400
