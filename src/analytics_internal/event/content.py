"""The content of an event (all but person and times) and what is derived from it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Literal
from uuid import UUID

import msgspec

from analytics_internal.cache import Cache, size_of
from analytics_internal.errors import AnalyticsError
from analytics_internal.event.addresses import Portal, path_of, scrub, scrub_tree
from analytics_internal.event.entity_refs import entity_ref_of
from analytics_internal.event.spelling import composed
from analytics_internal.event.wire import Reason, Scalar, SentEvent, WireEvent

MAX_NAME_LENGTH = 255
MAX_SUBJECT_LENGTH = 2048
# Longer contents are not cached: they hardly ever repeat.
MAX_REMEMBERED_BYTES = 1_024
_sorted_json = msgspec.json.Encoder(order="sorted")


class Refused(AnalyticsError):
    def __init__(
        self, reason: Reason, detail: str, event_id: str | None = None, clocks: Literal["", "ours", "differ"] = ""
    ) -> None:
        super().__init__(detail)
        self.clocks: Literal["", "ours", "differ"] = clocks
        self.reason: Reason = reason
        self.detail = printable(detail)  # it may quote the client
        self.id = event_id


class Content(msgspec.Struct, frozen=True):
    """The stored content of an event and what is derived from it."""

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


def content_of(wire: SentEvent, portal: Portal) -> Content:
    attributes, context = bytes(wire.attributes), bytes(wire.context)
    if len(wire.subject) + len(attributes) + len(context) > MAX_REMEMBERED_BYTES:
        return _derive(wire.action, wire.subject, attributes, context, portal)
    said = (wire.action, wire.subject, attributes, context)
    known = _remembered.get((said, portal))
    if known is None:
        known = _derive(*said, portal)
        _remembered.put((said, portal), known)
    return known


def _derive(action: str, subject: str, attributes_json: bytes, context_json: bytes, portal: Portal) -> Content:
    """Derive the content. Raises msgspec.DecodeError, Refused."""
    # The whole content is checked against the documented struct.
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
        raise Refused("invalid_text", "a NUL character (\\u0000) cannot be stored")
    original = scrub(action, subject, portal)
    # Kept parameters are encoded again, which may make them longer than they were sent.
    if min(len(original), len(subject)) > MAX_SUBJECT_LENGTH:
        raise Refused(
            "invalid_event",
            f"what is kept of `subject` has at most {MAX_SUBJECT_LENGTH:,} characters; this is {len(original):,}",
        )
    path = path_of(action, subject, attributes, context, portal)
    name = path if path is not None and portal.is_path(action, subject) else composed(original)
    attributes, context = _kept(attributes, portal), _kept(context, portal)
    return Content(
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
    """Attributes or context as stored: scrubbed, with floats like 1.0 as integers, as JSONB returns them."""
    return _with_whole_numbers(msgspec.convert(scrub_tree(fields, portal), dict[str, Scalar]))


def _with_whole_numbers(fields: dict[str, Scalar]) -> dict[str, Scalar]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in fields.items()
    }


def _size_of_remembered(key: tuple[_Said, Portal], content: Content) -> int:
    return size_of(key, *msgspec.structs.astuple(content))


# Most contents repeat: they cost a look-up instead of parsing paths and refs.
_remembered: Cache[tuple[_Said, Portal], Content] = Cache("events", _size_of_remembered)


def _plugin_of(context: dict[str, Scalar]) -> str | None:
    """The plugin of an event: ``pluginId``, else the plugin part of ``routeRef`` (legacy frontend system)."""
    plugin = context.get("pluginId")
    if not isinstance(plugin, str) or not plugin:
        route_ref = context.get("routeRef")
        plugin = route_ref.partition(":")[0] if isinstance(route_ref, str) and route_ref != "unknown" else None
    return _name(plugin)


def extension_of(context: Mapping[str, str | None]) -> str | None:
    """The frontend extension that a context's texts name: ``extensionId``, else ``extension`` (legacy system)."""
    return _name(context["extensionId"]) or _name(context["extension"])


def route_of(context: Mapping[str, str | None]) -> str | None:
    """The route that a context's texts name (legacy frontend system); there ``unknown`` stands for none."""
    route = _name(context["routeRef"])
    return route if route != "unknown" else None


def _name(text: str | None) -> str | None:
    return text if text and len(text) <= MAX_NAME_LENGTH else None


def stored_hash(
    action: str,
    subject: str,
    attributes: bytes | None,
    context: bytes | None,
    value: float | None,
    session_id: UUID | None,
    person: str | None,
    agent: str | None,
) -> int:
    """The ``content_hash`` of a stored event. ``subject`` is the original one if it was kept.

    JSONB's own order of names and spelling of numbers make no difference. Raises msgspec.DecodeError: attributes or
    context are not flat JSON objects.
    """
    digest = _digest_of(action, subject, stored_fields(attributes), stored_fields(context))
    return hash_of(value, session_id, digest, person, agent)


def stored_fields(text: bytes | None) -> dict[str, Scalar]:
    """Attributes or context from their stored text. Raises msgspec.DecodeError."""
    return _with_whole_numbers(msgspec.json.decode(text, type=dict[str, Scalar])) if text is not None else {}


def stored_text(fields: dict[str, Scalar]) -> bytes:
    """The text that attributes or context are stored as."""
    return _sorted_json.encode(fields)


def _digest_of(action: str, original: str, attributes: dict[str, Scalar], context: dict[str, Scalar]) -> bytes:
    # Hash the stored content, not the sent one, so that an exported event keeps its hash when it is imported.
    content = _sorted_json.encode((action, original, attributes, context))
    return hashlib.blake2b(content, digest_size=16).digest()


def hash_of(value: float | None, session_id: UUID | None, digest: bytes, person: str | None, agent: str | None) -> int:
    session = session_id.bytes if session_id is not None else b""
    said = b"%b%r\0%b\0%b" % (digest, value, session, (person or "").encode())
    if agent is not None:  # events from before there were agents keep their hash
        said += b"\0" + agent.encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big", signed=True)


def _texts(action: str, subject: str, *fields: dict[str, Scalar]) -> Iterator[Scalar]:
    yield from (action, subject)
    for field in fields:
        yield from field.keys()
        yield from field.values()


def printable(text: str) -> str:
    return text.replace("\0", "�")
