"""Who was eligible on each day and who of them came, in plain Python over lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.query.model import (
    DAY,
    Access,
    Question,
    Rows,
    bucket,
    counterparts,
    day_of,
    first_instant,
    has_come,
    matches,
    months_of,
    ordered,
    period_of,
)
from tests.query.model_catalog import KnownCatalog, as_of_their_days, held, teams_at
from tests.query.model_metrics import as_previous, counted_in, ratio

Key = tuple[Any, ...]
Found = dict[Key, tuple[set[str], set[str]]]
NOBODY: tuple[set[str], set[str]] = (set(), set())


def population(
    accesses: Sequence[Access], catalog: KnownCatalog, question: Question, zone: ZoneInfo, now: datetime
) -> Rows:
    """All rows of an answer about eligible people, in order."""
    accesses = as_of_their_days(accesses, catalog, zone)
    first, last = period_of(question, accesses, zone, now)
    today = day_of(now, zone)
    pairs = counterparts(first, last, months_of(question)) if question.get("compare") else {}
    asked = [access for access in counted_in("people", accesses) if access.agent is None]
    asked = [access for access in asked if matches(question.get("filters"), access)]
    current = [first + n * DAY for n in range((min(last, today) - first).days + 1)]
    began = [day for day in pairs if day <= today and has_come(first_instant(day, zone), day, pairs, zone, now)]
    earlier = [access for access in asked if day_of(access.at, zone) in began]
    earlier = [access for access in earlier if has_come(access.at, day_of(access.at, zone), pairs, zone, now)]
    parts = (
        _found(question, catalog, zone, {day: day for day in current}, asked),
        _found(question, catalog, zone, {day: pairs[day] for day in began}, earlier),
    )
    dimensions: list[str] = question.get("dimensions", [])
    has_time = any(name.startswith("time:") for name in dimensions)
    rows = []
    for key in dict.fromkeys([*parts[0], *parts[1]]) if dimensions else [()]:
        if dimensions and not has_time and not parts[0].get(key, NOBODY)[0]:
            continue
        row = dict(zip(dimensions, key, strict=True))
        for metric in question["metrics"]:
            figures = [_figure(metric, *part.get(key, NOBODY)) for part in parts]
            row[metric] = figures[0] | (as_previous(figures[1]) if question.get("compare") else {})
        rows.append(row)
    return ordered(rows, question)


def _found(
    question: Question, catalog: KnownCatalog, zone: ZoneInfo, days: dict[date, date], accesses: Sequence[Access]
) -> Found:
    """For each row the people who were eligible and those of them who came; days with those they count as."""
    came = {(access.person, day_of(access.at, zone)) for access in accesses}
    found: Found = {}
    for day, counts_as in days.items():
        end = first_instant(day + DAY, zone)
        if question.get("dimensions", []) and all(name.startswith("time:") for name in question["dimensions"]):
            found.setdefault(
                tuple(bucket(counts_as, name).isoformat() for name in question["dimensions"]), (set(), set())
            )
        for ref in {one.ref for one in catalog.entities if one.ref.startswith("user:") and held(one, end)}:
            teams: list[str | None] = [*sorted(teams_at(ref, catalog, end))]
            if not _is_asked_for(question.get("filters"), ref, tuple(map(str, teams))):
                continue
            for team in teams or [None]:
                key = tuple(
                    bucket(counts_as, name).isoformat() if name.startswith("time:") else team if name == "team" else ref
                    for name in question.get("dimensions", [])
                )
                eligible, adopted = found.setdefault(key, (set(), set()))
                eligible.add(ref)
                if (ref, day) in came:
                    adopted.add(ref)
    return found


def _is_asked_for(filter_: Sequence[Any] | None, ref: str, teams: tuple[str, ...]) -> bool:
    """Whether what a filter says of people, whatever they did, is so."""
    if filter_ is None:
        return True
    if filter_[0] == "and":
        return all(_is_asked_for(part, ref, teams) for part in filter_[1:])
    if _names(filter_) - {"team", "person"}:
        return True
    nothing = Access(datetime.min, "", "", None, None, None, ref, 0, None, None, None, None)
    return matches(filter_, nothing._replace(teams=teams))


def _names(filter_: Sequence[Any]) -> set[str]:
    if filter_[0] in ("and", "or", "not"):
        return {name for part in filter_[1:] for name in _names(part)}
    return {filter_[1]}


def _figure(metric: str, eligible: set[str], adopted: set[str]) -> dict[str, Any]:
    return ratio(len(adopted), len(eligible)) if metric == "adoption_rate" else {"value": len(eligible)}
