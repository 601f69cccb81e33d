"""Funnels, on a few events that can be counted by hand."""

from pathlib import Path
from typing import Any

import pytest

from analytics_internal.log.connection import Pool
from tests.query.journeys.told import ago, stored_with, told

STEPS = [["is", "action", ["search"]], ["is", "action", ["discover"]], ["is", "action", ["navigate"]]]
FUNNEL: dict[str, Any] = {"kind": "funnel", "steps": STEPS, "within": "1h"}


def figures(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name]["value"] for row in rows]


async def test_people_are_counted_at_the_furthest_step_that_any_of_their_chains_came_to(
    pool: Pool, tmp_path: Path
) -> None:
    events = [
        told("search", "ana", ago(minutes=60)),
        told("search", "ana", ago(minutes=50)),
        told("discover", "ana", ago(minutes=40)),
        told("navigate", "ana", ago(minutes=30)),
        told("search", "bo", ago(minutes=20)),
        told("discover", "bo", ago(minutes=10)),
        told("discover", "cy", ago(minutes=10)),
        told("search", None, ago(minutes=9)),
        told("discover", None, ago(minutes=8)),
    ]
    async with stored_with(pool, tmp_path, *events) as stored:
        answered = await stored.ask(FUNNEL)

    rows = answered["results"]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert figures(rows, "people") == [2, 2, 1]
    assert figures(rows, "events") == [3, 2, 1]
    assert figures(rows, "share_of_step_before") == [None, 1.0, 0.5]
    assert rows[2]["share_of_first_step"] == {"value": 0.5, "numerator": 1, "denominator": 2}
    # Of two people the mean; of Ana the time since her first search.
    assert figures(rows, "median_seconds") == [None, (1_200 + 600) / 2, 600]
    assert answered["meta"]["people"] == {"value": 2}
    assert answered["query"]["within"] == "1h"


@pytest.mark.parametrize(("within", "reached"), [("9m", 0), ("10m", 1)])
async def test_the_window_ends_with_its_last_instant(pool: Pool, tmp_path: Path, within: str, reached: int) -> None:
    events = [told("search", "ana", ago(minutes=20)), told("discover", "ana", ago(minutes=10))]
    async with stored_with(pool, tmp_path, *events) as stored:
        rows = (await stored.ask({**FUNNEL, "within": within}))["results"]

    assert figures(rows, "people") == [1, reached, 0]


async def test_of_events_at_the_same_instant_the_one_that_was_stored_later_comes_later(
    pool: Pool, tmp_path: Path
) -> None:
    events = [told("discover", "ana", ago(hours=1)), told("search", "ana", ago(hours=1))]
    async with stored_with(pool, tmp_path, *events) as stored:
        before = (await stored.ask(FUNNEL))["results"]
        await stored.store([told("discover", "ana", ago(hours=1), subject="/b")])
        after = (await stored.ask(FUNNEL))["results"]

    assert figures(before, "people") == [1, 0, 0]
    assert figures(after, "people") == [1, 1, 0]
    assert figures(after, "median_seconds") == [None, 0, None]


async def test_one_event_is_not_two_steps(pool: Pool, tmp_path: Path) -> None:
    twice = {**FUNNEL, "steps": [STEPS[0], STEPS[0]]}
    async with stored_with(pool, tmp_path, told("search", "ana", ago(hours=1))) as stored:
        rows = (await stored.ask(twice))["results"]

    assert figures(rows, "people") == [1, 0]


async def test_later_steps_may_be_after_the_period(pool: Pool, tmp_path: Path) -> None:
    # 15:30 is now; the day before ended fifteen and a half hours ago.
    events = [told("search", "ana", ago(hours=16)), told("discover", "ana", ago(hours=15.25))]
    yesterday = {"from": "2018-11-19", "to": "2018-11-19"}
    async with stored_with(pool, tmp_path, *events) as stored:
        rows = (await stored.ask({**FUNNEL, "date_range": yesterday}))["results"]

    assert figures(rows, "people") == [1, 1, 0]


async def test_groups_are_those_of_the_first_event(pool: Pool, tmp_path: Path) -> None:
    events = [
        told("search", "ana", ago(minutes=9), subject="how"),
        told("discover", "ana", ago(minutes=8), subject="Result"),
        told("search", "bo", ago(minutes=7), subject="why"),
        told("search", "cy", ago(minutes=7), subject="why"),
    ]
    asked = {**FUNNEL, "steps": STEPS[:2], "dimensions": ["search_term"]}
    async with stored_with(pool, tmp_path, *events) as stored:
        rows = (await stored.ask(asked))["results"]
        lines = await stored.csv({**asked, "limit": None})

    told_rows = [(row["search_term"], row["step"], row["people"]["value"]) for row in rows]
    assert told_rows == [("why", 1, 2), ("why", 2, 0), ("how", 1, 1), ("how", 2, 1)]
    assert lines[0] == [
        "search_term", "step", "people", "events",
        "share_of_step_before", "share_of_step_before.numerator", "share_of_step_before.denominator",
        "share_of_first_step", "share_of_first_step.numerator", "share_of_first_step.denominator", "median_seconds",
    ]  # fmt: skip
    assert [line[:3] for line in lines[1:]] == [
        ["why", "1", "2"],
        ["why", "2", "0"],
        ["how", "1", "1"],
        ["how", "2", "1"],
    ]


async def test_an_answer_at_an_earlier_position_knows_nothing_that_came_later(pool: Pool, tmp_path: Path) -> None:
    async with stored_with(pool, tmp_path, told("search", "ana", ago(minutes=9))) as stored:
        position = (await stored.ask(FUNNEL))["meta"]["position"]
        await stored.store([told("discover", "ana", ago(minutes=8))])
        rows = (await stored.ask({**FUNNEL, "position": position}))["results"]
        now = (await stored.ask(FUNNEL))["results"]

    assert figures(rows, "people") == [1, 0, 0]
    assert figures(now, "people") == [1, 1, 0]


async def test_chains_are_never_compared_with_each_event(pool: Pool, tmp_path: Path) -> None:
    # Five steps took 11 s of a core with the engine's own limit, and 0.3 s without.
    limit = "SELECT current_setting('asof_loop_join_threshold')"
    async with stored_with(pool, tmp_path, told("search", "ana", ago(hours=1))) as stored:
        await stored.replica.catch_up()
        assert await stored.replica.query(limit, lambda cursor: cursor.fetchone()) == (0,)
