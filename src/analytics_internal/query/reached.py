"""Which days of a question's periods have come, and the bucket of each: for figures that hold from day to day. Pure.

Such a figure of a bucket is that of the last day of the bucket in the period, or of today. The buckets that have such a
day are numbered from 0 on, in order: those are the ordinals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics_internal.days import DAY, day_of, number_of
from analytics_internal.query.language import Query
from analytics_internal.query.period import Period, Previous
from analytics_internal.query.scan import bucket_number

LONGEST_WINDOW = 28
CURRENT, PREVIOUS = "reached", "previous_reached"
"""What the names of the parameters begin with."""


def reached_parameters(
    query: Query, period: Period, previous: Previous | None, zone: ZoneInfo, now: datetime
) -> dict[str, object]:
    """The values of the parameters that measures of this kind refer to."""
    today = day_of(now, zone)
    values = _values(CURRENT, _days(period.first, min(period.last, today)), query, None, period)
    if previous is not None:
        last = min(previous.last, today)
        if previous.end > previous.start:
            last = min(last, day_of(previous.end - timedelta(microseconds=1), zone))
        else:
            last = previous.first - DAY
        values |= _values(PREVIOUS, _days(previous.first, last), query, previous, period)
    return values


def _days(first: date, last: date) -> list[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def _values(
    name: str, days: Sequence[date], query: Query, previous: Previous | None, period: Period
) -> dict[str, object]:
    last_of_bucket: dict[int, date] = {}
    for day in days:
        last_of_bucket[_bucket(day, query, previous, period)] = day
    ends = sorted(map(number_of, last_of_bucket.values()))
    if not ends:
        # No day at all: the windows are empty.
        return {
            f"{name}_origin": 0,
            f"{name}_from": 1,
            f"{name}_until": 0,
            f"{name}_ordinals": [0, 0],
            f"{name}_buckets": [],
        }
    start = ends[0] - LONGEST_WINDOW + 1
    origin = min(start, number_of(days[0]))
    return {
        f"{name}_origin": origin,
        f"{name}_from": start,
        f"{name}_until": ends[-1],
        f"{name}_ordinals": _ordinals(origin, ends),
        f"{name}_buckets": sorted(last_of_bucket),
    }


def _bucket(day: date, query: Query, previous: Previous | None, period: Period) -> int:
    if query.time_dimension is None:
        return 0
    counted_as = previous.counterpart(day) if previous is not None else day
    return bucket_number(counted_as, query.time_dimension) - bucket_number(period.first, query.time_dimension)


def _ordinals(origin: int, ends: Sequence[int]) -> list[int]:
    """For each day from the origin to the day after the last end: how many ends are before it."""
    found = []
    ordinal = 0
    for day in range(origin, ends[-1] + 2):
        while ordinal < len(ends) and ends[ordinal] < day:
            ordinal += 1
        found.append(ordinal)
    return found
