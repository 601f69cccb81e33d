"""The original plugin's three reading routes: the same shapes, the figures corrected.

A first access counts 1, a click and a navigation on one subject are two items, top users count accesses, and
``namespace`` and ``path`` are filled. Callers that may not read who did what get the same shapes without people.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from analytics_internal.errors import NotFound
from analytics_internal.http.requests import caller_with, service_of, whole_number
from analytics_internal.http.state import Service
from analytics_internal.log import load

DEFAULT_ITEMS = 1_000
MAX_ITEMS = 10_000
MAX_OFFSET = 2**31
ITEMS_AT_ONCE = 100
MAX_USERS = 1_000

SQL = load(Path(__file__).with_name("compat.sql"))


class PersonOfItem(msgspec.Struct, frozen=True):
    """One person's accesses of one item, as the original's ``metrics`` entries."""

    id: int
    analytics_id: int
    name: str
    namespace: str
    access_count: int
    created_at: str
    updated_at: str


class OriginalItem(msgspec.Struct, frozen=True):
    """An item as the original's ``GET /analytics`` gives it."""

    id: int
    action: str
    subject: str
    path: str | None
    access_count: int
    created_at: str
    updated_at: str
    metrics: list[PersonOfItem]


class TopUser(msgspec.Struct, frozen=True):
    """A person with all accesses, as the original's ``GET /top-users`` gives it."""

    name: str
    namespace: str
    access_count: int


async def items(request: Request) -> Response:
    """``GET /analytics?limit=&offset=``: items, the most recently accessed first; the rest behind a ``Link``."""
    caller = await caller_with(request, "read")
    service = service_of(request)
    is_named = await service.permissions.allow(caller, "people")
    limit = whole_number(request, "limit", DEFAULT_ITEMS, 1, MAX_ITEMS)
    offset = whole_number(request, "offset", 0, 0, MAX_OFFSET)
    found = await _items(service, is_named, None, limit + 1, offset)
    headers = {}
    if len(found) > limit:
        headers["Link"] = f'<{request.url.path}?{urlencode({"limit": limit, "offset": offset + limit})}>; rel="next"'
    return StreamingResponse(_json_of(found[:limit]), headers=headers, media_type="application/json")


async def _json_of(found: list[OriginalItem]) -> AsyncIterator[bytes]:
    """A list as JSON, in pieces: encoding a long one at once would keep other requests waiting."""
    yield b"["
    for start in range(0, len(found), ITEMS_AT_ONCE):
        yield (b"," if start else b"") + msgspec.json.encode(found[start : start + ITEMS_AT_ONCE])[1:-1]
        await asyncio.sleep(0)
    yield b"]"


async def item(request: Request) -> Response:
    """``GET /analytics/{id}``: one item with its people."""
    caller = await caller_with(request, "read")
    service = service_of(request)
    text = request.path_params["id"]
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise NotFound(f"items have whole numbers as ids; {text[:40]!r} is none")
    is_named = await service.permissions.allow(caller, "people")
    found = await _items(service, is_named, int(text), 1, 0)
    if not found:
        raise NotFound(f"no item has the id {int(text)}")
    return Response(msgspec.json.encode(found[0]), media_type="application/json")


async def top_users(request: Request) -> Response:
    """``GET /top-users``: people with the most accesses."""
    caller = await caller_with(request, "read")
    service = service_of(request)
    if not await service.permissions.allow(caller, "people"):
        return Response(b"[]", media_type="application/json")
    position = (await service.replica.catch_up()).position
    rows = await service.replica.query(
        SQL["top_users"], lambda cursor: cursor.fetchall(), {"position": position, "limit": MAX_USERS}
    )
    users = [TopUser(_name_of(ref), _namespace_of(ref), count) for ref, count in rows]
    return Response(msgspec.json.encode(users), media_type="application/json")


async def _items(service: Service, is_named: bool, item_id: int | None, limit: int, offset: int) -> list[OriginalItem]:
    position = (await service.replica.catch_up()).position
    if item_id is not None:
        item_id = service.replica.item_counted_as(item_id)
    parameters = {"position": position, "item_id": item_id, "limit": limit, "offset": offset}
    rows = await service.replica.query(SQL["items"], lambda cursor: cursor.fetchall(), parameters)
    people: dict[int, list[PersonOfItem]] = {row[0]: [] for row in rows}
    if people and is_named:
        # In the reader's thread: in the event loop every other request would wait for the people of a thousand items.
        for person in await service.replica.query(
            SQL["people_of_items"],
            lambda cursor: [_person(row) for row in cursor.fetchall()],
            {"position": position, "items": list(people)},
        ):
            people[person.analytics_id].append(person)
    return [
        OriginalItem(id_, action, subject, path, count, first, last, people[id_])
        for id_, action, subject, path, count, first, last in rows
    ]


def _person(row: tuple[int, int, str, int, str, str]) -> PersonOfItem:
    item_id, person_id, ref, count, first, last = row
    return PersonOfItem(person_id, item_id, _name_of(ref), _namespace_of(ref), count, first, last)


def _name_of(ref: str) -> str:
    return ref.partition("/")[2]


def _namespace_of(ref: str) -> str:
    return ref.partition(":")[2].partition("/")[0]
