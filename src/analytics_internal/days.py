"""Days of a time zone and the instants they begin at. Pure."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

EPOCH = date(1970, 1, 1)
DAY = timedelta(days=1)
# Between two changes of one zone's offset. The shortest since 1970: Noronha had a summer of a week, less an hour.
CHANGES_APART = timedelta(days=3)


class DayShift(msgspec.Struct, frozen=True):
    """From this instant on (until the next shift's), the day of an instant is that of UTC plus so many seconds."""

    start: datetime
    seconds: int


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant in a zone that is of this day or a later one, as UTC.

    A day lasts until the next one begins. So where the clocks go back to the day before, that one does not come again,
    and a day that the clocks skip is empty.
    """
    midnight = datetime.combine(day, time())
    first = midnight.replace(tzinfo=zone, fold=0).astimezone(UTC)
    without_gap = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # Where midnight does not exist `fold` says whose offset counts, and the day begins when the clocks have jumped.
    return first if without_gap >= first else _change(zone, without_gap, first)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day of an instant: the last one that has begun."""
    day = at.astimezone(zone).date()
    return day + DAY if at >= start_of(day + DAY, zone) else day


def number_of(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def shifts_of(zone: ZoneInfo, start: datetime, end: datetime) -> list[DayShift]:
    """How to find the days of all instants in order, from ``start`` (where a day begins) to ``end``."""
    found = [DayShift(start, _seconds(zone, start))]
    for year in range(start.year, end.year + 1):
        for change in _changes_in(year, zone):
            if start < change < end:
                found += _shifts_after(zone, change)
    return found


def changes_between(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """When a zone's offset changes after ``start`` and before ``end``."""
    years = range(start.year, end.year + 1)
    return [change for year in years for change in _changes_in(year, zone) if start < change < end]


@functools.lru_cache(maxsize=1_024)
def _changes_in(year: int, zone: ZoneInfo) -> tuple[datetime, ...]:
    """When a zone's offset changes in a year of UTC."""
    found = []
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    seconds = _seconds(zone, at)
    while at < end:
        following = min(at + CHANGES_APART, end)
        following_seconds = _seconds(zone, following)
        if following_seconds != seconds:
            found.append(_change(zone, at, following))
        at, seconds = following, following_seconds
    return tuple(found)


def _shifts_after(zone: ZoneInfo, change: datetime) -> list[DayShift]:
    """What a change of the zone's offset does to its days."""
    after = DayShift(change, _seconds(zone, change))
    day = day_of(change, zone)
    if change.astimezone(zone).date() >= day:
        return [after]
    # The clocks went back to the day before, which is over: until midnight comes again it is the new day's start.
    midnight = datetime.combine(day, time(), UTC)
    return [
        DayShift(change, int((midnight - change).total_seconds())),
        msgspec.structs.replace(after, start=midnight - timedelta(seconds=after.seconds)),
    ]


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant with another offset than ``before``, by whole seconds."""
    seconds = _seconds(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _seconds(zone, middle) == seconds:
            before = middle
        else:
            after = middle
    return after


def _seconds(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
