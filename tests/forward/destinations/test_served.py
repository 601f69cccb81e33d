"""The real service forwards to GA4, Matomo, Segment and PostHog at once, and not to itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from tests.forward.destinations.samples import outgoing
from tests.forward.destinations.test_ga4 import Stream
from tests.forward.destinations.test_matomo import Site
from tests.forward.destinations.test_segment import PostHog, Source
from tests.forward.http_receiver import HttpReceiver, running
from tests.ports import reserved_port
from tests.service import API, ServiceProcess

TOKEN = "token-of-the-service-itself"
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def receivers() -> Iterator[dict[str, HttpReceiver]]:
    with contextlib.ExitStack() as all_:
        made = {"ga4": Stream(), "matomo": Site("token-of-a-super-user"), "segment": Source(), "posthog": PostHog()}
        yield {name: all_.enter_context(running(receiver)) for name, receiver in made.items()}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, receivers: dict[str, HttpReceiver]) -> Iterator[ServiceProcess]:
    folder: Path = tmp_path_factory.mktemp("service")
    port = reserved_port()
    types = {"posthog": "segment"}
    destinations: list[dict[str, Any]] = [
        {"name": name, "type": types.get(name, name), "start": "beginning", **receiver.options}
        for name, receiver in receivers.items()
    ]
    own_url = f"http://127.0.0.1:{port}"
    destinations.append({"name": "itself", "type": "analytics-internal", "url": own_url, "token": TOKEN})
    found = ServiceProcess(folder, import_tokens=[TOKEN], destinations=destinations)
    found.port = port
    with found.running():
        yield found


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < end:
        time.sleep(0.1)


def states_of(service: ServiceProcess) -> dict[str, dict[str, Any]]:
    answer = httpx.get(f"{service.url}{API}/destinations").raise_for_status().json()
    return {one["name"]: one for one in answer["destinations"]}


def stored_in(service: ServiceProcess) -> list[UUID]:
    lines = httpx.get(f"{service.url}{API}/events").raise_for_status().content.splitlines()
    return [UUID(msgspec.json.decode(line)["id"]) for line in lines]


def test_each_receiver_gets_every_event_once_and_in_order(
    service: ServiceProcess, receivers: dict[str, HttpReceiver]
) -> None:
    for _ in range(4):
        events = [_captured(number) for number in range(150)]
        httpx.post(f"{service.url}{API}/events", json={"events": events}).raise_for_status()
    stored = stored_in(service)

    until(lambda: all(len(receiver.received()) >= len(stored) for receiver in receivers.values()))

    for name, receiver in receivers.items():
        assert receiver.received() == stored, name


def test_a_destination_that_is_the_service_itself_is_stopped_and_says_why(service: ServiceProcess) -> None:
    httpx.post(f"{service.url}{API}/events", json=_captured(1)).raise_for_status()

    until(lambda: states_of(service)["itself"]["state"] == "stopped")

    itself = states_of(service)["itself"]
    assert itself["delivered"] == 0
    assert "is the service itself" in itself["stopped_because"]


def _captured(number: int) -> dict[str, Any]:
    """What a browser sends."""
    event = outgoing()
    return {
        "id": str(event.id),
        "action": ("navigate", "click", "search")[number % 3],
        "subject": f"/catalog/default/component/c{number}",
        "user": f"user:default/u{number % 17}",
        "occurredAt": event.occurred_at.isoformat(),
        "sessionId": str(event.session_id),
        "context": {"pluginId": "catalog"},
    }
