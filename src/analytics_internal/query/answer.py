"""From a question to its answer: freshness, the right page of the right position, rows as named objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from analytics_internal.days import day_of
from analytics_internal.dimensions import HOUR
from analytics_internal.log import CatalogState
from analytics_internal.query.hours import compared_hours, hours_of
from analytics_internal.query.journeys import JourneyAnswer, journey_answer
from analytics_internal.query.kinds import WireQuestion
from analytics_internal.query.language import Query
from analytics_internal.query.notes import notes_of
from analytics_internal.query.page import cursor_for
from analytics_internal.query.period import Period, Previous, bucket_of, buckets, next_bucket
from analytics_internal.query.rows import instant, named_row
from analytics_internal.query.run import Prepared, ask_reader, log_of, prepare
from analytics_internal.query.titles import titles_of
from analytics_internal.query.wire import (
    Answer,
    AnswerMeta,
    DayRange,
    Row,
    TimeLabel,
    WireCatalog,
    WirePeriod,
    WireQuery,
    WireSegment,
)
from analytics_internal.reader import Replica
from analytics_internal.scaffolder import OutcomesStatus

AnyAnswer = Answer | JourneyAnswer


async def answer(
    replica: Replica,
    query: Query,
    wire: WireQuestion,
    zone: ZoneInfo,
    now: datetime | None = None,
    outcomes: OutcomesStatus | None = None,
) -> AnyAnswer:
    """The answer to a question. Raises as ``prepare``.

    ``outcomes``: how well those of templates are known, for the answer's notes.
    """
    log_changes = replica.log_changes
    answered = await _answer_once(replica, query, wire, zone, now, outcomes)
    if replica.log_changes != log_changes:
        # Its position was settled in one log, and its rows may be of the one that came then.
        answered = await _answer_once(replica, query, wire, zone, now, outcomes)
    return answered


async def _answer_once(
    replica: Replica,
    query: Query,
    wire: WireQuestion,
    zone: ZoneInfo,
    now: datetime | None,
    outcomes: OutcomesStatus | None,
) -> AnyAnswer:
    prepared = await prepare(replica, query, wire, zone, now)

    def named_rows(cursor: duckdb.DuckDBPyConnection) -> tuple[list[Row], list[int], dict[str, str]]:
        # In the question's thread: ten thousand rows are a tenth of a second.
        rows = cursor.fetchall()
        named = [named_row(row, prepared) for row in rows]
        titles = titles_of(cursor, query.dimensions, named, prepared.period, not query.hides_people)
        return named, list(rows[0][len(prepared.plan.columns) :]) if rows else [], titles

    results, totals, titles = await ask_reader(replica, prepared, named_rows)
    total = totals[-1] if totals else 0
    if prepared.page.log is None and query.limit is not None and total > query.limit:
        # More pages follow: their cursor says of which log they are.
        place = await replica.place_of(prepared.page.position)
        page = msgspec.structs.replace(prepared.page, log=log_of(place))
        prepared = msgspec.structs.replace(prepared, page=page)
    meta = _meta(prepared, total, titles, replica, outcomes)
    if not isinstance(wire, WireQuery):
        return journey_answer(results, totals[:-1], meta, wire, prepared.previous is not None)
    return Answer(results, meta, wire)


def _meta(
    prepared: Prepared, total_rows: int, titles: dict[str, str], replica: Replica, outcomes: OutcomesStatus | None
) -> AnswerMeta:
    page = prepared.page
    limit = prepared.query.limit or total_rows
    following = page.offset + limit
    return AnswerMeta(
        time_zone=prepared.zone.key,
        period=_wire_period(prepared.period),
        previous_period=_wire_period(prepared.previous) if prepared.previous is not None else None,
        complete_until=instant(page.asked_at),
        position=page.position,
        total_rows=total_rows if total_rows or not page.offset else None,
        offset=page.offset,
        next_cursor=cursor_for(page, following) if following < total_rows else None,
        previous_cursor=cursor_for(page, max(page.offset - limit, 0)) if page.offset else None,
        time_labels=_time_labels(prepared),
        segments=[WireSegment(one.id, one.name, instant(one.changed_at)) for one in prepared.query.segments],
        catalog=_wire_catalog(replica.catalog),
        notes=notes_of(prepared.query, prepared.period, replica.catalog, outcomes),
        titles=titles,
        suppressed=[],
        missing_events=replica.missing(page.position),
    )


def _wire_catalog(catalog: CatalogState | None) -> WireCatalog | None:
    if catalog is None or (catalog.known_since is None and catalog.failing_since is None):
        return None
    times = (catalog.known_since, catalog.read_at, catalog.failing_since)
    known_since, read_at, failing_since = (instant(at) if at is not None else None for at in times)
    return WireCatalog(catalog.revision, known_since, read_at, failing_since, catalog.error)


def _wire_period(period: Period) -> WirePeriod:
    return WirePeriod(
        period.first,
        period.last,
        start=instant(period.start),
        end=instant(period.end),
        is_complete=period.is_complete,
    )


def _time_labels(prepared: Prepared) -> list[TimeLabel] | None:
    dimension = prepared.query.time_dimension
    if dimension is None:
        return None
    if dimension == HOUR:
        return list(_hour_labels(prepared))
    today = day_of(prepared.page.asked_at, prepared.zone)
    previous = _previous_of_buckets(prepared.previous, dimension) if prepared.previous is not None else {}
    return [
        TimeLabel(str(bucket), previous.get(bucket), next_bucket(bucket, dimension) <= today)
        for bucket in buckets(prepared.period, dimension)
    ]


def _hour_labels(prepared: Prepared) -> Iterator[TimeLabel]:
    period, previous, zone = prepared.period, prepared.previous, prepared.zone
    compared = compared_hours(period, previous, zone) if previous is not None else {}
    for number, hour in enumerate(hours_of(period.first, period.last, zone)):
        days = [other.day for other in compared.get(number, [])]
        before = DayRange(min(days), max(days)) if days else None
        yield TimeLabel(hour.label, before, hour.end <= prepared.page.asked_at)


def _previous_of_buckets(previous: Previous, dimension: str) -> dict[date, DayRange]:
    """The days that each bucket is compared with."""
    found: dict[date, DayRange] = {}
    for number in range(previous.days):
        day = previous.first + timedelta(days=number)
        found.setdefault(bucket_of(previous.counterpart(day), dimension), DayRange(day, day)).last = day
    return found
