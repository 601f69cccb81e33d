"""Questions have the same answers with and without the day tables, at every position, however the log was read."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query import plan
from analytics_internal.query.parse import parse
from analytics_internal.reader import day_tables
from analytics_internal.reader.replica import Replica
from tests.query.model import Question
from tests.query.model import answer as modelled
from tests.query.stored import NOW, Stored, random_events, reading
from tests.query.test_answer import ZONES, questions
from tests.samples import Json

EVENTS, SEGMENT = 200, 25
TOTALS: Json = {"metrics": ["events", "people", "items", "last_access"], "compare": "previous_period"}
CURVE: Json = {"metrics": ["events", "people"], "dimensions": ["time:day"], "compare": "previous_period", "limit": 1000}
OF_ITEMS: Json = {"metrics": ["events", "views", "first_access", "last_access"], "dimensions": ["item"]}
OF_PAGES: Json = {
    "metrics": ["events"], "dimensions": ["doc_page", "time:week"], "filters": ["is", "plugin", ["techdocs"]],
}  # fmt: skip
OF_PLUGINS: Json = {
    "metrics": ["events", "views"], "dimensions": ["plugin", "time:day"], "compare": "previous_period", "limit": 1_000,
}  # fmt: skip


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    """A reader with many small segments, and events behind the last one."""
    seed = random.randrange(10**6)
    print(f"{seed = }")  # pytest shows it when the test fails
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_tables, "SEGMENT_EVENTS", SEGMENT)
        async with reading(pool, tmp_path / "reader.duckdb") as stored:
            chance = random.Random(seed)
            while len(stored.accesses) < EVENTS:
                await stored.store(random_events(chance.randint(5, 40), chance))
                await stored.replica.catch_up()
            yield stored


def tables_asked(question: Json, is_compared: bool = False) -> set[str]:
    """The tables of events that a question's SQL reads."""
    query, _ = parse(json.dumps(question).encode())
    sql = plan.plan(query, is_compared, False).sql
    return {table for table in ("action_day", "person_day", "item_access", "event AS e") if table in sql}


@pytest.mark.parametrize(
    ("question", "tables"),
    [
        (TOTALS, {"event AS e", "action_day"}),
        (CURVE, {"person_day"}),
        (OF_ITEMS, {"event AS e", "item_access"}),
        (OF_PAGES, {"event AS e"}),
        (OF_PLUGINS, {"action_day"}),
        ({"metrics": ["people", "views"]}, {"person_day", "action_day"}),
        (
            {"metrics": ["first_access"], "dimensions": ["item"], "filters": ["is", "action", ["navigate"]]},
            {"event AS e", "item_access"},
        ),
        ({"metrics": ["last_access"], "dimensions": ["plugin"]}, {"action_day"}),
        ({"metrics": ["items"]}, {"event AS e"}),
        ({"metrics": ["events"], "dimensions": ["extension"]}, {"event AS e"}),
        ({"metrics": ["events"], "dimensions": ["person"]}, {"person_day"}),
        ({"metrics": ["people"], "dimensions": ["item"]}, {"event AS e"}),
        ({"metrics": ["events", "people"], "filters": ["is", "plugin", ["techdocs"]]}, {"event AS e"}),
        ({"metrics": ["events"], "dimensions": ["search_term"]}, {"event AS e"}),
        ({"metrics": ["mean_rank"]}, {"event AS e"}),
    ],
)
def test_the_smallest_tables_that_can_answer_are_asked(question: Json, tables: set[str]) -> None:
    assert tables_asked(question, "compare" in question) == tables


@pytest.mark.slow
@settings(max_examples=12)
@given(question=questions(), zone=st.sampled_from(ZONES), part=st.floats(0, 1))
async def test_every_answer_is_that_of_the_events_alone(
    stored: Stored, question: Question, zone: str, part: float
) -> None:
    question = {**question, "limit": 10_000, "position": round(part * len(stored.accesses))}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAX_REMEMBERED_FILTER", -1)  # each plan is made anew
        answered = await stored.ask(question, zone)
        patch.setattr(plan, "tables_of", lambda _, metrics: {"event": list(metrics)})
        expected = await stored.ask(question, zone)

    assert answered["results"] == expected["results"]


async def test_the_answers_are_the_models_at_any_position(stored: Stored) -> None:
    positions = (len(stored.accesses), len(stored.accesses) - 1, 150, 26, 25, 24, 1)
    asked_for = [TOTALS, CURVE, OF_ITEMS, OF_PAGES, OF_PLUGINS]
    for zone, question, position in product(["America/Sao_Paulo", "Pacific/Apia"], asked_for, positions):
        asked = {"limit": 1_000, **question, "position": position}
        expected = modelled(stored.accesses[:position], asked, ZoneInfo(zone), NOW)

        assert (await stored.ask(asked, zone))["results"] == expected, (zone, asked)


async def test_segments_are_counted_as_the_events_come_and_kept_when_the_file_is_opened_again(
    stored: Stored, pool: Pool
) -> None:
    await stored.replica._until_counted()
    segments = stored.replica.counted_until(EVENTS * 2)
    path = stored.replica._path
    await stored.replica.close()

    again = Replica(pool, path, "128MB", 1)
    await again.catch_up()

    assert EVENTS - SEGMENT - 40 < segments <= len(stored.accesses)
    assert again.counted_until(EVENTS * 2) == segments
    assert again.counted_until(SEGMENT - 1) == 0
    await again.close()
