"""Another analytics-internal: two real services, which forward to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from analytics_internal.forward.conformance import Conformance
from analytics_internal.forward.destination import BatchRefused, ReceiverGone, ReceiverUnavailable
from analytics_internal.forward.destinations.analytics_internal import AnalyticsInternal, AnalyticsInternalOptions
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.destinations.samples import batch_of, outgoing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running
from tests.service import API, ServiceProcess, running_service

TOKEN = "token-of-another-instance"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The other service. It takes events from machines only."""
    folder: Path = tmp_path_factory.mktemp("other")
    with running_service(
        folder, auth="backstage", portal_url="http://127.0.0.1:1", import_tokens=[TOKEN], max_batch_events=400
    ) as found:
        yield found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The service that forwards."""
    folder: Path = tmp_path_factory.mktemp("own")
    with running_service(folder, import_tokens=[TOKEN]) as found:
        yield found


class Gate(HttpReceiver):
    """Stands before the real service, and can fail in its place."""

    def __init__(self, service: ServiceProcess) -> None:
        super().__init__()
        self._service = service
        self._client = httpx.Client(base_url=service.url, timeout=60)
        self._begun_at = int(self._export(0, 1).headers["X-Log-Position"])

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.url, "token": TOKEN}

    def received(self) -> list[UUID]:
        return [UUID(one["id"]) for one in lines_of(self._export(self._begun_at, 1 << 40))]

    def take(self, request: Request) -> Reply:
        wanted = ("authorization", "content-type")
        headers = {name: request.headers[name] for name in wanted if name in request.headers}
        answer = self._client.request(request.method, request.path, content=request.body, headers=headers)
        kept = {name: answer.headers[name] for name in ("retry-after", "x-log-id") if name in answer.headers}
        return Reply(answer.status_code, answer.content, kept)

    def close(self) -> None:
        super().close()
        self._client.close()

    def _export(self, after: int, limit: int) -> httpx.Response:
        asked = {"after": after, "limit": limit}
        return self._client.get(f"{API}/events", params=asked, headers=AUTHORIZATION).raise_for_status()


class TestAnalyticsInternal(Conformance):
    kind = AnalyticsInternal

    @pytest.fixture
    def receiver(self, service: ServiceProcess) -> Iterator[Gate]:
        with running(Gate(service)) as gate:
            yield gate


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


def stored_in(service: ServiceProcess) -> list[Outgoing]:
    """All events of a service, as they would be forwarded with ``people: named``."""
    answer = httpx.get(f"{service.url}{API}/events", headers=AUTHORIZATION).raise_for_status()
    return [msgspec.convert(line, Outgoing) for line in lines_of(answer)]


def log_of(service: ServiceProcess) -> UUID:
    answer = httpx.get(f"{service.url}{API}/events", params={"limit": 1}, headers=AUTHORIZATION).raise_for_status()
    return UUID(answer.headers["X-Log-Id"])


async def opened(service: ServiceProcess, **options: Any) -> AsyncIterator[AnalyticsInternal]:
    destination = made({"url": service.url, "token": TOKEN, **options})
    await destination.open()
    yield destination
    await destination.close()


def made(options: Mapping[str, Any]) -> AnalyticsInternal:
    return AnalyticsInternal("other", AnalyticsInternalOptions.model_validate(options))


async def forwarded(events: list[Outgoing], service: ServiceProcess) -> list[Any]:
    """What another service refuses of some events."""
    async for destination in opened(service):
        return list(await destination.send(batch_of(destination, *events)))
    return []


def _captured(number: int) -> dict[str, Any]:
    """What a browser sends."""
    event = outgoing(attributes={"number": number, "half": 0.5, "none": None}, value=float(number))
    return {
        "id": str(event.id),
        "action": event.action,
        "subject": f"/catalog/default/component/c{number}",
        "attributes": event.attributes,
        "context": {"pluginId": "catalog"},
        "value": event.value,
        "occurredAt": event.occurred_at.isoformat(),
        "sessionId": str(event.session_id),
        "user": "user:default/Ana",
        **({"agent": "claude-code"} if number % 2 else {}),
    }


@pytest.fixture
def captured(own: ServiceProcess) -> list[Outgoing]:
    """New events of the own service, as it stored them."""
    before = own.head
    events = [_captured(number) for number in range(20)]
    httpx.post(f"{own.url}{API}/events", json={"events": events}).raise_for_status()
    return [event for event in stored_in(own) if event.position > before]


async def test_events_keep_their_ids_times_and_people(service: ServiceProcess, captured: list[Outgoing]) -> None:
    assert await forwarded(captured, service) == []

    there = {event.id: event for event in stored_in(service)}
    for event in captured:
        other = there[event.id]
        assert other.imported
        assert (other.occurred_at, other.user, other.subject) == (event.occurred_at, event.user, event.subject)
        assert (other.value, other.session_id, other.agent) == (event.value, event.session_id, event.agent)
        assert (other.attributes, other.context) == (event.attributes, event.context)


async def test_a_repetition_stores_nothing_and_is_no_refusal(service: ServiceProcess, captured: list[Outgoing]) -> None:
    await forwarded(captured, service)
    before = len(stored_in(service))

    assert await forwarded(captured, service) == []

    assert len(stored_in(service)) == before


async def test_a_repetition_in_another_shape_leaves_the_first_one(
    service: ServiceProcess, captured: list[Outgoing]
) -> None:
    await forwarded([msgspec.structs.replace(event, user="p-somebody") for event in captured], service)
    before = len(stored_in(service))

    assert await forwarded(captured, service) == []

    there = {event.id: event for event in stored_in(service)}
    assert len(there) == before
    assert {there[event.id].user for event in captured} == {"user:default/p-somebody"}


async def test_a_ring_of_services_ends_at_the_first_one(
    service: ServiceProcess, own: ServiceProcess, captured: list[Outgoing]
) -> None:
    await forwarded(captured, service)
    before = stored_in(own)
    back = [event for event in stored_in(service) if event.id in {one.id for one in captured}]

    assert await forwarded(back, own) == []
    assert await forwarded([msgspec.structs.replace(event, user=None) for event in back], own) == []

    assert stored_in(own) == before


async def test_a_destination_that_is_the_service_itself_stops(own: ServiceProcess, service: ServiceProcess) -> None:
    destination = made({"url": own.url, "token": TOKEN})
    destination.log_id = log_of(own)

    with pytest.raises(ReceiverGone, match="the service itself"):
        await destination.open()
    await destination.close()

    async for other in opened(service):
        other.log_id = destination.log_id
        await other.open()


async def test_rejected_events_are_refused_with_their_reason(service: ServiceProcess) -> None:
    old = outgoing(occurred_at=datetime(1999, 12, 31, tzinfo=UTC))
    nobody = outgoing(user="no ref / at all")
    good = outgoing()

    refusals = await forwarded([old, good, nobody], service)

    assert [(refusal.index, refusal.reason) for refusal in refusals] == [(0, "too_old"), (2, "refused")]
    assert "invalid_user" in refusals[1].detail


async def test_a_token_without_the_right_makes_no_dead_letters(service: ServiceProcess) -> None:
    destination = made({"url": service.url, "token": "token-of-somebody-else"})

    with pytest.raises(ReceiverUnavailable) as failed:
        await destination.open()

    assert failed.value.status == 401
    await destination.close()


async def test_a_batch_that_is_too_large_there_is_refused_as_a_whole(service: ServiceProcess) -> None:
    async for destination in opened(service):
        with pytest.raises(BatchRefused):
            await destination.send(batch_of(destination, *(outgoing() for _ in range(401))))


async def test_a_page_instead_of_an_answer_is_an_outage() -> None:
    with running(HttpReceiver()) as elsewhere:
        destination = made({"url": elsewhere.url})
        await destination.open()
        with pytest.raises(ReceiverUnavailable, match="check the url"):
            await destination.send(batch_of(destination, outgoing()))
        await destination.close()
