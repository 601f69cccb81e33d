"""Webhooks at a real HTTP server, verified with the library of standardwebhooks.com."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import standardwebhooks
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

from analytics_internal.forward.configuration import UnusableDestination, configure, make
from analytics_internal.forward.conformance import Conformance, nasty_events, recorded_events
from analytics_internal.forward.destination import Batch, BatchRefused, DeliveryError, ReceiverGone
from analytics_internal.forward.destinations.webhook import Webhook, WebhookOptions
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.secret import SecretMissing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g="
OTHER_SECRET = "whsec_" + "YW5vdGhlciBzZWNyZXQsIGFsc28gbG9uZyBlbm91Z2g="


class Hook(HttpReceiver):
    """Takes what is signed, in both formats."""

    format = "json"

    @property
    def options(self) -> Mapping[str, Any]:
        return {
            "url": f"{self.url}/hook?token=token-of-the-url",
            "secret": SECRET,
            "format": self.format,
            "headers": {"authorization": "Bearer token-of-the-header"},
        }

    def take(self, request: Request) -> Reply:
        found = json.loads(request.body)
        events = found["events"] if self.format == "json" else found
        self.ids += [UUID(event["id"]) for event in events]
        return Reply(204)


class CloudHook(Hook):
    format = "cloudevents"


class TestJson(Conformance):
    kind = Webhook

    @pytest.fixture
    def receiver(self) -> Iterator[Hook]:
        with running(Hook()) as hook:
            yield hook


class TestCloudEvents(Conformance):
    kind = Webhook

    @pytest.fixture
    def receiver(self) -> Iterator[Hook]:
        with running(CloudHook()) as hook:
            yield hook


class Sent(NamedTuple):
    """What arrived when a destination of these options sent these events."""

    requests: list[Request]
    refused: DeliveryError | None


async def send(hook: HttpReceiver, events: Sequence[Outgoing], times: int = 1, **options: object) -> Sent:
    configured = configure([{"name": "audit", "type": "webhook", "url": hook.url, **options}])
    destination = make(configured[0])
    batch = Batch(events, [destination.encode(event) for event in events])
    refused = None
    await destination.open()
    try:
        for _ in range(times):
            assert await destination.send(batch) == ()
    except DeliveryError as error:
        refused = error
    finally:
        await destination.close()
    return Sent(hook.requests, refused)


@pytest.fixture
def hook() -> Iterator[HttpReceiver]:
    with running(HttpReceiver()) as receiver:
        yield receiver


async def test_the_library_of_standard_webhooks_accepts_the_signature(hook: HttpReceiver) -> None:
    events = recorded_events()
    sent = await send(hook, events, secret=SECRET)
    (request,) = sent.requests
    verified = standardwebhooks.Webhook(SECRET).verify(request.body, dict(request.headers))
    assert [event["id"] for event in verified["events"]] == [str(event.id) for event in events]
    assert verified["events"][0] == json.loads(document(events[0]))
    assert request.headers["content-type"] == "application/json"


async def test_the_library_refuses_another_secret(hook: HttpReceiver) -> None:
    sent = await send(hook, recorded_events(), secret=SECRET)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER_SECRET).verify(sent.requests[0].body, dict(sent.requests[0].headers))


async def test_during_a_rotation_receivers_with_either_secret_accept_a_request(hook: HttpReceiver) -> None:
    sent = await send(hook, recorded_events(), secret=[OTHER_SECRET, SECRET])
    for secret in (SECRET, OTHER_SECRET):
        standardwebhooks.Webhook(secret).verify(sent.requests[0].body, dict(sent.requests[0].headers))


async def test_a_compressed_body_is_signed_as_it_was_before(hook: HttpReceiver) -> None:
    sent = await send(hook, recorded_events(), secret=SECRET, gzip=True)
    (request,) = sent.requests
    assert request.headers["content-encoding"] == "gzip"
    assert len(request.raw_body) < len(request.body)
    standardwebhooks.Webhook(SECRET).verify(request.body, dict(request.headers))


async def test_the_same_batch_has_the_same_id_and_another_batch_another(hook: HttpReceiver) -> None:
    events = recorded_events()
    await send(hook, events, times=2, secret=SECRET)
    await send(hook, events, secret=OTHER_SECRET)
    await send(hook, events[:-1], secret=SECRET)
    ids = [request.headers["webhook-id"] for request in hook.requests]
    assert len(set(ids[:3])) == 1
    assert ids[3] != ids[0]


async def test_a_request_without_a_secret_has_an_id_and_no_signature(hook: HttpReceiver) -> None:
    sent = await send(hook, recorded_events())
    assert "webhook-signature" not in sent.requests[0].headers
    assert sent.requests[0].headers["webhook-id"].startswith("msg_")


async def test_a_secret_is_read_anew_for_each_request(hook: HttpReceiver, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    destination = Webhook("audit", WebhookOptions.model_validate({"url": hook.url, "secret": {"file": str(file)}}))
    batch = Batch(events := recorded_events(), [destination.encode(event) for event in events])
    await destination.open()
    await destination.send(batch)
    file.write_text(OTHER_SECRET)
    await destination.send(batch)
    await destination.close()
    for secret, request in zip((SECRET, OTHER_SECRET), hook.requests, strict=True):
        standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))


@pytest.mark.parametrize("secret", ["whsec_", "secret", "whsec_not base64", "whsec_c2hvcnQ="])
async def test_a_secret_that_no_library_would_take_is_refused_without_showing_it(
    hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("HOOK_SECRET", secret)
    with pytest.raises(UnusableDestination, match="at least 24 bytes in base64") as written:
        await send(hook, recorded_events(), secret=secret)
    with pytest.raises(SecretMissing, match="at least 24 bytes in base64") as read:
        await send(hook, recorded_events(), secret={"env": "HOOK_SECRET"})
    assert "c2hvcnQ" not in f"{written.value} {read.value}"
    assert "HOOK_SECRET" in str(read.value)
    assert not hook.requests


async def test_the_library_of_cloudevents_reads_a_batch(hook: HttpReceiver) -> None:
    events = [*recorded_events(), *nasty_events()]
    sent = await send(hook, events, format="cloudevents", source="https://portal.example/analytics", secret=SECRET)
    (request,) = sent.requests
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=UTF-8"
    standardwebhooks.Webhook(SECRET).verify(request.body, dict(request.headers))
    found = [cloud_event(one) for one in json.loads(request.body)]
    assert [event.get_id() for event in found] == [str(event.id) for event in events]
    assert [event.get_time() for event in found] == [event.occurred_at for event in events]
    assert found[0].get_type() == "io.backstage.analytics.navigate"
    assert found[0].get_source() == "https://portal.example/analytics"
    assert found[0].get_subject() == "/catalog"
    assert found[0].get_data() == json.loads(document(events[0]))
    sequences = [str(event.get_extension("sequence")) for event in found]
    assert sequences == sorted(sequences)


async def test_renamed_fields_arrive_under_their_new_name(hook: HttpReceiver) -> None:
    await send(hook, recorded_events(), fields={"rename": {"action": "verb"}})
    assert [event["verb"] for event in json.loads(hook.requests[0].body)["events"]][:2] == ["navigate", "signIn"]


async def test_further_headers_are_sent_and_may_be_secret(hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "Bearer from-the-environment")
    await send(hook, recorded_events(), headers={"Authorization": {"env": "HOOK_TOKEN"}, "X-Team": "portal"})
    assert hook.requests[0].headers["authorization"] == "Bearer from-the-environment"
    assert hook.requests[0].headers["x-team"] == "portal"


async def test_a_receiver_that_wants_no_more_events_disables_the_destination(hook: HttpReceiver) -> None:
    hook.retire()
    sent = await send(hook, recorded_events())
    assert isinstance(sent.refused, ReceiverGone)
    assert sent.refused.status == 410


async def test_a_batch_that_is_too_large_for_the_receiver_is_refused_so_that_it_is_halved(hook: HttpReceiver) -> None:
    hook.REFUSING = Reply(413)
    hook.refuse()
    sent = await send(hook, recorded_events())
    assert isinstance(sent.refused, BatchRefused)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"secret": []}, "secret"),
        ({"secret": [SECRET, SECRET, SECRET]}, "secret"),
        ({"format": "xml"}, "format"),
        ({"max_bytes": 10}, "max_bytes"),
        ({"headers": {"Host": "elsewhere"}}, "headers.Host"),
        ({"headers": {"a b": "x"}}, "headers."),
        ({"url": "ftp://hook.example"}, "url"),
        ({"url": "https://hook.example/#part"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
    ],
)
def test_an_option_that_cannot_work_is_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(UnusableDestination) as caught:
        configure([{"name": "audit", "type": "webhook", "url": "https://hook.example", **options}])
    assert caught.value.lines[0].startswith(f"audit: {problem}")
    assert SECRET not in str(caught.value)


def cloud_event(found: object) -> BaseCloudEvent:
    message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(found).encode())
    return from_structured(message, JSONFormat())
