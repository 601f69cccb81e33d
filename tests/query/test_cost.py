"""What a question is expected to cost: by what it makes the reader do, not by its length."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics_internal.query.conditions import conditions_on_events
from analytics_internal.query.cost import Sizes, TooCostly, cost_of
from analytics_internal.query.language import DIMENSIONS, METRICS_OF_EVENTS
from analytics_internal.query.parse import parse
from analytics_internal.query.period import resolve
from analytics_internal.query.plan import plan
from analytics_internal.reader.lanes import LIGHT_S

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
YEAR = Sizes(
    1_000_000,
    {"action": 8, "item": 57_851, "person": 4_090, "plugin": 8, "entity": 10_756, "path": 58_539},
    NOW - timedelta(days=365),
)
EVERYTHING: dict[str, Any] = {
    "metrics": list(METRICS_OF_EVENTS),
    "dimensions": [d for d in DIMENSIONS if not d.startswith("time:")],
}


def cost(sizes: Sizes = YEAR, **question: Any) -> float:
    query, _ = parse(json.dumps({"metrics": ["events"], "date_range": "all", **question}).encode())
    return cost_of(query, sizes, *resolve(query, ZoneInfo("UTC"), NOW, sizes.first_event_at))


def contains(dimension: str, count: int) -> list[object]:
    return ["contains", dimension, [f"text {n}" for n in range(count)]]


@pytest.mark.parametrize(
    "question",
    [
        {"metrics": ["events", "people", "items"], "compare": "previous_period", "date_range": {"last": "28d"}},
        {"metrics": ["events", "people"], "dimensions": ["item"], "date_range": {"last": "28d"}},
        {"dimensions": ["time:day"], "date_range": {"last": "90d"}},
        {"filters": ["and", *(contains("subject", 1) for _ in range(99))]},
    ],
)
def test_what_the_pages_ask_is_light(question: dict[str, Any]) -> None:
    assert cost(**question) < LIGHT_S


@pytest.mark.parametrize(
    "question",
    [
        {"dimensions": ["item", "person"]},
        EVERYTHING,
        {"filters": contains("subject", 1_000)},
        {"filters": ["and", *(["or", contains("subject", 1), contains("person", 1)] for _ in range(33))]},
    ],
)
def test_what_takes_seconds_is_heavy(question: dict[str, Any]) -> None:
    assert cost(**question) > LIGHT_S


def test_a_shorter_period_costs_less() -> None:
    assert cost(**EVERYTHING, date_range={"last": "7d"}) < cost(**EVERYTHING, date_range={"last": "90d"})


def test_what_nobody_could_wait_for_is_refused_with_the_budget() -> None:
    grown = Sizes(100_000_000, YEAR.names, YEAR.first_event_at)

    with pytest.raises(TooCostly, match=r"a question may take 120: ask for a shorter period"):
        cost(grown, **EVERYTHING)


def test_filters_on_one_kind_of_name_are_one_condition_on_the_events() -> None:
    many = ["and", *(["not", contains("subject", 1)] for _ in range(40)), ["is", "action", ["click"]]]
    query, _ = parse(json.dumps({"metrics": ["events"], "filters": many}).encode())
    assert query.filter is not None

    assert conditions_on_events(query.filter) == 2
    assert plan(query, False, False).sql.count(" FROM item") == 1
