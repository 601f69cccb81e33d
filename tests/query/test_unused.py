"""What the catalog knows and nobody used, titles, and what an answer says of the catalog."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query.language import UNUSED_DIMENSIONS, InvalidQuery
from tests.catalog.known import KnownEntity, KnownMembership, know
from tests.query.model import Question, Rows, day_of, period_of, sort_key
from tests.query.model import answer as modelled
from tests.query.stored import NOW, Stored, random_events, reading
from tests.query.test_answer import ZONES, date_ranges
from tests.samples import event

WEB, ORDERS = "component:default/web", "api:default/orders"
NEVER, GONE, NEW, GUIDE = (
    "component:default/never",
    "component:default/gone",
    "component:x/new",
    "component:default/guide",
)
CORE, EMPTY = "group:default/core", "group:default/empty"
ANA, ZED = "user:default/ana", "user:default/zed"
DAY = timedelta(days=1)
KNOWN = [
    KnownEntity(WEB, title="Web shop", owner=CORE, has_docs=True),
    KnownEntity(ORDERS, valid_to=NOW - 20 * DAY, owner=CORE, title="Orders"),
    KnownEntity(ORDERS, valid_from=NOW - 20 * DAY, owner=EMPTY, title="Orders 2"),
    KnownEntity(NEVER, owner=EMPTY),
    KnownEntity(GONE, valid_to=NOW - 40 * DAY),
    KnownEntity(NEW, valid_from=NOW - 5 * DAY, shown_ref="Component:X/New"),
    KnownEntity(GUIDE, owner=CORE, has_docs=True),
    KnownEntity("template:default/service", title="A service"),
    KnownEntity(CORE, title="Core team"),
    KnownEntity(EMPTY),
    KnownEntity(ANA, title="Ana María"),
    KnownEntity(ZED, title="Zed"),
]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    await know(pool, KNOWN, [KnownMembership(ANA, CORE)])
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(150, random.Random(5)))
        yield stored


def day(at: datetime | None, zone: ZoneInfo, unbounded: date) -> date:
    return day_of(at, zone) if at is not None else unbounded


def holds(one: KnownEntity, first: date, last: date, zone: ZoneInfo) -> bool:
    """Whether a version was the one at the end of some day of a period, which may end with the unfinished today."""
    begin = day(one.valid_from, zone, date.min)
    end = day(one.valid_to, zone, date.max)  # at whose end it no longer held
    return begin <= last and end > first


def labels_of(dimension: str, question: Question, zone: ZoneInfo, stored: Stored) -> set[str]:
    """What the catalog knows on any day of the period, as a filter on entities or owners lets it."""
    first, last = period_of(question, stored.accesses, zone, NOW)
    there = [one for one in KNOWN if holds(one, first, last, zone)]
    if dimension == "person":
        return {one.ref for one in there if one.ref.startswith("user:")}
    allowed = [one for one in there if all(one.ref in values for values in _wanted(question.get("filters")))]
    return {one.ref for one in allowed}


def _wanted(filter_: Any) -> list[list[str]]:
    """The values of every filter on entities, all of which have to hold."""
    if filter_ is None:
        return []
    if filter_[0] == "and":
        return [values for part in filter_[1:] for values in _wanted(part)]
    return [filter_[2]] if filter_[1] == "entity" else []


def with_unused(stored: Stored, question: Question, zone: ZoneInfo) -> Rows:
    """The model's rows: those of the events, and a row for each label that has none, as if it were asked for alone."""
    (dimension,) = question["dimensions"]
    plain = {name: value for name, value in question.items() if name not in ("unused", "order_by")}
    used = modelled(stored.accesses, plain, zone, NOW)
    rows = used if question["unused"] == "include" else []
    for label in labels_of(dimension, question, zone, stored) - {row[dimension] for row in used}:
        about = ["is", dimension, [label]]
        filters = ["and", question["filters"], about] if question["filters"] else about
        (total,) = modelled(stored.accesses, {**plain, "dimensions": [], "filters": filters}, zone, NOW)
        rows = [*rows, {dimension: label, **total}]
    metric, direction = question["order_by"][0]
    rows = sorted(rows, key=lambda row: (row[dimension] is None, sort_key(row[dimension] or "")))
    known = [row for row in rows if row[metric]["value"] is not None]
    known = sorted(known, key=lambda row: row[metric]["value"], reverse=direction == "desc")
    return known + [row for row in rows if row[metric]["value"] is None]


of_entities = st.sampled_from([["is", "entity", [WEB, NEVER]], ["is", "entity", [ORDERS, GUIDE, GONE]]])
of_actions = st.sampled_from([["is", "action", ["navigate"]], ["contains", "subject", ["a"]]])


@st.composite
def questions(draw: st.DrawFn) -> Question:
    metrics = ["events", "people", "items", "first_access", "last_access"]
    dimension = draw(st.sampled_from(["entity", "person"]))
    date_range = draw(date_ranges)
    parts = draw(st.lists(of_actions | of_entities if dimension == "entity" else of_actions, max_size=2))
    asked = draw(st.lists(st.sampled_from(metrics), min_size=1, unique=True))
    return {
        "metrics": asked,
        "dimensions": [dimension],
        "filters": ["and", *parts] if parts else None,
        "date_range": date_range,
        "compare": draw(st.sampled_from([None, "previous_period"])) if date_range != "all" else None,
        "order_by": [[draw(st.sampled_from(asked)), draw(st.sampled_from(["asc", "desc"]))]],
        "unused": draw(st.sampled_from(["include", "only"])),
        "limit": draw(st.sampled_from([3, 100])),
    }


@settings(max_examples=40)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_unused_values_are_the_models(stored: Stored, question: Question, zone: str) -> None:
    expected = with_unused(stored, question, ZoneInfo(zone))

    rows, totals = await stored.ask_all(question, zone)

    assert rows == expected
    assert set(totals) == {len(expected)}


ALL_TIME: Question = {"metrics": ["events"], "date_range": "all"}


async def only(stored: Stored, dimension: str, filters: object = None) -> list[str]:
    question = {**ALL_TIME, "dimensions": [dimension], "unused": "only", "filters": filters}
    return [row[dimension] for row in (await stored.ask(question))["results"]]


async def test_a_filter_on_what_the_catalog_says_applies_to_what_is_unused(stored: Stored) -> None:
    assert set(await only(stored, "entity", ["is", "owner", [EMPTY]])) == {NEVER}
    assert NEVER not in await only(stored, "entity", ["not", ["is", "owner", ["empty"]]])
    # What is not about the catalog may hold.
    either = ["or", ["is", "owner", [EMPTY]], ["is", "action", ["deploy"]]]
    assert {NEVER, GUIDE} <= set(await only(stored, "entity", either))
    assert set(await only(stored, "entity", ["is", "owner", [None]])) >= {NEW, GONE}


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [("template", ["template:default/service"]), ("team", [EMPTY]), ("doc_site", [GUIDE]), ("person", [ZED])],
)
async def test_what_nobody_used(stored: Stored, dimension: str, expected: list[str]) -> None:
    at = NOW - DAY
    await stored.store([event("/docs/default/component/web", person=ANA, occurred_at=at, action="navigate")])

    assert set(expected) <= set(await only(stored, dimension))
    assert ANA not in await only(stored, dimension)


@pytest.mark.parametrize("dimensions", [[], ["action"], ["entity", "action"], ["entity", "time:day"]])
async def test_unused_needs_one_dimension_that_the_catalog_knows(stored: Stored, dimensions: list[str]) -> None:
    with pytest.raises(InvalidQuery) as caught:
        await stored.ask({**ALL_TIME, "dimensions": dimensions, "unused": "include"})

    (problem,) = caught.value.errors
    assert (problem.field, problem.allowed) == ("dimensions", list(UNUSED_DIMENSIONS))


async def test_refs_have_the_titles_of_the_periods_end(stored: Stored) -> None:
    def asked(last: datetime) -> Question:
        period = {"from": str((last - 60 * DAY).date()), "to": str(last.date())}
        return {"metrics": ["events"], "dimensions": ["entity"], "date_range": period, "unused": "include"}

    now = (await stored.ask(asked(NOW)))["meta"]["titles"]
    before = (await stored.ask(asked(NOW - 21 * DAY)))["meta"]["titles"]

    assert (now[WEB], now[ORDERS], before[ORDERS]) == ("Web shop", "Orders 2", "Orders")
    assert (now[NEW], now[NEVER]) == ("New", "never")
    assert NEW not in before


async def test_people_have_their_names(stored: Stored) -> None:
    answered = await stored.ask({**ALL_TIME, "dimensions": ["person"]})

    assert answered["meta"]["titles"] == {ANA: "Ana María"}


async def test_an_answer_says_how_the_catalog_is_known(stored: Stored, pool: Pool) -> None:
    question = {**ALL_TIME, "dimensions": ["entity"], "unused": "include"}
    meta = (await stored.ask(question))["meta"]
    assert meta["catalog"]["revision"] == 1
    assert [note["code"] for note in meta["notes"]] == ["catalog-assumed"]

    await pool.execute("UPDATE catalog SET failed_at = now(), error = 'no answer'")
    meta = (await stored.ask(question))["meta"]
    assert meta["catalog"]["error"] == "no answer"
    assert [note["code"] for note in meta["notes"]] == ["catalog-assumed", "catalog-failing"]

    await pool.execute("UPDATE catalog SET first_read_at = NULL, read_at = NULL")
    meta = (await stored.ask(question))["meta"]
    assert meta["catalog"] | {"known_since": None, "read_at": None, "error": "no answer"} == meta["catalog"]
    assert meta["catalog"]["failing_since"] is not None
    assert [note["code"] for note in meta["notes"]] == ["catalog-unknown"]
    assert (await stored.ask(ALL_TIME))["meta"]["notes"] == []

    await pool.execute("UPDATE catalog SET failed_at = NULL, error = NULL")
    assert (await stored.ask(question))["meta"]["catalog"] is None


async def test_an_answer_by_team_says_that_its_parts_overlap(stored: Stored) -> None:
    by_team = await stored.ask({**ALL_TIME, "dimensions": ["team"]})
    total = await stored.ask({**ALL_TIME, "filters": ["is", "team", [CORE]]})

    assert "team-parts-overlap" in [note["code"] for note in by_team["meta"]["notes"]]
    assert "team-parts-overlap" not in [note["code"] for note in total["meta"]["notes"]]
