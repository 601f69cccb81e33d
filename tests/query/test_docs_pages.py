"""What is read in the docs, wherever it is read; and filters about what an event does not have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from analytics_internal.log.connection import Pool
from tests.query.stored import NOW, Stored, reading
from tests.samples import event

IN_READER, ON_TAB = "/docs/default/component/web", "/catalog/default/component/web/docs"


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    read = [f"{IN_READER}/setup", f"{ON_TAB}/setup", ON_TAB, f"{ON_TAB}/Setup", "/catalog/default/component/web"]
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store([event(path, occurred_at=NOW, more={"context": {"pluginId": "docs"}}) for path in read])
        await stored.store([event("success", action="signIn", occurred_at=NOW)])
        yield stored


async def counts(stored: Stored, filters: object = None) -> dict[str | None, int]:
    rows = (await stored.ask({"metrics": ["events"], "dimensions": ["doc_page"], "filters": filters}))["results"]
    return {row["doc_page"]: row["events"]["value"] for row in rows}


async def test_a_page_counts_together_in_the_reader_and_on_the_tab(stored: Stored) -> None:
    expected = {f"{IN_READER}/setup": 2, IN_READER: 1, f"{IN_READER}/Setup": 1, None: 2}

    assert await counts(stored) == expected


@pytest.mark.parametrize("address", [f"{IN_READER}/setup", f"{ON_TAB}/setup/", "/docs/Default/Component/Web/setup"])
async def test_a_page_is_filtered_by_any_of_its_addresses(stored: Stored, address: str) -> None:
    assert await counts(stored, ["is", "doc_page", [address]]) == {f"{IN_READER}/setup": 2}


async def test_what_is_no_page_of_docs_has_none_with_a_path_or_without(stored: Stored) -> None:
    assert await counts(stored, ["is", "doc_page", [None]]) == {None: 2}
    assert None not in await counts(stored, ["is_not", "doc_page", [None]])
    assert (await counts(stored, ["is_not", "doc_page", [IN_READER]]))[None] == 2


@pytest.mark.parametrize("is_negated", [["not", ["is", "plugin", ["docs"]]], ["not", ["contains", "plugin", ["docs"]]]])
async def test_what_has_no_value_is_not_one_of_any(stored: Stored, is_negated: list[object]) -> None:
    assert await counts(stored, is_negated) == {None: 1}
