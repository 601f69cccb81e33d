"""The searches that led somewhere: exact at every position, whatever came first and however it was read."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from analytics_internal.reader import replica as replica_module
from analytics_internal.reader.reader_file import remove
from tests.log.model import emptied
from tests.query.model import answer as modelled
from tests.query.stored import NOW, Stored, random_events, reading
from tests.samples import BO, Json, event, recorded

ANA, PAYMENTS, WEB = "user:default/ana", "/catalog/default/component/payments", "/docs/default/component/web/setup"
NOON = datetime(2018, 11, 20, 12, tzinfo=UTC)
LED_HERE: Json = {
    "metrics": ["events", "people"],
    "dimensions": ["search_term"],
    "filters": ["and", ["is", "entity", ["component:default/payments"]], ["is", "action", ["discover"]]],
    "date_range": {"last": "30d"},
}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def search(term: str, minutes: float, session: str | None = "s", person: str | None = ANA) -> Event:
    return event(term, action="search", person=person, occurred_at=at(minutes), more={"sessionId": session})


def discover(minutes: float, session: str | None = "s", person: str | None = ANA, to: str = PAYMENTS) -> Event:
    more = {"sessionId": session, "attributes": {"to": to}, "context": {"pluginId": "catalog"}}
    return event("A result", action="discover", person=person, occurred_at=at(minutes), more=more)


@pytest.fixture
async def empty(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        yield stored


async def led_here(stored: Stored, **changes: object) -> dict[str | None, int]:
    """How many clicks that led to the entity came from each search."""
    rows = (await stored.ask({**LED_HERE, **changes}))["results"]
    return {row["search_term"]: row["events"]["value"] for row in rows}


# --- which search it was


async def test_the_recorded_search_led_to_the_website(empty: Stored) -> None:
    walk = [line for line in recorded("backstage-legacy-app.jsonl") if line["action"] in ("search", "discover")]
    more = [{"sessionId": "s", **{key: line.get(key) for key in ("context", "attributes")}} for line in walk]
    for n, (line, fields) in enumerate(zip(walk, more, strict=True)):
        action, subject = str(line["action"]), str(line["subject"])
        await empty.store([event(subject, action=action, occurred_at=at(n), more=fields)])

    website, guests = (
        ["and", ["is", "entity", [ref]], ["is", "action", ["discover"]]]
        for ref in ("component:default/example-website", "group:default/guests")
    )

    assert await led_here(empty, filters=website) == {"example": 1}
    assert await led_here(empty, filters=guests) == {"guest": 1}


async def test_it_is_the_latest_search_of_the_session_before_the_click(empty: Stored) -> None:
    await empty.store(
        [search("early", 0), search("late", 2), discover(3), search("after", 4), search("other", 2.5, "t")]
    )

    assert await led_here(empty) == {"late": 1}


async def test_a_session_may_last_all_day(empty: Stored) -> None:
    await empty.store([search("morning", -200), discover(200)])

    assert await led_here(empty) == {"morning": 1}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
async def test_the_order_of_arrival_does_not_matter(empty: Stored, order: list[int]) -> None:
    events = [search("early", 0), search("late", 1), discover(2)]

    for place in order:
        await empty.store([events[place]])
        await empty.ask(LED_HERE)

    assert await led_here(empty) == {"late": 1}


async def test_a_search_at_the_same_instant_came_before_the_click(empty: Stored) -> None:
    await empty.store([discover(1), search("first", 1), search("second", 1)])

    assert await led_here(empty) == {"second": 1}


@pytest.mark.parametrize(
    ("minutes", "person", "term"),
    [
        (30, ANA, "payments"),
        (30 + 1 / 60_000, ANA, None),
        (-1, ANA, "older"),
        (1, BO, None),
        (1, None, None),
    ],
)
async def test_without_a_session_it_is_the_persons_latest_search_within_half_an_hour(
    empty: Stored, minutes: float, person: str | None, term: str | None
) -> None:
    await empty.store([search("older", -5, "any"), search("payments", 0, "any"), discover(minutes, None, person)])

    assert await led_here(empty) == {term: 1}


async def test_nobodys_searches_without_a_session_lead_nowhere(empty: Stored) -> None:
    await empty.store([search("payments", 0, None, None), discover(1, None, None)])

    assert await led_here(empty) == {None: 1}


async def test_a_session_without_a_person_is_still_one(empty: Stored) -> None:
    await empty.store([search("payments", 0, "s", None), discover(1, "s", None)])

    assert await led_here(empty) == {"payments": 1}


async def test_two_people_who_name_their_sessions_alike_are_not_mixed(empty: Stored) -> None:
    await empty.store([search("anas", 0, "1", ANA), search("bos", 1, "1", BO), discover(2, "1", ANA)])

    assert await led_here(empty) == {"anas": 1}


async def test_what_follows_a_blank_search_came_from_none(empty: Stored) -> None:
    await empty.store([search("payments", 0), search("  ", 1), discover(2)])

    assert await led_here(empty) == {None: 1}


async def test_a_search_and_where_it_led_are_counted_together(empty: Stored) -> None:
    await empty.store([search("setup", 0), discover(1, to=WEB), event("/catalog", occurred_at=at(2))])

    rows = await empty.ask({"metrics": ["events"], "dimensions": ["search_term", "action"]})

    counted = {(row["search_term"], row["action"]): row["events"]["value"] for row in rows["results"]}
    assert counted == {("setup", "search"): 1, ("setup", "discover"): 1, (None, "navigate"): 1}


async def test_the_first_time_that_a_search_led_here_is_of_all_time(empty: Stored) -> None:
    a_year = 365 * 24 * 60
    await empty.store([search("pay", -a_year, "old"), discover(1 - a_year, "old"), search("pay", 0), discover(1)])

    answered = await empty.ask({**LED_HERE, "metrics": ["events", "first_access"]})

    expected = {"search_term": "pay", "events": {"value": 1}, "first_access": {"value": "2017-11-20T12:01:00.000Z"}}
    assert answered["results"] == [expected]


# --- what a term is


async def test_terms_that_differ_in_case_and_spaces_are_one_and_read_as_they_were_typed(empty: Stored) -> None:
    typed = ["PAYMENTS API", " Payments  api ", "payments\tAPI", "STRASSE", "Straße"]
    for n, term in enumerate(typed):
        await empty.store([search(term, n, f"s{n}"), discover(n, f"s{n}")])

    assert await led_here(empty) == {"payments API": 3, "Straße": 2}


async def test_a_term_reads_the_same_in_all_rows(empty: Stored) -> None:
    await empty.store([search("API", 0), search("api", -24 * 60)])

    rows = (await empty.ask({"metrics": ["events"], "dimensions": ["search_term", "time:day"]}))["results"]

    assert [row["search_term"] for row in rows] == ["api", "api"]


@pytest.mark.parametrize(
    ("given_", "counts"),
    [
        (["is", "search_term", ["  PAYMENTS api"]], {"Payments API": 1}),
        (["is_not", "search_term", ["payments api"]], {"strasse": 2, None: 1}),
        (["contains", "search_term", ["ENTS A"]], {"Payments API": 1}),
        (["contains", "search_term", ["Straß"]], {"strasse": 2}),
        (["is", "search_term", [None]], {None: 1}),
        (["not", ["is", "search_term", [None, "strasse"]]], {"Payments API": 1}),
        (["or", ["is", "search_term", ["strasse"]], ["is", "action", ["navigate"]]], {"strasse": 2, None: 1}),
        (["and", ["is", "search_term", ["strasse"]], ["is", "entity", ["component:payments"]]], {"strasse": 1}),
    ],
)
async def test_terms_are_filtered_by_as_they_are_compared(
    empty: Stored, given_: list[object], counts: dict[str | None, int]
) -> None:
    await empty.store(
        [search("Payments API", 0), search("strasse", 1), discover(2), event("/catalog", occurred_at=at(3))]
    )

    assert await led_here(empty, filters=given_) == counts


# --- at every position, however it was read


@pytest.mark.slow
@settings(max_examples=12)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    chunk=st.integers(1, 60),
    seed=st.integers(0, 10**6),
    part=st.floats(0, 1),
    is_compared=st.booleans(),
)
async def test_every_position_has_the_models_answer_however_the_log_was_read(
    pool: Pool, tmp_path: Path, sizes: list[int], chunk: int, seed: int, part: float, is_compared: bool
) -> None:
    question: dict[str, Any] = {
        "metrics": ["events", "people"],
        "dimensions": ["search_term", "doc_page"],
        "filters": ["is", "action", ["search", "discover"]],
        "date_range": {"last": "31d"},
        "compare": "previous_period" if is_compared else None,
        "limit": 1000,
    }
    await emptied(pool)
    remove(tmp_path / "slices.duckdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica_module, "CHUNK_EVENTS", chunk)
        async with reading(pool, tmp_path / "slices.duckdb") as stored:
            for n, size in enumerate(sizes):
                await stored.store(random_events(size, random.Random(seed + n)))
                await stored.replica.catch_up()
            position = int(part * sum(sizes))

            answered = await stored.ask({**question, "position": position})

    assert answered["results"] == modelled(stored.accesses[:position], question, ZoneInfo("UTC"), NOW)


async def test_an_answer_as_of_a_position_does_not_change_when_older_searches_arrive(empty: Stored) -> None:
    await empty.store([search("early", 0), discover(3)])
    before = await empty.ask(LED_HERE)
    await empty.store([search("late", 2)])

    after = await empty.ask({**LED_HERE, "position": before["meta"]["position"]})

    assert after["results"] == before["results"]
    assert await led_here(empty) == {"late": 1}


async def test_a_file_of_the_version_before_is_rebuilt_with_what_it_lacked(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "reader.duckdb"
    async with reading(pool, path) as stored:
        await stored.store([search("payments", 0), discover(1)])
        await stored.replica.catch_up()
    with duckdb.connect(str(path)) as old:
        old.execute("ALTER TABLE event DROP COLUMN session")
        old.execute("ALTER TABLE path DROP COLUMN doc_page")
        old.execute("UPDATE reader SET version = 1")

    async with reading(pool, path) as again:
        assert await led_here(again) == {"payments": 1}
