"""When people use the portal: a Brazilian company's office days and hours, and the events of its year."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise

# A fixed offset, so that machines without a time zone database get the same events. Brazil has had no daylight
# saving since 2019.
ZONE = timezone(timedelta(hours=-3), "America/Sao_Paulo")
DAYS = 365
SLOT_MINUTES = 10

_WEEKDAYS = (0.96, 1.06, 1.08, 1.0, 0.8, 0.035, 0.025)
_FIXED_HOLIDAYS = ((1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25))
_EASTER_HOLIDAYS = (-48, -47, -2, 60)  # carnival Monday and Tuesday, Good Friday, Corpus Christi

_LAUNCH_DAYS_BEFORE_END = 91
_SWITCH_DAYS_BEFORE_END = 42
_OUTAGE_DAYS_BEFORE_END = 148
_LAUNCH_STEP = 1.7
_TRAINING_SPIKE = 1.6
_GROWTH_PER_YEAR = 0.3

# (hour, how busy), interpolated linearly.
_OFFICE_HOURS = (
    (0, 0.006),
    (5, 0.002),
    (7, 0.03),
    (9, 0.75),
    (10, 1.0),
    (11.5, 0.95),
    (12.25, 0.4),
    (13, 0.36),
    (14, 0.9),
    (15, 1.0),
    (17, 0.85),
    (18, 0.45),
    (19, 0.14),
    (22, 0.04),
    (24, 0.006),
)
_FREE_HOURS = ((0, 0.08), (3, 0.02), (8, 0.1), (11, 0.7), (16, 1.0), (21, 0.8), (24, 0.08))


@dataclass(frozen=True, slots=True)
class Year:
    """The 365 days that end with `until`, and the dates that changed the portal's use.

    All dates are days in the portal's zone.
    """

    until: datetime
    first_day: date
    outage: date
    launch: date
    new_frontend: date

    @property
    def engagement(self) -> date:
        """From this day on it is measured how long people are engaged with pages."""
        return self.launch

    def day(self, number: int) -> date:
        """The day with this number, 0 for the first and 364 for the last."""
        return self.first_day + timedelta(days=number)

    def busyness(self, number: int) -> float:
        """How much the portal is used on a day: 1 on an ordinary one, 0 if nothing was collected."""
        day = self.day(number)
        if day == self.outage:
            return 0.0
        growth = 1 + _GROWTH_PER_YEAR * number / DAYS
        return presence(day) * growth * self._launched(day)

    def _launched(self, day: date) -> float:
        if day < self.launch:
            return 1.0
        is_training_week = day < self.launch + timedelta(days=5)
        return _LAUNCH_STEP * (_TRAINING_SPIKE if is_training_week else 1.0)


def year(until: datetime) -> Year:
    """The year that ends with `until` (excluded).

    Raises:
        ValueError: `until` has no time zone, or the year would begin before 1970.
    """
    if until.tzinfo is None:
        raise ValueError("until must be an aware datetime")
    if until.astimezone(UTC).year < 1972:
        raise ValueError("until must not be before 1972: ids carry the time since 1970")
    # A millisecond earlier, so that a year that ends at midnight ends with the day before.
    last_day = (until - timedelta(milliseconds=1)).astimezone(ZONE).date()
    return Year(
        until=until,
        first_day=last_day - timedelta(days=DAYS - 1),
        outage=_working_day(last_day - timedelta(days=_OUTAGE_DAYS_BEFORE_END)),
        launch=_monday(last_day - timedelta(days=_LAUNCH_DAYS_BEFORE_END)),
        new_frontend=_monday(last_day - timedelta(days=_SWITCH_DAYS_BEFORE_END)),
    )


def presence(day: date) -> float:
    """The share of people at work on a day, with weekends, holidays, bridge days and Christmas."""
    share = _WEEKDAYS[day.weekday()]
    if day in holidays(day.year):
        return min(share, 0.03)
    if _is_bridge(day):
        share *= 0.45
    if (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 4):
        return share * 0.22
    if day.month == 1 or (day.month, day.day) >= (12, 15):
        return share * 0.75
    return share


@cache
def holidays(of_year: int) -> frozenset[date]:
    """Brazil's public holidays of a year, carnival included."""
    fixed = {date(of_year, month, day) for month, day in _FIXED_HOLIDAYS}
    return frozenset(fixed | {easter(of_year) + timedelta(days=d) for d in _EASTER_HOLIDAYS})


def easter(of_year: int) -> date:
    """Easter Sunday by the Gregorian calendar (the anonymous algorithm of 1876)."""
    golden = of_year % 19
    century, rest = divmod(of_year, 100)
    leaps, century_rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - correction + 15) % 30
    quarter, quarter_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * quarter - epact - quarter_rest) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(of_year, month, day + 1)


@cache
def slot_shares(is_office_day: bool) -> tuple[float, ...]:
    """The share of each 10-minute slot in a day's use; they add up to 1."""
    curve = _OFFICE_HOURS if is_office_day else _FREE_HOURS
    middles = [(slot + 0.5) * SLOT_MINUTES / 60 for slot in range(24 * 60 // SLOT_MINUTES)]
    heights = [_height(curve, hour) for hour in middles]
    total = sum(heights)
    return tuple(height / total for height in heights)


def is_office_day(day: date) -> bool:
    """Whether people come to work on a day."""
    return day.weekday() < 5 and day not in holidays(day.year)


def _height(curve: tuple[tuple[float, float], ...], hour: float) -> float:
    for (left, low), (right, high) in pairwise(curve):
        if left <= hour <= right:
            return low + (high - low) * (hour - left) / (right - left)
    raise AssertionError(f"no hour of a day: {hour}")


def _is_bridge(day: date) -> bool:
    """A Friday after a Thursday off, or a Monday before a Tuesday off."""
    neighbour = {4: day - timedelta(days=1), 0: day + timedelta(days=1)}.get(day.weekday())
    return neighbour is not None and neighbour in holidays(neighbour.year)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _working_day(day: date) -> date:
    while not is_office_day(day):
        day -= timedelta(days=1)
    return day
