"""Read the log from a position on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.dimensions import EVENT_IDS, TABLES
from analytics_internal.errors import HttpProblem
from analytics_internal.log import missing_names
from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL
from analytics_internal.log.writer import MAX_BATCH_EVENTS


class CatalogState(msgspec.Struct, frozen=True):
    """How the portal's catalog is known."""

    revision: int
    """Grows with each change of what is known; 0 before the first."""
    version: UUID
    """Another one with each revision, also where a standby that lagged gives a revision again."""
    source: str | None = None
    """Where it was read, without secrets."""
    known_since: datetime | None = None
    """When it was first read: what was in it then counts for all time before."""
    read_at: datetime | None = None
    """As of when it is known."""
    failing_since: datetime | None = None
    """Since when it cannot be read; None when it can."""
    error: str | None = None
    """Why it cannot be read."""


class Head(msgspec.Struct, frozen=True):
    """The log's id and its newest position."""

    position: int
    log_id: UUID
    catalog: CatalogState | None = None
    """How the portal's catalog is known; None where that was not asked for."""


class Place(msgspec.Struct, frozen=True):
    """A position and its batch. Another log has another batch at that position, or none."""

    log_id: UUID
    position: int
    batch_id: int | None


class LogReplaced(HttpProblem):
    kind, status, title = "log-replaced", 409, "The log is not the one that was read before"


class StoredEvent(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A stored event in the form of exports, which can be imported again."""

    position: int
    batch: str
    """The batch's id, which tells apart logs with a shared past. Text, because JavaScript's numbers are too short."""
    id: UUID
    occurred_at: datetime
    received_at: datetime
    action: str
    subject: str
    user: str | None = None
    value: float | None = None
    attributes: msgspec.Raw | None = None
    context: msgspec.Raw | None = None
    session_id: UUID | None = None
    agent: str | None = None
    imported: bool = False


async def head(connection: Connection) -> Head:
    """The log's id and the position of its newest committed event, 0 if it is empty."""
    row = await connection.fetchrow(SQL["head"])
    assert row is not None, "log_head has no row: the schema was tampered with"
    return Head(row["position"], row["log_id"])


async def head_with_place(connection: Connection, position: int) -> tuple[Head, Place]:
    """The head with the catalog's state, and the batch at a position, as of one moment.

    There is no batch at 0 or where events are missing.
    """
    row = await connection.fetchrow(SQL["head_with_batch_at"], position, MAX_BATCH_EVENTS)
    if row is None:
        raise LogReplaced("log_head has no row: the database was tampered with")
    catalog = CatalogState(*row[3:]) if row["revision"] is not None else None
    head = Head(row["position"], row["log_id"], catalog)
    return head, Place(row["log_id"], position, row["batch_id"])


async def require(connection: Connection, place: Place) -> Head:
    """The log's head. Raises LogReplaced: the log does not have this place."""
    head, found = await head_with_place(connection, place.position)
    if found != place or head.position < place.position:
        raise LogReplaced(f"the log that was read up to position {place.position:,} is not in the database any more")
    return head


async def clocks(connection: Connection) -> tuple[datetime, datetime | None]:
    """The time of the database's clock, and when the log's newest events were received."""
    row = await connection.fetchrow(SQL["clocks"])
    assert row is not None
    return row["database_now"], row["newest_received_at"]


async def read(connection: Connection, after: int, up_to: int) -> AsyncIterator[StoredEvent]:
    """The events after one position up to another, in order. All of them are in memory at once."""
    batches = await connection.fetchrow(SQL["batch_bounds"], after, up_to, MAX_BATCH_EVENTS)
    if batches is None or batches[0] is None:
        return
    for row in await connection.fetch(SQL["events_after"], after, up_to, *batches, MAX_BATCH_EVENTS):
        yield _stored(row)


def _stored(row: Any) -> StoredEvent:
    def named(kind: str, text: str | None) -> str:
        if text is not None:
            return text
        number = row[f"{kind}_id"]
        if number is None:  # the action of a missing item
            return missing_names.unknown(kind, missing_names.NO_ACTION)
        missing_names.report(kind, number)
        return missing_names.unknown(kind, number)

    if row["action_id"] is None:
        missing_names.report("item", row["item_id"])
    context = msgspec.Raw(row["context"]) if row["context"] is not None else None
    if context is None and row["context_id"] is not None:
        missing_names.report("context", row["context_id"])
        context = msgspec.Raw(missing_names.unknown("context", row["context_id"]).encode())
    return StoredEvent(
        position=row["position"],
        batch=str(row["batch_id"]),
        id=row["id"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        action=named("action", row["action"]),
        subject=named("item", row["subject"]),
        user=named("person", row["person"]) if row["person_id"] is not None else None,
        value=row["value"],
        attributes=msgspec.Raw(row["attributes"]) if row["attributes"] is not None else None,
        context=context,
        session_id=row["session_id"],
        agent=named("agent", row["agent"]) if row["agent_id"] is not None else None,
        imported=row["is_imported"],
    )


async def copy_columns(
    connection: Connection, after: int, up_to: int, file: Path, known_hashes: Sequence[int] = ()
) -> None:
    """Write the reader's columns of the events after one position up to another as CSV without a header.

    The events are in no order. Attributes whose hash is one of ``known_hashes`` come without their text.
    """
    batches = await connection.fetchrow(SQL["batch_bounds"], after, up_to, MAX_BATCH_EVENTS)
    if batches is not None and batches[0] is not None:
        numbers = (after, up_to, *batches, MAX_BATCH_EVENTS)
        # COPY takes no parameters, and the driver's substitution prepares a statement, which a pooler loses. Integers
        # need no escaping.
        sql = SQL["columns_after"].replace("{ids}", ", ".join(f"e.{name}" for name in EVENT_IDS))
        sql = sql.replace("{known_hashes}", "{" + ",".join(map(str, known_hashes)) + "}")
        sql = re.sub(r"\$(\d)", lambda found: str(int(numbers[int(found[1]) - 1])), sql)
        await connection.copy_from_query(sql, output=file, format="csv")


async def copy_catalog(connection: Connection, folder: Path) -> UUID | None:
    """Write the catalog's history into a folder, as ``entity.csv`` and ``membership.csv``; return its version.

    Within a transaction that sees one state of the database.
    """
    version: UUID | None = await connection.fetchval(SQL["catalog_version"])
    for name in ("entity", "membership"):
        await connection.copy_from_query(SQL[f"catalog_{name}"], output=folder / f"{name}.csv", format="csv")
    return version


async def names(connection: Connection, table: str, ids: list[int]) -> list[tuple[object, ...]]:
    """What the reader reads of one naming table's rows, id first."""
    columns = ", ".join(TABLES[table].read.values())
    id_column = TABLES[table].id_column
    sql = f"SELECT {id_column}, {columns} FROM {table} WHERE {id_column} = ANY($1::integer[])"
    return [tuple(row) for row in await connection.fetch(sql, ids)]
