"""Events, receipts and times that many tests are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event, Rejection
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.event.validation import Acceptance, Receipt, validate

RECORDED = Path(__file__).parent / "events"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANA, BO = "user:default/ana", "user:default/bo"
Json = dict[str, object]


def at(**ago: float) -> datetime:
    """A time before noon."""
    return NOON - timedelta(**ago)


def receipt(
    person: str | None = ANA,
    may_name_person: bool = False,
    received_at: datetime = NOON,
    rules: Acceptance = Acceptance(),  # noqa: B008  (frozen)
) -> Receipt:
    return Receipt(received_at, person, may_name_person, rules)


def navigation(subject: str = "/catalog", **fields: object) -> Json:
    return {"action": "navigate", "subject": subject, **fields}


def judged(wire: object, batch: Batch | None = None, by: Receipt | None = None) -> Event | Rejection:
    return validate(json.dumps(wire).encode(), batch or Batch([]), by or receipt())


def accepted(wire: object, batch: Batch | None = None, by: Receipt | None = None) -> Event:
    event = judged(wire, batch, by)
    assert isinstance(event, Event), event
    return event


def refused(wire: object, batch: Batch | None = None, by: Receipt | None = None) -> Rejection:
    rejection = judged(wire, batch, by)
    assert isinstance(rejection, Rejection), rejection
    return rejection


def event(
    subject: str = "/catalog",
    *,
    action: str = "navigate",
    person: str | None = ANA,
    id_: UUID | None = None,
    occurred_at: datetime | None = None,
    more: Mapping[str, object] | None = None,
) -> Event:
    """An event for the log, imported so that it may have any time."""
    moment = occurred_at or datetime.now(UTC)
    wire: Json = {"action": action, "subject": subject, "occurredAt": moment.isoformat(), **(more or {})}
    wire["id"] = str(id_ or uuid7(moment))
    by = receipt(person, received_at=datetime.now(UTC))
    return accepted(wire, Batch([], is_imported=True), by)


def rejection(detail: str = "made for a test", received_at: datetime | None = None) -> Rejection:
    return Rejection("invalid_event", detail, '{"action": 1}', received_at or datetime.now(UTC))


def recorded(name: str) -> list[Json]:
    """The events of one recorded file, as their clients sent them."""
    lines = [json.loads(line) for line in (RECORDED / name).read_text().splitlines()]
    return [line.get("event", line) for line in lines]
