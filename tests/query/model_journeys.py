"""What right funnels, retention and paths are, in plain Python over a list of events: every chain is tried."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.query.model import (
    DAY,
    Access,
    Groups,
    Question,
    Rows,
    _labels,
    _previous,
    _sorted_by,
    _spelling,
    _with_item_as_object,
    asked_of,
    bucket,
    counterparts,
    day_of,
    first_instant,
    hour_of,
    matches,
    months_of,
    period_of,
    with_searches,
    with_sessions,
)
from tests.query.model_metrics import MEASUREMENTS

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Placed(NamedTuple):
    """An event, and where it is in the order of all events."""

    at: datetime
    position: int
    access: Access


def answer(accesses: Sequence[Access], question: Question, zone: ZoneInfo, now: datetime) -> Rows:
    """All rows of the answer, in order. What the catalog says is in the events already."""
    period = period_of(question, accesses, zone, now)
    accesses = with_sessions(with_searches(accesses))
    placed = [Placed(access.at, position, access) for position, access in enumerate(accesses, start=1)]
    placed = [one for one in placed if one.access.action not in MEASUREMENTS]
    if not asks_for_agents(question):
        placed = [one for one in placed if one.access.agent is None]
    passing = [one for one in placed if matches(question.get("filters"), one.access)]
    asked = {"funnel": funnel, "retention": retention, "paths": paths}[question["kind"]]
    return asked(passing, question, period, zone, now)


def asks_for_agents(question: Question) -> bool:
    """Whether any part of a question is about them: then the whole question is."""
    filters = [question.get(name) for name in ("filters", "first", "returning", "around")]
    every = [one for one in (*filters, *question.get("steps", [])) if one is not None]
    return "agent" in asked_of({"dimensions": question.get("dimensions", []), "filters": ["and", *every]})


def ratio(numerator: int, denominator: int) -> dict[str, Any]:
    value = numerator / denominator if denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator}


# ---- funnels


def chain_of(first: Placed, events: Sequence[Placed], question: Question, end: datetime | None) -> list[Placed]:
    """The events of the steps that a chain comes to."""
    number, unit = int(question["within"][:-1]), UNITS[question["within"][-1]]
    until = first.at + timedelta(**{unit: number})
    chain = [first]
    for step in question["steps"][1:]:
        following = [one for one in events if one[:2] > chain[-1][:2] and matches(step, one.access)]
        following = [one for one in following if one.access.person == first.access.person]
        if not following or min(following).at > until or (end is not None and min(following).at >= end):
            break
        chain.append(min(following))
    return chain


def funnel(events: list[Placed], question: Question, period: tuple[date, date], zone: ZoneInfo, now: datetime) -> Rows:
    known = [one for one in events if one.access.person is not None]
    first, last = period
    starts = [one for one in known if matches(question["steps"][0], one.access)]
    is_compared = bool(question.get("compare"))
    pairs = counterparts(first, last, months_of(question)) if is_compared else {}
    before = {id(access) for access in _previous([one.access for one in starts], pairs, zone, now)}
    periods = [
        [one for one in starts if first <= day_of(one.at, zone) <= last],
        [one for one in starts if id(one.access) in before],
    ]
    dimensions: list[str] = question.get("dimensions", [])
    time = next((name for name in dimensions if name.startswith("time:")), None)

    def keys_of(one: Placed) -> list[tuple[Any, ...]]:
        day = day_of(one.at, zone)
        labels = [
            hour_of(one.at, day, pairs.get(day, day), zone)
            if name == "time:hour"
            else _labels(one.access, name, pairs.get(day, day))
            for name in dimensions
        ]
        return list(itertools.product(*labels))

    groups: Groups = {} if dimensions else {(): ([], [])}
    chains: dict[Any, tuple[list[list[Placed]], list[list[Placed]]]] = {key: ([], []) for key in groups}
    for place, began in enumerate(periods):
        for one, key in ((start, key) for start in began for key in keys_of(start)):
            if place == 0 or time is not None or key in groups:
                groups.setdefault(key, ([], []))[place].append(one.access)
                end = previous_end(question, period, zone, now) if place == 1 else None
                chains.setdefault(key, ([], []))[place].append(chain_of(one, known, question, end))
    rows = []
    for key, of_periods in chains.items():
        label = dict(zip(dimensions, key, strict=True))
        if "search_term" in dimensions:
            label["search_term"] = _spelling(label["search_term"], [groups], dimensions.index("search_term"))
        counted = [steps_of(of_period, len(question["steps"])) for of_period in of_periods]
        for number, (current, previous) in enumerate(zip(*counted, strict=True), start=1):
            row: dict[str, Any] = {**label, "step": number}
            for name, figure in current.items():
                more = {f"previous_{part}": value for part, value in previous[name].items() if part != "value"}
                row[name] = figure | ({"previous": previous[name]["value"]} | more if is_compared else {})
            rows.append(row | {"began": counted[0][0]["people"]})
    for name in ["step", *dimensions[::-1], "began", *([time] if time else [])]:
        rows = _sorted_by(rows, name, name == "began", by_id=True)
    return [_with_item_as_object({name: row[name] for name in row if name != "began"}) for row in rows]


def steps_of(chains: list[list[Placed]], count: int) -> list[dict[str, Any]]:
    """The figures of each step."""
    best: dict[str | None, list[Placed]] = {}
    for chain in sorted(chains):
        person = chain[0].access.person
        if person not in best or len(chain) > len(best[person]):
            best[person] = chain
    figures: list[dict[str, Any]] = []
    people = [len({chain[0].access.person for chain in chains if len(chain) >= step}) for step in range(1, count + 1)]
    for step in range(1, count + 1):
        reached = [chain for chain in chains if len(chain) >= step]
        took = [chain[step - 1].at - chain[step - 2].at for chain in best.values() if len(chain) >= step > 1]
        figures.append(
            {
                "people": {"value": people[step - 1]},
                "events": {"value": len({chain[step - 1].position for chain in reached})},
                "share_of_step_before": ratio(people[step - 1], people[step - 2] if step > 1 else 0),
                "share_of_first_step": ratio(people[step - 1], people[0]),
                "median_seconds": {"value": median(one.total_seconds() for one in took) if took else None},
            }
        )
    return figures


def previous_end(question: Question, period: tuple[date, date], zone: ZoneInfo, now: datetime) -> datetime:
    """Until when the chains of the previous period may go on: as long as those of this one have had."""
    first, last = period
    pairs = counterparts(first, last, months_of(question))
    start, end = first_instant(first, zone), first_instant(last + DAY, zone)
    if not start <= now < end:
        number, unit = int(question["within"][:-1]), UNITS[question["within"][-1]]
        so_far = min(max(now - end, timedelta()), timedelta(**{unit: number}))
        return first_instant(max(pairs) + DAY, zone) + so_far
    today = day_of(now, zone)
    then = max(day for day, other in pairs.items() if other == today)
    return min(first_instant(then, zone) + (now - first_instant(today, zone)), first_instant(then + DAY, zone))


# ---- retention


def retention(
    events: list[Placed], question: Question, period: tuple[date, date], zone: ZoneInfo, now: datetime
) -> Rows:
    dimension = f"time:{question['cohort']}"
    people = {one.access.person for one in events} - {None}
    cohorts: dict[date, set[str | None]] = {}
    active: dict[str | None, set[date]] = {}
    for person in people:
        theirs = [one for one in events if one.access.person == person]
        firsts = [one for one in theirs if matches(question.get("first"), one.access)]
        if firsts and period[0] <= (day := day_of(min(firsts).at, zone)) <= period[1]:
            cohorts.setdefault(bucket(day, dimension), set()).add(person)
        returns = [one for one in theirs if matches(question.get("returning"), one.access)]
        active[person] = {bucket(day_of(one.at, zone), dimension) for one in returns}
    today = bucket(day_of(now, zone), dimension)
    rows = []
    for cohort in sorted(cohorts):
        members = cohorts[cohort]
        for offset in itertools.count():
            later = buckets_later(cohort, offset, dimension)
            if later > today:
                break
            back = sum(later in active[person] for person in members)
            rows.append(
                {
                    "cohort": str(cohort),
                    "offset": offset,
                    "people": {"value": back},
                    "size": {"value": len(members)},
                    "share": ratio(back, len(members)),
                    "is_complete": later < today,
                }
            )
    return rows


def buckets_later(day: date, count: int, dimension: str) -> date:
    if dimension == "time:week":
        return day + 7 * count * DAY
    for _ in range(count):
        day = (day + 31 * DAY).replace(day=1)
    return day


# ---- paths


def paths(events: list[Placed], question: Question, period: tuple[date, date], zone: ZoneInfo, now: datetime) -> Rows:
    sessions: dict[Any, list[Placed]] = {}
    for one in sorted(events):
        if one.access.session is not None:
            sessions.setdefault((one.access.session, one.access.person), []).append(one)
    seen: dict[Any, set[Any]] = {}
    centres = set()
    for session, theirs in sessions.items():
        places = [list(same) for _, same in itertools.groupby(theirs, key=lambda one: one.access.item)]
        for index, place in enumerate(places):
            if not any(is_asked_for(one, question, period, zone) for one in place):
                continue
            centres.add(session)
            for step in range(-question["before"], question["after"] + 1):
                if step:
                    seen.setdefault((step, *what_is_at(places, index + step)), set()).add(session)
    rows: Rows = []
    for (step, item, edge), there in seen.items():
        known = {person for _, person in there} - {None}
        figures = {"people": {"value": len(known)}, "sessions": {"value": len(there)}}
        rows.append({"step": step, "item": item, "edge": edge, **figures, "share": ratio(len(there), len(centres))})
    rows.sort(key=lambda row: (row["step"], -row["sessions"]["value"], row["item"][2] if row["item"] else 2**31))
    return [_with_item_as_object(row) if row["item"] else row for row in rows]


def is_asked_for(one: Placed, question: Question, period: tuple[date, date], zone: ZoneInfo) -> bool:
    return matches(question["around"], one.access) and period[0] <= day_of(one.at, zone) <= period[1]


def what_is_at(places: list[list[Placed]], index: int) -> tuple[Any, str | None]:
    if index < 0:
        return None, "start"
    if index >= len(places):
        return None, "end"
    (item,) = _labels(places[index][0].access, "item", date.min)
    return item, None
