"""A destination's filters let those events pass that the same filters of a question find."""

import random
from collections.abc import AsyncIterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal import dimensions
from analytics_internal.event.event import Event
from analytics_internal.forward import predicate as predicate_module
from analytics_internal.forward import reading as forward_reading
from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.lowering import lowered
from analytics_internal.forward.predicate import items_in, predicate, problem_of
from analytics_internal.forward.reading import LogEvent
from analytics_internal.log import tail
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.conditions import as_counted
from analytics_internal.query.language import FILTER_DIMENSIONS, Filter, Query
from analytics_internal.query.parse import parse_filter
from analytics_internal.query.scan import Scan
from analytics_internal.reader.replica import Replica
from tests.query.stored import NOW, random_events, reading
from tests.query.test_answer import filters_of
from tests.query.test_answer import texts as plain_texts
from tests.reader.test_respelled import SPELLINGS, as_stored_before
from tests.samples import event

NASTY = [
    "İstanbul",
    "ΑΣ",
    "ας",
    "STRASSE",
    "straße",
    "ǅ",
    "ﬁn",
    "K",
    "Ⅷ",
    "Ⓐ",
    "𐐀",
    "É",
    "e\u0301",
    "%C3%89",
    "%c3%a9",
    "%",
]
BEFORE = [*SPELLINGS, "/a%20b", "/a b", "javascript://x", "/%FF", "//host/x", "/\\x", "CAF%C3%89"]

CANNOT_FILTER = {
    *("entity_type", "owner", "system", "domain", "lifecycle", "team", "entry_page", "exit_page"),
}


def nasty_events(chance: random.Random) -> list[Event]:
    """Texts that are hard to compare, names as they were stored before, and names of people and plugins like them."""
    found = [
        event(text, action=chance.choice(["click", "search", "discover"]), occurred_at=NOW, more={"context": context})
        for text in NASTY
        for context in ({"pluginId": text}, {"extension": text, "routeRef": text, "entityRef": f"component:{text}"})
    ]
    return [*found, *(as_stored_before(path, action=action) for path in BEFORE for action in ("navigate", "search"))]


class Log(NamedTuple):
    """A reader that has caught up, and the events as they are read to be forwarded."""

    replica: Replica
    writer: LogWriter
    pool: Pool
    events: list[LogEvent]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Log]:
    seed = random.randrange(10**6)
    print(f"{seed = }")  # pytest shows it when the test fails
    chance = random.Random(seed)
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        sent = [*random_events(200, chance), *nasty_events(chance)]
        chance.shuffle(sent)
        for start in range(0, len(sent), 50):
            await stored.writer.append(sent[start : start + 50])
        # Some names are lost.
        for table in ("item", "person", "plugin", "entity", "path", "context"):
            await pool.execute(f"DELETE FROM {table} WHERE {table}_id = $1", chance.randint(1, 9))
        await stored.replica.catch_up()
        async with pool.acquire() as connection:
            events = await forward_reading.read(connection, 0, (await tail.head(connection)).position)
        yield Log(stored.replica, stored.writer, pool, events)


async def found_by_question(stored: Log, filter_: Filter) -> list[int]:
    """The positions that the query engine's own condition selects in the reader."""
    counted = as_counted(filter_, stored.replica.item_counted_as)
    found: list[int] = []
    for table in ("event", "measurement"):
        # Destinations get what programs did, too.
        scan = Scan(Query(("events",), ("agent",), filter=counted), is_compared=False, is_by_month=False)
        sql = scan.with_conditions(scan.of_all_time("e.position", table=table)).sql(dialect="duckdb")
        rows = await stored.replica.query(sql, lambda cursor: cursor.fetchall(), {"position": 10**9})
        found += [row[0] for row in rows]
    return sorted(found)


async def passing(stored: Log, filter_: Filter) -> list[int]:
    """The positions of the events that pass as they are forwarded."""
    ids, items = items_in(filter_), {}
    if ids:
        async with stored.pool.acquire() as connection:
            items = await forward_reading.items(connection, ids)
    holds = predicate(filter_, items)
    return [one.position for one in stored.events if holds(one)]


hard_texts = st.sampled_from(
    [*NASTY, *BEFORE, *(normalize("NFD", text) for text in NASTY), "unknown", "é", "σ", "i", "ss"]
)
names = sorted(set(plain_texts) - CANNOT_FILTER)
hard = st.tuples(
    st.sampled_from(["is", "is_not", "contains"]), st.sampled_from(names), st.lists(hard_texts, min_size=1, max_size=3)
)
with_entities = st.tuples(
    st.sampled_from(["is", "is_not"]),
    st.sampled_from(["entity", "person"]),
    st.lists(hard_texts.map(lambda text: f"component:{text}") | st.none(), min_size=1, max_size=2),
)
plain_filters = filters_of(names)
filters = plain_filters | st.recursive(
    hard | with_entities | plain_filters,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from([("and", *parts), ("or", *parts), ("not", parts[0])])
    ),
    max_leaves=5,
)


def as_lists(given_: Any) -> Any:
    return [as_lists(part) for part in given_] if isinstance(given_, tuple | list) else given_


@settings(max_examples=250)
@given(written=filters)
async def test_what_passes_is_what_a_question_finds(stored: Log, written: Any) -> None:
    filter_ = parse_filter(as_lists(written))
    if problem_of(filter_) is not None:
        # Then at least every event that is no click on a result can be decided.
        filter_ = parse_filter(["and", ["is_not", "action", ["discover"]], as_lists(written)])
    assert problem_of(filter_) is None

    assert await passing(stored, filter_) == await found_by_question(stored, filter_), filter_


@pytest.mark.slow
async def test_every_text_is_compared_alike_in_every_dimension(stored: Log) -> None:
    for dimension, operator in product(names, ["is", "is_not", "contains"]):
        for value in [*NASTY, *BEFORE, ""] + ([None] if operator != "contains" else []):
            filter_ = parse_filter(["and", ["is_not", "action", ["discover"]], [operator, dimension, [value]]])

            assert await passing(stored, filter_) == await found_by_question(stored, filter_), filter_


async def test_a_part_of_a_page_is_found_in_any_spelling(stored: Log) -> None:
    for dimension, value in product(["path", "subject", "doc_page"], [*SPELLINGS, "CAF%C3%A9", "how%2Dto"]):
        filter_ = parse_filter(["contains", dimension, [value]])

        found = await passing(stored, filter_)

        assert found, filter_
        assert found == await found_by_question(stored, filter_), filter_


async def test_every_item_is_found_by_every_id_that_leads_to_it(stored: Log) -> None:
    ids = [row[0] for row in await stored.pool.fetch("SELECT item_id FROM item")]

    for id_ in [*ids, max(ids) + 7]:
        filter_ = parse_filter(["is", "item", [id_]])
        assert await passing(stored, filter_) == await found_by_question(stored, filter_), id_


async def test_an_item_that_came_after_the_filter_is_found_by_its_id(stored: Log) -> None:
    (next_id,) = await stored.pool.fetchrow("SELECT max(item_id) + 1 FROM item") or (0,)
    holds = predicate(parse_filter(["is", "item", [next_id]]), {})
    await stored.writer.append([event("/new one", occurred_at=NOW)])

    async with stored.pool.acquire() as connection:
        *before, last = await forward_reading.read(connection, 0, (await tail.head(connection)).position)

    assert holds(last) == (last.item_id == next_id)
    assert not any(holds(one) for one in before if one.item != last.item)


# --- what cannot be told of one event


@pytest.mark.parametrize(
    "filter_",
    [
        ["contains", "search_term", ["a"]],
        ["is", "search_term", [None]],
        ["not", ["is", "search_term", ["a"]]],
        ["or", ["is", "action", ["search"]], ["is", "search_term", ["a"]]],
        ["and", ["is", "action", ["search", "discover"]], ["is", "search_term", ["a"]]],
        ["and", ["is", "plugin", ["search"]], ["is", "search_term", ["a"]]],
    ],
)
def test_a_search_term_of_a_click_is_refused_with_the_reason(filter_: Sequence[object]) -> None:
    with pytest.raises(UnusableDestination, match=r"discover.*stored after it.*Allowed"):
        configure([{"name": "a", "type": "parquet", "filters": filter_}])


@pytest.mark.parametrize(
    "filter_",
    [
        ["and", ["is", "action", ["search"]], ["contains", "search_term", ["a"]]],
        ["and", ["is_not", "action", ["discover"]], ["is", "search_term", [None]]],
        ["or", ["is", "action", ["discover"]], ["is", "search_term", ["a"]]],
        ["not", ["or", ["contains", "action", ["DISC"]], ["is", "search_term", ["a"]]]],
    ],
)
def test_a_search_term_of_a_search_is_allowed(filter_: list[object]) -> None:
    assert problem_of(parse_filter(filter_)) is None


# --- what follows from the declarations


@pytest.mark.parametrize("name", sorted(CANNOT_FILTER))
def test_what_another_event_or_the_catalog_decides_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UnusableDestination, match=rf"filtered by {name}: the (portal's catalog|session) may"):
        configure([{"name": "a", "type": "parquet", "filters": ["is", name, ["a"]]}])


def test_every_dimension_that_questions_filter_by_filters_destinations() -> None:
    for name in set(FILTER_DIMENSIONS) - CANNOT_FILTER:
        values: list[object] = [1] if dimensions.DECLARED[name].parts else ["a"]
        filter_ = parse_filter(["and", ["is_not", "action", ["discover"]], ["is", name, values]])
        assert problem_of(filter_) is None, name


def test_a_dimension_of_a_table_that_is_not_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(predicate_module.ROWS, "plugin")

    assert problem_of(parse_filter(["is", "plugin", ["a"]])) == "destinations cannot be filtered by plugin"


async def test_a_new_dimension_of_a_table_works_by_itself(stored: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dimensions.TABLES["path"]
    depth = msgspec.structs.replace(path, derived={**path.derived, "depth": lambda row: str(row["name"].count("/"))})
    new = dimensions.Dimension(meaning="How deep", table=depth, text="depth")
    monkeypatch.setitem(dimensions.DECLARED, "extension", new)
    holds = predicate(parse_filter(["is", "extension", ["4"]]), {})

    assert {one.path for one in stored.events if holds(one)} == {
        one.path for one in stored.events if (one.path or "").count("/") == 4
    }


def test_small_letters_are_those_of_the_engine() -> None:
    characters = "".join(chr(code) for code in range(1, 0x20000) if not 0xD800 <= code < 0xE000)
    with duckdb.connect() as connection:
        ((expected,),) = connection.execute("SELECT lower(?)", [characters]).fetchall()

    assert lowered(characters) == expected
