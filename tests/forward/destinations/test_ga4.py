"""GA4, against a stand-in that keeps the Measurement Protocol's published rules and answers 204 whatever it does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given

from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance, Worker
from analytics_internal.forward.destination import ReceiverUnavailable, Undeliverable
from analytics_internal.forward.destinations import ga4
from analytics_internal.forward.destinations.ga4 import Ga4, Ga4Options, event_name
from tests.forward.destinations.samples import any_event, batch_of, outgoing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running

API_SECRET = "secret-of-the-stream"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
RESERVED_EVENTS = {"ad_click", "app_remove", "error", "first_open", "os_update", "session_start", "user_engagement"}
RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")
LONGER = {"page_location": 1_000, "page_title": 300}


class Ignored(Exception):
    """What GA4 leaves out without a word."""


class Stream(HttpReceiver):
    """A web stream. It keeps what follows the rules, and ignores the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        """Each with the client and the user of its request."""
        self.ignored: list[str] = []
        self.fails_after: int | None = None
        """Answers 503 after so many requests."""
        self.complains_of = ""
        """A parameter that the validation server does not like."""

    @property
    def options(self) -> Mapping[str, Any]:
        return {
            "url": self.url,
            "measurement_id": "G-1234567890",
            "api_secret": API_SECRET,
            "portal_url": "https://backstage.example.com",
        }

    def received(self) -> list[UUID]:
        """In the log's order, after a look at what order there is: that of each client's events."""
        assert not self.ignored, f"lost without a word: {self.ignored}"
        latest: dict[str, int] = {}
        seen: set[int] = set()
        for event in self.events:
            position = event["params"]["log_position"]
            assert position in seen or position > latest.get(event["client"], 0), "a client's events are out of order"
            latest[event["client"]] = max(latest.get(event["client"], 0), position)
            seen.add(position)
        return [
            UUID(id_)
            for _, id_ in sorted({(e["params"]["log_position"], e["params"]["event_id"]) for e in self.events})
        ]

    def take(self, request: Request) -> Reply:
        if self.fails_after is not None:
            if self.fails_after == 0:
                return Reply(503)
            self.fails_after -= 1
        if request.path.startswith("/debug/"):
            return self._validated(request)
        try:
            self._keep(request)
        except Ignored as reason:
            self.ignored.append(str(reason))
        return Reply(204)

    def _validated(self, request: Request) -> Reply:
        """The validation server keeps nothing, and says what is wrong."""
        body = json.loads(request.body)
        assert request.path.startswith("/debug/mp/collect?")
        assert body["validation_behavior"] == "ENFORCE_RECOMMENDATIONS"
        problems: list[Mapping[str, str]] = []
        for event in body["events"]:
            try:
                require_valid(event)
                require(self.complains_of not in event["params"], f"{self.complains_of} is not allowed any more")
            except Ignored as reason:
                problems.append({"fieldPath": "events", "description": str(reason), "validationCode": "VALUE_INVALID"})
        return Reply(200, json.dumps({"validationMessages": problems}).encode())

    def _keep(self, request: Request) -> None:
        address = urlsplit(request.path)
        require(address.path == "/mp/collect", address.path)
        asked = parse_qs(address.query)
        require(asked == {"measurement_id": ["G-1234567890"], "api_secret": [API_SECRET]}, "not this stream's secret")
        require(len(request.body) < 130_000, "the body is too large")
        body = json.loads(request.body)
        require(set(body) <= {"client_id", "user_id", "events"}, f"unknown fields: {set(body)}")
        require(re.fullmatch(r"[1-9]\d*\.[1-9]\d*", body["client_id"]) is not None, "client_id")
        require(1 <= len(body["events"]) <= 25, "the number of events")
        for event in body["events"]:
            require_valid(event)
            self.events.append({**event, "client": body["client_id"], "user": body.get("user_id")})


def require(is_right: bool, what: str) -> None:
    if not is_right:
        raise Ignored(what)


def require_valid(event: dict[str, Any]) -> None:
    """The rules of the page "Send Measurement Protocol events", and the reserved names of the reference."""
    require(NAME.fullmatch(event["name"]) is not None, f"the event's name {event['name']!r}")
    require(event["name"] not in RESERVED_EVENTS, f"reserved: {event['name']}")
    require(not event["name"].startswith(RESERVED_PREFIXES), f"reserved: {event['name']}")
    age = datetime.now(UTC) - datetime.fromtimestamp(event["timestamp_micros"] / 1_000_000, UTC)
    require(timedelta(0) <= age <= timedelta(hours=72), f"{age} old")
    parameters = event["params"]
    require(len(parameters) <= 25, "more than 25 parameters")
    require(re.fullmatch(r"[1-9]\d*", parameters["session_id"]) is not None, "session_id is no positive number")
    require(parameters["engagement_time_msec"] > 0, "engagement_time_msec")
    for name, value in parameters.items():
        require(NAME.fullmatch(name) is not None and not name.startswith(RESERVED_PREFIXES), f"the name {name!r}")
        require(
            isinstance(value, str | int | float) and not isinstance(value, bool), f"{name} is no text and no number"
        )
        require(len(str(value)) <= LONGER.get(name, 100), f"{name} is too long")


class TestGa4(Conformance):
    kind = Ga4

    @pytest.fixture
    def receiver(self) -> Iterator[Stream]:
        with running(Stream()) as stream:
            yield stream


@pytest.fixture
def stream() -> Iterator[Stream]:
    with running(Stream()) as found:
        yield found


def destination_to(stream: Stream, **options: Any) -> Ga4:
    return Ga4("ga4", Ga4Options.model_validate({**stream.options, **options}))


def offline() -> Ga4:
    return Ga4("ga4", Ga4Options.model_validate({"measurement_id": "G-ABCDEF", "api_secret": API_SECRET}))


@given(any_event)
def test_whatever_the_log_has_keeps_the_rules(event: Any) -> None:
    require_valid(json.loads(offline().encode(event)))


async def test_a_request_has_25_events_of_one_visitor_in_their_order(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()
    events = [outgoing(user=f"p-{number % 3}") for number in range(120)]

    assert await destination.send(batch_of(destination, *events)) == []

    sizes = [len(json.loads(request.body)["events"]) for request in stream.requests]
    assert sizes == [25, 15, 25, 15, 25, 15]
    assert [event["user"] for event in stream.events] == ["p-0"] * 40 + ["p-1"] * 40 + ["p-2"] * 40
    assert stream.received() == [event.id for event in events]
    await destination.close()


async def test_a_request_has_less_than_130_kb(stream: Stream) -> None:
    worker = Worker(destination_to(stream))
    await worker.destination.open()
    events = [outgoing(attributes={f"n{number}": "🦆" * 100 for number in range(20)}) for _ in range(60)]

    assert await worker.deliver(events) == stream.received()

    assert max(len(request.body) for request in stream.requests) > 100_000
    await worker.destination.close()


async def test_what_was_answered_before_a_failure_is_not_sent_again(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()
    events = [outgoing(user=f"p-{number % 4}") for number in range(40)]
    stream.fails_after = 3

    with pytest.raises(ReceiverUnavailable):
        await destination.send(batch_of(destination, *events))
    await destination.close()
    stream.fails_after = None
    await destination.open()
    await destination.send(batch_of(destination, *events))

    assert len(stream.events) == 40
    assert stream.received() == [event.id for event in events]
    # Somebody who asks for a replay gets it.
    await destination.send(batch_of(destination, *events))
    assert len(stream.events) == 80
    await destination.close()


async def test_smaller_batches_after_a_failure_leave_out_what_was_answered(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()
    events = [outgoing(user=f"p-{number}") for number in (1, 2, 2, 1)]
    stream.fails_after = 1
    with pytest.raises(ReceiverUnavailable):
        await destination.send(batch_of(destination, *events))
    stream.fails_after = None

    stream.fails_after = 0
    with pytest.raises(ReceiverUnavailable):
        await destination.send(batch_of(destination, *events[:2]))
    stream.fails_after = None
    for event in events:
        await destination.send(batch_of(destination, event))

    assert len(stream.events) == 4
    assert stream.received() == [event.id for event in events]
    await destination.close()


async def test_a_test_event_is_seen_by_the_validation_server_and_arrives(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()

    assert await destination.try_out(batch_of(destination, outgoing())) == []

    assert [urlsplit(request.path).path for request in stream.requests] == ["/debug/mp/collect", "/mp/collect"]
    assert len(stream.received()) == 1
    await destination.close()


async def test_a_test_event_that_the_validation_server_does_not_like_is_refused(stream: Stream) -> None:
    stream.complains_of = "page_location"
    destination = destination_to(stream)
    await destination.open()

    (refusal,) = await destination.try_out(batch_of(destination, outgoing()))

    assert "page_location is not allowed any more" in refusal.detail
    assert stream.received() == []
    await destination.close()


async def test_a_collector_without_validation_server_gets_the_test_event(stream: Stream) -> None:
    class Collector(Stream):
        def _validated(self, request: Request) -> Reply:
            return Reply(404)

    with running(Collector()) as collector:
        destination = destination_to(collector)
        await destination.open()
        assert await destination.try_out(batch_of(destination, outgoing())) == []
        await destination.close()

        assert len(collector.received()) == 1


async def test_a_page_view_has_ga4s_own_names(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()
    event = outgoing(subject="/docs/default/component/guide", path="/docs/default/component/guide", plugin="techdocs")

    await destination.send(batch_of(destination, event))

    (arrived,) = stream.events
    assert arrived["name"] == "page_view"
    assert arrived["params"]["page_location"] == "https://backstage.example.com/docs/default/component/guide"
    assert arrived["params"]["plugin"] == "techdocs"
    assert arrived["params"]["session_id"] == str((event.session_id.int >> 80) // 1_000)  # type: ignore[union-attr]
    assert arrived["timestamp_micros"] == int(event.occurred_at.timestamp() * 1_000_000)
    await destination.close()


async def test_a_search_has_its_term_and_results(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()

    await destination.send(batch_of(destination, outgoing(action="search", subject="grpc", value=4.0, path=None)))

    (arrived,) = stream.events
    assert (arrived["name"], arrived["params"]["search_term"], arrived["params"]["value"]) == ("search", "grpc", 4.0)
    await destination.close()


async def test_events_without_a_person_name_nobody_and_count_by_session(stream: Stream) -> None:
    destination = destination_to(stream)
    await destination.open()
    one, other = UUID("0193f2b4-7c1e-7d4a-9b3a-2f6c8e1d5a70"), UUID("0193f2b4-7c1e-7d4a-9b3a-2f6c8e1d5a71")

    await destination.send(
        batch_of(destination, *(outgoing(user=None, session_id=session) for session in (one, other, one, None)))
    )

    assert {event["user"] for event in stream.events} == {None}
    assert len({event["client"] for event in stream.events}) == 3
    await destination.close()


def test_events_older_than_72_hours_are_dead_letters() -> None:
    young = outgoing(occurred_at=datetime.now(UTC) - timedelta(hours=71, minutes=58))
    old = outgoing(occurred_at=datetime.now(UTC) - timedelta(hours=72))

    offline().encode(young)
    with pytest.raises(Undeliverable) as refused:
        offline().encode(old)

    assert refused.value.reason == "too_old"


def test_an_event_that_grew_old_while_the_receiver_was_away_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    event = outgoing(occurred_at=datetime.now(UTC) - timedelta(hours=71))
    offline().encode(event)

    class Later:
        @staticmethod
        def now(tz: tzinfo) -> datetime:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr(ga4, "datetime", Later)
    with pytest.raises(Undeliverable) as refused:
        offline().encode(event)

    assert refused.value.reason == "too_old"


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("click", "click"),
        ("signIn", "signIn"),
        ("not-found", "not_found"),
        ("error", "portal_error"),
        ("session_start", "portal_session_start"),
        ("ga_own", "portal_ga_own"),
        ("_private", "portal_private"),
        ("2fa", "portal_2fa"),
        ("zurück", "zuruck"),
        ("検索", "other"),
        ("a" * 60, "a" * 40),
    ],
)
def test_actions_become_names_that_ga4_takes(action: str, name: str) -> None:
    assert event_name(outgoing(action=action, path=None)) == name


def test_the_longest_values_are_those_of_the_property() -> None:
    event = outgoing(attributes={"text": "x" * 600})
    standard = json.loads(offline().encode(event))["params"]["attribute_text"]
    options = {"measurement_id": "G-ABCDEF", "api_secret": API_SECRET, "is_360": True}
    of_360 = json.loads(Ga4("ga4", Ga4Options.model_validate(options)).encode(event))["params"]["attribute_text"]

    assert (len(standard), len(of_360)) == (100, 500)


def test_a_measurement_id_of_the_former_analytics_is_refused() -> None:
    with pytest.raises(UnusableDestination, match="measurement_id"):
        configure([{"name": "ga", "type": "ga4", "measurement_id": "UA-12345-1", "api_secret": "x"}])
