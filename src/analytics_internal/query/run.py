"""Run a question: let the reader catch up, settle what the answer depends on, plan it, and ask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from analytics_internal.days import day_of
from analytics_internal.dimensions import BUCKET_DAYS, HOUR
from analytics_internal.errors import Problem
from analytics_internal.log import Place
from analytics_internal.query.conditions import as_counted
from analytics_internal.query.cost import Sizes, cost_of
from analytics_internal.query.day_tables import COUNTED_UNTIL
from analytics_internal.query.journeys import Journey, cost_of_journey, parameters_of, with_each_filter
from analytics_internal.query.kinds import WireQuestion
from analytics_internal.query.language import InvalidQuery, Query
from analytics_internal.query.meaning import require_meaning
from analytics_internal.query.page import NotACursor, Page, fingerprint_of, page_of
from analytics_internal.query.period import Period, Previous, resolve
from analytics_internal.query.plan import Plan, parameters, plan_beside
from analytics_internal.query.reached import CURRENT, reached_parameters
from analytics_internal.reader import LIGHT_S, Damaged, Lane, Replica, asked_by

T = TypeVar("T")
Row = tuple[object, ...]
MAX_BUCKETS = 7_500
"""Of time, in one answer: twenty years by day."""
FIRST_EVENT = """
SELECT least((SELECT min(occurred_at) FROM event), (SELECT min(occurred_at) FROM measurement))
"""
# One thread each: what many heavy questions need must not keep a light one waiting. Each with a fair queue before it.
PLANNING_S = 0.1
PLANNING_PATIENCE_S = 30.0
_light_planner = ThreadPoolExecutor(1, thread_name_prefix="plan-light"), Lane("plan light", 1)
_heavy_planner = ThreadPoolExecutor(1, thread_name_prefix="plan-heavy"), Lane("plan heavy", 1)
_began: WeakKeyDictionary[Replica, tuple[int, datetime | None]] = WeakKeyDictionary()


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
    replica: Replica, query: Query, wire: WireQuestion, zone: ZoneInfo, now: datetime | None = None
) -> Prepared:
    """Let the reader catch up and settle period, position and page.

    Raises:
        TooCostly: nobody could wait for the answer.
        InvalidQuery: the cursor is none, is ahead of the log, or belongs to another question.
        Behind, LogUnavailable: as ``Replica.catch_up``.
    """
    if isinstance(query, Query):
        require_meaning(query)
    fingerprint = fingerprint_of(wire, zone, query.segments)
    page = page_of(query.cursor, fingerprint) if query.cursor is not None else None
    await replica.use_zone(zone)
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
    query = with_each_filter(query, lambda filter_: as_counted(filter_, replica.item_counted_as))
    sizes = await _sizes(replica)
    cost_s = (
        cost_of_journey(query, sizes, period, previous)
        if isinstance(query, Journey)
        else cost_of(query, sizes, period, previous)
    )
    planner, lane = _light_planner if cost_s <= LIGHT_S else _heavy_planner
    place = lane.place(asked_by.get(), PLANNING_S, PLANNING_PATIENCE_S)
    planned = await plan_beside(
        planner, place, query, previous is not None, previous is not None and previous.months > 0
    )
    values = parameters(query, period, previous, day_of(page.asked_at, zone), zone, page.position, page.offset)
    if isinstance(query, Journey):
        values |= parameters_of(query, period, previous, zone, page.asked_at)
    if any(name.startswith(CURRENT) for name in planned.parameters):
        values |= reached_parameters(query, period, previous, zone, page.asked_at)
    named = {name: value for name, value in values.items() if name in planned.parameters}
    return Prepared(query, page, period, previous, zone, planned, named, cost_s)


def _require_few_buckets(query: Query, period: Period) -> None:
    """Raises InvalidQuery: each bucket is named in the answer, and there would be too many of them."""
    if query.time_dimension is None:
        return
    days = (period.last - period.first).days
    number = 24 * (days + 1) if query.time_dimension == HOUR else days // BUCKET_DAYS[query.time_dimension] + 1
    if number > MAX_BUCKETS:
        detail = (
            f"{number:,} buckets of {query.time_dimension}; an answer may have {MAX_BUCKETS:,}: ask for larger ones"
        )
        raise InvalidQuery(Problem("date_range", detail))


async def _require_same_log(replica: Replica, page: Page, head: int) -> None:
    """Raises InvalidQuery: the log that is there now has not what the page's cursor was made for."""
    if page.log is None:
        raise NotACursor
    if page.position > head or page.log != log_of(await replica.place_of(page.position)):
        raise InvalidQuery(
            Problem(
                "cursor",
                "is of a log that was restored or replaced since, or none of ours: ask again without a cursor",
            )
        )


def log_of(place: Place) -> str:
    return f"{place.log_id}:{place.batch_id}"


async def ask_reader(replica: Replica, prepared: Prepared, fetch: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """Ask the question; ``fetch`` takes its rows in a thread. Raises as ``Replica.query``."""
    return await with_reader(
        replica, prepared, lambda cursor: fetch(cursor.execute(prepared.plan.sql, prepared.parameters))
    )


async def with_reader(replica: Replica, prepared: Prepared, ask: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """Let ``ask`` ask the question itself, perhaps more than once. Raises as ``Replica.query``."""
    try:
        return await _ask(replica, prepared, ask)
    except Damaged:  # the reader has thrown its file away: what it reads now is whole
        await replica.catch_up()
        return await _ask(replica, prepared, ask)


async def _ask(replica: Replica, prepared: Prepared, ask: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    # Now, not before: another file may have counted its days up to other positions.
    if COUNTED_UNTIL in prepared.parameters:
        prepared.parameters[COUNTED_UNTIL] = replica.counted_until(prepared.page.position)
    return await replica.ask(ask, prepared.plan.sql, prepared.cost_s)


async def _sizes(replica: Replica) -> Sizes:
    """How much there is to look at; when it began is looked up seldom, an estimate can be a little old."""
    position, first = _began.get(replica, (0, None))
    if first is None or replica.position > 2 * position:
        with contextlib.suppress(Damaged):
            first = await first_event_at(replica)
            _began[replica] = replica.position, first
    return Sizes(replica.position, replica.names, first)


async def first_event_at(replica: Replica) -> datetime | None:
    """The time of the earliest event or measurement that the reader knows, aware UTC."""
    found = await replica.query(FIRST_EVENT, lambda cursor: cursor.fetchone())
    return found[0].replace(tzinfo=UTC) if found is not None and found[0] is not None else None
