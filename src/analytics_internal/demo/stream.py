"""The stream of events in time order, with ids and times."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate
from operator import itemgetter
from random import Random

from analytics_internal.demo import calendar
from analytics_internal.demo.calendar import DAYS, SLOT_MINUTES, ZONE, Year, year
from analytics_internal.demo.frontends import Frontend, Legacy, New
from analytics_internal.demo.ids import uuid7
from analytics_internal.demo.lottery import Lottery
from analytics_internal.demo.portal import Person, Portal, portal
from analytics_internal.demo.truth import Truth
from analytics_internal.demo.visit import Step
from analytics_internal.demo.walks import calls_of_agent, visit

_SLOT_MS = SLOT_MINUTES * 60_000
_DAY_MS = 24 * 3600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_VISIT = 14
_AGENT_SHARE = 0.06

# Look-ups instead of formatting save a microsecond per event.
_MINUTES = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]
_SECONDS = [f"{second:02}" for second in range(60)]
_THOUSANDTHS = [f"{thousandth:03}" for thousandth in range(1000)]

_moment = itemgetter(0)


def events(
    count: int, seed: int = 1, until: datetime | None = None, truth: Truth | None = None
) -> Iterator[dict[str, object]]:
    """Exactly `count` events of the portal's year before `until` (default: now), in time order.

    Each is an ingest event: `id` (UUIDv7 of its time), `occurredAt`, `sessionId`, `user`, and Backstage's `action`,
    `subject`, `value`, `attributes`, `context` where Backstage sends them. The same arguments give the same events.
    They are made lazily, so memory does not grow with `count`. ``truth`` is told what each of them means.

    Raises:
        ValueError: `count` is negative, or `until` has no time zone or is before 1972.
    """
    if count < 0:
        raise ValueError("count must not be negative")
    of_year = year(datetime.now(UTC) if until is None else until)
    return _stamped(_in_order(count, portal(seed), of_year, Random(f"visits {seed}")), seed, truth)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Ten minutes (the last slot may be shorter) and their share of the year's events.

    Nothing is collected from `horizon` on until the next slot with a weight.
    """

    start_ms: int
    end_ms: int
    weight: float
    day: int
    horizon_ms: int


def _in_order(count: int, of: Portal, of_year: Year, random: Random) -> Iterator[Step]:
    """`count` steps in time order."""
    waiting: list[Step] = []
    for slot, steps in _visits(count, of, of_year, random):
        waiting.extend(steps)
        if waiting and not steps:
            # At the end of a slot: no later visit has a step before it.
            waiting.sort(key=_moment)
            ready = bisect_left(waiting, slot.end_ms, key=_moment)
            yield from waiting[:ready]
            del waiting[:ready]
    waiting.sort(key=_moment)
    yield from waiting


def _visits(count: int, of: Portal, of_year: Year, random: Random) -> Iterator[tuple[_Slot, list[Step]]]:
    """The steps of visits slot by slot, `count` in all; an empty list ends each slot.

    Targets are counted from the year's beginning, so rounding to whole visits does not add up.
    """
    slots = list(_slots(of, of_year, random))
    reached = list(accumulate(slot.weight for slot in slots))
    made, day = 0, -1
    patience = random.random() * _USUAL_VISIT
    for slot, so_far in zip(slots, reached, strict=True):
        if slot.day != day:
            day = slot.day
            people = _people_on(day, of)
            frontend = _frontend_on(day, of_year)
            is_measured = of_year.day(day) >= of_year.engagement
        due = count * so_far / reached[-1]
        is_last = so_far == reached[-1]
        while made < count and made < due - (0 if is_last else patience):
            at = slot.start_ms + int(random.random() * (slot.end_ms - slot.start_ms))
            person = people.draw(random)
            if frontend.is_new and random.random() < _AGENT_SHARE:
                steps = calls_of_agent(person, at, random)
            else:
                steps = visit(of, person, at, frontend, random, is_measured)
            if steps[-1][0] >= slot.horizon_ms:
                steps = [step for step in steps if step[0] < slot.horizon_ms]
            steps = steps[: count - made]
            made += len(steps)
            patience = random.random() * _USUAL_VISIT
            yield slot, steps
        yield slot, []


def _slots(of: Portal, of_year: Year, random: Random) -> Iterator[_Slot]:
    until_ms = _milliseconds(of_year.until)
    outage_ms = _milliseconds(datetime.combine(of_year.outage, time(), ZONE))
    first_ms = _milliseconds(datetime.combine(of_year.first_day, time(), ZONE))
    for day in range(DAYS):
        start_ms = first_ms + day * _DAY_MS
        weight = of_year.busyness(day) * _eagerness_on(day, of) * random.lognormvariate(0, 0.06)
        shares = calendar.slot_shares(calendar.is_office_day(of_year.day(day)))
        horizon_ms = outage_ms if start_ms < outage_ms else until_ms
        for share in shares:
            if start_ms >= until_ms:
                return
            end_ms = min(start_ms + _SLOT_MS, until_ms)
            part = (end_ms - start_ms) / _SLOT_MS
            yield _Slot(start_ms, end_ms, weight * share * part, day, horizon_ms)
            start_ms += _SLOT_MS


def _people_on(day: int, of: Portal) -> Lottery[Person]:
    return Lottery(of.people, (person.eagerness_on(day) for person in of.people))


def _eagerness_on(day: int, of: Portal) -> float:
    return sum(person.eagerness_on(day) for person in of.people)


def _frontend_on(day: int, of_year: Year) -> Frontend:
    return New() if of_year.day(day) >= of_year.new_frontend else Legacy()


def _stamped(steps: Iterator[Step], seed: int, truth: Truth | None) -> Iterator[dict[str, object]]:
    """The steps as complete events, with ids and times."""
    random = Random(f"ids {seed}")
    day, date = -1, ""
    for at, session, user, made, fact in steps:
        if at // _DAY_MS != day:
            day = at // _DAY_MS
            date = (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")
        minute, in_minute = divmod(at % _DAY_MS, 60_000)
        clock = f"{_MINUTES[minute]}:{_SECONDS[in_minute // 1000]}.{_THOUSANDTHS[in_minute % 1000]}"
        event: dict[str, object] = {"id": uuid7(at, random), "occurredAt": f"{date}T{clock}Z"}
        if session is not None:
            event["sessionId"] = session
        if user is not None:
            event["user"] = user
        if truth is not None:
            truth.add(at, session, user, made, fact)
        yield event | made


def _milliseconds(at: datetime) -> int:
    # Rounded up, so that anything before `at` has a smaller number.
    return -((_EPOCH - at) // timedelta(milliseconds=1))
