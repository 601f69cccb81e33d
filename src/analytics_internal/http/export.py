"""``GET /events``: the stored events in the log's order."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from analytics_internal.http.requests import caller_with, service_of, whole_number
from analytics_internal.http.state import Service
from analytics_internal.log import tail

_encoder = msgspec.json.Encoder()

EXPORT_CHUNK = 2_000
FIRST_EXPORT_CHUNK = 100
EXPORT_CHUNK_BYTES = 1 << 20


async def export(request: Request) -> Response:
    """``GET /events?after=&limit=&batch=``: the stored events as NDJSON from a position on, up to the head as of now.

    ``batch`` is the batch of the line at ``after``. If the log has another one there, the answer is 409.
    """
    caller = await caller_with(request, "read")
    service = service_of(request)
    await service.permissions.require(caller, "people")  # a row says who did what
    after = whole_number(request, "after", 0, 0, 2**62)
    limit = whole_number(request, "limit", 2**62, 1, 2**62)
    batch = whole_number(request, "batch", -1, 0, 2**62)
    async with service.pool.acquire() as connection:
        head, place = await tail.head_with_place(connection, after)
    if batch >= 0 and place.batch_id != batch:
        raise tail.LogReplaced(
            f"there is no batch {batch} at position {after}: the database was restored or replaced since that "
            "was read; read again from the beginning"
        )
    up_to = min(head.position, after + limit)
    headers = {"X-Log-Position": str(head.position), "X-Log-Id": str(head.log_id)}
    return StreamingResponse(_lines(service, place, up_to), media_type="application/x-ndjson", headers=headers)


async def _lines(service: Service, place: tail.Place, up_to: int) -> AsyncIterator[bytes]:
    events_at_once = FIRST_EXPORT_CHUNK
    while place.position < up_to:
        until = min(place.position + events_at_once, up_to)
        # A connection for one chunk only: a slow client must not hold one that writers need. One snapshot: the next
        # statement could reach another database. If the log was replaced meanwhile, the answer ends early.
        async with (
            service.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await tail.require(connection, place)
            events = [event async for event in tail.read(connection, place.position, until)]
            _, place = await tail.head_with_place(connection, until)
        lines = _encoder.encode_lines(events)
        yield lines
        # Some events are a hundred times as large as others, so chunks are limited in bytes.
        fitting = events_at_once * EXPORT_CHUNK_BYTES // max(len(lines), 1)
        events_at_once = max(1, min(fitting, 4 * events_at_once, EXPORT_CHUNK))
