"""The catalog's history in PostgreSQL: what a source has is compared with what is known, and changes are added.

One transaction for each change, with one revision. Several services share the history: one of them reads at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import structlog

from analytics_internal.catalog import changes
from analytics_internal.catalog.changes import Change, Changes
from analytics_internal.catalog.source import Found
from analytics_internal.catalog.versions import AFTER, BEFORE, EntityRow, MembershipRow, Rows, rows_of
from analytics_internal.log import Connection, Pool, load

SQL = load(Path(__file__).with_name("history.sql"))
READING_S = 300.0
"""How long a service may read before another one begins."""
CONFIRMATIONS = 3
"""How many reads, one after the other, have to say so before much of what is known is given up."""
FEW = 10
"""Of fewer entities more than half may go at once."""
SLICE_ROWS = 500
Row = Sequence[object]

log = structlog.get_logger(__name__)


class Taken(NamedTuple):
    """What became of a read."""

    entities: int
    added: int
    closed: int
    doubt: str | None = None
    """Why nothing was taken."""


class History:
    """The history in one database, as one service reads and writes it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._own_id = uuid4()

    async def claim(self, pause_s: float) -> bool:
        """Whether this service may read the source now: no other does, nor began to within ``pause_s``."""
        async with self._pool.acquire() as connection:
            return await connection.fetchval(SQL["claim"], self._own_id, READING_S, pause_s) is not None

    async def hold(self) -> bool:
        """Go on reading for longer. Whether this service still may."""
        async with self._pool.acquire() as connection:
            return await connection.fetchval(SQL["hold"], self._own_id, READING_S) is not None

    async def release(self) -> None:
        """Let another service read."""
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["release"], self._own_id)

    async def take(self, found: Found, source: str) -> Taken | None:
        """Go on with what a source has, in one transaction.

        Returns None when another service may read by now: this one was too slow.
        """
        # Whatever goes through all entities runs in a thread: ingest and questions need the event loop meanwhile.
        refs = await asyncio.to_thread(lambda: {version.entity.ref for version in found.versions})
        rows = await asyncio.to_thread(rows_of, found.versions)
        async with self._pool.acquire() as connection, connection.transaction():
            begun = await connection.fetchrow(SQL["begin"], self._own_id)
            if begun is None or not begun["is_held"]:
                return None
            at: datetime = begun["at"]
            stored = await _stored(connection, None if found.is_whole_history else at)
            doubt = await asyncio.to_thread(_doubt_of, refs, stored, None if found.is_whole_history else at)
            if doubt is not None and (not refs or begun["doubtful_reads"] + 1 < CONFIRMATIONS):
                reads = begun["doubtful_reads"] + 1
                if not (refs or stored.entities):
                    reads = 0
                await connection.execute(SQL["failed"], self._own_id, doubt, source, reads)
                return Taken(len(refs), 0, 0, doubt)
            if found.is_whole_history:
                due = await asyncio.to_thread(changes.as_history, stored, rows)
            else:
                since = BEFORE if begun["first_read_at"] is None else at
                due = await asyncio.to_thread(changes.as_snapshot, stored, rows, at, since)
            await _write(connection, due, at)
            await connection.execute(SQL["taken"], self._own_id, source, at, bool(due))
        both = (due.entities, due.memberships)
        return Taken(
            len(refs), sum(len(one.added) for one in both), sum(len(one.closed) + len(one.deleted) for one in both)
        )

    async def unchanged(self, source: str, read_at_every_s: float) -> None:
        """The source has what it had when it was read last."""
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["unchanged"], self._own_id, source, read_at_every_s)

    async def failed(self, source: str, reason: str) -> None:
        """The source could not be read: what is known stays."""
        async with self._pool.acquire() as connection, connection.transaction():
            doubtful_reads = await connection.fetchval(SQL["doubtful_reads"])
            await connection.execute(SQL["failed"], self._own_id, reason, source, doubtful_reads)


def _doubt_of(found: set[str], stored: Rows, open_at: datetime | None) -> str | None:
    """Why a source that has these entities is not believed, where others are known, or were open at an instant."""
    known = {row.ref for row in stored.entities if open_at is None or row.valid_to > open_at}
    if not found:
        return f"has no entities{f', where {len(known):,} are known' if known else ' yet'}"
    for kind, name in (("", "entities"), ("user:", "users"), ("group:", "groups")):
        still = sum(ref.startswith(kind) for ref in found)
        before = sum(ref.startswith(kind) for ref in known)
        if before >= FEW and 2 * still < before:
            return f"has {still:,} {name}, where {before:,} are known; {CONFIRMATIONS} reads have to say so"
    return None


async def _stored(connection: Connection, open_at: datetime | None) -> Rows:
    """What is stored: everything, or what does not end before an instant."""
    # With cursors: between their parts the event loop does other work.
    prefix, parameters = ("", ()) if open_at is None else ("open_", (open_at,))
    entities = [
        EntityRow._make((row[0], _aware(row[1]), _aware(row[2]), *row[3:11], tuple(row[11]), *row[12:]))
        async for row in connection.cursor(SQL[f"{prefix}entities"], *parameters, prefetch=500)
    ]
    memberships = [
        MembershipRow._make((*row[:2], _aware(row[2]), _aware(row[3])))
        async for row in connection.cursor(SQL[f"{prefix}memberships"], *parameters, prefetch=500)
    ]
    return Rows(entities, memberships)


async def _write(connection: Connection, due: Changes, at: datetime) -> None:
    await _write_table(connection, "catalog_entity", "entities", due.entities, at, (0, 1))
    await _write_table(connection, "catalog_membership", "memberships", due.memberships, at, (0, 1, 2))


async def _write_table(
    connection: Connection, table: str, name: str, due: Change, at: datetime, key: tuple[int, ...]
) -> None:
    """``key``: the places of the primary key's columns in a row."""
    # The driver encodes on the event loop: others get their turn between slices.
    for rows in _slices(due.closed):
        await connection.execute(SQL[f"close_{name}"], *_columns(rows, key), at)
    for rows in _slices(due.deleted):
        await connection.execute(SQL[f"delete_{name}"], *_columns(rows, key))
    if due.added:
        await connection.copy_records_to_table(table, records=_records(due.added))


async def _records(rows: Sequence[Row]) -> AsyncIterator[tuple[object, ...]]:
    """The rows as they are stored, in slices as above: of a list the driver would send all in one turn."""
    for part in _slices(rows):
        for row in part:
            yield tuple(map(_as_stored, row))
        await asyncio.sleep(0)


def _slices(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + SLICE_ROWS] for start in range(0, len(rows), SLICE_ROWS))


def _columns(rows: Sequence[Row], places: tuple[int, ...]) -> list[list[object]]:
    return [[_as_stored(row[place]) for row in rows] for place in places]


def _aware(at: datetime) -> datetime:
    """The driver's infinities have no time zone."""
    if at.tzinfo is not None:
        return at
    return AFTER if at == datetime.max else BEFORE


def _as_stored(value: object) -> object:
    if value == AFTER:
        return datetime.max
    return datetime.min if value == BEFORE else value
