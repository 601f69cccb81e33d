"""Whatever is asked, funnels, retention and paths are those of a model that tries every chain."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query.language import DIMENSIONS
from tests.query.model import Question
from tests.query.model_catalog import as_of_their_days
from tests.query.model_journeys import answer as modelled
from tests.query.stored import ACTIONS, NOW, Stored, random_catalog, random_events, reading
from tests.query.test_answer import ZONES, date_ranges, filters


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    seed = random.randrange(10**6)
    print(f"{seed = }")  # pytest shows it when the test fails
    chance = random.Random(seed)
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(300, chance))
        await stored.know(random_catalog(chance))
        yield stored


# Few texts: so that some people come to the last step.
actions = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3).map(lambda names: ["is", "action", names])
conditions = actions | actions | filters
limits = st.sampled_from([3, 10, 10_000])


@st.composite
def funnels(draw: st.DrawFn) -> Question:
    date_range = draw(date_ranges)
    times = [name for name in DIMENSIONS if name.startswith("time:")]
    dimensions = draw(st.lists(st.sampled_from(sorted(set(DIMENSIONS) - set(times))), max_size=2, unique=True))
    dimensions += draw(st.lists(st.sampled_from(times), max_size=1))
    return {
        "kind": "funnel",
        "steps": draw(st.lists(conditions, min_size=1, max_size=5)),
        "within": draw(st.sampled_from(["1m", "30m", "31m", "1h", "1d", "4w", "90d"])),
        "dimensions": dimensions,
        "filters": draw(st.none() | filters),
        "date_range": date_range,
        "compare": draw(st.sampled_from([None, "previous_period"])) if date_range != "all" else None,
        "limit": draw(limits),
    }


@st.composite
def retentions(draw: st.DrawFn) -> Question:
    return {
        "kind": "retention",
        "cohort": draw(st.sampled_from(["week", "month"])),
        "first": draw(st.none() | conditions),
        "returning": draw(st.none() | conditions),
        "filters": draw(st.none() | filters),
        "date_range": draw(date_ranges),
        "limit": draw(limits),
    }


@st.composite
def paths(draw: st.DrawFn) -> Question:
    before = draw(st.integers(0, 5))
    return {
        "kind": "paths",
        "around": draw(conditions),
        "before": before,
        "after": draw(st.integers(0 if before else 1, 5)),
        "filters": draw(st.none() | filters),
        "date_range": draw(date_ranges),
        "limit": draw(limits),
    }


async def assert_is_the_models(stored: Stored, question: Question, zone: str) -> list[dict[str, Any]]:
    accesses = as_of_their_days(stored.accesses, stored.catalogs[-1], ZoneInfo(zone))
    expected = modelled(accesses, question, ZoneInfo(zone), NOW)
    question = {**question, "limit": max(question["limit"], len(expected) // 8 + 1)}

    rows, totals = await stored.ask_all(question, zone)

    assert rows == expected
    assert set(totals) <= {len(expected)}
    return rows


@settings(max_examples=25)
@given(question=funnels(), zone=st.sampled_from(ZONES))
async def test_every_funnel_is_the_models_on_any_pages(stored: Stored, question: Question, zone: str) -> None:
    await assert_is_the_models(stored, question, zone)


@settings(max_examples=25)
@given(question=retentions(), zone=st.sampled_from(ZONES))
async def test_every_retention_is_the_models_on_any_pages(stored: Stored, question: Question, zone: str) -> None:
    await assert_is_the_models(stored, question, zone)


@settings(max_examples=25)
@given(question=paths(), zone=st.sampled_from(ZONES))
async def test_all_paths_are_the_models_on_any_pages(stored: Stored, question: Question, zone: str) -> None:
    await assert_is_the_models(stored, question, zone)
