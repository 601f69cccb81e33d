"""From a question to its answer: freshness, the right page of the right position, rows as named objects."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from analytics_internal.log.tail import Place
from analytics_internal.query import language
from analytics_internal.query.conditions import as_counted
from analytics_internal.query.cost import Sizes, cost_of
from analytics_internal.query.csv_cells import csv_rows
from analytics_internal.query.language import MAX_POSITION, InvalidQuery, Problem, Query, WireQuery
from analytics_internal.query.period import (
    Period,
    Previous,
    bucket_of,
    buckets,
    day_of,
    day_shifts,
    next_bucket,
    resolve,
)
from analytics_internal.query.plan import Plan, parameters, plan_beside
from analytics_internal.query.spool import Spool, Spooled
from analytics_internal.reader.duckdb import Damaged
from analytics_internal.reader.lanes import LIGHT_S, Lane, asked_by
from analytics_internal.reader.replica import Replica

T = TypeVar("T")
Row = tuple[object, ...]
CSV_ROWS = 5_000
MAX_BUCKETS = 7_500
"""Of time, in one answer: twenty years by day."""
BUCKET_DAYS = {"time:week": 7, "time:month": 28}
# One thread each: what many heavy questions need must not keep a light one waiting. Each with a fair queue before it.
PLANNING_S = 0.1
PLANNING_PATIENCE_S = 30.0
_light_planner = ThreadPoolExecutor(1, thread_name_prefix="plan-light"), Lane("plan light", 1)
_heavy_planner = ThreadPoolExecutor(1, thread_name_prefix="plan-heavy"), Lane("plan heavy", 1)
_began: WeakKeyDictionary[Replica, tuple[int, datetime | None]] = WeakKeyDictionary()


class NotACursor(InvalidQuery):
    """The cursor was not made by us, or was changed since."""

    def __init__(self) -> None:
        super().__init__(Problem("cursor", "is none of ours: use meta.next_cursor or meta.previous_cursor"))


class Page(msgspec.Struct, frozen=True):
    """What a cursor holds: the moment and the position that its pages answer for, and how many rows come before.

    ``log`` is the state of the log that has the position: text that says which, None until it is needed.
    """

    fingerprint: str
    asked_at: datetime
    position: int
    offset: int
    log: str | None = None


class Prepared(msgspec.Struct, frozen=True):
    """A question with everything settled that an answer depends on."""

    query: Query
    page: Page
    period: Period
    previous: Previous | None
    zone: ZoneInfo
    plan: Plan
    parameters: dict[str, object]
    cost_s: float


async def prepare(
    replica: Replica, query: Query, wire: WireQuery, zone: ZoneInfo, now: datetime | None = None
) -> Prepared:
    """Let the reader catch up and settle period, position and page.

    Raises:
        TooCostly: nobody could wait for the answer.
        InvalidQuery: the cursor is none, is ahead of the log, or belongs to another question.
        Behind, LogUnavailable: as ``Replica.catch_up``.
    """
    fingerprint = _fingerprint(wire, zone)
    page = _page_of(query.cursor, fingerprint) if query.cursor is not None else None
    freshness = await replica.catch_up()
    if page is not None:
        await _require_same_log(replica, page, freshness.position)
    if page is None:
        if query.position is not None and query.position > freshness.position:
            raise InvalidQuery(Problem("position", f"the log reaches to {freshness.position} only"))
        position = freshness.position if query.position is None else query.position
        page = Page(fingerprint, now or freshness.as_of, position, 0)
    first_event = await first_event_at(replica) if query.date_range is None else None
    period, previous = resolve(query, zone, page.asked_at, first_event)
    _require_few_buckets(query, period)
    shifts = day_shifts(zone, period, previous) if query.time_dimension else []
    if query.filter is not None:
        query = msgspec.structs.replace(query, filter=as_counted(query.filter, replica.item_counted_as))
    cost_s = cost_of(query, await _sizes(replica), period, previous)
    planner, lane = _light_planner if cost_s <= LIGHT_S else _heavy_planner
    place = lane.place(asked_by.get(), PLANNING_S, PLANNING_PATIENCE_S)
    planned = await plan_beside(planner, place, query, previous is not None, len(shifts))
    values = parameters(query, period, previous, shifts, page.position, page.offset)
    named = {name: value for name, value in values.items() if name in planned.parameters}
    return Prepared(query, page, period, previous, zone, planned, named, cost_s)


def _require_few_buckets(query: Query, period: Period) -> None:
    """Raises InvalidQuery: each bucket is named in the answer, and there would be too many of them."""
    if query.time_dimension is None:
        return
    number = (period.last - period.first).days // BUCKET_DAYS.get(query.time_dimension, 1) + 1
    if number > MAX_BUCKETS:
        detail = (
            f"{number:,} buckets of {query.time_dimension}; an answer may have {MAX_BUCKETS:,}: ask for larger ones"
        )
        raise InvalidQuery(Problem("date_range", detail))


async def _require_same_log(replica: Replica, page: Page, head: int) -> None:
    """Raises InvalidQuery: the log that is there now has not what the page's cursor was made for."""
    if page.log is None:
        raise NotACursor
    if page.position > head or page.log != _log_of(await replica.place_of(page.position)):
        raise InvalidQuery(
            Problem(
                "cursor",
                "is of a log that was restored or replaced since, or none of ours: ask again without a cursor",
            )
        )


def _log_of(place: Place) -> str:
    return f"{place.log_id}:{place.batch_id}"


async def answer(
    replica: Replica, query: Query, wire: WireQuery, zone: ZoneInfo, now: datetime | None = None
) -> dict[str, object]:
    """The answer to a question as the JSON object of docs/reference/query.md. Raises as ``prepare``."""
    log_changes = replica.log_changes
    answered = await _answer_once(replica, query, wire, zone, now)
    if replica.log_changes != log_changes:
        # Its position was settled in one log, and its rows may be of the one that came then.
        answered = await _answer_once(replica, query, wire, zone, now)
    return answered


async def _answer_once(
    replica: Replica, query: Query, wire: WireQuery, zone: ZoneInfo, now: datetime | None
) -> dict[str, object]:
    prepared = await prepare(replica, query, wire, zone, now)

    def named_rows(cursor: duckdb.DuckDBPyConnection) -> tuple[list[dict[str, object]], int]:
        # In the question's thread: ten thousand rows are a tenth of a second.
        rows: list[Row] = cursor.fetchall()
        return [_named(row, prepared) for row in rows], int(str(rows[0][-1])) if rows else 0

    results, total = await _ask(replica, prepared, named_rows)
    if prepared.page.log is None and query.limit is not None and total > query.limit:
        # More pages follow: their cursor says of which log they are.
        place = await replica.place_of(prepared.page.position)
        page = msgspec.structs.replace(prepared.page, log=_log_of(place))
        prepared = msgspec.structs.replace(prepared, page=page)
    return {
        "results": results,
        "meta": {**_meta(prepared, total), "missing_events": replica.missing(prepared.page.position)},
        "query": wire,
    }


async def _ask(replica: Replica, prepared: Prepared, fetch: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    try:
        return await replica.query(prepared.plan.sql, fetch, prepared.parameters, prepared.cost_s)
    except Damaged:  # the reader has thrown its file away: what it reads now is whole
        await replica.catch_up()
        return await replica.query(prepared.plan.sql, fetch, prepared.parameters, prepared.cost_s)


async def csv_file(replica: Replica, prepared: Prepared, spool: Spool, start: bytes = b"") -> Spooled:
    """The answer as a file of CSV after ``start``, whole and ready to be read; the caller closes it.

    Raises:
        DownloadTooLarge, Busy, OutOfMemory: there is no room for it.
        Damaged, TooSlow: as ``Replica.query``.
    """
    file = spool.open()

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        file.empty()
        file.write(start + csv_rows([[*prepared.plan.labels, *prepared.plan.metrics]]))
        while rows := cursor.fetchmany(CSV_ROWS):
            file.write(csv_rows(_cells(row, prepared) for row in rows))
        file.rewind()

    try:
        await _ask(replica, prepared, write)
    except BaseException:
        file.close()
        raise
    return file


async def csv_lines(replica: Replica, prepared: Prepared) -> AsyncIterator[bytes]:
    """The answer as CSV in pieces. Nothing comes before all of it is there, so that what fails can still be said."""
    file = await csv_file(replica, prepared, Spool(replica.folder))
    try:
        while piece := await asyncio.to_thread(file.read):
            yield piece
    finally:
        file.close()


async def _sizes(replica: Replica) -> Sizes:
    """How much there is to look at; when it began is looked up seldom, an estimate can be a little old."""
    position, first = _began.get(replica, (0, None))
    if first is None or replica.position > 2 * position:
        with contextlib.suppress(Damaged):
            first = await first_event_at(replica)
            _began[replica] = replica.position, first
    return Sizes(replica.position, replica.names, first)


async def first_event_at(replica: Replica) -> datetime | None:
    """The time of the earliest event that the reader knows, aware UTC."""
    found = await replica.query("SELECT min(occurred_at) FROM event", lambda cursor: cursor.fetchone())
    return found[0].replace(tzinfo=UTC) if found is not None and found[0] is not None else None


def _named(row: Row, prepared: Prepared) -> dict[str, object]:
    values = iter(row)
    named: dict[str, object] = {}
    for dimension in prepared.query.dimensions:
        if dimension == "item":
            named["item"] = {part: next(values) for part in ("id", "action", "subject", "path")}
        elif dimension in language.TIME_DIMENSIONS:
            named[dimension] = _bucket_label(next(values), prepared.period, dimension)
        else:
            named[dimension] = next(values)
    for column in prepared.plan.metrics:
        metric, _, part = column.partition(".")
        value = _json_value(next(values))
        if part:
            named[metric] = {**named[metric], "previous": value}  # type: ignore[dict-item]
        else:
            named[metric] = {"value": value}
    return named


def _bucket_label(index: object, period: Period, dimension: str) -> str:
    assert isinstance(index, int)
    first = bucket_of(period.first, dimension)
    if dimension == "time:month":
        year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
        return f"{year:04}-{month + 1:02}-01"
    return str(first.fromordinal(first.toordinal() + index * (7 if dimension == "time:week" else 1)))


def _json_value(value: object) -> object:
    return _time(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _meta(prepared: Prepared, total_rows: int) -> dict[str, object]:
    page, query = prepared.page, prepared.query
    limit = query.limit or total_rows
    following = page.offset + limit
    return {
        "time_zone": prepared.zone.key,
        "period": _period(prepared.period),
        "previous_period": _period(prepared.previous) if prepared.previous is not None else None,
        "complete_until": _time(page.asked_at),
        "position": page.position,
        "total_rows": total_rows if total_rows or not page.offset else None,
        "offset": page.offset,
        "next_cursor": _cursor(page, following) if following < total_rows else None,
        "previous_cursor": _cursor(page, max(page.offset - limit, 0)) if page.offset else None,
        "time_labels": _time_labels(prepared),
        "suppressed": [],
    }


def _period(period: Period) -> dict[str, object]:
    return {
        "from": str(period.first),
        "to": str(period.last),
        "start": _time(period.start),
        "end": _time(period.end),
        "is_complete": period.is_complete,
    }


def _time_labels(prepared: Prepared) -> list[dict[str, object]] | None:
    dimension = prepared.query.time_dimension
    if dimension is None:
        return None
    today = day_of(prepared.page.asked_at, prepared.zone)
    previous = _previous_of_buckets(prepared.previous, dimension) if prepared.previous is not None else {}
    return [
        {
            "label": str(bucket),
            "previous": previous.get(bucket),
            "is_complete": next_bucket(bucket, dimension) <= today,
        }
        for bucket in buckets(prepared.period, dimension)
    ]


def _previous_of_buckets(previous: Previous, dimension: str) -> dict[date, dict[str, str]]:
    """The days that each bucket is compared with."""
    found: dict[date, tuple[date, date]] = {}
    for number in range(previous.days):
        day = previous.first + timedelta(days=number)
        bucket = bucket_of(previous.counterpart(day), dimension)
        found[bucket] = (found[bucket][0] if bucket in found else day, day)
    return {bucket: {"from": str(first), "to": str(last)} for bucket, (first, last) in found.items()}


def _cells(row: Row, prepared: Prepared) -> list[object]:
    dimensions = {name: n for n, name in enumerate(prepared.plan.labels)}
    cells: list[object] = list(row[:-1])
    for name, n in dimensions.items():
        if name in language.TIME_DIMENSIONS:
            cells[n] = _bucket_label(cells[n], prepared.period, name)
    return [_json_value(value) for value in cells]


def _fingerprint(wire: WireQuery, zone: ZoneInfo) -> str:
    asked = msgspec.json.encode((msgspec.structs.replace(wire, cursor=None), zone.key))
    return base64.urlsafe_b64encode(hashlib.blake2b(asked, digest_size=9).digest()).decode()


def _cursor(page: Page, offset: int) -> str:
    return (
        base64.urlsafe_b64encode(msgspec.json.encode(msgspec.structs.replace(page, offset=offset))).decode().rstrip("=")
    )


def _page_of(cursor: str, fingerprint: str) -> Page:
    try:
        page = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Page)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise NotACursor from error
    if page.fingerprint != fingerprint:
        raise InvalidQuery(Problem("cursor", "belongs to another question"))
    if not (0 <= page.offset <= MAX_POSITION and 0 <= page.position <= MAX_POSITION):
        raise NotACursor
    if page.asked_at.tzinfo is None or not 1971 <= page.asked_at.year <= 2200:
        raise NotACursor
    return page
