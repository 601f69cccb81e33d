"""Webhooks at a real HTTP server, verified with the library of standardwebhooks.com."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from analytics_internal.forward.conformance import Conformance
from analytics_internal.forward.destinations.webhook import Webhook
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g="


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
