"""Segment's HTTP API, and what takes the same: RudderStack and others. PostHog has an API of its own for it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal

import msgspec

from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    Destination,
    Limits,
    ReceiverUnavailable,
    Refusal,
    answer_of,
)
from analytics_internal.forward.destinations.visits import (
    PortalUrl,
    address_of,
    is_page_view,
    own_fields,
    visitor_of,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import Secret
from analytics_internal.forward.web import SPARE_S, WebOptions, WebReceiver, WebUrl

# Segment says KB; 1,000 bytes are on the safe side. https://segment.com/docs/connections/sources/catalog/libraries/
# server/http-api/#max-request-size
REQUEST_BYTES = 500_000
EVENT_BYTES = 32_000
REQUEST_EVENTS = 500
# PostHog: 20 MB a request, and 1 MB an event that Kafka takes. https://posthog.com/docs/api/capture
POSTHOG_REQUEST_BYTES = 10_000_000
POSTHOG_EVENT_BYTES = 900_000
# From this age on PostHog asks for `historical_migration`: https://posthog.com/docs/migrate
POSTHOG_HISTORY = timedelta(hours=48)
_ENVELOPE_BYTES = 2_000
_LIBRARY = {"name": "backstage-analytics-internal", "version": version("backstage-analytics-internal")}
_encoder = msgspec.json.Encoder()


class SegmentOptions(WebOptions):
    """``url`` without its path: Segment in the EU, RudderStack's data plane, PostHog."""

    url: WebUrl = WebUrl("https://api.segment.io")
    write_key: Secret
    """Of the source; of PostHog the project's API key."""
    api: Literal["segment", "posthog"] = "segment"
    """Which API is at ``url``."""
    portal_url: PortalUrl | None = None
    """Makes whole addresses of paths."""


class Segment(Destination[SegmentOptions]):
    """Page views (``page``) and all other events (``track``), as one batch a request.

    Segment takes 500 KB a request and 32 KB an event, and answers 400 to more; RudderStack takes 4 MB and 32 KB. No
    limit of events is published; this type sends up to 500. The event's id is its ``messageId`` (PostHog: ``uuid``), by
    which these receivers drop what they get twice. They answer 200 before they look at single events, whatever becomes
    of these. PostHog's answer names what its quota drops; that is read.
    """

    Options = SegmentOptions

    def __init__(self, name: str, options: SegmentOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self._is_posthog = options.api == "posthog"
        request, event = (
            (POSTHOG_REQUEST_BYTES, POSTHOG_EVENT_BYTES) if self._is_posthog else (REQUEST_BYTES, EVENT_BYTES)
        )
        self.limits = Limits(
            events=REQUEST_EVENTS,
            bytes=request - _ENVELOPE_BYTES,
            event_bytes=event,
            send_s=options.timeout_s + SPARE_S,
        )
        self._receiver = WebReceiver.of(options, "batch" if self._is_posthog else "v1/batch")

    async def open(self) -> None:
        self.options.write_key.read()
        await self._receiver.open()

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        return _encoder.encode(self._captured(event) if self._is_posthog else self._message(event))

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        key = self.options.write_key.read()
        headers = {"content-type": "application/json"}
        if self._is_posthog:
            envelope = {"api_key": key, "historical_migration": _is_history(batch.events), "sent_at": _now()}
        else:
            envelope = {"sentAt": _now()}
            headers["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        body = _encoder.encode(envelope)[:-1] + b',"batch":[' + b",".join(batch.encoded) + b"]}"
        response = await self._receiver.post(body, headers, secrets=[key])
        _require_taken(response.content, response.status_code, key)
        return []

    def _message(self, event: Outgoing) -> dict[str, Any]:
        """The event as Segment's spec has it: https://segment.com/docs/connections/spec/common/"""
        address = address_of(event, self.options.portal_url)
        page = {"path": event.path} | ({"url": address} if address is not None else {}) if event.path else None
        message: dict[str, Any] = {
            "messageId": str(event.id),
            "timestamp": event.occurred_at,
            "originalTimestamp": event.occurred_at,  # what RudderStack corrects, if it corrects anything
            # One of the two is required. Both, where there are both: then the session belongs to the person.
            "anonymousId": str(event.session_id) if event.session_id is not None else visitor_of(event),
            "context": {"library": _LIBRARY, **({"page": page} if page else {}), "backstage": event.context or {}},
            "properties": dict(own_fields(event))
            | ({"url": address} if address is not None else {})
            | {"attributes": event.attributes or {}, "imported": event.imported},
        }
        if event.user is not None:
            message["userId"] = event.user
        if is_page_view(event):
            return {"type": "page", "name": event.subject, **message}
        return {"type": "track", "event": event.action or "event", **message}

    def _captured(self, event: Outgoing) -> dict[str, Any]:
        """The event as PostHog's ``/batch/`` takes it."""
        address = address_of(event, self.options.portal_url)
        properties = dict(own_fields(event)) | {
            "attributes": event.attributes or {},
            "context": event.context or {},
            "imported": event.imported,
            "$lib": _LIBRARY["name"],
            "$lib_version": _LIBRARY["version"],
            "$geoip_disable": True,  # it would be where this service is
            "$process_person_profile": event.user is not None,
        }
        if event.session_id is not None and event.session_id.version == 7:  # others are not taken
            properties["$session_id"] = str(event.session_id)
        if event.path is not None:
            properties |= {"$pathname": event.path, "$current_url": address or event.path}
        return {
            "uuid": str(event.id),
            "event": "$pageview" if is_page_view(event) else event.action or "event",
            "distinct_id": visitor_of(event),
            "timestamp": event.occurred_at,
            "properties": properties,
        }


class _Answer(msgspec.Struct):
    success: bool = True
    quota_limited: list[str] | None = None


def _require_taken(content: bytes, status: int, key: str) -> None:
    """Read a 200. Raises BatchRefused, ReceiverUnavailable: it says that events were not taken."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.DecodeError, UnicodeError):
        return  # RudderStack answers OK, others nothing
    said = answer_of(content).replace(key, "•••")
    if answer.quota_limited:
        raise ReceiverUnavailable(
            f"the quota is used up: {', '.join(answer.quota_limited)}", status=status, answer=said
        )
    if not answer.success:
        raise BatchRefused("the receiver refused the batch", status=status, answer=said)


def _now() -> datetime:
    return datetime.now(UTC)


def _is_history(events: Sequence[Outgoing]) -> bool:
    return all(event.occurred_at < _now() - POSTHOG_HISTORY for event in events)
