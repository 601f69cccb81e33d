"""``/segments``: filters that people save under names, and share by their ids.

Whoever may read figures may save some and use those of others. A segment that names people is shown to those who may
read names, and used by them. Whoever made a segment may change and delete it, and so may an administrator.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal.auth import Caller, NotAllowed
from analytics_internal.errors import HttpProblem, NotFound, Problem, TryLater
from analytics_internal.http import people
from analytics_internal.http.bodies import limited_body
from analytics_internal.http.requests import caller_with, service_of
from analytics_internal.log import Connection, load
from analytics_internal.query import (
    InvalidQuery,
    Segment,
    WireQuestion,
    ids_of_segments,
    parse_filter,
    require_no_segment,
)

MAX_BODY_BYTES = 64 * 1024
MAX_SEGMENTS = 1_000
"""All together."""
MAX_NAME = 128
MAX_DESCRIPTION = 1_024
SQL = load(Path(__file__).with_name("segments.sql"))


class SegmentExists(HttpProblem):
    kind, status, title = "segment-exists", 409, "There is a segment with this name"

    def __init__(self, name: str) -> None:
        super().__init__(f"another segment is called {name!r}; take another name")


class TooManySegments(HttpProblem):
    kind, status, title = "too-many-segments", 409, "There are too many segments"

    def __init__(self) -> None:
        super().__init__(f"there are {MAX_SEGMENTS:,} segments, as many as there may be; delete one first")


class SegmentsUnavailable(TryLater):
    kind, title = "segments-unavailable", "Segments cannot be used"


class NewSegment(msgspec.Struct, forbid_unknown_fields=True):
    """A filter and the name to save it under."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    filters: Annotated[
        list[object],
        msgspec.Meta(description="As in a question", extra_json_schema={"$ref": "#/components/schemas/SavedFilter"}),
    ]
    description: Annotated[str, msgspec.Meta(max_length=MAX_DESCRIPTION)] | None = None


class SavedSegment(msgspec.Struct, frozen=True):
    """A saved filter: `["segment", "<id>"]` stands for it in a question."""

    id: UUID
    name: str
    description: str | None
    filters: Annotated[list[object], msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/SavedFilter"})]
    made_by: Annotated[
        str | None,
        msgspec.Meta(description="Ref of the person; null for a machine, and for those who may not read names"),
    ]
    made_at: datetime
    changed_at: datetime
    may_change: Annotated[bool, msgspec.Meta(description="Whether the caller may change and delete it")]


class Segments(msgspec.Struct, frozen=True):
    """Every segment that the caller may use, by name."""

    segments: list[SavedSegment]


async def named_in(request: Request, wire: WireQuestion) -> dict[UUID, Segment]:
    """The segments that a question names, deleted ones too. Raises InvalidQuery, SegmentsUnavailable."""
    ids = ids_of_segments(wire)
    if not ids:
        return {}
    async with _connection(request) as connection:
        rows = await connection.fetch(SQL["some"], ids)
    return {
        row["segment_id"]: Segment(row["segment_id"], row["name"], row["changed_at"], _filters_of(row)) for row in rows
    }


async def segments(request: Request) -> Response:
    """``GET /segments``: every segment that the caller may use."""
    caller = await caller_with(request, "read")
    async with _connection(request) as connection:
        rows = await connection.fetch(SQL["all"])
    shown = [await _shown(request, caller, row) for row in rows if await _may_see(request, caller, row)]
    return _json(Segments(shown))


async def segment(request: Request) -> Response:
    """``GET /segments/{id}``."""
    caller = await caller_with(request, "read")
    async with _connection(request) as connection:
        return _json(await _shown(request, caller, await _row(request, connection, caller)))


async def make(request: Request) -> Response:
    """``POST /segments``: save a filter under a name.

    Raises:
        InvalidQuery: the filter is none, or the name is.
        NotAllowed: it names people, and the caller may not read who did what.
        SegmentExists, TooManySegments
    """
    caller = await caller_with(request, "read")
    new = await _new_segment(request, caller)
    async with _connection(request) as connection:
        if await connection.fetchval(SQL["count"]) >= MAX_SEGMENTS:
            raise TooManySegments
        row = await connection.fetchrow(SQL["make"], new.name, new.description, _as_json(new.filters), caller.person)
    if row is None:
        raise SegmentExists(new.name)
    return _json(await _shown(request, caller, row), 201)


async def change(request: Request) -> Response:
    """``PUT /segments/{id}``: let it be another filter, or give it another name. Cursors of its questions end.

    Raises:
        NotAllowed: somebody else made it, or as ``make``.
        InvalidQuery, SegmentExists
    """
    caller = await caller_with(request, "read")
    new = await _new_segment(request, caller)
    async with _connection(request) as connection:
        row = await _own_row(request, connection, caller)
        try:
            changed = await connection.fetchrow(
                SQL["change"], row["segment_id"], new.name, new.description, _as_json(new.filters)
            )
        except asyncpg.UniqueViolationError as error:
            raise SegmentExists(new.name) from error
    if changed is None:
        raise _not_there(str(row["segment_id"]))
    return _json(await _shown(request, caller, changed))


async def delete(request: Request) -> Response:
    """``DELETE /segments/{id}``: questions that name it are refused from now on. Raises NotAllowed."""
    caller = await caller_with(request, "read")
    async with _connection(request) as connection:
        row = await _own_row(request, connection, caller)
        await connection.fetchrow(SQL["delete"], row["segment_id"])
    return Response(status_code=204)


async def _new_segment(request: Request, caller: Caller) -> NewSegment:
    body = await limited_body(request.scope, request.receive, MAX_BODY_BYTES)
    try:
        new = msgspec.json.decode(body, type=NewSegment)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise InvalidQuery(Problem(place.strip("`.").partition("[")[0], message)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidQuery(Problem("", f"the body is no JSON: {error}")) from error
    new.name = " ".join(new.name.split())
    if not new.name or "\0" in new.name + (new.description or ""):
        raise InvalidQuery(Problem("name", "a text that is not empty, without NUL"))
    require_no_segment(new.filters)
    parse_filter(new.filters)
    await people.require_for_filters(request, caller, new.filters)
    return new


async def _row(request: Request, connection: Connection, caller: Caller) -> asyncpg.Record:
    """The segment at the address. Raises NotFound, NotAllowed."""
    text = str(request.path_params["id"])
    try:
        id_ = UUID(text)
    except ValueError:
        raise _not_there(text) from None
    found = await connection.fetch(SQL["some"], [id_])
    if not found or found[0]["deleted_at"] is not None:
        raise _not_there(text)
    await people.require_for_filters(request, caller, _filters_of(found[0]) or [])
    return found[0]


async def _own_row(request: Request, connection: Connection, caller: Caller) -> asyncpg.Record:
    """The segment at the address, which the caller may change. Raises NotFound, NotAllowed."""
    row = await _row(request, connection, caller)
    if not await _may_change(request, caller, row):
        raise NotAllowed("whoever made a segment may change and delete it, and whoever administers the service")
    return row


async def _may_change(request: Request, caller: Caller, row: asyncpg.Record) -> bool:
    is_own = caller.person is not None and row["made_by"] == caller.person
    return is_own or await service_of(request).permissions.allow(caller, "admin")


async def _may_see(request: Request, caller: Caller, row: asyncpg.Record) -> bool:
    return await people.may_name(request, caller, _filters_of(row) or [])


async def _shown(request: Request, caller: Caller, row: asyncpg.Record) -> SavedSegment:
    is_own = row["made_by"] == caller.person
    is_named = is_own or await service_of(request).permissions.allow(caller, "people")
    return SavedSegment(
        id=row["segment_id"],
        name=row["name"],
        description=row["description"],
        filters=_filters_of(row) or [],
        made_by=row["made_by"] if is_named else None,
        made_at=row["made_at"],
        changed_at=row["changed_at"],
        may_change=await _may_change(request, caller, row),
    )


@contextlib.asynccontextmanager
async def _connection(request: Request) -> AsyncIterator[Connection]:
    try:
        async with service_of(request).pool.acquire() as connection:
            yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise SegmentsUnavailable(
            f"the database's role lacks a right ({error}); docs/reference/postgresql.md lists those of segments"
        ) from error


def _filters_of(row: asyncpg.Record) -> list[object] | None:
    text = row["filters"]
    found: list[object] | None = msgspec.json.decode(text) if text is not None else None
    return found


def _as_json(filters: list[object]) -> str:
    return msgspec.json.encode(filters).decode()


def _not_there(id_: str) -> NotFound:
    return NotFound(f"there is no segment with the id {id_[:40]!r}, or no longer")


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
