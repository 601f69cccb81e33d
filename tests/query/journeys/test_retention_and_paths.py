"""Retention and paths, on a few events that can be counted by hand."""

from pathlib import Path
from typing import Any

from analytics_internal.log.connection import Pool
from tests.query.journeys.told import ago, stored_with, told

RETENTION: dict[str, Any] = {"kind": "retention", "date_range": {"last": "3w"}}
PATHS: dict[str, Any] = {"kind": "paths", "around": ["is", "subject", ["/b"]], "before": 1, "after": 1}


async def test_a_cohort_is_of_the_first_event_of_all_time(pool: Pool, tmp_path: Path) -> None:
    # 2018-11-20 is a Tuesday.
    events = [
        told("navigate", "ana", ago(days=70)),
        told("navigate", "ana", ago(days=8)),
        told("navigate", "bo", ago(days=14)),
        told("navigate", "bo", ago(days=0)),
        told("navigate", "cy", ago(days=13)),
        told("navigate", None, ago(days=13)),
    ]
    async with stored_with(pool, tmp_path, *events) as stored:
        answered = await stored.ask(RETENTION)
        everything = await stored.ask({**RETENTION, "cohort": "month", "date_range": "all"})

    cells = [
        (row["cohort"], row["offset"], row["people"]["value"], row["size"]["value"], row["is_complete"])
        for row in answered["results"]
    ]
    assert cells == [
        ("2018-11-05", 0, 2, 2, True),
        ("2018-11-05", 1, 0, 2, True),
        ("2018-11-05", 2, 1, 2, False),
    ]
    assert answered["meta"]["people"] == {"value": 2}
    assert [label["is_complete"] for label in answered["meta"]["time_labels"]] == [True, True, True, False]
    assert [(row["cohort"], row["offset"]) for row in everything["results"]] == [
        ("2018-09-01", 0), ("2018-09-01", 1), ("2018-09-01", 2), ("2018-11-01", 0),
    ]  # fmt: skip


async def test_first_and_return_may_be_different_things(pool: Pool, tmp_path: Path) -> None:
    events = [
        told("search", "ana", ago(days=14)),
        told("navigate", "ana", ago(days=7)),
        told("search", "ana", ago(days=0)),
    ]
    asked = {**RETENTION, "first": ["is", "action", ["search"]], "returning": ["is", "action", ["navigate"]]}
    async with stored_with(pool, tmp_path, *events) as stored:
        rows = (await stored.ask(asked))["results"]

    assert [row["people"]["value"] for row in rows] == [0, 1, 0]


async def test_what_came_before_and_after_with_the_ends_of_sessions(pool: Pool, tmp_path: Path) -> None:
    events = [
        told("navigate", "ana", ago(minutes=9), "one", "/a"),
        told("navigate", "ana", ago(minutes=8), "one", "/b"),
        told("navigate", "ana", ago(minutes=7), "one", "/b"),
        told("navigate", "ana", ago(minutes=6), "one", "/c"),
        told("navigate", "bo", ago(minutes=9), "two", "/b"),
        told("navigate", "cy", ago(minutes=9), None, "/b"),
    ]
    async with stored_with(pool, tmp_path, *events) as stored:
        answered = await stored.ask(PATHS)

    rows = [
        (row["step"], row["item"] and row["item"]["subject"], row["edge"], row["sessions"]["value"])
        for row in answered["results"]
    ]
    assert rows == [(-1, "/a", None, 1), (-1, None, "start", 1), (1, "/c", None, 1), (1, None, "end", 1)]
    assert answered["results"][0]["share"] == {"value": 0.5, "numerator": 1, "denominator": 2}
    assert (answered["meta"]["people"], answered["meta"]["sessions"]) == ({"value": 2}, {"value": 2})


async def test_a_session_goes_on_over_the_edge_of_the_period(pool: Pool, tmp_path: Path) -> None:
    events = [
        told("navigate", "ana", ago(hours=16), "one", "/a"),
        told("navigate", "ana", ago(hours=15), "one", "/b"),
    ]
    async with stored_with(pool, tmp_path, *events) as stored:
        rows = (await stored.ask({**PATHS, "date_range": {"last": "1d"}}))["results"]

    assert [(row["step"], row["item"] and row["item"]["subject"], row["edge"]) for row in rows] == [
        (-1, "/a", None),
        (1, None, "end"),
    ]
