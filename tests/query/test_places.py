"""Where in the frontend something happened: extensions of both frontend systems, and the legacy one's routes."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_internal.log import tail
from analytics_internal.log.connection import Pool
from analytics_internal.reader.reader_file import remove
from tests.query.stored import NOW, Stored, reading
from tests.samples import event, recorded

LEGACY, NEW = "backstage-legacy-app.jsonl", "backstage-new-app.jsonl"


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        yield stored


async def store(stored: Stored, *names: str) -> None:
    sent = [wire for name in names for wire in recorded(name)]
    # Whatever else they say, so that none is another one's repetition.
    await stored.store(
        [
            event(
                f"{number}",
                action=str(wire["action"]),
                occurred_at=NOW,
                more={"context": wire.get("context", {})},
            )
            for number, wire in enumerate(sent)
        ]
    )


async def counts(stored: Stored, dimension: str, filters: object = None) -> dict[str | None, int]:
    question = {"metrics": ["events"], "dimensions": [dimension], "filters": filters}
    return {row[dimension]: row["events"]["value"] for row in (await stored.ask(question))["results"]}


def sent(name: str, *fields: str) -> Counter[Any]:
    """How many recorded events have each text of the first of some fields of the context that they have."""
    contexts = [wire.get("context") or {} for wire in recorded(name)]
    texts = [next((context[field] for field in fields if field in context), None) for context in contexts]  # type: ignore[operator,index]
    return Counter(None if text == "unknown" else text for text in texts)


async def test_both_frontend_systems_name_extensions(stored: Stored) -> None:
    await store(stored, LEGACY, NEW)

    expected = sent(LEGACY, "extension") + sent(NEW, "extensionId")

    assert {"App", "EntityAboutCard", "page:techdocs/reader"} < set(expected)
    assert await counts(stored, "extension") == expected


async def test_the_legacy_frontend_system_names_routes(stored: Stored) -> None:
    await store(stored, LEGACY, NEW)

    expected = sent(LEGACY, "routeRef") + sent(NEW, "routeRef")

    assert expected["catalog:entity"] > 0
    assert expected[None] > 0
    assert await counts(stored, "route") == expected


async def test_places_are_filtered_by_text_by_part_and_by_none(stored: Stored) -> None:
    await store(stored, LEGACY, NEW)
    extensions, routes = await counts(stored, "extension"), await counts(stored, "route")

    assert await counts(stored, "extension", ["is", "extension", ["App"]]) == {"App": extensions["App"]}
    assert await counts(stored, "extension", ["contains", "extension", ["TECHDOCS"]]) == {
        name: count for name, count in extensions.items() if name is not None and "techdocs" in name.lower()
    }
    assert await counts(stored, "route", ["is", "route", [None]]) == {None: routes[None]}
    assert None not in await counts(stored, "route", ["is_not", "route", [None]])


@pytest.mark.parametrize(
    "context",
    [{"extension": 1, "routeRef": True}, {"extension": "", "routeRef": ""}, {"extension": "e" * 256, "routeRef": None}],
)
async def test_what_is_no_name_is_none(stored: Stored, context: dict[str, object]) -> None:
    await stored.store([event(occurred_at=NOW, more={"context": context})])

    assert await counts(stored, "extension") == await counts(stored, "route") == {None: 1}


async def test_only_short_texts_of_a_context_are_read(stored: Stored) -> None:
    context = {"extensionId": "page", "routeRef": "r" * 20_000, "text": "t" * 10_000}
    await stored.store([event(occurred_at=NOW, more={"context": context})])

    rows = await tail.names(stored.pool, "context", [1])  # type: ignore[arg-type]

    assert sum(len(str(value)) for row in rows for value in row) < 1_000
    assert await counts(stored, "extension") == {"page": 1}
    assert await counts(stored, "route") == {None: 1}


async def test_a_lost_or_changed_context_names_no_place(stored: Stored) -> None:
    await store(stored, LEGACY)
    await stored.pool.execute("""UPDATE context SET content = '["changed"]' WHERE context_id % 2 = 0""")
    await stored.pool.execute("DELETE FROM context WHERE context_id % 2 = 1")

    assert await counts(stored, "extension") == {None: len(recorded(LEGACY))}


async def test_a_reader_from_before_is_rebuilt_with_them(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "reader.duckdb"
    async with reading(pool, path) as stored:
        await store(stored, LEGACY, NEW)
        before = await counts(stored, "extension"), await counts(stored, "route")
    remove(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE reader (version INTEGER, log_id UUID, position BIGINT, last_batch_id BIGINT)")
        connection.execute("INSERT INTO reader VALUES (4, NULL, 0, NULL)")

    async with reading(pool, path) as rebuilt:
        assert (await counts(rebuilt, "extension"), await counts(rebuilt, "route")) == before
