"""OTLP at a real HTTP server that reads requests with the published classes of the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from analytics_internal.forward.conformance import Conformance
from analytics_internal.forward.destinations.otlp import Otlp
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
