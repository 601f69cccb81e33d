"""Days of the reporting time zone and the instants they begin at. Pure."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.dimensions import BUCKET_DAYS, MONTH, WEEK
from analytics_internal.query.language import Between, Last, Query

EPOCH = date(1970, 1, 1)
DAY = timedelta(days=1)
DAY_SECONDS = 86_400
# Between two changes of one zone's offset. The shortest since 1970: Noronha had a summer of a week, less an hour.
CHANGES_APART = timedelta(days=3)


class DayShift(msgspec.Struct, frozen=True):
    """From this instant on (until the next shift's), the day of an instant is that of UTC plus so many seconds."""

    start: datetime
    seconds: int


class Period(msgspec.Struct, frozen=True):
    """Whole days of the reporting zone, perhaps cut before the last one ends."""

    first: date
    last: date
    start: datetime
    """Aware UTC; the first instant that counts."""
    end: datetime
    """Aware UTC; the first instant that no longer counts."""
    is_complete: bool

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


class Previous(Period, frozen=True):
    """The period that another one is compared with: it ends where that one begins."""

    following: Period
    months: int
    """The other period is so many months later; 0: as many days as it has."""

    def counterpart(self, day: date) -> date:
        """The day of the other period that a day of this one is compared with: the same day, one period later.

        Where months differ in length the last days of one may share a counterpart; none is without.
        """
        following = self.following
        if not self.months:
            return day + timedelta(days=following.days)
        return min(max(months_after(day, self.months), following.first), following.last)


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


def resolve(
    query: Query, zone: ZoneInfo, now: datetime, first_event: datetime | None
) -> tuple[Period, Previous | None]:
    """The period a question is about, and the one it is compared with."""
    today = day_of(now, zone)
    asked = query.date_range
    if asked is None:
        first = day_of(first_event, zone) if first_event is not None else today
        first, last = min(first, today), today
    elif isinstance(asked, Between):
        first, last = asked.first, asked.last
    else:
        first, last = _first_of(asked, today), today
    period = _period(first, last, zone, now)
    return period, _previous(period, asked, zone, now) if query.is_compared else None


def _first_of(asked: Last, today: date) -> date:
    if asked.unit == "m":
        return months_after(today, -asked.count) + DAY
    return today - timedelta(days=asked.count * (7 if asked.unit == "w" else 1) - 1)


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or earlier; the last one of a month that is too short for it."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last_day = (following - DAY).day
    return date(year, month + 1, min(day.day, last_day))


def _period(first: date, last: date, zone: ZoneInfo, now: datetime) -> Period:
    end = start_of(last + DAY, zone)
    return Period(first, last, start_of(first, zone), end, end <= now)


def _previous(period: Period, asked: Last | Between | None, zone: ZoneInfo, now: datetime) -> Previous:
    months = asked.count if isinstance(asked, Last) and asked.unit == "m" else 0
    first = months_after(period.first, -months) if months else period.first - timedelta(days=period.days)
    whole = _period(first, period.first - DAY, zone, now)
    end = whole.end
    if period.start <= now < period.end:
        # Like with like: an unfinished period is compared with as much of the one before.
        today = day_of(now, zone)
        before = months_after(today, -months) if months else today - timedelta(days=period.days)
        end = min(start_of(before, zone) + (now - start_of(today, zone)), start_of(before + DAY, zone))
    return Previous(first, whole.last, whole.start, end, whole.is_complete, period, months)


def day_shifts(zone: ZoneInfo, period: Period, previous: Previous | None) -> list[DayShift]:
    """How to find the days of all instants in a period, and for those before it the days they are compared with.

    In order; the first shift begins with the periods.
    """
    found = _shifts_of_zone(zone, (previous or period).start, period.end)
    if previous is None:
        return found
    later = _days_later(zone, previous)
    changes = [shift.start for shift in found]
    days_change = [start for start, _ in later]
    return [
        DayShift(
            start,
            found[bisect_right(changes, start) - 1].seconds
            + later[bisect_right(days_change, start) - 1][1] * DAY_SECONDS,
        )
        for start in sorted({*changes, *days_change})
    ]


def _days_later(zone: ZoneInfo, previous: Previous) -> list[tuple[datetime, int]]:
    """By how many days the counterpart of a day is later, from which instant on; 0 from the other period's start on."""
    found: dict[datetime, int] = {}
    last = None
    # All days but those of months are as many days later.
    for number in range(previous.days if previous.months else 1):
        day = previous.first + timedelta(days=number)
        days = (previous.counterpart(day) - day).days
        if days != last:
            found[start_of(day, zone)] = last = days
    found[previous.following.start] = 0
    return list(found.items())


def _shifts_of_zone(zone: ZoneInfo, start: datetime, end: datetime) -> list[DayShift]:
    """``start`` is where a day begins."""
    found = [DayShift(start, _seconds(zone, start))]
    for year in range(start.year, end.year + 1):
        for change in _changes_in(year, zone):
            if start < change < end:
                found += _shifts_after(zone, change)
    return found


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


def bucket_of(day: date, dimension: str) -> date:
    """The first day of the day's bucket."""
    if dimension == WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == MONTH else day


def buckets(period: Period, dimension: str) -> Iterator[date]:
    """The first days of the period's buckets, in order; the first one may begin before the period."""
    bucket = bucket_of(period.first, dimension)
    while bucket <= period.last:
        yield bucket
        bucket = next_bucket(bucket, dimension)


def next_bucket(bucket: date, dimension: str) -> date:
    """The first day of the bucket after this one."""
    if dimension == MONTH:
        return (bucket.replace(day=1) + timedelta(days=32)).replace(day=1)
    return bucket + timedelta(days=BUCKET_DAYS[dimension])
