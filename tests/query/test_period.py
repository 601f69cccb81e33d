from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.query.language import Between, Last, Query
from analytics_internal.query.period import bucket_of, buckets, next_bucket, offsets, resolve, start_of
from tests.query.model import buckets as modelled_buckets
from tests.query.model import first_instant

# In these the clocks once went back from after midnight to before it: a date ends twice, and no order of days is right.
DATES_THAT_END_TWICE = {"America/St_Johns", "Canada/Newfoundland", "America/Goose_Bay", "America/Moncton"}
ZONES = sorted(zone for zone in available_timezones() - DATES_THAT_END_TWICE if "/" in zone)
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00"),  # midnight was skipped
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00"),  # the day before had 25 hours
        ("America/Sao_Paulo", "2019-11-03", "2019-11-03T03:00:00"),  # no more daylight saving time
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00"),
        ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00"),
        ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00"),
        ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00"),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00"),  # a day that never was
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00"),
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00"),  # midnight was skipped
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00"),  # midnight came twice: the first one counts
    ],
)
def test_a_day_begins_with_its_first_instant(zone: str, day: str, start: str) -> None:
    assert start_of(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(start).replace(tzinfo=UTC)


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), zones)
def test_a_day_of_any_zone_begins_with_its_first_instant(day: date, zone: ZoneInfo) -> None:
    assert start_of(day, zone) == first_instant(day, zone)


@given(instants, st.integers(0, 800), st.floats(0, 1), zones)
def test_the_offset_of_any_instant_is_the_zones(start: datetime, days: int, part: float, zone: ZoneInfo) -> None:
    at = start + timedelta(days=days) * part

    found = offsets(zone, start, start + timedelta(days=days))

    assert [one.start for one in found] == sorted({one.start for one in found})
    in_force = [one for one in found if one.start <= at][-1]
    assert timedelta(seconds=in_force.seconds) == at.astimezone(zone).utcoffset()


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)), st.integers(0, 400), zones, instants)
def test_the_days_of_a_period_are_its_instants(first: date, days: int, zone: ZoneInfo, now: datetime) -> None:
    last = first + timedelta(days=days)

    period, previous = resolve(Query(("events",), date_range=Between(first, last), is_compared=True), zone, now, None)

    assert previous is not None
    assert (period.first, period.last, period.days) == (first, last, days + 1)
    assert period.start <= period.end
    assert (previous.days, previous.last) == (period.days, first - timedelta(days=1))
    assert previous.start <= previous.end <= period.start
    assert period.is_complete == (period.end <= now)


NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("asked", "days", "previous_days"),
    [
        (Last(1, "d"), ("2026-11-25", "2026-11-25"), ("2026-11-24", "2026-11-24")),
        (Last(28, "d"), ("2026-10-29", "2026-11-25"), ("2026-10-01", "2026-10-28")),
        (Last(2, "w"), ("2026-11-12", "2026-11-25"), ("2026-10-29", "2026-11-11")),
        (Last(1, "m"), ("2026-10-26", "2026-11-25"), ("2026-09-26", "2026-10-25")),
        (Last(9, "m"), ("2026-02-26", "2026-11-25"), ("2025-05-26", "2026-02-25")),
        (Between(date(2026, 10, 1), date(2026, 10, 31)), ("2026-10-01", "2026-10-31"), ("2026-08-31", "2026-09-30")),
    ],
)
def test_a_range_ends_today_and_follows_the_one_before(
    asked: Last | Between, days: tuple[str, str], previous_days: tuple[str, str]
) -> None:
    period, previous = resolve(Query(("events",), date_range=asked, is_compared=True), BERLIN, NOW, None)

    assert previous is not None
    assert (str(period.first), str(period.last)) == days
    assert (str(previous.first), str(previous.last)) == previous_days


def test_a_month_before_the_31st_is_the_last_day_of_a_shorter_one() -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)

    period, _ = resolve(Query(("events",), date_range=Last(1, "m")), BERLIN, now, None)

    assert (str(period.first), str(period.last)) == ("2026-03-01", "2026-03-31")


def test_an_unfinished_period_is_compared_with_as_much_of_the_one_before() -> None:
    # On 2026-10-25 Berlin's clocks went back: the same time of the day is another time in UTC.
    now = datetime(2026, 10, 26, 8, tzinfo=UTC)

    _, previous = resolve(Query(("events",), date_range=Last(2, "d"), is_compared=True), BERLIN, now, None)

    assert previous is not None
    assert previous.end.astimezone(BERLIN) == datetime(2026, 10, 24, 9, tzinfo=BERLIN)
    assert previous.is_complete


def test_all_time_begins_with_the_first_event() -> None:
    first_event = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)

    period, previous = resolve(Query(("events",), date_range=None), BERLIN, NOW, first_event)

    assert (str(period.first), str(period.last), previous) == ("2026-01-01", "2026-11-25", None)


@given(
    st.dates(date(1970, 1, 5), date(2200, 1, 1)),
    st.integers(0, 200),
    st.sampled_from(["time:day", "time:week", "time:month"]),
)
def test_buckets_cover_a_period_without_gaps(first: date, days: int, dimension: str) -> None:
    last = first + timedelta(days=days)
    period, _ = resolve(Query(("events",), date_range=Between(first, last)), BERLIN, NOW, None)

    found = list(buckets(period, dimension))

    assert found == modelled_buckets(first, last, dimension)
    assert found[0] <= first < next_bucket(found[0], dimension)
    assert bucket_of(last, dimension) == found[-1]
