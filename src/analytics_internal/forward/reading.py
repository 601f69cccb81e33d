"""Read events of the log to be forwarded: with their names, and with what filters look at."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.errors import AnalyticsError
from analytics_internal.log import MAX_BATCH_EVENTS, NO_ACTION, Connection, load, missing_names, unknown
from analytics_internal.reader import derived

SQL = load(Path(__file__).with_name("reading.sql"))
REMEMBERED = 8_192
"""Names of each kind whose form of today is remembered: of at most 2,048 characters each."""

Item = tuple[int, str]
"""What tells one item from another: the id of its action, and its subject by today's rules."""


class LogEnds(AnalyticsError):
    """The log is shorter than it was, as after a failover to a standby that lags."""


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """A stored event. Its names are those that the query language has for it today (reader/respelled.py)."""

    position: int
    batch_id: int
    id: UUID
    occurred_at: datetime
    received_at: datetime
    action: str
    subject: str
    """As in exports: the whole of what was kept of it."""
    item_id: int
    item: Item
    user: str | None = None
    value: float | None = None
    attributes: bytes | None = None
    """JSON, as it is stored."""
    context: bytes | None = None
    session_id: UUID | None = None
    imported: bool = False
    plugin: str | None = None
    entity: str | None = None
    path: str | None = None
    agent: str | None = None


async def read(connection: Connection, after: int, up_to: int) -> list[LogEvent]:
    """The events after one position up to another, in the log's order, in one round trip.

    Positions whose events were taken out of the log are simply absent.

    Raises:
        LogEnds: the log does not reach so far. What it has some day may be other events than those that were expected.
    """
    rows = await connection.fetch(SQL["events_to_forward"], after, up_to, MAX_BATCH_EVENTS)
    if not rows or rows[0]["head"] < up_to:
        raise LogEnds(f"the log does not reach up to position {up_to:,} any more")
    return [_event_of(row) for row in rows if row["position"] is not None]


async def items(connection: Connection, ids: Iterable[int]) -> dict[int, Item]:
    """What some items are today, by their ids; those that the log does not have are left out."""
    rows = await connection.fetch(SQL["items"], list(ids))
    return {
        row["item_id"]: _item(row["item_id"], row["action_id"], _named(row, "action") or "", row["subject"])
        for row in rows
    }


def _event_of(row: Any) -> LogEvent:
    action = _named(row, "action") if row["action_id"] is not None else unknown("action", NO_ACTION)
    assert action is not None
    subject = row["item_subject"]
    if subject is None:
        missing_names.report("item", row["item_id"])
        subject = unknown("item", row["item_id"])
    entity_id, path_id = row["entity_id"], row["path_id"]
    action_id = row["action_id"] if row["action_id"] is not None else NO_ACTION
    return LogEvent(
        row["position"],
        row["batch_id"],
        row["id"],
        row["occurred_at"],
        row["received_at"],
        action,
        row["original_subject"] or subject,
        row["item_id"],
        _item(row["item_id"], action_id, action, subject),
        _named(row, "person"),
        row["value"],
        row["attributes"],
        row["context"] if row["context"] is not None else _lost_context(row["context_id"]),
        row["session_id"],
        row["is_imported"],
        _named(row, "plugin"),
        _entity(entity_id, _named(row, "entity")) if entity_id is not None else None,
        _path(path_id, _named(row, "path")) if path_id is not None else None,
        _named(row, "agent"),
    )


def _named(row: Any, kind: str) -> str | None:
    """The row's text of one kind; where the log has lost it, what stands for it everywhere; None if it has none."""
    text: str | None = row[kind]
    if text is None and (number := row[f"{kind}_id"]) is not None:
        missing_names.report(kind, number)
        return unknown(kind, number)
    return text


def _lost_context(context_id: int | None) -> bytes | None:
    if context_id is None:
        return None
    missing_names.report("context", context_id)
    return unknown("context", context_id).encode()


@functools.lru_cache(REMEMBERED)
def _item(item_id: int, action_id: int, action: str, subject: str) -> Item:
    (name,) = derived("item", [(item_id, action_id, subject, None)], {action_id: action})
    return action_id, str(name.key[1])


@functools.lru_cache(REMEMBERED)
def _path(path_id: int, name: str) -> str | None:
    (found,) = derived("path", [(path_id, name)], {})
    return str(found.key[0]) if found.row is not None else None


@functools.lru_cache(REMEMBERED)
def _entity(entity_id: int, ref: str) -> str:
    (found,) = derived("entity", [(entity_id, ref)], {})
    return str(found.key[0])
