"""``/query`` and what the pages must know before they ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from analytics_internal import __version__
from analytics_internal.auth import Caller, Grants
from analytics_internal.days import day_of
from analytics_internal.errors import Problem
from analytics_internal.http import people, segments
from analytics_internal.http.bodies import BodyTooLarge, limited_body
from analytics_internal.http.requests import caller_with, service_of
from analytics_internal.query import (
    BYTE_ORDER_MARK,
    FORMATS,
    Format,
    InvalidQuery,
    Spooled,
    check_question,
    decode_question,
    file_of,
    first_event_at,
    prepare,
    resolved,
)
from analytics_internal.query.answer import answer

MAX_QUERY_BYTES = 64 * 1024
JSON = "json"
FORMAT_NAMES = (JSON, *FORMATS)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages must know before they ask."""

    time_zone: Annotated[str, msgspec.Meta(description="The reporting time zone: `America/Sao_Paulo`")]
    portal_url: Annotated[str | None, msgspec.Meta(description="Where the portal is; null where nobody has said")]
    today: Annotated[date, msgspec.Meta(description="The day it is now in the reporting time zone")]
    first_day: Annotated[date | None, msgspec.Meta(description="The day of the first event; null without events")]
    position: Annotated[int, msgspec.Meta(description="The newest position of the log")]
    version: Annotated[str, msgspec.Meta(description="The service's version")]
    may: Annotated[Grants, msgspec.Meta(description="What the caller may do")]


async def ask(request: Request) -> Response:
    """``POST /query?format=json|csv|ndjson|parquet`` with the question as body: docs/reference/query.md."""
    caller = await caller_with(request, "read")
    body = await limited_body(request.scope, request.receive, MAX_QUERY_BYTES)
    return await _answer(request, caller, body)


async def ask_by_link(request: Request) -> Response:
    """``GET /query?q=<question>&format=json|csv|ndjson|parquet``: the same question from a link."""
    caller = await caller_with(request, "read")
    question = request.query_params.get("q")
    if question is None:
        raise InvalidQuery(Problem("q", "is required: the question as JSON"))
    body = question.encode("utf-8", "surrogatepass")
    if len(body) > MAX_QUERY_BYTES:
        raise BodyTooLarge(f"the question has {len(body):,} bytes; at most {MAX_QUERY_BYTES:,} are taken")
    return await _answer(request, caller, body)


async def _answer(request: Request, caller: Caller, body: bytes) -> Response:
    service = service_of(request)
    name = _format_of(request)
    wire = decode_question(body)
    named = await segments.named_in(request, wire)
    query = check_question(wire, name != JSON, named)
    await people.require_for(request, caller, resolved(wire, named))
    if not await service.permissions.allow(caller, "people"):
        query = msgspec.structs.replace(query, hides_people=True)
    if name == JSON:
        answered = await answer(
            service.replica,
            query,
            wire,
            service.zone,
            outcomes=service.outcomes.status,
        )
        return Response(msgspec.json.encode(answered), media_type="application/json")
    prepared = await prepare(service.replica, query, wire, service.zone)
    # An address that says CSV is opened in a spreadsheet; a program says it in a header.
    start = BYTE_ORDER_MARK if request.query_params.get("format") == "csv" else b""
    # Whole before 200 is said: what fails is answered as an error, not as a file that ends early.
    file = await file_of(service.replica, prepared, service.spool, FORMATS[name], start)
    days = f"{prepared.period.first}-{prepared.period.last}"
    headers = {
        "Content-Disposition": f'attachment; filename="analytics-{days}.{name}"',
        "X-Log-Position": str(prepared.page.position),
    }
    return Download(file, FORMATS[name], headers)


def _format_of(request: Request) -> str:
    """The format that the address asks for, else the first one that `Accept` names. Raises InvalidQuery."""
    asked = request.query_params.get("format")
    if asked is None:
        accepted = request.headers.get("accept", "")
        return next((name for name, one in FORMATS.items() if one.media_type in accepted), JSON)
    if asked not in FORMAT_NAMES:
        raise InvalidQuery(Problem("format", "unknown", list(FORMAT_NAMES)))
    return asked


class Download(StreamingResponse):
    """A file that is ready, as fast as its client reads; then it is gone."""

    def __init__(self, file: Spooled, format_: Format, headers: dict[str, str]) -> None:
        self._file = file
        headers = {**headers, "Content-Length": str(file.size)}
        super().__init__(self._pieces(), headers=headers, media_type=format_.media_type)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await asyncio.to_thread(self._file.read):
            yield piece

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also when the client has left before the first piece
            self._file.close()


async def configuration(request: Request) -> Response:
    """``GET /configuration``."""
    caller = await caller_with(request, "read")
    service = service_of(request)
    freshness = await service.replica.catch_up()
    first = await first_event_at(service.replica)
    found = Configuration(
        time_zone=service.zone.key,
        portal_url=service.settings.portal_url,
        today=day_of(datetime.now(UTC), service.zone),
        first_day=day_of(first, service.zone) if first is not None else None,
        position=freshness.position,
        version=__version__,
        may=await service.permissions.may(caller),
    )
    return Response(msgspec.json.encode(found), media_type="application/json")
