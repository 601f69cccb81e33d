"""Days of the reporting time zone and the instants they begin at. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.days import DAY, day_of, start_of
from analytics_internal.dimensions import BUCKET_DAYS, HOUR, MONTH, WEEK
from analytics_internal.query.language import DAYS_OF_52_WEEKS, Between, Compare, Last, Query


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
    """The period that another one is compared with: it ends before that one begins."""

    following: Period
    months: int
    """The other period is so many months later; 0: so many days."""
    days_later: int
    unfinished: date | None = None
    """The day of it that is cut, because its counterpart is today."""

    def before(self, day: date) -> date:
        """The day so many months or days before a day of the other period."""
        return months_after(day, -self.months) if self.months else day - timedelta(days=self.days_later)

    def counterpart(self, day: date) -> date:
        """The day of the other period that a day of this one is compared with: the same day, one period later.

        Where months differ in length the last days of one may share a counterpart; none is without.
        """
        following = self.following
        if not self.months:
            return day + timedelta(days=self.days_later)
        return min(max(months_after(day, self.months), following.first), following.last)


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
    return period, _previous(period, asked, query.compare, zone, now) if query.compare is not None else None


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


def _previous(
    period: Period, asked: Last | Between | None, compare: Compare, zone: ZoneInfo, now: datetime
) -> Previous:
    is_by_month = isinstance(asked, Last) and asked.unit == "m" and compare == "previous_period"
    months = asked.count if is_by_month and isinstance(asked, Last) else 0
    days_later = period.days if compare == "previous_period" else DAYS_OF_52_WEEKS

    def before(day: date) -> date:
        return months_after(day, -months) if months else day - timedelta(days=days_later)

    whole = _period(before(period.first), period.first - DAY if months else before(period.last), zone, now)
    end, then = whole.end, None
    if period.start <= now < period.end:
        # Like with like: an unfinished period is compared with as much of the one before.
        today = day_of(now, zone)
        then = before(today)
        end = min(start_of(then, zone) + (now - start_of(today, zone)), start_of(then + DAY, zone))
    return Previous(whole.first, whole.last, whole.start, end, whole.is_complete, period, months, days_later, then)


def bucket_of(day: date, dimension: str) -> date:
    """The first day of the day's bucket."""
    if dimension == WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == MONTH else day


def buckets(period: Period, dimension: str) -> Iterator[date]:
    """The first days of the period's buckets, in order; the first one may begin before the period."""
    assert dimension != HOUR, "hours are no days"
    bucket = bucket_of(period.first, dimension)
    while bucket <= period.last:
        yield bucket
        bucket = next_bucket(bucket, dimension)


def next_bucket(bucket: date, dimension: str) -> date:
    """The first day of the bucket after this one."""
    if dimension == MONTH:
        return (bucket.replace(day=1) + timedelta(days=32)).replace(day=1)
    return bucket + timedelta(days=BUCKET_DAYS[dimension])
