"""From a question to its answer: freshness, the right page of the right position, rows as named objects."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, cast
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from analytics_internal.days import day_of
from analytics_internal.dimensions import BUCKET_DAYS, DECLARED, MONTH
from analytics_internal.query import metrics
from analytics_internal.query.language import Query
from analytics_internal.query.page import cursor_for
from analytics_internal.query.period import Period, Previous, bucket_of, buckets, next_bucket
from analytics_internal.query.run import Prepared, ask_reader, log_of, prepare
from analytics_internal.query.wire import (
    Answer,
    AnswerMeta,
    Count,
    DayRange,
    Item,
    Moment,
    Number,
    Ratio,
    Row,
    TimeLabel,
    WirePeriod,
    WireQuery,
)
from analytics_internal.reader import Missing, Replica


async def answer(
    replica: Replica, query: Query, wire: WireQuery, zone: ZoneInfo, now: datetime | None = None
) -> Answer:
    """The answer to a question. Raises as ``prepare``."""
    log_changes = replica.log_changes
    answered = await _answer_once(replica, query, wire, zone, now)
    if replica.log_changes != log_changes:
        # Its position was settled in one log, and its rows may be of the one that came then.
        answered = await _answer_once(replica, query, wire, zone, now)
    return answered


async def _answer_once(replica: Replica, query: Query, wire: WireQuery, zone: ZoneInfo, now: datetime | None) -> Answer:
    prepared = await prepare(replica, query, wire, zone, now)

    def named_rows(cursor: duckdb.DuckDBPyConnection) -> tuple[list[Row], int]:
        # In the question's thread: ten thousand rows are a tenth of a second.
        rows = cursor.fetchall()
        return [_named(row, prepared) for row in rows], rows[0][-1] if rows else 0

    results, total = await ask_reader(replica, prepared, named_rows)
    if prepared.page.log is None and query.limit is not None and total > query.limit:
        # More pages follow: their cursor says of which log they are.
        place = await replica.place_of(prepared.page.position)
        page = msgspec.structs.replace(prepared.page, log=log_of(place))
        prepared = msgspec.structs.replace(prepared, page=page)
    return Answer(results, _meta(prepared, total, replica.missing(prepared.page.position)), wire)


FIGURES: dict[str, type[Count | Number | Ratio]] = {"count": Count, "number": Number, "ratio": Ratio}


def _named(row: tuple[Any, ...], prepared: Prepared) -> Row:
    values = iter(row)
    named: dict[str, Any] = {}
    for dimension in prepared.query.dimensions:
        if dimension in BUCKET_DAYS:
            named[dimension] = bucket_label(next(values), prepared.period, dimension)
        elif parts := DECLARED[dimension].parts:
            named[dimension] = Item(*islice(values, len(parts)))
        else:
            named[dimension] = next(values)
    for metric in prepared.query.metrics:
        form = metrics.DECLARED[metric].form
        columns = metrics.shown_columns_of(metric, prepared.previous is not None)
        figures: dict[str, Any] = {column.partition(".")[2] or "value": next(values) for column in columns}
        named[metric] = Moment(json_value(figures["value"])) if form == "moment" else FIGURES[form](**figures)
    return cast("Row", named)


def bucket_label(index: object, period: Period, dimension: str) -> str:
    assert isinstance(index, int)
    first = bucket_of(period.first, dimension)
    if dimension == MONTH:
        year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
        return f"{year:04}-{month + 1:02}-01"
    return str(first.fromordinal(first.toordinal() + index * BUCKET_DAYS[dimension]))


def json_value(value: Any) -> Any:
    return _instant(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _meta(prepared: Prepared, total_rows: int, missing: Missing | None) -> AnswerMeta:
    page = prepared.page
    limit = prepared.query.limit or total_rows
    following = page.offset + limit
    return AnswerMeta(
        time_zone=prepared.zone.key,
        period=_wire_period(prepared.period),
        previous_period=_wire_period(prepared.previous) if prepared.previous is not None else None,
        complete_until=_instant(page.asked_at),
        position=page.position,
        total_rows=total_rows if total_rows or not page.offset else None,
        offset=page.offset,
        next_cursor=cursor_for(page, following) if following < total_rows else None,
        previous_cursor=cursor_for(page, max(page.offset - limit, 0)) if page.offset else None,
        time_labels=_time_labels(prepared),
        suppressed=[],
        missing_events=missing,
    )


def _wire_period(period: Period) -> WirePeriod:
    return WirePeriod(
        period.first,
        period.last,
        start=_instant(period.start),
        end=_instant(period.end),
        is_complete=period.is_complete,
    )


def _time_labels(prepared: Prepared) -> list[TimeLabel] | None:
    dimension = prepared.query.time_dimension
    if dimension is None:
        return None
    today = day_of(prepared.page.asked_at, prepared.zone)
    previous = _previous_of_buckets(prepared.previous, dimension) if prepared.previous is not None else {}
    return [
        TimeLabel(bucket, previous.get(bucket), next_bucket(bucket, dimension) <= today)
        for bucket in buckets(prepared.period, dimension)
    ]


def _previous_of_buckets(previous: Previous, dimension: str) -> dict[date, DayRange]:
    """The days that each bucket is compared with."""
    found: dict[date, DayRange] = {}
    for number in range(previous.days):
        day = previous.first + timedelta(days=number)
        found.setdefault(bucket_of(previous.counterpart(day), dimension), DayRange(day, day)).last = day
    return found
