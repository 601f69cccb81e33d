"""Validation: turn a sent event into an event for the log, or a rejection with a reason. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import msgspec

from analytics_internal.event import measurements
from analytics_internal.event.addresses import Portal, scrub_event
from analytics_internal.event.batch import Batch
from analytics_internal.event.content import Content, Refused, content_of, hash_of, printable
from analytics_internal.event.entity_refs import normalise_entity_ref
from analytics_internal.event.event import Event, Rejection
from analytics_internal.event.spans import members
from analytics_internal.event.spelling import composed
from analytics_internal.event.uuid7 import milliseconds_of, stored_id, uuid7
from analytics_internal.event.wire import SentEvent, WireEvent

MAX_EVENT_BYTES = 32 * 1024
# Earlier ids and times come from a broken clock. The bound also limits the number of monthly partitions.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# A browser whose clock is further off could not open a TLS connection to the portal.
MAX_CLOCK_ERROR = timedelta(days=400)
SESSION_NAMESPACE = UUID("2d8a3f0e-9a53-5c0e-8d55-6a1f3f0c7b11")


class Acceptance(msgspec.Struct, frozen=True):
    """The rules of validation besides the wire form."""

    window: timedelta = timedelta(days=7)
    future: timedelta = timedelta(seconds=300)
    portal: Portal = Portal()


_possible_secret = re.compile(r"""[?#](?:[^"\\]|\\.)*|(?<=//)[^/\s"]*@""", re.DOTALL)


class Receipt(msgspec.Struct, frozen=True):
    """When and from whom a body was received, and the rules of its validation."""

    received_at: datetime
    person: str | None
    """The person of the verified token."""
    may_name_person: bool
    """Whether an event's ``user`` counts."""
    rules: Acceptance = Acceptance()
    is_own: bool = False
    """Whether the service itself says this: nobody else says what became of a task."""
    agent: str | None = None
    """The program that sends events of its own: those that name neither a ``user`` nor an ``agent`` are its."""
    id_key: bytes | None = None
    """The key of the sender's stored ids (uuid7.py); None if ids are stored as sent."""


def validate(payload: msgspec.Raw | bytes, batch: Batch, receipt: Receipt) -> Event | Rejection:
    """Turn one event's JSON text into an event for the log, or a rejection."""
    try:
        return _accept(bytes(payload), batch, receipt)
    except Refused as refusal:
        kept = _kept_payload(bytes(payload), receipt.rules)
        return Rejection(
            refusal.reason, refusal.detail, kept, receipt.received_at, refusal.id, receipt.person, refusal.clocks
        )


_sent_event = msgspec.json.Decoder(SentEvent)


def _decoded(payload: bytes, portal: Portal) -> tuple[SentEvent, Content]:
    """The event as sent and its content. Raises Refused."""
    if len(payload) > MAX_EVENT_BYTES:
        raise Refused("too_large", f"an event has at most {MAX_EVENT_BYTES:,} bytes; this one has {len(payload):,}")
    try:
        wire = _sent_event.decode(payload)
        return wire, content_of(wire, portal)
    except Refused as refusal:
        raise Refused(refusal.reason, refusal.detail, _id_of(payload)) from refusal
    except msgspec.ValidationError as error:
        raise Refused("invalid_event", f"{error}{_allowed_fields(str(error))}", _id_of(payload)) from error
    except RecursionError as error:
        raise Refused(
            "invalid_event", "nested too deep: attributes and context have one level", _id_of(payload)
        ) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refused("invalid_text", f"not valid Unicode or not JSON: {error}", _id_of(payload)) from error


def _accept(payload: bytes, batch: Batch, receipt: Receipt) -> Event:
    wire, content = _decoded(payload, receipt.rules.portal)
    sent_at = wire.sent_at or batch.sent_at
    sent_id, has_own_id = _checked_id(wire.id, sent_at, receipt.received_at, batch.is_imported)
    person = receipt.person
    if receipt.may_name_person and wire.user is not None:
        person = normalise_entity_ref(wire.user, "user")
        if person is None:
            raise Refused("invalid_user", f"`user` is no entity ref like user:default/ana: {wire.user!a}", str(sent_id))
    _check_measurement(wire, batch, receipt, sent_id)
    session_id = _session_of(wire.session_id)
    agent = _agent_of(wire, person, receipt, sent_id)
    return Event(
        id=sent_id if receipt.id_key is None else stored_id(sent_id, receipt.id_key),
        content_hash=hash_of(wire.value, session_id, content.digest, person, agent),
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
        agent=agent,
        sent_id=None if receipt.id_key is None else sent_id,
    )


def _check_measurement(wire: SentEvent, batch: Batch, receipt: Receipt, sent_id: UUID) -> None:
    if wire.action in measurements.OUTCOMES and not (receipt.is_own or batch.is_imported):
        raise Refused(
            "reserved_action",
            f"the service itself asks the portal for `{wire.action}`; others can only import it",
            str(sent_id),
        )
    if (problem := measurements.problem_of(wire.action, wire.value)) is not None:
        raise Refused("invalid_value", problem, str(sent_id))


def _agent_of(wire: SentEvent, person: str | None, receipt: Receipt, sent_id: UUID) -> str | None:
    if wire.agent is None:
        return receipt.agent if person is None else None
    agent = composed(wire.agent.strip())
    if not agent or "\0" in agent:
        raise Refused("invalid_text", f"`agent` is no name of a program: {wire.agent!a}", str(sent_id))
    return agent


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
        raise Refused(
            "invalid_id",
            "`id` must be a UUID of version 7, like 019f1b2c-7a00-7abc-8def-0123456789ab",
            printable(text[:64]),
        )
    # The log is partitioned by the ids' months: the bounds keep broken clocks from creating endless partitions.
    lower = EARLIEST if is_imported else received_at - MAX_CLOCK_ERROR
    if not lower.timestamp() <= milliseconds_of(id_) / 1000 <= (received_at + MAX_CLOCK_ERROR).timestamp():
        raise Refused(
            "invalid_id",
            f"the time in `id` must be between {lower:%Y-%m-%d} and {received_at + MAX_CLOCK_ERROR:%Y-%m-%d}",
            text,
            "differ" if _clocks_differ(milliseconds_of(id_), sent_at, received_at) else "ours",
        )
    return id_, True


def _clocks_differ(id_milliseconds: int, sent_at: datetime | None, received_at: datetime) -> bool:
    """Whether the sender made and sent an id with one clock, which is far from ours."""
    if sent_at is None or abs(received_at - sent_at) <= MAX_CLOCK_ERROR:
        return False
    return abs(id_milliseconds / 1000 - sent_at.timestamp()) <= MAX_CLOCK_ERROR.total_seconds()


def _checked_time(wire: SentEvent, batch: Batch, receipt: Receipt) -> datetime:
    """The event's time on the service's clock, corrected by the error of the client's clock when it sent."""
    received_at, rules = receipt.received_at, receipt.rules
    if wire.occurred_at is None:
        return received_at
    sent_at = wire.sent_at or batch.sent_at
    try:
        occurred_at = wire.occurred_at.astimezone(UTC)
        if sent_at is not None and not batch.is_imported:
            occurred_at += received_at - sent_at
    except OverflowError as error:
        raise Refused("invalid_event", "`occurredAt` is outside of the years 1 to 9999", wire.id) from error
    if occurred_at > received_at + rules.future:
        raise Refused(
            "in_the_future",
            f"`occurredAt` is {occurred_at:%Y-%m-%dT%H:%M:%SZ}; now is {received_at:%Y-%m-%dT%H:%M:%SZ}",
            wire.id,
            "ours",
        )
    earliest = EARLIEST if batch.is_imported else received_at - rules.window
    if occurred_at < earliest:
        raise Refused(
            "too_old",
            f"`occurredAt` is {occurred_at.isoformat()}; accepted from {earliest:%Y-%m-%dT%H:%M:%SZ} on"
            + ("" if batch.is_imported else " (older events can be imported)"),
            wire.id,
            "ours",
        )
    return occurred_at


def _session_of(session_id: str | None) -> UUID | None:
    if not session_id:
        return None
    try:
        return UUID(session_id)
    except ValueError:
        return uuid5(SESSION_NAMESPACE, session_id)


def _id_of(payload: bytes) -> str | None:
    """The id of a refused event, if it can be read."""
    try:
        id_ = msgspec.json.decode(members(payload)["id"], type=str)
    except (KeyError, ValueError):
        return None
    return printable(id_[:64])


def _allowed_fields(message: str) -> str:
    if "unknown field" not in message:
        return ""
    return "; allowed are " + ", ".join(field.encode_name for field in msgspec.structs.fields(WireEvent))


def _kept_payload(payload: bytes, rules: Acceptance) -> str:
    """The refused event's JSON text as kept: ASCII, without secrets, at most 32 KiB."""
    text = payload[:MAX_EVENT_BYTES].decode("utf-8", "replace")
    if len(payload) > MAX_EVENT_BYTES:
        # The end of a cut text may be the beginning of a secret: cut back to the last complete string.
        text = text[: text.rfind('"') + 1]
    try:
        kept = json.dumps(scrub_event(json.loads(text), rules.portal))
    except (ValueError, RecursionError):  # addresses cannot be told from texts here: cut all that may be a secret
        kept = json.dumps(_possible_secret.sub("", text))[1:-1]
    return kept[:MAX_EVENT_BYTES]
