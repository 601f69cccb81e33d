from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.days import day_of, shifts_of, start_of
from analytics_internal.query.language import Between, Last, Query
from analytics_internal.query.period import bucket_of, buckets, next_bucket, resolve
from tests.query.model import buckets as modelled_buckets
from tests.query.model import counterparts, first_instant
from tests.query.model import day_of as modelled_day

ZONES = sorted(available_timezones() - {"localtime"})
# Where days begin twice or never, last two hours less or half an hour more, or where summer is the normal time.
ODD_ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "America/Goose_Bay", "America/Havana", "America/Moncton", "America/Noronha",
    "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns", "Antarctica/Troll", "Asia/Amman", "Asia/Beirut",
    "Asia/Gaza", "Asia/Pyongyang", "Asia/Tehran", "Atlantic/Azores", "Australia/Lord_Howe", "Europe/Dublin",
    "Kwajalein", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia", "Asia/Manila",
]  # fmt: skip
zones = (st.sampled_from(ODD_ZONES) | st.sampled_from(ZONES)).map(ZoneInfo)
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
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00"),  # a minute later it was the day before again
        ("America/St_Johns", "2010-11-08", "2010-11-08T03:30:00"),
        ("Kwajalein", "1993-08-21", "1993-08-21T12:00:00"),  # a day that never was
        ("Asia/Pyongyang", "2018-05-05", "2018-05-04T15:00:00"),  # the clocks went from half past eleven to midnight
    ],
)
def test_a_day_begins_with_its_first_instant(zone: str, day: str, start: str) -> None:
    assert start_of(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(start).replace(tzinfo=UTC)


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), zones)
def test_a_day_of_any_zone_begins_with_its_first_instant(day: date, zone: ZoneInfo) -> None:
    assert start_of(day, zone) == first_instant(day, zone)


years = st.datetimes(datetime(1970, 1, 3), datetime(2037, 12, 1), timezones=st.just(UTC))


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone, and an instant near a change of its offset where it has one within a year."""
    zone, start = draw(zones), draw(years)
    offset = start.astimezone(zone).utcoffset()
    days = (start + timedelta(days=n) for n in range(300))
    change = next((day for day in days if day.astimezone(zone).utcoffset() != offset), start)
    return zone, change + timedelta(minutes=draw(st.integers(-36 * 60, 36 * 60)), seconds=draw(st.sampled_from([0, 1])))


@pytest.mark.slow
@settings(max_examples=300)
@given(near_a_change(), st.integers(0, 400))
def test_the_days_of_all_instants_are_found_by_sums(given_: tuple[ZoneInfo, datetime], days: int) -> None:
    zone, at = given_
    first = day_of(at, zone) - timedelta(days=days)

    shifts = shifts_of(zone, start_of(first, zone), at + timedelta(days=days))

    assert [shift.start for shift in shifts] == sorted({shift.start for shift in shifts})
    in_force = [shift for shift in shifts if shift.start <= at][-1]
    assert (at + timedelta(seconds=in_force.seconds)).date() == modelled_day(at, zone)


@pytest.mark.parametrize("months", [1, 5, 12])
def test_each_day_of_months_before_is_compared_with_the_same_day_of_a_later_one(months: int) -> None:
    asked = Query(("events",), date_range=Last(months, "m"), compare="previous_period")
    for number in range(60):
        period, previous = resolve(asked, BERLIN, NOW + timedelta(days=number), None)

        assert previous is not None
        days = [previous.first + timedelta(days=one) for one in range(previous.days)]
        assert {day: previous.counterpart(day) for day in days} == counterparts(period.first, period.last, months)


def test_the_same_weeks_of_last_year_have_the_same_days_of_the_week() -> None:
    asked = Query(("events",), date_range=Last(2, "w"), compare="same_weeks_last_year")

    period, previous = resolve(asked, BERLIN, NOW, None)

    assert previous is not None
    assert (str(previous.first), str(previous.last)) == ("2025-11-13", "2025-11-26")
    assert [day.weekday() for day in (previous.first, previous.last)] == [period.first.weekday(), period.last.weekday()]
    assert previous.counterpart(previous.first) == period.first
    # Half past four in Berlin, as it is now.
    assert previous.end == datetime(2025, 11, 26, 15, 30, tzinfo=UTC)


def test_daylight_saving_time_of_less_than_a_week_is_found() -> None:
    zone = ZoneInfo("America/Noronha")

    found = shifts_of(zone, datetime(2000, 9, 1, tzinfo=UTC), datetime(2000, 11, 1, tzinfo=UTC))

    assert [shift.seconds // 3600 for shift in found] == [-2, -1, -2]


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)), st.integers(0, 400), zones, instants)
def test_the_days_of_a_period_are_its_instants(first: date, days: int, zone: ZoneInfo, now: datetime) -> None:
    last = first + timedelta(days=days)

    period, previous = resolve(
        Query(("events",), date_range=Between(first, last), compare="previous_period"), zone, now, None
    )

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
    period, previous = resolve(Query(("events",), date_range=asked, compare="previous_period"), BERLIN, NOW, None)

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

    _, previous = resolve(Query(("events",), date_range=Last(2, "d"), compare="previous_period"), BERLIN, now, None)

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
