"""``/destinations``: where events are forwarded to. To see how far each destination is, and to steer it.

All routes need the permission to administer. Every change is a log line that says who made it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import asyncpg
import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal.auth import Caller
from analytics_internal.errors import HttpProblem, NotFound, Problem, TryLater
from analytics_internal.forward import child, state
from analytics_internal.http import destination_wire as wire
from analytics_internal.http.bodies import limited_body
from analytics_internal.http.destination_answers import dead_letter, destination
from analytics_internal.http.requests import caller_with, service_of, whole_number
from analytics_internal.log import MAX_BATCH_EVENTS, Connection, load

MAX_BODY_BYTES = 64 * 1024
MAX_LETTERS = 1_000
DEFAULT_LETTERS = 100
SQL = load(Path(__file__).with_name("destinations.sql"))
Body = TypeVar("Body")
REPLAYS: dict[str, type[wire.ReplayDeadLetters | wire.ReplayPositions | wire.ReplayTimes]] = {
    "dead_letters": wire.ReplayDeadLetters,
    "after": wire.ReplayPositions,
    "from": wire.ReplayTimes,
}
"""Kinds of replays by the field that each must have."""

# Each test is a process of its own; further ones wait.
_tests = asyncio.Semaphore(2)

log = structlog.get_logger(__name__)


class InvalidRequest(HttpProblem):
    kind, status, title = "invalid-request", 400, "The request cannot be carried out as it is asked"

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{one.field}: {one.detail}" if one.field else one.detail for one in problems))
        self.errors = problems


class NotConfigured(HttpProblem):
    kind, status, title = "not-configured", 409, "The destination is not configured"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not in the setting `destinations`; its position is kept for when it returns")


class StateUnavailable(TryLater):
    kind, title = "destinations-unavailable", "The state of destinations cannot be used"


async def destinations(request: Request) -> Response:
    """``GET /destinations``: every destination, and how far it is."""
    caller = await caller_with(request, "admin")
    configured = service_of(request).destinations
    hides = not await _may_read_people(request, caller)
    async with _state(request) as connection:
        rows = {row.name: row for row in await state.overviews(connection)}
        if not configured.keys() <= rows.keys():  # the process that forwards has not begun yet
            await state.ensure(connection, [one.configured for one in configured.values()])
            rows = {row.name: row for row in await state.overviews(connection)}
    names = [*configured, *(name for name in rows if name not in configured)]
    return _json(wire.Destinations([destination(rows[name], configured.get(name), hides) for name in names]))


async def pause(request: Request) -> Response:
    """``POST /destinations/{name}/pause``: deliver nothing, replays included, until it is resumed."""
    return await _steer(request, "destination paused", state.pause)


async def resume(request: Request) -> Response:
    """``POST /destinations/{name}/resume``: go on at once, also after the receiver asked for no more events."""
    return await _steer(request, "destination resumed", state.resume)


async def test(request: Request) -> Response:
    """``POST /destinations/{name}/test``: send a test event, and say what the receiver answered.

    Raises:
        NotConfigured
    """
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    async with _state(request) as connection:
        await _configured_row(request, connection, name)
    async with _tests:
        result = await child.test(service_of(request).forwarding, name)
    _audit("test event sent", caller, name, is_delivered=result.is_delivered)
    return _json(wire.TestResult(**msgspec.structs.asdict(result)))


async def replay(request: Request) -> Response:
    """``POST /destinations/{name}/replay``: send dead letters, or a range of the log, once more.

    What is not delivered yet is not part of a range: its turn comes anyway.

    Raises:
        InvalidRequest: it is none of the three kinds, or nothing of the range was delivered before.
        NotConfigured
    """
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    asked = _replay_of(await limited_body(request.scope, request.receive, MAX_BODY_BYTES))
    async with _state(request) as connection, connection.transaction():
        row = await _configured_row(request, connection, name)
        if isinstance(asked, wire.ReplayDeadLetters):
            letters = await state.queue_dead_letters(connection, name, _positions(asked.dead_letters))
            queued = wire.Queued(dead_letters=letters, after=None, up_to=None, events=0)
        else:
            queued = await _replay_range(connection, row, asked)
    _audit("replay asked for", caller, name, **msgspec.structs.asdict(queued))
    return _json(queued)


async def cancel_replays(request: Request) -> Response:
    """``POST /destinations/{name}/cancel-replays``: send nothing more of what was replayed."""
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    async with _state(request) as connection:
        await _row(request, connection, name)
        cancelled = wire.Cancelled(await state.cancel_replays(connection, name))
    _audit("replays cancelled", caller, name, replays=cancelled.replays)
    return _json(cancelled)


async def dead_letters(request: Request) -> Response:
    """``GET /destinations/{name}/dead-letters?cursor=&limit=``: events that could not be delivered, by position."""
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    limit = whole_number(request, "limit", DEFAULT_LETTERS, 1, MAX_LETTERS)
    cursor = whole_number(request, "cursor", 0, 1, wire.HIGHEST)
    is_named = await _may_read_people(request, caller)
    async with _state(request) as connection:
        row = await _row(request, connection, name)
        letters = await state.dead_letters(connection, name, cursor, limit + 1)
        page = letters[:limit]
        events = await _events(connection, page, is_named)
    found = [dead_letter(letter, events.get(letter.position), not is_named) for letter in page]
    next_cursor = page[-1].position if len(letters) > limit else None
    return _json(wire.DeadLetters(found, row.dead_letters, next_cursor))


async def discard(request: Request) -> Response:
    """``POST /destinations/{name}/discard``: forget dead letters. Their events stay in the log."""
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    asked = _decoded(await limited_body(request.scope, request.receive, MAX_BODY_BYTES), wire.Discard)
    async with _state(request) as connection:
        await _row(request, connection, name)
        discarded = wire.Discarded(await state.discard_dead_letters(connection, name, _positions(asked.dead_letters)))
    _audit("dead letters discarded", caller, name, dead_letters=discarded.dead_letters)
    return _json(discarded)


async def _steer(request: Request, event: str, change: Callable[[Connection, str], Awaitable[bool]]) -> Response:
    caller = await caller_with(request, "admin")
    name = str(request.path_params["name"])
    hides = not await _may_read_people(request, caller)
    # One transaction: what is answered is the row as the change left it.
    async with _state(request) as connection, connection.transaction():
        await _row(request, connection, name)
        await change(connection, name)
        row = await _row(request, connection, name)
    _audit(event, caller, name)
    return _json(destination(row, service_of(request).destinations.get(name), hides))


def _audit(event: str, caller: Caller, name: str, **what: object) -> None:
    """Log who did what. Administrators are named: what they do concerns everybody."""
    if caller.plugin is not None:
        by = f"plugin {caller.plugin}" + (f" for {caller.person}" if caller.person is not None else "")
    else:
        by = caller.person or "a machine, or somebody on this machine"
    log.info(event, destination=name, by=by, **what)


@contextlib.asynccontextmanager
async def _state(request: Request) -> AsyncIterator[Connection]:
    """A connection for the state of destinations. Raises StateUnavailable: the database's role may not use it."""
    try:
        async with service_of(request).pool.acquire() as connection:
            yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise StateUnavailable(
            f"the database's role lacks a right ({error}); docs/reference/postgresql.md lists those of forwarding"
        ) from error


async def _row(request: Request, connection: Connection, name: str) -> state.Overview:
    """The row of a destination, made now if its process has not begun yet. Raises NotFound with the known names."""
    described = service_of(request).destinations.get(name)
    found = await state.overviews(connection, name) if "\0" not in name else []  # which PostgreSQL does not take
    if not found and described is not None:
        await state.ensure(connection, [described.configured])
        found = await state.overviews(connection, name)
    if not found:
        known = sorted({*service_of(request).destinations, *(row.name for row in await state.overviews(connection))})
        raise NotFound(
            f"no destination has the name {name[:63]!r}; "
            + (f"there are {', '.join(known)}" if known else "there is none")
        )
    return found[0]


async def _configured_row(request: Request, connection: Connection, name: str) -> state.Overview:
    """The row of a configured destination. Raises NotFound, NotConfigured."""
    row = await _row(request, connection, name)
    if name not in service_of(request).destinations:
        raise NotConfigured(name)
    return row


async def _replay_range(
    connection: Connection, row: state.Overview, asked: wire.ReplayPositions | wire.ReplayTimes
) -> wire.Queued:
    if isinstance(asked, wire.ReplayTimes):
        begin, end = "from", "to"
        after = await state.position_before(connection, _in_utc(begin, asked.from_))
        up_to = await state.position_until(connection, _in_utc(end, asked.to)) if asked.to is not None else None
    else:
        begin, end = "after", "up_to"
        after, up_to = asked.after, asked.up_to
    last = row.position if up_to is None else min(up_to, row.position)
    if after >= row.position:
        detail = f"nothing after it has had its turn yet: the destination is at position {row.position:,}"
        raise InvalidRequest(Problem(begin, detail))
    queued = await state.replay(connection, row.name, after, last)
    if queued is None:
        raise InvalidRequest(Problem(end, f"must be after `{begin}`: there is no event between them"))
    first, last = queued.after_position, queued.up_to_position
    return wire.Queued(dead_letters=0, after=first, up_to=last, events=last - first)


def _in_utc(field: str, moment: datetime) -> datetime:
    """Raises InvalidRequest: in UTC it is before the year 1 or after 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRequest(Problem(field, "must be a time from 0001 to 9999 in UTC")) from error


async def _events(
    connection: Connection, letters: Sequence[state.KeptDeadLetter], is_named: bool
) -> dict[int, wire.DeadEvent]:
    """What the log says about the events of dead letters, by position, as far as it has them."""
    ids = {letter.position: letter.event_id for letter in letters}
    rows = await connection.fetch(SQL["events_at"], list(ids), MAX_BATCH_EVENTS)
    return {
        row["position"]: wire.DeadEvent(
            occurred_at=row["occurred_at"],
            action=row["action"],
            subject=row["subject"],
            user=row["person"] if is_named else None,
        )
        for row in rows
        if row["id"] == ids[row["position"]]  # else the log was replaced
    }


def _positions(letters: Literal["all"] | list[int]) -> list[int] | None:
    return None if letters == "all" else letters


def _replay_of(body: bytes) -> wire.ReplayDeadLetters | wire.ReplayPositions | wire.ReplayTimes:
    """Which kind of replay is asked for. Raises InvalidRequest."""
    fields = _decoded(body, dict[str, msgspec.Raw])
    kinds = [kind for field, kind in REPLAYS.items() if field in fields]
    if len(kinds) != 1:
        needed = "must have exactly one of these fields"
        raise InvalidRequest(Problem("", f"{needed}: {', '.join(REPLAYS)}", list(REPLAYS)))
    return _decoded(body, kinds[0])


def _decoded(body: bytes, form: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise InvalidRequest(Problem(place.strip("`.").partition("[")[0], message)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(Problem("", f"the body is no JSON: {error}")) from error


async def _may_read_people(request: Request, caller: Caller) -> bool:
    return await service_of(request).permissions.allow(caller, "people")


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


ACTIONS: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "pause": pause,
    "resume": resume,
    "test": test,
    "replay": replay,
    "cancel-replays": cancel_replays,
    "discard": discard,
}
"""What can be done with a destination, by the last part of its address."""
