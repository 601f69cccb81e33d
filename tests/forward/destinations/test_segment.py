"""Segment's HTTP API, RudderStack's gateway and PostHog's capture, as stand-ins with their published rules."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from analytics_internal.forward.conformance import Conformance, Worker
from analytics_internal.forward.destination import BatchRefused, ReceiverUnavailable
from analytics_internal.forward.destinations.segment import Segment, SegmentOptions
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.destinations.samples import any_event, batch_of, outgoing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running

WRITE_KEY = "write-key-of-the-source"


class Source(HttpReceiver):
    """A source of Segment: 500 KB a request, 32 KB an event, and each ``messageId`` once."""

    REQUEST_BYTES = 500_000
    EVENT_BYTES = 32_000
    WELL = Reply(200, b'{"success":true}')
    api = "segment"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[UUID, dict[str, Any]] = {}
        self.repeats = 0
        self.well_answered = 0

    @property
    def options(self) -> Mapping[str, Any]:
        return {
            "url": self.url,
            "write_key": WRITE_KEY,
            "api": self.api,
            "portal_url": "https://backstage.example.com",
        }

    def received(self) -> list[UUID]:
        return list(self.messages)

    def take(self, request: Request) -> Reply:
        if request.path != "/v1/batch":
            return Reply(404)
        if request.headers.get("authorization") != "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode():
            return Reply(401, b'{"msg": "Invalid Write Key"}')
        if len(request.body) > self.REQUEST_BYTES:
            return Reply(400, b'{"success":false,"message":"max request size exceeded"}')
        body = json.loads(request.body)
        assert datetime.fromisoformat(body["sentAt"]).tzinfo is not None
        for message in body["batch"]:
            if (problem := self.problem_of(message)) is not None:
                return Reply(400, json.dumps({"success": False, "message": problem}).encode())
        for message in body["batch"]:
            self.keep(UUID(message["messageId"]), message)
        self.well_answered += 1
        return self.WELL

    def problem_of(self, message: dict[str, Any]) -> str | None:
        if len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) > self.EVENT_BYTES:
            return "max message size exceeded"
        if not (message.get("userId") or message.get("anonymousId")):
            return "Request neither has anonymousId nor userId"
        if message.get("type") not in ("track", "page"):
            return "type"
        if message["type"] == "track" and not message.get("event"):
            return "a track call has an event"
        if message["timestamp"] != message["originalTimestamp"]:
            return "the times differ"
        datetime.fromisoformat(message["timestamp"])
        return None

    def keep(self, id_: UUID, message: dict[str, Any]) -> None:
        self.repeats += id_ in self.messages
        self.messages.setdefault(id_, message)


class RudderStack(Source):
    """A data plane: 4 MB a request, and an answer that is no JSON."""

    REQUEST_BYTES = 4_000_000
    WELL = Reply(200, b"OK")
    REFUSING = Reply(400, b'{"msg": "Event is not a valid rudder event"}')


class PostHog(Source):
    """A project. Its answer names what its quota dropped."""

    REQUEST_BYTES = 20_000_000
    EVENT_BYTES = 1_000_000
    WELL = Reply(200, b'{"status":"Ok"}')
    api = "posthog"
    is_over_quota = False

    def take(self, request: Request) -> Reply:
        if request.path not in ("/batch", "/batch/"):
            return Reply(404)
        if len(request.body) > self.REQUEST_BYTES:
            return Reply(413)
        body = json.loads(request.body)
        if body["api_key"] != WRITE_KEY:
            return Reply(401, f"API key is not valid: {body['api_key']}".encode())
        if self.is_over_quota:
            return Reply(200, json.dumps({"status": "Ok", "quota_limited": ["events"]}).encode())
        for event in body["batch"]:
            if not event["event"] or not event["distinct_id"]:
                return Reply(400, b"event submitted with an empty distinct_id")
            session = event["properties"].get("$session_id")
            assert session is None or UUID(session).version == 7
        for event in body["batch"]:
            self.keep(UUID(event["uuid"]), {**event, "is_history": body["historical_migration"]})
        return self.WELL


class TestSegment(Conformance):
    kind = Segment

    @pytest.fixture
    def receiver(self) -> Iterator[Source]:
        with running(Source()) as source:
            yield source


class TestRudderStack(Conformance):
    kind = Segment

    @pytest.fixture
    def receiver(self) -> Iterator[Source]:
        with running(RudderStack()) as source:
            yield source


class TestPostHog(Conformance):
    kind = Segment

    @pytest.fixture
    def receiver(self) -> Iterator[Source]:
        with running(PostHog()) as source:
            yield source


@pytest.fixture
def source() -> Iterator[Source]:
    with running(Source()) as found:
        yield found


@pytest.fixture
def posthog() -> Iterator[PostHog]:
    with running(PostHog()) as found:
        yield found


async def opened(source: Source, **options: Any) -> AsyncIterator[Segment]:
    destination = made({**source.options, **options})
    await destination.open()
    yield destination
    await destination.close()


def made(options: Mapping[str, Any]) -> Segment:
    return Segment("segment", SegmentOptions.model_validate(options))


@given(any_event)
def test_whatever_the_log_has_is_a_valid_message(event: Outgoing) -> None:
    encoded = made({"write_key": WRITE_KEY}).encode(event)

    if len(encoded) <= Source.EVENT_BYTES:
        assert Source.problem_of(Source.__new__(Source), json.loads(encoded)) is None


async def test_a_page_view_is_a_page_and_anything_else_is_tracked(source: Source) -> None:
    page = outgoing(subject="/docs", path="/docs", attributes={"kind": "component"}, context={"extension": "App"})
    click = outgoing(action="click", subject="Create", value=2.0, path="/create", user=None)

    async for segment in opened(source):
        await segment.send(batch_of(segment, page, click))

    viewed, clicked = source.messages.values()
    assert (viewed["type"], viewed["name"], viewed["userId"]) == ("page", "/docs", "p-ana")
    assert viewed["context"]["page"] == {"path": "/docs", "url": "https://backstage.example.com/docs"}
    assert viewed["context"]["backstage"] == {"extension": "App"}
    assert viewed["properties"]["attributes"] == {"kind": "component"}
    assert (clicked["type"], clicked["event"], clicked["properties"]["value"]) == ("track", "click", 2.0)
    assert "userId" not in clicked
    assert clicked["anonymousId"] == str(click.session_id)
    assert datetime.fromisoformat(clicked["timestamp"]) == click.occurred_at


async def test_requests_are_as_large_as_allowed_and_no_larger(source: Source) -> None:
    events = [outgoing(attributes={"text": "größer " * number}) for number in range(2_500, 4_500, 20)]

    async for segment in opened(source):
        worker = Worker(segment)
        delivered = await worker.deliver(events)
        lost = [event for event in events if event.id not in delivered]

    assert delivered == source.received()
    assert len(source.requests) == source.well_answered
    assert max(len(request.body) for request in source.requests) > 450_000
    assert 0 < len(lost) < len(events)
    assert min(len(segment.encode(event)) for event in lost) > Source.EVENT_BYTES


async def test_a_repetition_is_dropped_by_its_message_id(source: Source) -> None:
    async for segment in opened(source):
        batch = batch_of(segment, outgoing(), outgoing())
        await segment.send(batch)
        await segment.send(batch)

    assert (len(source.messages), source.repeats) == (2, 2)


async def test_a_wrong_write_key_makes_no_dead_letters(source: Source) -> None:
    async for segment in opened(source, write_key="another-key"):
        with pytest.raises(ReceiverUnavailable) as failed:
            await segment.send(batch_of(segment, outgoing()))

    assert failed.value.status == 401


async def test_an_answer_that_says_no_is_read(source: Source) -> None:
    source.WELL = Reply(200, b'{"success":false,"message":"blocked"}')

    async for segment in opened(source):
        with pytest.raises(BatchRefused) as refused:
            await segment.send(batch_of(segment, outgoing()))

    assert "blocked" in refused.value.answer


async def test_posthog_gets_page_views_sessions_and_persons_in_its_own_words(posthog: PostHog) -> None:
    async for segment in opened(posthog):
        await segment.send(batch_of(segment, outgoing(path="/docs"), outgoing(user=None, action="click", path=None)))

    viewed, clicked = posthog.messages.values()
    assert (viewed["event"], viewed["distinct_id"]) == ("$pageview", "p-ana")
    assert viewed["properties"]["$current_url"] == "https://backstage.example.com/docs"
    assert viewed["properties"]["$process_person_profile"] is True
    assert (clicked["event"], clicked["properties"]["$process_person_profile"]) == ("click", False)
    assert not viewed["is_history"]


async def test_posthog_is_told_what_is_history(posthog: PostHog) -> None:
    async for segment in opened(posthog):
        await segment.send(batch_of(segment, outgoing(occurred_at=datetime.now(UTC) - timedelta(hours=49))))

    (event,) = posthog.messages.values()
    assert event["is_history"]


async def test_events_that_posthogs_quota_drops_are_sent_again(posthog: PostHog) -> None:
    posthog.is_over_quota = True
    async for segment in opened(posthog):
        with pytest.raises(ReceiverUnavailable, match="quota"):
            await segment.send(batch_of(segment, outgoing()))


async def test_a_key_that_the_receiver_repeats_is_not_shown(posthog: PostHog) -> None:
    async for segment in opened(posthog, write_key="another-key"):
        with pytest.raises(ReceiverUnavailable) as failed:
            await segment.send(batch_of(segment, outgoing()))

    assert failed.value.answer.startswith("API key is not valid")
    assert "another-key" not in failed.value.answer
