"""``/events``: taking events in, and giving them out again in the log's order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from analytics_internal.body import decode_body
from analytics_internal.event import Receipt, judge
from analytics_internal.http.state import Service, caller_with, limited_body, service_of, whole_number
from analytics_internal.log import tail

EXPORT_CHUNK = 2_000
_encoder = msgspec.json.Encoder()


async def take(request: Request) -> Response:
    """``POST /events``: docs/reference/ingest.md. Answers after the commit."""
    service = service_of(request)
    caller = await caller_with(request, "write")
    body = await limited_body(request, service.settings.max_body_bytes)
    batch = decode_body(body, service.settings.max_batch_events)
    if batch.is_imported:
        caller.require("import")
    receipt = Receipt(datetime.now(UTC), caller.person, caller.may_name_person, service.acceptance)
    entries = [judge(payload, batch, receipt) for payload in batch.events]
    verdicts = await service.writer.append(entries, len(body))
    return Response(_encoder.encode({"success": True, "results": verdicts}), media_type="application/json")


async def give(request: Request) -> Response:
    """``GET /events?after=&limit=``: the stored events as NDJSON from a position on, up to the head as of now."""
    await caller_with(request, "read")
    service = service_of(request)
    after = whole_number(request, "after", 0, 0, 2**62)
    limit = whole_number(request, "limit", 2**62, 1, 2**62)
    async with service.pool.acquire() as connection:
        head = await tail.head(connection)
    up_to = min(head.position, after + limit)
    headers = {"X-Log-Position": str(head.position)}
    return StreamingResponse(_lines(service, after, up_to), media_type="application/x-ndjson", headers=headers)


async def _lines(service: Service, after: int, up_to: int) -> AsyncIterator[bytes]:
    while after < up_to:
        until = min(after + EXPORT_CHUNK, up_to)
        # A connection only for one chunk: a slow client must not hold one that writers need.
        async with service.pool.acquire() as connection:
            events = [event async for event in tail.read(connection, after, until)]
        yield _encoder.encode_lines(events)
        after = until
