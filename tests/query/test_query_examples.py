"""The questions that the reference shows are questions, and have answers in every format."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from analytics_internal.log.connection import Pool
from tests.catalog.known import KnownEntity, know
from tests.query.model import Question
from tests.query.stored import Stored, random_events, reading
from tests.query.test_download import flat, rows_of_parquet

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reference" / "query.md"
BLOCKS = re.findall(r"^```json\n(.*?)^```", DOCUMENTATION.read_text(), re.MULTILINE | re.DOTALL)
EXAMPLES: list[Question] = [json.loads(block) for block in BLOCKS if re.match(r'\{"(metrics|kind)"', block)]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    await know(pool, [KnownEntity("component:default/unread", has_docs=True)])
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(200, random.Random(7)))
        yield stored


def test_there_are_examples_of_every_kind() -> None:
    kinds = {example.get("kind", "breakdown") for example in EXAMPLES}
    assert kinds == {"breakdown", "funnel", "retention", "paths"}


def flat_row(row: dict[str, Any]) -> dict[str, object]:
    """A row by a file's columns. An item that is none has parts that are none."""
    nothing = dict.fromkeys(["item.id", "item.action", "item.subject", "item.path"])
    found = flat(row)
    return {name: value for name, value in found.items() if name != "item"} | (nothing if "item" in found else {})


async def test_every_example_has_an_answer_in_every_format(stored: Stored, tmp_path: Path) -> None:
    for example in EXAMPLES:
        at_large = {**example, "filters": None, "date_range": "all"} | (
            {"compare": None} if "compare" in example else {}
        )
        for question in (example, at_large):
            rows = (await stored.ask({**question, "limit": 10_000}))["results"]
            whole = {**question, "limit": None}

            lines = (await stored.file(whole, "ndjson")).splitlines()
            _, read_back = rows_of_parquet(await stored.file(whole, "parquet"), tmp_path)
            header, *csv = await stored.csv(whole)

            assert [json.loads(line) for line in lines] == rows, question
            assert read_back == list(map(flat_row, rows)), question
            assert len(csv) == len(rows)
            assert all(list(row) == header for row in read_back)
        assert rows, example
