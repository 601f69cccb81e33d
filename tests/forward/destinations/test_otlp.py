"""OTLP at a real HTTP server that reads requests with the published classes of the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from analytics_internal.forward.configuration import configure, make
from analytics_internal.forward.conformance import Conformance, nasty_events, recorded_events
from analytics_internal.forward.destination import Batch, BatchRefused, DeliveryError, ReceiverUnavailable, Refusal
from analytics_internal.forward.destinations.otlp import Otlp
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running


class Collector(HttpReceiver):
    """Takes logs in protobuf."""

    encoding = "protobuf"

    def __init__(self) -> None:
        self.exports: list[ExportLogsServiceRequest] = []
        self.response = ExportLogsServiceResponse()
        super().__init__()

    @property
    def options(self) -> Mapping[str, Any]:
        return {
            "url": f"{self.url}/otlp",
            "encoding": self.encoding,
            "headers": {"authorization": "Bearer token-of-the-header"},
        }

    @property
    def records(self) -> list[LogRecord]:
        return [record for export in self.exports for record in _records(export)]

    def take(self, request: Request) -> Reply:
        export = self.read(request)
        self.exports.append(export)
        self.ids += [UUID(values(record.attributes)["log.record.uid"]) for record in _records(export)]
        return self.reply()

    def read(self, request: Request) -> ExportLogsServiceRequest:
        assert request.headers["content-type"] == "application/x-protobuf"
        return ExportLogsServiceRequest.FromString(request.body)

    def reply(self) -> Reply:
        return Reply(200, self.response.SerializeToString(), {"content-type": "application/x-protobuf"})


class JsonCollector(Collector):
    """Takes logs in JSON; fields that the protocol does not have are errors."""

    encoding = "json"

    def read(self, request: Request) -> ExportLogsServiceRequest:
        assert request.headers["content-type"] == "application/json"
        return json_format.Parse(request.body, ExportLogsServiceRequest())

    def reply(self) -> Reply:
        return Reply(200, json_format.MessageToJson(self.response).encode(), {"content-type": "application/json"})


def _records(export: ExportLogsServiceRequest) -> list[LogRecord]:
    return [record for logs in export.resource_logs for scope in logs.scope_logs for record in scope.log_records]


def values(attributes: Any) -> dict[str, Any]:
    """Attributes by name; a name that comes twice is an error in OTLP."""
    names = [attribute.key for attribute in attributes]
    assert len(set(names)) == len(names)
    return {attribute.key: _value(attribute) for attribute in attributes}


def _value(attribute: KeyValue) -> Any:
    kind = attribute.value.WhichOneof("value")
    assert kind is not None, attribute
    return getattr(attribute.value, kind)


class TestProtobuf(Conformance):
    kind = Otlp

    @pytest.fixture
    def receiver(self) -> Iterator[Collector]:
        with running(Collector()) as collector:
            yield collector


class TestJson(Conformance):
    kind = Otlp

    @pytest.fixture
    def receiver(self) -> Iterator[Collector]:
        with running(JsonCollector()) as collector:
            yield collector


class Outcome(NamedTuple):
    """What ``send`` returned or raised."""

    refusals: Sequence[Refusal]
    error: DeliveryError | None


async def send(collector: Collector, events: Sequence[Outgoing], **options: object) -> Outcome:
    (configured,) = configure([{"name": "logs", "type": "otlp", **collector.options, **options}])
    destination = make(configured)
    await destination.open()
    try:
        return Outcome(await destination.send(Batch(events, [destination.encode(event) for event in events])), None)
    except DeliveryError as error:
        return Outcome((), error)
    finally:
        await destination.close()


@pytest.fixture(params=[Collector, JsonCollector], ids=["protobuf", "json"])
def collector(request: pytest.FixtureRequest) -> Iterator[Collector]:
    kind: type[Collector] = request.param
    with running(kind()) as found:
        yield found


async def test_an_event_is_a_log_record_with_an_event_name(collector: Collector) -> None:
    events = recorded_events()
    await send(collector, events)
    (export,) = collector.exports
    (logs,) = export.resource_logs
    (scope,) = logs.scope_logs
    assert values(logs.resource.attributes) == {"service.name": "backstage"}
    assert scope.scope.name == "backstage-analytics-internal"
    assert scope.scope.version
    (event,) = [event for event in events if event.action == "discover"]
    (record,) = [record for record in scope.log_records if record.event_name == "backstage.discover"]
    assert record.time_unix_nano == nanoseconds(event.occurred_at)
    assert event.received_at is not None
    assert record.observed_time_unix_nano == nanoseconds(event.received_at)
    assert record.severity_number == SeverityNumber.SEVERITY_NUMBER_INFO
    assert not record.HasField("body")
    assert values(record.attributes) == {
        "log.record.uid": str(event.id),
        "user.id": "user:default/guest",
        "session.id": str(event.session_id),
        "url.path": "/catalog/default/component/example-website",
        "backstage.action": "discover",
        "backstage.subject": "example-website",
        "backstage.value": 2.0,
        "backstage.plugin": "search",
        "backstage.entity": "component:default/example-website",
        "backstage.position": event.position,
        "backstage.attributes.to": "/catalog/default/component/example-website",
        "backstage.context.extension": "SearchResult",
        "backstage.context.pluginId": "search",
        "backstage.context.routeRef": "unknown",
        "backstage.context.searchTypes": "",
    }


async def test_a_pseudonym_is_a_hash_and_nobody_is_nothing(collector: Collector) -> None:
    named, anonymous, nobody = recorded_events()[:3]
    anonymous = msgspec.structs.replace(anonymous, user="p-aeaqcaibaeaqcaibaeaqcaibae")
    await send(collector, [named, anonymous, msgspec.structs.replace(nobody, user=None)])
    first, second, third = (values(record.attributes) for record in collector.records)
    assert first["user.id"] == "user:default/guest"
    assert second["user.hash"] == "p-aeaqcaibaeaqcaibaeaqcaibae"
    assert "user.id" not in second
    assert not {"user.id", "user.hash"} & set(third)


async def test_values_keep_their_types_and_the_absent_have_no_attribute(collector: Collector) -> None:
    given = {"yes": True, "one": 1, "half": 0.5, "most": 2**63 - 1, "least": -(2**63), "more": 2**63, "none": None}
    (event,) = recorded_events()[:1]
    await send(collector, [msgspec.structs.replace(event, attributes=given)])
    (record,) = collector.records
    found = {
        key.removeprefix("backstage.attributes."): value
        for key, value in values(record.attributes).items()
        if key.startswith("backstage.attributes.")
    }
    assert found == {**{key: value for key, value in given.items() if value is not None}, "more": float(2**63)}
    assert {key: type(value) for key, value in found.items()}["yes"] is bool
    assert {key: type(value) for key, value in found.items()}["one"] is int


async def test_every_nasty_event_survives_the_way(collector: Collector) -> None:
    events = nasty_events()
    await send(collector, events)
    for event, record in zip(events, collector.records, strict=True):
        found = values(record.attributes)
        assert found.get("backstage.subject", "") == event.subject
        assert record.time_unix_nano == nanoseconds(event.occurred_at)


async def test_the_resource_is_an_option(collector: Collector) -> None:
    resource = {"service.name": "portal", "deployment.environment.name": "production", "team.size": 4}
    await send(collector, recorded_events(), resource=resource)
    assert values(collector.exports[0].resource_logs[0].resource.attributes) == resource


async def test_requests_are_compressed_unless_that_is_turned_off(collector: Collector) -> None:
    await send(collector, recorded_events())
    await send(collector, recorded_events(), gzip=False)
    assert [request.headers.get("content-encoding") for request in collector.requests] == ["gzip", None]
    assert {request.path for request in collector.requests} == {"/otlp/v1/logs"}


async def test_no_event_of_a_request_that_was_rejected_in_part_counts_as_delivered(collector: Collector) -> None:
    """OTLP does not say which records were rejected, and forbids sending the request again."""
    collector.response.partial_success.rejected_log_records = 2
    collector.response.partial_success.error_message = "attribute too long"
    events = recorded_events()
    refusals, error = await send(collector, events)
    assert error is None
    assert [refusal.index for refusal in refusals] == list(range(len(events)))
    assert {refusal.answer for refusal in refusals} == {"attribute too long"}
    assert (
        refusals[0].detail == f"the receiver rejected 2 of the {len(events)} events of a request, without saying which"
    )
    assert len(collector.requests) == 1


async def test_of_a_single_event_the_rejection_is_certain(collector: Collector) -> None:
    collector.response.partial_success.rejected_log_records = 1
    refusals, _ = await send(collector, recorded_events()[:1])
    assert [refusal.detail for refusal in refusals] == ["the receiver rejected 1 of the 1 events of a request"]


async def test_a_warning_without_rejections_is_a_delivery(collector: Collector) -> None:
    collector.response.partial_success.error_message = "use a newer version"
    assert await send(collector, recorded_events()) == Outcome((), None)


@pytest.mark.parametrize("body", [b"", b"OK", b"\xff\xff\xff", b'{"partialSuccess": 1}', b"null", b"[]"])
async def test_an_answer_of_success_that_cannot_be_read_is_a_delivery(collector: Collector, body: bytes) -> None:
    reply = Reply(200, body, collector.reply().headers)
    collector.reply = lambda: reply  # type: ignore[method-assign]
    assert await send(collector, recorded_events()) == Outcome((), None)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_the_retryable_statuses_of_the_protocol_are_outages(collector: Collector, status: int) -> None:
    reply = Reply(status, b"", {"retry-after": "3"})
    collector.reply = lambda: reply  # type: ignore[method-assign]
    _, error = await send(collector, recorded_events())
    assert isinstance(error, ReceiverUnavailable)
    assert error.retry_after_s == 3


async def test_a_request_that_the_protocol_calls_bad_is_refused(collector: Collector) -> None:
    collector.refuse()
    _, error = await send(collector, recorded_events())
    assert isinstance(error, BatchRefused)


def nanoseconds(at: datetime) -> int:
    """Exactly: microseconds are whole."""
    return ((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) * 1_000
