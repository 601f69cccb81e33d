"""``POST /events``: events are validated and stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from analytics_internal.clock import ClockInDoubt, require_likely, require_possible
from analytics_internal.event import (
    MAX_CLOCK_ERROR,
    Batch,
    Event,
    Receipt,
    Rejection,
    Verdicts,
    decode_body,
    validate,
    weight_of,
)
from analytics_internal.http import problems
from analytics_internal.http.bodies import Reading, answering, limited_body
from analytics_internal.http.requests import header
from analytics_internal.http.state import Service
from analytics_internal.log import tail

# A batch is validated for this long before other requests get a turn.
TIME_SLICE_S = 0.005
SMALL_BODY_BYTES = 65_536
_encoder = msgspec.json.Encoder()
_large_bodies = ThreadPoolExecutor(1, "large bodies")


async def ingest(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """``POST /events``: docs/reference/ingest.md. Answers after the commit.

    A bare ASGI application: nearly every request comes here, and a router would cost more than the work.
    """
    reading = Reading(receive)
    try:
        body = await _stored(service, scope, reading)
    except ClientDisconnect:
        return  # nothing was stored
    except Exception as error:  # no middleware around us answers it
        await problems.from_error(error)(scope, reading, answering(scope, reading, send))
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stored(service: Service, scope: Scope, receive: Receive) -> bytes:
    """Store the body's events. Returns the answer as JSON."""
    caller = await service.callers.caller_of(header(scope, b"authorization"))
    body = await limited_body(scope, receive, service.settings.max_body_bytes)
    batch = await _taken_apart(body, service.settings.max_batch_events)
    if batch.is_imported:
        caller.require_import()
    require_possible(received_at := datetime.now(UTC))
    id_key = service.id_key.of(caller.sender)
    receipt = Receipt(
        received_at, caller.person, caller.may_name_person, service.acceptance, agent=caller.agent, id_key=id_key
    )
    entries = await _validated(batch, receipt)
    await _require_our_clock(service, entries, received_at)
    verdicts = await service.writer.append(entries, sum(map(weight_of, entries)))
    return _encoder.encode(Verdicts(True, verdicts))


async def _taken_apart(body: bytes, max_events: int) -> Batch:
    """The body's events. Large bodies are parsed in a thread, one after the other."""
    if len(body) <= SMALL_BODY_BYTES:
        return decode_body(body, max_events)
    return await asyncio.get_running_loop().run_in_executor(_large_bodies, decode_body, body, max_events)


async def _require_our_clock(service: Service, entries: Sequence[Event | Rejection], now: datetime) -> None:
    """Raises ClockInDoubt when an event is refused for its time and our clock may be the wrong one."""
    refused = [entry for entry in entries if isinstance(entry, Rejection) and entry.clocks]
    if not refused:
        return
    if any(one.clocks == "differ" for one in refused):
        raise ClockInDoubt(
            f"the service's clock shows {now:%Y-%m-%dT%H:%M:%SZ}, and the sender's is more than "
            f"{MAX_CLOCK_ERROR.days} days away: set the clock of the one that is wrong"
        )
    async with service.pool.acquire() as connection:
        database_now, newest_received_at = await tail.clocks(connection)
    require_likely(now, newest_received_at, database_now)


async def _validated(batch: Batch, receipt: Receipt) -> list[Event | Rejection]:
    """Every event, validated. A large batch gives other requests a turn again and again."""
    if len(batch.events) == 1:
        return [validate(batch.events[0], batch, receipt)]
    entries: list[Event | Rejection] = []
    until = time.perf_counter() + TIME_SLICE_S
    for payload in batch.events:
        entries.append(validate(payload, batch, receipt))
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + TIME_SLICE_S
    return entries
