"""What an event is: its wire form, what is derived from it, and what can be wrong with it. Pure."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid5

import msgspec

from analytics_internal.subject import Portal, entity_ref_of, normalise_entity_ref, path_of, scrub, scrub_tree

Scalar = str | bool | int | float | None
MAX_EVENT_BYTES = 32 * 1024
# Ids and times before this day are somebody's broken clock; it also bounds the number of monthly partitions.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# A browser's clock that is further off than this could not have opened a TLS connection to the portal.
MAX_CLOCK_ERROR = timedelta(days=400)
SESSION_NAMESPACE = UUID("2d8a3f0e-9a53-5c0e-8d55-6a1f3f0c7b11")

Reason = Literal[
    "invalid_event", "invalid_text", "invalid_id", "invalid_user", "too_large", "too_old", "in_the_future", "conflict"
]


class WireEvent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One event as a client sends it: Backstage's ``AnalyticsEvent`` and what our module adds."""

    action: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    subject: Annotated[str, msgspec.Meta(max_length=2048)]
    value: float | None = None
    attributes: dict[str, Scalar] | None = None
    context: dict[str, Scalar] | None = None
    id: str | None = None
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    session_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class Event(msgspec.Struct, frozen=True):
    """An event ready for the log: checked, attributed to a person, scrubbed of secrets."""

    id: UUID
    content_hash: int
    """64 bits over what the client said (without ``sentAt``) and who said it; tells a repetition from a conflict."""
    occurred_at: datetime
    received_at: datetime
    person: str | None
    action: str
    subject: str
    """The subject that names the item: the path alone where it is a path."""
    original_subject: str | None
    """The scrubbed subject as sent, where it differs from ``subject``."""
    path: str | None
    plugin: str | None
    entity_ref: str | None
    value: float | None
    attributes: bytes | None
    context: bytes | None
    session_id: UUID | None
    is_imported: bool
    has_own_id: bool


class Rejection(msgspec.Struct, frozen=True):
    """An event that cannot be stored, with why; the payload is its JSON text, scrubbed and cut to 32 KiB."""

    reason: Reason
    detail: str
    payload: str
    received_at: datetime
    id: str | None = None
    person: str | None = None


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one submitted event."""

    id: str | None
    status: Literal["stored", "duplicate", "rejected"]
    reason: Reason | None = None
    detail: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """A decoded request body: each entry is one event's JSON text, still to be judged."""

    events: Sequence[msgspec.Raw | bytes]
    sent_at: datetime | None = None
    is_imported: bool = False


class NotABatch(ValueError):
    """The body as a whole is neither an event nor a batch; the message says why and what is allowed."""


class Acceptance(msgspec.Struct, frozen=True):
    """The rules an event is judged by, besides its form."""

    window: timedelta = timedelta(days=7)
    future: timedelta = timedelta(seconds=300)
    portal: Portal = Portal()


class _Envelope(msgspec.Struct, rename="camel"):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    sent_at: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    imported: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _StrictBatch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    events: list[msgspec.Raw]
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    imported: bool = False


_envelope = msgspec.json.Decoder(_Envelope)
_strict_batch = msgspec.json.Decoder(_StrictBatch)
_wire_event = msgspec.json.Decoder(WireEvent)
_sorted_json = msgspec.json.Encoder(order="sorted")


def decode_body(body: bytes, max_events: int) -> Batch:
    """Split a request body into its events without judging them.

    Raises:
        NotABatch: it is no JSON, neither an object nor a batch, or has more than ``max_events`` events.
    """
    try:
        envelope = _envelope.decode(body)
        batch = _strict_batch.decode(body) if envelope.events is not msgspec.UNSET else Batch([body])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _decode_leniently(body, max_events, error)
    if isinstance(batch, _StrictBatch):
        batch = Batch(batch.events, batch.sent_at, batch.imported)
    return _limited(batch, max_events)


def _decode_leniently(body: bytes, max_events: int, error: Exception) -> Batch:
    """Take apart what msgspec refuses whole: one lone surrogate must not fail the events around it."""
    if isinstance(error, msgspec.ValidationError):
        raise NotABatch(f'{error}; allowed is one event object or {{"events": [event, …], "sentAt"?, "imported"?}}')
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as parse_error:
        raise NotABatch(f"the body is not JSON: {error}") from parse_error
    if not isinstance(parsed, dict):
        raise NotABatch('the body must be one event object or {"events": [event, …]}')
    if "events" not in parsed:
        return Batch([body])
    events = parsed.pop("events")
    if not isinstance(events, list):
        raise NotABatch("`events` must be a list of event objects")
    # Only the surrounding fields are left: msgspec checks them as always.
    try:
        rest = _strict_batch.decode(json.dumps({**parsed, "events": []}).encode())
    except (msgspec.DecodeError, ValueError) as rest_error:
        raise NotABatch(str(rest_error)) from rest_error
    texts = [json.dumps(event).encode() for event in events]
    return _limited(Batch(texts, rest.sent_at, rest.imported), max_events)


def _limited(batch: Batch, max_events: int) -> Batch:
    if len(batch.events) > max_events:
        raise NotABatch(f"a batch has at most {max_events:,} events; this one has {len(batch.events):,}")
    return batch


def judge(
    payload: msgspec.Raw | bytes,
    batch: Batch,
    received_at: datetime,
    person: str | None,
    may_name_person: bool,
    rules: Acceptance,
) -> Event | Rejection:
    """Turn one event's JSON text into an event for the log, or say why it cannot be one.

    ``person`` is who the verified token speaks for; the body's ``user`` counts only with ``may_name_person``.
    """
    try:
        return _accept(payload, batch, received_at, person, may_name_person, rules)
    except _Refused as refusal:
        return Rejection(refusal.reason, refusal.detail, _kept_payload(payload, rules), received_at, refusal.id, person)


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str, id: str | None = None) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
        self.id = id


def _accept(
    payload: msgspec.Raw | bytes,
    batch: Batch,
    received_at: datetime,
    person: str | None,
    may_name_person: bool,
    rules: Acceptance,
) -> Event:
    if len(memoryview(payload)) > MAX_EVENT_BYTES:
        raise _Refused(
            "too_large", f"an event has at most {MAX_EVENT_BYTES:,} bytes; this one has {len(memoryview(payload)):,}"
        )
    try:
        wire = _wire_event.decode(payload)
    except msgspec.ValidationError as error:
        raise _Refused("invalid_event", f"{error}{_allowed_fields(str(error))}", _id_of(payload)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused("invalid_text", f"not valid Unicode or not JSON: {error}") from error
    if b"\\u0000" in bytes(payload) and _has_nul(wire):
        raise _Refused("invalid_text", "a NUL character (\\u0000) cannot be stored", _printable_id(wire.id))
    id_, has_own_id = _checked_id(wire.id, received_at, batch.is_imported)
    occurred_at = _checked_time(wire, batch, received_at, rules)
    if may_name_person and wire.user is not None:
        person = normalise_entity_ref(wire.user, "user")
        if person is None:
            raise _Refused("invalid_user", f"`user` is no entity ref like user:default/ana: {wire.user!r}", str(id_))
    return _derived(wire, id_, has_own_id, occurred_at, received_at, person, batch.is_imported, rules.portal)


def _derived(
    wire: WireEvent,
    id_: UUID,
    has_own_id: bool,
    occurred_at: datetime,
    received_at: datetime,
    person: str | None,
    is_imported: bool,
    portal: Portal,
) -> Event:
    attributes = wire.attributes or {}
    context = wire.context or {}
    original = scrub(wire.action, wire.subject, portal)
    path = path_of(wire.action, wire.subject, attributes, context, portal)
    subject = path if path is not None and portal.is_path(wire.action, wire.subject) else original
    return Event(
        id=id_,
        content_hash=_content_hash(wire, person),
        occurred_at=occurred_at,
        received_at=received_at,
        person=person,
        action=wire.action,
        subject=subject,
        original_subject=original if original != subject else None,
        path=path,
        plugin=_plugin_of(context),
        entity_ref=entity_ref_of(attributes, context, path),
        value=wire.value,
        attributes=_sorted_json.encode(scrub_tree(attributes, portal)) if attributes else None,
        context=_sorted_json.encode(scrub_tree(context, portal)) if context else None,
        session_id=_session_of(wire.session_id),
        is_imported=is_imported,
        has_own_id=has_own_id,
    )


def _checked_id(text: str | None, received_at: datetime, is_imported: bool) -> tuple[UUID, bool]:
    if text is None:
        return uuid7(received_at), False
    try:
        id_ = UUID(text)
    except ValueError:
        id_ = None
    if id_ is None or id_.version != 7 or len(text) != 36:
        raise _Refused(
            "invalid_id",
            "`id` must be a UUID of version 7, like 019f1b2c-7a00-7abc-8def-0123456789ab",
            _printable_id(text),
        )
    # The log is partitioned by the ids' months: the bounds keep a broken clock from making partitions without end.
    lower = EARLIEST if is_imported else received_at - MAX_CLOCK_ERROR
    milliseconds = id_.int >> 80
    if not lower.timestamp() <= milliseconds / 1000 <= (received_at + MAX_CLOCK_ERROR).timestamp():
        raise _Refused(
            "invalid_id",
            f"the time in `id` must be between {lower:%Y-%m-%d} and {received_at + MAX_CLOCK_ERROR:%Y-%m-%d}",
            text,
        )
    return id_, True


def _checked_time(wire: WireEvent, batch: Batch, received_at: datetime, rules: Acceptance) -> datetime:
    """The time of the event on the server's clock: corrected by how far the client's clock was off when it sent."""
    if wire.occurred_at is None:
        return received_at
    sent_at = wire.sent_at or batch.sent_at
    try:
        occurred_at = wire.occurred_at.astimezone(UTC)
        if sent_at is not None and not batch.is_imported:
            occurred_at += received_at - sent_at
    except OverflowError as error:
        raise _Refused("invalid_event", "`occurredAt` is outside of the years 1 to 9999", wire.id) from error
    if occurred_at > received_at + rules.future:
        raise _Refused(
            "in_the_future",
            f"`occurredAt` is {occurred_at:%Y-%m-%dT%H:%M:%SZ}; now is {received_at:%Y-%m-%dT%H:%M:%SZ}",
            wire.id,
        )
    earliest = EARLIEST if batch.is_imported else received_at - rules.window
    if occurred_at < earliest:
        raise _Refused(
            "too_old",
            f"`occurredAt` is {occurred_at.isoformat()}; accepted from {earliest:%Y-%m-%dT%H:%M:%SZ} on"
            + ("" if batch.is_imported else " (older events can be imported)"),
            wire.id,
        )
    return occurred_at


def _plugin_of(context: dict[str, Scalar]) -> str | None:
    """The plugin an event concerns: ``pluginId``, else the plugin part of ``routeRef`` (legacy system)."""
    plugin = context.get("pluginId")
    if not isinstance(plugin, str) or not plugin:
        route_ref = context.get("routeRef")
        plugin = route_ref.partition(":")[0] if isinstance(route_ref, str) and route_ref != "unknown" else None
    return plugin if plugin and len(plugin) <= 255 else None


def _session_of(session_id: str | None) -> UUID | None:
    if not session_id:
        return None
    try:
        return UUID(session_id)
    except ValueError:
        return uuid5(SESSION_NAMESPACE, session_id)


def _content_hash(wire: WireEvent, person: str | None) -> int:
    content = _sorted_json.encode(
        (
            wire.action,
            wire.subject,
            wire.value,
            wire.attributes,
            wire.context,
            wire.occurred_at,
            wire.session_id,
            person,
        )
    )
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), signed=True)


def _has_nul(wire: WireEvent) -> bool:
    return "\\u0000" in msgspec.json.encode(wire).decode()


def _printable_id(text: str | None) -> str | None:
    return text[:64].replace("\0", "�") if text is not None else None


def _id_of(payload: msgspec.Raw | bytes) -> str | None:
    try:
        return _printable_id(msgspec.json.decode(payload, type=_OnlyId).id)
    except msgspec.DecodeError:
        return None


class _OnlyId(msgspec.Struct):
    id: str | None = None


def _allowed_fields(message: str) -> str:
    if "unknown field" not in message:
        return ""
    return "; allowed are " + ", ".join(field.encode_name for field in msgspec.structs.fields(WireEvent))


def _kept_payload(payload: msgspec.Raw | bytes, rules: Acceptance) -> str:
    """The refused event's JSON text as it is kept: ASCII, without secrets, at most 32 KiB."""
    try:
        text = json.dumps(scrub_tree(json.loads(bytes(payload)), rules.portal))
    except (ValueError, RecursionError):
        text = ascii(bytes(payload[:MAX_EVENT_BYTES]).decode("utf-8", "backslashreplace"))[1:-1]
    return text[:MAX_EVENT_BYTES]


def wire_text(event: Event) -> str:
    """The event as JSON text in the form clients send; times are the corrected ones."""
    fields = {
        "id": event.id,
        "occurredAt": event.occurred_at,
        "user": event.person,
        "action": event.action,
        "subject": event.original_subject or event.subject,
        "value": event.value,
        "attributes": msgspec.Raw(event.attributes) if event.attributes else None,
        "context": msgspec.Raw(event.context) if event.context else None,
        "sessionId": event.session_id,
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None}).decode()


def uuid7(at: datetime | None = None) -> UUID:
    """A UUID of version 7 (RFC 9562) with the time ``at``, now without it."""
    milliseconds = int((at.timestamp() if at is not None else time.time()) * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
