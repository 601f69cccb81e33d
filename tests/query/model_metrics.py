"""What each figure of an answer is, in plain Python over the events of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.query.model import Access

MEASUREMENTS = ("engage", "task-succeeded", "task-failed", "task-cancelled")
ACTIONS = {
    "views": "navigate",
    "searches": "search",
    "zero_result_rate": "search",
    "click_through_rate": "search",
    "mean_rank": "discover",
    "engaged_seconds": "engage",
    "minutes_saved": "task-succeeded",
    "tasks_succeeded": "task-succeeded",
    "tasks_failed": "task-failed",
    "tasks_cancelled": "task-cancelled",
}
"""What the metrics count that do not count every access."""
IS_NEW = {"new_people": True, "returning_people": False}


def counted_in(metric: str, events: Sequence[Access]) -> list[Access]:
    """The events that a metric looks at."""
    if metric in ACTIONS:
        return [event for event in events if event.action == ACTIONS[metric]]
    accesses = [event for event in events if event.action not in MEASUREMENTS]
    return [access for access in accesses if access.person is not None] if metric in IS_NEW else accesses


def figure(
    metric: str, events: Sequence[Access], first_seen: Mapping[str | None, datetime] | None = None
) -> dict[str, Any]:
    """A metric of some events that it looks at, as a row has it."""
    values = [event.value for event in events if event.value is not None]
    if metric in ("people", "items"):
        return {"value": len({event.person if metric == "people" else event.item for event in events} - {None})}
    if metric in ("engaged_seconds", "minutes_saved"):
        return {"value": sum(values)}
    if metric == "sessions":
        return {"value": len({(event.session, event.person) for event in events if event.session is not None})}
    if metric in IS_NEW:
        assert first_seen is not None
        first = {event.person: min(e.at for e in events if e.person == event.person) for event in events}
        return {"value": sum((at == first_seen[person]) == IS_NEW[metric] for person, at in first.items())}
    if metric == "click_through_rate":
        return ratio(sum(event.led_to_click for event in events), len(events))
    if metric == "zero_result_rate":
        return ratio(values.count(0), len(values))
    if metric == "mean_rank":
        return ratio(sum(values), len(values))
    if metric.endswith("_access"):
        chosen = (min if metric == "first_access" else max)((event.at for event in events), default=None)
        return {"value": chosen and chosen.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {"value": len(events)}


def ratio(numerator: float, denominator: float) -> dict[str, Any]:
    value = numerator / denominator if denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator}


def as_previous(figures: dict[str, Any]) -> dict[str, Any]:
    """A figure of the period before, as it stands beside that of the period."""
    return {f"previous_{name}".removesuffix("_value"): value for name, value in figures.items()}


ACTIVE = ("active_7d", "active_28d", "stickiness")


def active(metric: str, person_days: set[tuple[str, date]], last: date) -> dict[str, Any]:
    """A metric of the days on which people were active, until some day."""
    ages = [(person, (last - day).days) for person, day in person_days if last >= day]
    people = {days: {person for person, age in ages if age < days} for days in (7, 28)}
    if metric == "stickiness":
        return ratio(len([age for _, age in ages if age < 28]) / 28, len(people[28]))
    return {"value": len(people[7 if metric == "active_7d" else 28])}
