"""What was stored under several spellings is one thing in the reader, and every link to it leads there."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import product
from pathlib import Path
from unicodedata import normalize

import msgspec
import pytest

from analytics_internal.event.addresses import doc_page_of, stored_path
from analytics_internal.event.entity_refs import spelled_entity_ref
from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from analytics_internal.reader import replica as replica_module
from analytics_internal.reader.respelled import one_for_all
from tests.query.stored import NOW, Stored, reading
from tests.samples import ANA, BO, event

PAGE = "/docs/default/component/café/how-to"
SPELLINGS = [
    "/docs/default/component/caf%C3%A9/how-to",
    "/docs/default/component/caf%c3%a9/how%2Dto",
    PAGE,
    normalize("NFD", PAGE),
]
PARTS_OF_THE_ENTITY = ["caf%C3%A9", "CAF%c3%a9", "café", normalize("NFD", "café")]


def as_stored_before(path: str, person: str = ANA, action: str = "navigate", at: datetime = NOW) -> Event:
    """An event whose names stand in the log as they came."""
    parts = path.split("/")
    return msgspec.structs.replace(
        event("/", action=action, person=person, occurred_at=at),
        action=action,
        subject=path,
        path=path,
        entity_ref=f"component:default/{parts[4]}" if len(parts) > 4 else None,
        original_subject=None,
    )


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        yield stored


async def rows_of(stored: Stored, dimension: str, filters: object = None) -> list[tuple[object, int, int]]:
    question = {"metrics": ["events", "people"], "dimensions": [dimension], "filters": filters}
    rows = (await stored.ask(question))["results"]
    return [(row[dimension], row["events"]["value"], row["people"]["value"]) for row in rows]


async def item_ids(stored: Stored) -> list[int]:
    return [row[0] for row in await stored.pool.fetch("SELECT item_id FROM item ORDER BY item_id")]


@pytest.mark.parametrize("is_read_between", [False, True])
@pytest.mark.parametrize("order", range(4))
async def test_a_page_in_several_spellings_is_one_in_every_answer(
    stored: Stored, order: int, is_read_between: bool
) -> None:
    spellings = SPELLINGS[order:] + SPELLINGS[:order]
    for number, spelling in enumerate(spellings):
        await stored.writer.append([as_stored_before(spelling, person=(ANA, BO)[number % 2])])
        if is_read_between:
            await stored.replica.catch_up()

    ((item, events, people),) = await rows_of(stored, "item")

    assert isinstance(item, dict)
    assert (item["subject"], item["path"], events, people) == (PAGE, PAGE, 4, 2)
    assert await rows_of(stored, "entity") == [("component:default/café", 4, 2)]
    assert await rows_of(stored, "doc_page") == [(PAGE, 4, 2)]
    assert await rows_of(stored, "subject") == [(PAGE, 4, 2)]


async def test_links_to_every_spelling_lead_to_the_one_item(stored: Stored) -> None:
    await stored.writer.append([as_stored_before(spelling) for spelling in SPELLINGS])
    await stored.writer.append([as_stored_before("/other")])

    *ids, other = await item_ids(stored)

    assert len(ids) == 4
    answers = [await rows_of(stored, "item", ["is", "item", [id_]]) for id_ in ids]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0][1] == 4
    assert [row[1] for row in await rows_of(stored, "item", ["is_not", "item", [ids[-1]]])] == [1]
    assert (await rows_of(stored, "item", ["or", ["is", "item", [other]], ["is", "item", ids]]))[0][1] == 4


@pytest.mark.parametrize("value", [*SPELLINGS, PAGE + "/"])
@pytest.mark.parametrize("dimension", ["path", "subject", "doc_page"])
async def test_a_filter_finds_a_page_in_any_spelling(stored: Stored, dimension: str, value: str) -> None:
    await stored.writer.append([as_stored_before(SPELLINGS[0]), as_stored_before("/other")])

    assert [row[1] for row in await rows_of(stored, "item", ["is", dimension, [value]])] == [1]
    assert [row[1] for row in await rows_of(stored, "item", ["is_not", dimension, [value]])] == [1]


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        *product(["path", "subject", "doc_page"], [*PARTS_OF_THE_ENTITY, "how%2Dto"]),
        *product(["entity"], PARTS_OF_THE_ENTITY),
    ],
)
async def test_a_part_of_a_page_is_found_in_any_spelling(stored: Stored, dimension: str, value: str) -> None:
    await stored.writer.append([as_stored_before(SPELLINGS[1]), as_stored_before("/other")])

    assert [row[1] for row in await rows_of(stored, "item", ["contains", dimension, [value]])] == [1]


async def test_a_filter_finds_an_entity_in_any_spelling(stored: Stored) -> None:
    await stored.writer.append([as_stored_before(SPELLINGS[0])])

    for ref in ("component:caf%C3%A9", "Component:Default/Café", normalize("NFD", "component:default/café")):
        assert [row[1] for row in await rows_of(stored, "item", ["is", "entity", [ref]])] == [1]


async def test_one_search_term_has_one_spelling(stored: Stored) -> None:
    terms = ["caf%C3%A9", "caf%c3%a9", "Café", normalize("NFD", "café")]
    await stored.writer.append([event(term, action="search", occurred_at=NOW) for term in terms])

    ((_, events, _),) = await rows_of(stored, "search_term")

    assert events == 4
    assert len(await rows_of(stored, "search_term", ["is", "search_term", ["CAF%C3%A9"]])) == 1


async def test_what_is_no_longer_taken_for_a_path_is_none(stored: Stored) -> None:
    bad = ["javascript://%0aalert(1)", "vbscript://x", "file:///etc/passwd", "/\\evil.example", "https://ok.example/a"]
    await stored.writer.append([as_stored_before(path) for path in bad])

    items = [row[0] for row in await rows_of(stored, "item")]

    assert sorted(item["subject"] for item in items) == sorted(bad)  # type: ignore[index]
    assert {item["path"] for item in items} == {None, "https://ok.example/a"}  # type: ignore[index]
    assert [row[1] for row in await rows_of(stored, "action", ["is", "path", [None]])] == [4]


async def test_an_opened_file_goes_on_where_it_was(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "reader.duckdb"
    async with reading(pool, file) as stored:
        await stored.writer.append([as_stored_before(SPELLINGS[0]), as_stored_before("/other%20one")])
        await stored.replica.catch_up()
    async with reading(pool, file) as stored:
        await stored.writer.append([as_stored_before(SPELLINGS[2]), as_stored_before("/other one")])
        before = await rows_of(stored, "item")
        ids = await item_ids(stored)
    async with reading(pool, file) as stored:
        await stored.writer.append([as_stored_before(SPELLINGS[3]), as_stored_before("/other one", action="click")])
        ids = await item_ids(stored)
        counts = [(await rows_of(stored, "item", ["is", "item", [id_]]))[0][1] for id_ in ids]

    assert sorted(row[1] for row in before) == [2, 2]
    assert sorted(counts) == [1, 2, 2, 3, 3, 3]


async def test_random_spellings_are_counted_as_a_model_counts_them(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "CHUNK_EVENTS", 7)
    chance = random.Random(5)
    paths = [*SPELLINGS, "/a%20b", "/a b", "/a%2Fb", "/a%2fb", "/%FF", "/%41", "/A", "javascript://x", "/x"]
    events = [
        as_stored_before(chance.choice(paths), chance.choice([ANA, BO]), chance.choice(["navigate", "click"]))
        for _ in range(120)
    ]
    expected = Counter((one.action, stored_path(one.subject) or one.subject) for one in events)

    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        for start in range(0, len(events), 10):
            await stored.writer.append(events[start : start + 10])
            if chance.random() < 0.5:
                await stored.replica.catch_up()
        items = await rows_of(stored, "item")
        rows = await stored.pool.fetch("SELECT item_id, action_id, subject, path FROM item")
        names = await stored.pool.fetch("SELECT action_id, name FROM action")

    assert {(item["action"], item["subject"]): events for item, events, _ in items} == expected  # type: ignore[index]
    same = one_for_all([tuple(row) for row in rows], dict(map(tuple, names)))
    assert len({same.get(row[0], row[0]) for row in rows}) == len(expected)


def test_what_is_derived_of_a_stored_name_is_what_is_derived_of_the_page() -> None:
    for spelling in SPELLINGS:
        path = stored_path(spelling)
        assert path == PAGE
        assert doc_page_of(path) == PAGE
        assert spelled_entity_ref("component:default/" + spelling.split("/")[4]) == "component:default/café"
