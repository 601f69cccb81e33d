"""What an event is: its wire form, what is derived from it, and what can be wrong with it. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid5

import msgspec

from analytics_internal.body import Batch
from analytics_internal.cache import Cache, size_of
from analytics_internal.ids import milliseconds_of, stored_id, version_7
from analytics_internal.spans import members
from analytics_internal.spelling import composed
from analytics_internal.subject import (
    Portal,
    entity_ref_of,
    normalise_entity_ref,
    path_of,
    scrub,
    scrub_event,
    scrub_tree,
)

Scalar = str | bool | int | float | None
MAX_EVENT_BYTES = 32 * 1024
MAX_SUBJECT_LENGTH = 2048
# Of an entry without its texts: ids, times, its verdict and its places in the lists that it waits in.
ENTRY_WEIGHT = 1_024
# A longer content is not looked for among the remembered ones: it is as good as never the same again.
MAX_REMEMBERED_BYTES = 1_024
# Ids and times before this day are somebody's broken clock; it also bounds the number of monthly partitions.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# A browser's clock that is further off than this could not have opened a TLS connection to the portal.
MAX_CLOCK_ERROR = timedelta(days=400)
SESSION_NAMESPACE = UUID("2d8a3f0e-9a53-5c0e-8d55-6a1f3f0c7b11")

Reason = Literal[
    "invalid_event",
    "invalid_text",
    "invalid_id",
    "invalid_user",
    "too_large",
    "too_old",
    "in_the_future",
    "conflict",
    "unstorable",
]


class WireEvent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One event as a client sends it: Backstage's ``AnalyticsEvent`` and what our module adds."""

    action: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    subject: Annotated[str, msgspec.Meta(description="Up to 2,048 characters of what is kept of it")]
    value: float | None = None
    attributes: dict[str, Scalar] | None = None
    context: dict[str, Scalar] | None = None
    id: str | None = None
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    session_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event ready for the log: checked, attributed to a person, scrubbed of secrets."""

    id: UUID
    content_hash: int
    """64 bits over what is stored and who did it, without the times: tells a repetition from a conflict.

    The times are left out because they are corrected anew with every attempt; what is exported can be imported again.
    """
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
    sent_id: UUID | None = None
    """The id it was sent with, where it is stored under another one."""

    @property
    def known_id(self) -> UUID:
        """The id its sender knows it by."""
        return self.sent_id or self.id


class Rejection(msgspec.Struct, frozen=True):
    """An event that cannot be stored, with why; the payload is its JSON text, scrubbed and cut to 32 KiB."""

    reason: Reason
    detail: str
    payload: str
    received_at: datetime
    id: str | None = None
    person: str | None = None
    clocks: Literal["", "ours", "differ"] = ""
    """Whether our own clock may be what is wrong: it was judged by it, or the sender's is more than a year away."""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one submitted event."""

    id: str | None
    status: Literal["stored", "duplicate", "rejected"]
    reason: Reason | None = None
    detail: str | None = None


class Acceptance(msgspec.Struct, frozen=True):
    """The rules an event is judged by, besides its form."""

    window: timedelta = timedelta(days=7)
    future: timedelta = timedelta(seconds=300)
    portal: Portal = Portal()


_possible_secret = re.compile(r"""[?#](?:[^"\\]|\\.)*|(?<=//)[^/\s"]*@""", re.DOTALL)
_sorted_json = msgspec.json.Encoder(order="sorted")


class Receipt(msgspec.Struct, frozen=True):
    """When and from whom a body was received, and the rules it is judged by."""

    received_at: datetime
    person: str | None
    """Who the verified token speaks for."""
    may_name_person: bool
    """Whether the body's ``user`` counts."""
    rules: Acceptance = Acceptance()
    id_key: bytes | None = None
    """What the sender's ids are stored under (ids.py); None where the sender may know which ids are stored."""


def judge(payload: msgspec.Raw | bytes, batch: Batch, receipt: Receipt) -> Event | Rejection:
    """Turn one event's JSON text into an event for the log, or say why it cannot be one."""
    try:
        return _accept(bytes(payload), batch, receipt)
    except _Refused as refusal:
        kept = _kept_payload(bytes(payload), receipt.rules)
        return Rejection(
            refusal.reason, refusal.detail, kept, receipt.received_at, refusal.id, receipt.person, refusal.clocks
        )


class _Refused(Exception):
    def __init__(
        self, reason: Reason, detail: str, event_id: str | None = None, clocks: Literal["", "ours", "differ"] = ""
    ) -> None:
        super().__init__(detail)
        self.clocks: Literal["", "ours", "differ"] = clocks
        self.reason: Reason = reason
        self.detail = _printable(detail)  # it may quote what the client sent
        self.id = event_id


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """A wire event whose content is left undecoded: most content has been seen before."""

    action: str
    subject: str
    value: float | None = None
    attributes: msgspec.Raw = msgspec.Raw(b"null")
    context: msgspec.Raw = msgspec.Raw(b"null")
    id: str | None = None
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    session_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class _Content(msgspec.Struct, frozen=True):
    """What an event says apart from who and when, with all that is derived from it."""

    digest: bytes
    subject: str
    original_subject: str | None
    path: str | None
    plugin: str | None
    entity_ref: str | None
    attributes: bytes | None
    context: bytes | None


_Said = tuple[str, str, bytes, bytes]
"""Action, subject, attributes and context, as they were sent."""
_envelope = msgspec.json.Decoder(_Envelope)


def _accept(payload: bytes, batch: Batch, receipt: Receipt) -> Event:
    if len(payload) > MAX_EVENT_BYTES:
        raise _Refused("too_large", f"an event has at most {MAX_EVENT_BYTES:,} bytes; this one has {len(payload):,}")
    try:
        wire = _envelope.decode(payload)
        content = _content(wire, receipt.rules.portal)
    except _Refused as refusal:
        raise _Refused(refusal.reason, refusal.detail, _id_of(payload)) from refusal
    except msgspec.ValidationError as error:
        raise _Refused("invalid_event", f"{error}{_allowed_fields(str(error))}", _id_of(payload)) from error
    except RecursionError as error:
        raise _Refused(
            "invalid_event", "nested too deep: attributes and context have one level", _id_of(payload)
        ) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _Refused("invalid_text", f"not valid Unicode or not JSON: {error}", _id_of(payload)) from error
    sent_at = wire.sent_at or batch.sent_at
    sent_id, has_own_id = _checked_id(wire.id, sent_at, receipt.received_at, batch.is_imported)
    person = receipt.person
    if receipt.may_name_person and wire.user is not None:
        person = normalise_entity_ref(wire.user, "user")
        if person is None:
            raise _Refused(
                "invalid_user", f"`user` is no entity ref like user:default/ana: {wire.user!a}", str(sent_id)
            )
    session_id = _session_of(wire.session_id)
    return Event(
        id=sent_id if receipt.id_key is None else stored_id(sent_id, receipt.id_key),
        content_hash=_hash_of(wire.value, session_id, content.digest, person),
        occurred_at=_checked_time(wire, batch, receipt),
        received_at=receipt.received_at,
        person=person,
        action=wire.action,
        subject=content.subject,
        original_subject=content.original_subject,
        path=content.path,
        plugin=content.plugin,
        entity_ref=content.entity_ref,
        value=wire.value,
        attributes=content.attributes,
        context=content.context,
        session_id=session_id,
        is_imported=batch.is_imported,
        has_own_id=has_own_id,
        sent_id=None if receipt.id_key is None else sent_id,
    )


def _content(wire: _Envelope, portal: Portal) -> _Content:
    attributes, context = bytes(wire.attributes), bytes(wire.context)
    if len(wire.subject) + len(attributes) + len(context) > MAX_REMEMBERED_BYTES:
        return _derive(wire.action, wire.subject, attributes, context, portal)
    said = (wire.action, wire.subject, attributes, context)
    known = _remembered.get((said, portal))
    if known is None:
        known = _derive(*said, portal)
        _remembered.put((said, portal), known)
    return known


def _derive(action: str, subject: str, attributes_json: bytes, context_json: bytes, portal: Portal) -> _Content:
    """Everything that follows from what an event says. Raises msgspec.DecodeError, _Refused."""
    # Here the whole of it is checked against the struct that the documentation is made of.
    checked = msgspec.convert(
        {
            "action": action,
            "subject": subject,
            "attributes": msgspec.json.decode(attributes_json),
            "context": msgspec.json.decode(context_json),
        },
        WireEvent,
    )
    attributes, context = checked.attributes or {}, checked.context or {}
    if any(isinstance(text, str) and "\0" in text for text in _texts(action, subject, attributes, context)):
        raise _Refused("invalid_text", "a NUL character (\\u0000) cannot be stored")
    original = scrub(action, subject, portal)
    # What is kept has its parameters encoded anew, which may make them longer than they came.
    if min(len(original), len(subject)) > MAX_SUBJECT_LENGTH:
        raise _Refused(
            "invalid_event",
            f"what is kept of `subject` has at most {MAX_SUBJECT_LENGTH:,} characters; this is {len(original):,}",
        )
    path = path_of(action, subject, attributes, context, portal)
    name = path if path is not None and portal.is_path(action, subject) else composed(original)
    attributes, context = _kept(attributes, portal), _kept(context, portal)
    return _Content(
        digest=_digest_of(action, original, attributes, context),
        subject=name,
        original_subject=original if original != name else None,
        path=path,
        plugin=_plugin_of(context),
        entity_ref=entity_ref_of(action, attributes, context, path),
        attributes=stored_text(attributes) if attributes else None,
        context=stored_text(context) if context else None,
    )


def _kept(fields: dict[str, Scalar], portal: Portal) -> dict[str, Scalar]:
    """Attributes or context as they are stored: scrubbed; whole numbers as such, as JSONB gives them back."""
    return _with_whole_numbers(msgspec.convert(scrub_tree(fields, portal), dict[str, Scalar]))


def _with_whole_numbers(fields: dict[str, Scalar]) -> dict[str, Scalar]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in fields.items()
    }


def _size_of_remembered(key: tuple[_Said, Portal], content: _Content) -> int:
    return size_of(key, *msgspec.structs.astuple(content))


# A portal's people do the same things again and again: most events cost a look-up instead of parsing paths and refs.
_remembered: Cache[tuple[_Said, Portal], _Content] = Cache("events", _size_of_remembered)


def _checked_id(
    text: str | None, sent_at: datetime | None, received_at: datetime, is_imported: bool
) -> tuple[UUID, bool]:
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
            _printable(text[:64]),
        )
    # The log is partitioned by the ids' months: the bounds keep a broken clock from making partitions without end.
    lower = EARLIEST if is_imported else received_at - MAX_CLOCK_ERROR
    if not lower.timestamp() <= milliseconds_of(id_) / 1000 <= (received_at + MAX_CLOCK_ERROR).timestamp():
        raise _Refused(
            "invalid_id",
            f"the time in `id` must be between {lower:%Y-%m-%d} and {received_at + MAX_CLOCK_ERROR:%Y-%m-%d}",
            text,
            "differ" if _clocks_differ(milliseconds_of(id_), sent_at, received_at) else "ours",
        )
    return id_, True


def _clocks_differ(id_milliseconds: int, sent_at: datetime | None, received_at: datetime) -> bool:
    """Whether the sender made and sent an id by one and the same clock, which is far from ours."""
    if sent_at is None or abs(received_at - sent_at) <= MAX_CLOCK_ERROR:
        return False
    return abs(id_milliseconds / 1000 - sent_at.timestamp()) <= MAX_CLOCK_ERROR.total_seconds()


def _checked_time(wire: _Envelope, batch: Batch, receipt: Receipt) -> datetime:
    """The time of the event on the server's clock: corrected by how far the client's clock was off when it sent."""
    received_at, rules = receipt.received_at, receipt.rules
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
            "ours",
        )
    earliest = EARLIEST if batch.is_imported else received_at - rules.window
    if occurred_at < earliest:
        raise _Refused(
            "too_old",
            f"`occurredAt` is {occurred_at.isoformat()}; accepted from {earliest:%Y-%m-%dT%H:%M:%SZ} on"
            + ("" if batch.is_imported else " (older events can be imported)"),
            wire.id,
            "ours",
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


def stored_hash(
    action: str,
    subject: str,
    attributes: bytes | None,
    context: bytes | None,
    value: float | None,
    session_id: UUID | None,
    person: str | None,
) -> int:
    """The ``content_hash`` of an event as the log holds it: ``subject`` is the original one where there is one.

    JSONB gives objects back in another order of names and other spellings of numbers, which make no difference here.
    Raises msgspec.DecodeError: attributes or context are no flat JSON objects.
    """
    digest = _digest_of(action, subject, stored_fields(attributes), stored_fields(context))
    return _hash_of(value, session_id, digest, person)


def stored_fields(text: bytes | None) -> dict[str, Scalar]:
    """Attributes or context as they were when they were stored. Raises msgspec.DecodeError."""
    return _with_whole_numbers(msgspec.json.decode(text, type=dict[str, Scalar])) if text is not None else {}


def stored_text(fields: dict[str, Scalar]) -> bytes:
    """Attributes or context as the text that they were stored as."""
    return _sorted_json.encode(fields)


def _digest_of(action: str, original: str, attributes: dict[str, Scalar], context: dict[str, Scalar]) -> bytes:
    # Over what is kept, not over what came: an event that was exported is the same event when it is imported.
    content = _sorted_json.encode((action, original, attributes, context))
    return hashlib.blake2b(content, digest_size=16).digest()


def _hash_of(value: float | None, session_id: UUID | None, digest: bytes, person: str | None) -> int:
    session = session_id.bytes if session_id is not None else b""
    said = b"%b%r\0%b\0%b" % (digest, value, session, (person or "").encode())
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big", signed=True)


def _texts(action: str, subject: str, *fields: dict[str, Scalar]) -> Iterator[Scalar]:
    yield from (action, subject)
    for field in fields:
        yield from field.keys()
        yield from field.values()


def _printable(text: str) -> str:
    return text.replace("\0", "�")


def _id_of(payload: bytes) -> str | None:
    """The id of an event that is refused, wherever else its text is not what it should be."""
    try:
        id_ = msgspec.json.decode(members(payload)["id"], type=str)
    except (KeyError, ValueError):
        return None
    return _printable(id_[:64])


def _allowed_fields(message: str) -> str:
    if "unknown field" not in message:
        return ""
    return "; allowed are " + ", ".join(field.encode_name for field in msgspec.structs.fields(WireEvent))


def _kept_payload(payload: bytes, rules: Acceptance) -> str:
    """The refused event's JSON text as it is kept: ASCII, without secrets, at most 32 KiB."""
    text = payload[:MAX_EVENT_BYTES].decode("utf-8", "replace")
    if len(payload) > MAX_EVENT_BYTES:
        # What is not kept costs nothing. Of a text that is cut in two the beginning could be a secret's.
        text = text[: text.rfind('"') + 1]
    try:
        kept = json.dumps(scrub_event(json.loads(text), rules.portal))
    except (ValueError, RecursionError):  # nothing tells addresses from texts here: what could be a secret goes
        kept = json.dumps(_possible_secret.sub("", text))[1:-1]
    return kept[:MAX_EVENT_BYTES]


def weight_of(entry: Event | Rejection) -> int:
    """The bytes that an entry holds in memory while it waits."""
    if isinstance(entry, Rejection):
        return ENTRY_WEIGHT + size_of(entry.payload, entry.detail)
    return ENTRY_WEIGHT + size_of(
        entry.subject, entry.original_subject, entry.path, entry.attributes, entry.context, entry.entity_ref
    )


def wire_text(event: Event) -> str:
    """The event as JSON text in the form clients send; times are the corrected ones."""
    fields = {
        "id": event.known_id,
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
    return version_7(milliseconds, secrets.randbits(80))
