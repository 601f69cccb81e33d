"""Logs of OpenTelemetry: each event is a log record with an event name, sent with OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, ClassVar, Literal

import msgspec
import structlog
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from pydantic import Field

from analytics_internal.forward.destination import MAX_ANSWER_LENGTH, Batch, Destination, Limits, Refusal, answer_of
from analytics_internal.forward.outgoing import Outgoing, Scalar
from analytics_internal.forward.web import SPARE_S, WebOptions, WebReceiver

log = structlog.get_logger(__name__)
Value = str | bool | int | float
_SCOPE = ("backstage-analytics-internal", version("backstage-analytics-internal"))
_INFO = int(SeverityNumber.SEVERITY_NUMBER_INFO)
_LARGEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_json = msgspec.json.Encoder()


class OtlpOptions(WebOptions):
    encoding: Literal["protobuf", "json"] = "protobuf"
    gzip: bool = True
    resource: dict[str, Value] = Field(default_factory=dict)
    """Attributes of the resource, beside ``service.name`` or instead of it."""
    max_events: int = Field(default=500, ge=1, le=10_000)
    """Of one request."""
    max_bytes: int = Field(default=2 << 20, ge=128 << 10, le=64 << 20)
    """Of one request, before it is compressed. Collectors take 20 MiB, unless they are configured otherwise."""


class Otlp(Destination[OtlpOptions]):
    """A collector or a platform that takes OTLP over HTTP."""

    Options: ClassVar = OtlpOptions

    def __init__(self, name: str, options: OtlpOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        resource = {"service.name": "backstage", **options.resource}
        self._format: _Protobuf | _Json = (_Protobuf if options.encoding == "protobuf" else _Json)(resource)
        most = options.max_bytes - self._format.head_bytes
        self.limits = Limits(
            events=options.max_events, bytes=most, event_bytes=most - 1, send_s=options.timeout_s + SPARE_S
        )
        self._receiver = WebReceiver.of(options, "v1/logs")
        self._warned: str | None = None

    async def open(self) -> None:
        await self._receiver.open()

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        return self._format.record(event)

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        body = self._format.request(batch.encoded)
        answer = await self._receiver.post(
            body, {"content-type": self._format.media_type}, compressed=self.options.gzip
        )
        rejected, message = _partial_success(answer.content, answer.headers.get("content-type", ""))
        if rejected <= 0:
            self._warn(message)
            return ()
        # OTLP does not say which ones, and forbids sending any of them again by itself. So none of them counts as
        # delivered: each is a dead letter, which an operator can send again.
        count = len(batch.events)
        detail = f"the receiver rejected {min(rejected, count)} of the {count} events of a request"
        if rejected < count:
            detail += ", without saying which"
        return [Refusal(index, detail, status=answer.status_code, answer=message) for index in range(count)]

    def _warn(self, message: str) -> None:
        """Log what a receiver that took everything says; the same words once."""
        if message and message != self._warned:
            log.warning("the receiver took all events, with a warning", destination=self.name, answer=message)
        self._warned = message


class _Protobuf:
    """Messages that are concatenated are merged: a request is its head and the records one after the other."""

    media_type = "application/x-protobuf"

    def __init__(self, resource: dict[str, Value]) -> None:
        attributes = [KeyValue(key=key, value=_any_value(value)) for key, value in resource.items()]
        self._resource = Resource(attributes=attributes)
        self._scope = InstrumentationScope(name=_SCOPE[0], version=_SCOPE[1])
        self.head_bytes = self._resource.ByteSize() + self._scope.ByteSize() + 64

    def record(self, event: Outgoing) -> bytes:
        record = LogRecord(
            time_unix_nano=_nanoseconds(event.occurred_at),
            observed_time_unix_nano=_nanoseconds(event.received_at or event.occurred_at),
            severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
            severity_text="INFO",
            event_name=_event_name(event),
            attributes=[KeyValue(key=key, value=_any_value(value)) for key, value in attributes_of(event)],
        )
        return ScopeLogs(log_records=[record]).SerializeToString()

    def request(self, records: Sequence[bytes]) -> bytes:
        logs = ScopeLogs.FromString(b"".join(records))
        logs.scope.CopyFrom(self._scope)
        resource_logs = ResourceLogs(resource=self._resource, scope_logs=[logs])
        return ExportLogsServiceRequest(resource_logs=[resource_logs]).SerializeToString()


class _Json:
    """The JSON encoding of OTLP: whole numbers of 64 bits are texts."""

    media_type = "application/json"

    def __init__(self, resource: dict[str, Value]) -> None:
        attributes = [{"key": key, "value": _json_value(value)} for key, value in resource.items()]
        scope = {"name": _SCOPE[0], "version": _SCOPE[1]}
        head = _json.encode({"resource": {"attributes": attributes}})[:-1]
        self._beginning = b'{"resourceLogs":[%s,"scopeLogs":[{"scope":%s,"logRecords":[' % (head, _json.encode(scope))
        self._end = b"]}]}]}"
        self.head_bytes = len(self._beginning) + len(self._end)

    def record(self, event: Outgoing) -> bytes:
        return _json.encode(
            {
                "timeUnixNano": str(_nanoseconds(event.occurred_at)),
                "observedTimeUnixNano": str(_nanoseconds(event.received_at or event.occurred_at)),
                "severityNumber": _INFO,
                "severityText": "INFO",
                "eventName": _event_name(event),
                "attributes": [{"key": key, "value": _json_value(value)} for key, value in attributes_of(event)],
            }
        )

    def request(self, records: Sequence[bytes]) -> bytes:
        return self._beginning + b",".join(records) + self._end


def attributes_of(event: Outgoing) -> Iterator[tuple[str, Value]]:
    """The attributes of an event's log record, named as the semantic conventions have them, or ``backstage.*``."""
    yield "log.record.uid", str(event.id)
    if event.user:
        # A pseudonym is no entity ref.
        yield ("user.id" if ":" in event.user else "user.hash"), event.user
    if event.session_id is not None:
        yield "session.id", str(event.session_id)
    if event.path:
        yield "url.path", event.path
    own: dict[str, Scalar] = {
        "action": event.action or None,
        "subject": event.subject or None,
        "value": event.value,
        "plugin": event.plugin,
        "entity": event.entity,
        "agent": event.agent,
        "imported": event.imported or None,
        "position": event.position,
        **{f"attributes.{key}": value for key, value in (event.attributes or {}).items()},
        **{f"context.{key}": value for key, value in (event.context or {}).items()},
    }
    for key, value in own.items():
        if value is not None:  # an attribute without a value is none
            yield f"backstage.{key}", value


def _event_name(event: Outgoing) -> str:
    return f"backstage.{event.action}" if event.action else "backstage"


def _nanoseconds(at: datetime) -> int:
    # Of whole microseconds: a float has too few digits.
    return max((at - _EPOCH) // _MICROSECOND, 0) * 1_000


def _any_value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -_LARGEST - 1 <= value <= _LARGEST:
        return AnyValue(int_value=value)
    return AnyValue(string_value=value) if isinstance(value, str) else AnyValue(double_value=value)


def _json_value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_LARGEST - 1 <= value <= _LARGEST:
        return {"intValue": str(value)}
    return {"stringValue": value} if isinstance(value, str) else {"doubleValue": float(value)}


class _PartialSuccess(msgspec.Struct, rename="camel"):
    rejected_log_records: int | str = 0
    error_message: str = ""


class _Answer(msgspec.Struct, rename="camel"):
    partial_success: _PartialSuccess | None = None


def _partial_success(body: bytes, media_type: str) -> tuple[int, str]:
    """How many records the receiver did not take, and what it says. An answer that is none of OTLP says nothing."""
    try:
        if "json" in media_type:
            found = msgspec.json.decode(body or b"{}", type=_Answer).partial_success or _PartialSuccess()
            return int(found.rejected_log_records), found.error_message[:MAX_ANSWER_LENGTH]
        if "protobuf" in media_type:
            success = ExportLogsServiceResponse.FromString(body).partial_success
            return success.rejected_log_records, success.error_message[:MAX_ANSWER_LENGTH]
    except (DecodeError, ValueError):
        log.warning("the answer of an OTLP receiver cannot be read", answer=answer_of(body))
    return 0, ""
