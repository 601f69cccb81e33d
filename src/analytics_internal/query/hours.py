"""Hours of the reporting zone: the buckets of ``time:hour``. Pure.

An hour is the time in which the zone's clocks show the same hour with the same offset. So an hour that comes twice is
two buckets, one that the clocks skip is none, and where they change within an hour (Lord Howe, by half an hour) its
parts are two. A bucket's label is its first instant as local time with the offset.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.days import DAY, changes_between, number_of, start_of
from analytics_internal.query.period import Period, Previous

HOUR_LENGTH = timedelta(hours=1)


class Hour(msgspec.Struct, frozen=True):
    """A bucket: from ``start`` on, before ``end``, both aware UTC."""

    day: date
    start: datetime
    end: datetime
    counted_from: datetime
    """When its clock hour would have begun, had the clocks not changed in it."""
    label: str
    wall_hour: int
    occurrence: int
    """How many parts of the same clock hour its day had before."""


@functools.lru_cache(32)
def hours_of(first: date, last: date, zone: ZoneInfo) -> tuple[Hour, ...]:
    """All hours of some days, in order."""
    return tuple(
        hour
        for number in range((last - first).days + 1)
        for hour in _hours_of_day(first + timedelta(days=number), zone)
    )


def parameters_of(period: Period, previous: Previous | None, zone: ZoneInfo) -> dict[str, object]:
    """The stretches of time in which hours follow each other without a gap, for the SQL of ``joins.HOURS``."""
    hours = hours_of(period.first, period.last, zone)
    targets = list(enumerate(hours))
    stretches = list(_stretches([(hour, index) for index, hour in targets]))
    if previous is not None:
        stretches = [*_stretches(_compared(hours, previous, zone)), *stretches]
    return {
        "hour_days": [number_of(hours[0][0].day) for hours in stretches],
        "hour_starts": [_naive(hours[0][0].start) for hours in stretches],
        "hour_ends": [_naive(hours[-1][0].end) for hours in stretches],
        "hour_counts_from": [_naive(hours[0][0].counted_from) for hours in stretches],
        "hour_numbers": [hours[0][1] for hours in stretches],
    }


def compared_hours(period: Period, previous: Previous, zone: ZoneInfo) -> dict[int, list[Hour]]:
    """By the number of an hour of the period: the hours of the previous period that it is compared with."""
    found: dict[int, list[Hour]] = {}
    for hour, index in _compared(hours_of(period.first, period.last, zone), previous, zone):
        found.setdefault(index, []).append(hour)
    return found


def _hours_of_day(day: date, zone: ZoneInfo) -> Iterator[Hour]:
    start, end = start_of(day, zone), start_of(day + DAY, zone)
    changes = changes_between(start, end, zone)
    seen: dict[int, int] = {}
    while start < end:
        local = start.astimezone(zone)
        since = timedelta(minutes=local.minute, seconds=local.second)
        following = min([start - since + HOUR_LENGTH, end, *(change for change in changes if change > start)])
        occurrence = seen.get(local.hour, 0)
        seen[local.hour] = occurrence + 1
        yield Hour(day, start, following, start - since, local.isoformat(timespec="seconds"), local.hour, occurrence)
        start = following


def _compared(hours: Sequence[Hour], previous: Previous, zone: ZoneInfo) -> list[tuple[Hour, int]]:
    """Each hour of the previous period with the number of the one that it is compared with.

    That is the same clock hour of the day that its day is compared with; where that day has no such hour, the one
    before it, or its first one.
    """
    by_day: dict[date, list[tuple[int, int, int]]] = {}
    for index, hour in enumerate(hours):
        by_day.setdefault(hour.day, []).append((hour.wall_hour, hour.occurrence, index))
    found = []
    for hour in hours_of(previous.first, previous.last, zone):
        there = sorted(by_day.get(previous.counterpart(hour.day), []))
        if there:
            before = [index for wall, nth, index in there if (wall, nth) <= (hour.wall_hour, hour.occurrence)]
            found.append((hour, before[-1] if before else there[0][2]))
    return found


def _stretches(hours: Sequence[tuple[Hour, int]]) -> Iterator[list[tuple[Hour, int]]]:
    stretch: list[tuple[Hour, int]] = []
    for hour, index in hours:
        if stretch:
            last, last_index = stretch[-1]
            follows = hour.day == last.day and index == last_index + 1 and hour.start == last.end
            if not (follows and hour.counted_from == last.counted_from + HOUR_LENGTH):
                yield stretch
                stretch = []
        stretch.append((hour, index))
    if stretch:
        yield stretch


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
