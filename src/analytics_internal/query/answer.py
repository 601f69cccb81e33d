"""From a question to its answer: freshness, the right page of the right position, rows as named objects."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import msgspec

from analytics_internal.dimensions import BUCKET_DAYS, DECLARED, MONTH
from analytics_internal.query.language import Query
from analytics_internal.query.page import cursor_for
from analytics_internal.query.parse import WireQuery
from analytics_internal.query.period import (
    Period,
    Previous,
    bucket_of,
    buckets,
    day_of,
    next_bucket,
)
from analytics_internal.query.run import Prepared, Row, ask_reader, log_of, prepare
from analytics_internal.reader import Replica


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

    results, total = await ask_reader(replica, prepared, named_rows)
    if prepared.page.log is None and query.limit is not None and total > query.limit:
        # More pages follow: their cursor says of which log they are.
        place = await replica.place_of(prepared.page.position)
        page = msgspec.structs.replace(prepared.page, log=log_of(place))
        prepared = msgspec.structs.replace(prepared, page=page)
    return {
        "results": results,
        "meta": {**_meta(prepared, total), "missing_events": replica.missing(prepared.page.position)},
        "query": wire,
    }


def _named(row: Row, prepared: Prepared) -> dict[str, object]:
    values = iter(row)
    named: dict[str, object] = {}
    for dimension in prepared.query.dimensions:
        if dimension in BUCKET_DAYS:
            named[dimension] = bucket_label(next(values), prepared.period, dimension)
        elif parts := DECLARED[dimension].parts:
            named[dimension] = {part: next(values) for part in parts}
        else:
            named[dimension] = next(values)
    for column in prepared.plan.metrics:
        metric, _, part = column.partition(".")
        value = json_value(next(values))
        if part:
            named[metric] = {**named[metric], "previous": value}  # type: ignore[dict-item]
        else:
            named[metric] = {"value": value}
    return named


def bucket_label(index: object, period: Period, dimension: str) -> str:
    assert isinstance(index, int)
    first = bucket_of(period.first, dimension)
    if dimension == MONTH:
        year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
        return f"{year:04}-{month + 1:02}-01"
    return str(first.fromordinal(first.toordinal() + index * BUCKET_DAYS[dimension]))


def json_value(value: object) -> object:
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
        "next_cursor": cursor_for(page, following) if following < total_rows else None,
        "previous_cursor": cursor_for(page, max(page.offset - limit, 0)) if page.offset else None,
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
