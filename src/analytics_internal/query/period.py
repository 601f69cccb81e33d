"""Days of the reporting time zone and the instants they begin at. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.query.language import Between, Last, Query

EPOCH = date(1970, 1, 1)
DAY = timedelta(days=1)


class Offset(msgspec.Struct, frozen=True):
    """From this instant on (until the next offset's), local time is UTC plus so many seconds."""

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


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in a zone, as UTC; also where the clocks skip midnight."""
    naive = datetime.combine(day, time())
    early = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).date() < day:  # midnight does not exist: the day begins when the clocks have jumped
        return naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return early


def resolve(query: Query, zone: ZoneInfo, now: datetime, first_event: datetime | None) -> tuple[Period, Period | None]:
    """The period a question is about, and the one it is compared with."""
    today = now.astimezone(zone).date()
    asked = query.date_range
    if asked is None:
        first = first_event.astimezone(zone).date() if first_event is not None else today
        first, last = min(first, today), today
    elif isinstance(asked, Between):
        first, last = asked.first, asked.last
    else:
        first, last = _first_of(asked, today), today
    period = _period(first, last, zone, now)
    return period, _previous(period, asked, zone, now) if query.is_compared else None


def _first_of(asked: Last, today: date) -> date:
    if asked.unit == "m":
        return _months_before(today, asked.count) + DAY
    return today - timedelta(days=asked.count * (7 if asked.unit == "w" else 1) - 1)


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last_day = (following - DAY).day
    return date(year, month + 1, min(day.day, last_day))


def _period(first: date, last: date, zone: ZoneInfo, now: datetime) -> Period:
    end = start_of(last + DAY, zone)
    return Period(first, last, start_of(first, zone), end, end <= now)


def _previous(period: Period, asked: Last | Between | None, zone: ZoneInfo, now: datetime) -> Period:
    last = period.first - DAY
    if isinstance(asked, Last) and asked.unit == "m":
        first = _months_before(period.first, asked.count)
    else:
        first = period.first - timedelta(days=period.days)
    previous = _period(first, last, zone, now)
    if period.is_complete or period.start > now:
        return previous
    # Like with like: an unfinished period is compared with as much of the one before.
    elapsed_days = (now.astimezone(zone).date() - period.first).days
    time_of_day = now - start_of(period.first + timedelta(days=elapsed_days), zone)
    cut = min(start_of(first + timedelta(days=elapsed_days), zone) + time_of_day, previous.end)
    return msgspec.structs.replace(previous, end=cut)


def offsets(zone: ZoneInfo, start: datetime, end: datetime) -> list[Offset]:
    """The zone's offsets from UTC in force between two instants, the first one beginning at or before ``start``."""
    found = [Offset(start, _seconds(zone, start))]
    at = start
    while at < end:
        following = min(at + timedelta(days=7), end)  # no zone changes twice within a week and back
        if _seconds(zone, following) != found[-1].seconds:
            found.append(_transition(zone, at, following))
        at = following
    return found


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> Offset:
    seconds = _seconds(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _seconds(zone, middle) == seconds:
            before = middle
        else:
            after = middle
    return Offset(after, _seconds(zone, after))


def _seconds(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def bucket_of(day: date, dimension: str) -> date:
    """The first day of the day's bucket."""
    if dimension == "time:week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == "time:month" else day


def buckets(period: Period, dimension: str) -> Iterator[date]:
    """The first days of the period's buckets, in order; the first one may begin before the period."""
    bucket = bucket_of(period.first, dimension)
    while bucket <= period.last:
        yield bucket
        bucket = next_bucket(bucket, dimension)


def next_bucket(bucket: date, dimension: str) -> date:
    """The first day of the bucket after this one."""
    if dimension == "time:month":
        return (bucket.replace(day=1) + timedelta(days=32)).replace(day=1)
    return bucket + timedelta(days=7 if dimension == "time:week" else 1)
