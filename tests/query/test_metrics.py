"""Figures over days, and about the people who are expected to use the portal, against plain Python."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query.language import InvalidQuery
from tests.catalog.known import KnownEntity
from tests.query.model import Question
from tests.query.model_catalog import KnownCatalog
from tests.query.model_population import population
from tests.query.stored import NOW, Stored, random_catalog, random_events, random_times, reading
from tests.query.test_answer import ZONES, date_ranges, texts

USERS = [f"user:default/{name}" for name in ("ana", "bo", "cy", "never")]


def random_population(chance: random.Random) -> KnownCatalog:
    """A catalog with users who come and go, one of whom was never in the portal."""
    catalog = random_catalog(chance)
    users = [KnownEntity(ref, start, end) for ref in USERS for start, end in random_times(chance)]
    return KnownCatalog([*catalog.entities, *users], catalog.memberships)


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    seed = random.randrange(10**6)
    print(f"{seed = }")  # pytest shows it when the test fails
    chance = random.Random(seed)
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(300, chance))
        await stored.know(random_population(chance))
        yield stored


def leaves(names: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(names).flatmap(
        lambda name: st.tuples(
            st.sampled_from(["is", "is_not"]), st.just(name), st.lists(texts[name], min_size=1, max_size=2)
        )
    )


of_people = leaves(["team", "person"]) | st.tuples(
    st.just("contains"), st.sampled_from(["team", "person"]), st.lists(st.sampled_from(["a", "ALL", "b"]), min_size=1)
)
of_people |= st.tuples(of_people, of_people).flatmap(
    lambda pair: st.sampled_from([("or", *pair), ("and", *pair), ("not", pair[0])])
)
filters = (
    st.none() | of_people | leaves(["plugin", "action"]) | st.tuples(st.just("and"), of_people, leaves(["plugin"]))
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    metrics = draw(st.lists(st.sampled_from(["eligible_people", "adoption_rate"]), min_size=1, unique=True))
    dimensions = draw(st.lists(st.sampled_from(["team", "person"]), max_size=2, unique=True))
    if draw(st.booleans()):
        dimensions.append(draw(st.sampled_from(["time:day", "time:week", "time:month"])))
    date_range = draw(date_ranges)
    return {
        "metrics": metrics,
        "dimensions": dimensions,
        "filters": draw(filters),
        "date_range": date_range,
        "compare": draw(st.sampled_from([None, "previous_period"])) if date_range != "all" else None,
        "limit": 10_000,
    }


@settings(max_examples=25)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_who_is_eligible_and_who_of_them_came_is_the_models(
    stored: Stored, question: Question, zone: str
) -> None:
    rows = (await stored.ask(question, zone))["results"]

    assert rows == population(stored.accesses, stored.catalogs[-1], question, ZoneInfo(zone), NOW)


async def test_a_metric_without_a_meaning_for_a_dimension_names_the_allowed_ones(stored: Stored) -> None:
    with pytest.raises(InvalidQuery, match="'plugin' does not go with the metric `adoption_rate`") as refused:
        await stored.ask({"metrics": ["adoption_rate"], "dimensions": ["plugin", "team"]})

    assert refused.value.errors[0].allowed == ["time:day", "time:week", "time:month", "team", "person"]


async def test_a_window_of_days_has_no_hours(stored: Stored) -> None:
    with pytest.raises(InvalidQuery, match="active_7d counts whole days: not by time:hour"):
        await stored.ask({"metrics": ["active_7d"], "dimensions": ["time:hour"], "date_range": {"last": "1d"}})


async def test_a_filter_on_people_is_no_alternative_to_one_on_what_they_did(stored: Stored) -> None:
    filters = ["or", ["is", "team", ["web"]], ["is", "plugin", ["catalog"]]]

    with pytest.raises(InvalidQuery, match="combine them by `and`"):
        await stored.ask({"metrics": ["eligible_people"], "filters": filters})
