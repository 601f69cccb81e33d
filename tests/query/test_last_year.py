"""A period beside the same weeks of last year: the same days of the week, 52 weeks before."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query.language import TIME_DIMENSIONS, InvalidQuery
from tests.query.model import Question, period_of, time_labels
from tests.query.model import answer as modelled
from tests.query.stored import NOW, Stored, random_events, reading
from tests.query.test_answer import ZONES, filters

YEAR = timedelta(weeks=52)


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(200, random.Random(3)))
        yield stored


@st.composite
def questions(draw: st.DrawFn) -> tuple[Question, datetime]:
    """A question about a year after the events, and when it is asked: at some time of an unfinished day, too."""
    times = draw(st.lists(st.sampled_from(TIME_DIMENSIONS), max_size=1))
    others = draw(st.lists(st.sampled_from(["action", "plugin", "doc_page"]), max_size=1))
    question = {
        "metrics": ["events", "people", "views"],
        "dimensions": [*times, *others],
        "filters": draw(st.none() | filters),
        "date_range": {"last": draw(st.sampled_from(["1d", "7d", "28d", "2w", "1m", "3m"]))},
        "compare": "same_weeks_last_year",
        "limit": 10_000,
    }
    return question, NOW + YEAR - timedelta(minutes=draw(st.integers(0, 60 * 24 * 40)))


@settings(max_examples=40)
@given(asked=questions(), zone=st.sampled_from(ZONES))
async def test_each_day_is_compared_with_the_one_52_weeks_before(
    stored: Stored, asked: tuple[Question, datetime], zone: str
) -> None:
    question, now = asked

    answered = await stored.ask(question, zone, now)

    assert answered["results"] == modelled(stored.accesses, question, ZoneInfo(zone), now)
    time = next((name for name in question["dimensions"] if name.startswith("time:")), None)
    if time is not None:
        first, last = period_of(question, stored.accesses, ZoneInfo(zone), now)
        labels = [{name: one[name] for name in ("label", "previous")} for one in answered["meta"]["time_labels"]]
        assert labels == time_labels(question, first, last, time, ZoneInfo(zone))


@pytest.mark.parametrize(
    "date_range",
    ["all", {"last": "365d"}, {"last": "12m"}, {"last": "53w"}, {"from": "2017-11-01", "to": "2018-10-31"}],
)
async def test_a_period_has_to_end_before_its_counterpart_begins(stored: Stored, date_range: object) -> None:
    with pytest.raises(InvalidQuery) as caught:
        await stored.ask({"metrics": ["events"], "date_range": date_range, "compare": "same_weeks_last_year"})

    assert {problem.field for problem in caught.value.errors} == {"compare"}


@pytest.mark.parametrize(
    "date_range", [{"last": "364d"}, {"last": "52w"}, {"last": "11m"}, {"from": "2017-11-02", "to": "2018-10-31"}]
)
async def test_a_period_of_52_weeks_can_be_compared(stored: Stored, date_range: object) -> None:
    asked = {"metrics": ["events"], "date_range": date_range, "compare": "same_weeks_last_year"}

    meta = (await stored.ask(asked))["meta"]

    period, previous = meta["period"], meta["previous_period"]
    days = [datetime.fromisoformat(period[end]) - datetime.fromisoformat(previous[end]) for end in ("from", "to")]
    assert days == [YEAR, YEAR]
