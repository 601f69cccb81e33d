"""Sessions and attributes in the reader: each once, under a number, the same as in the log."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.reader import numbered
from analytics_internal.reader import replica as replica_module
from analytics_internal.reader.reader_file import remove
from analytics_internal.reader.replica import Replica
from tests.log.model import emptied
from tests.samples import ANA, BO, event

OF_EVENTS = """
SELECT position, session, attributes_id
FROM (FROM event UNION ALL BY NAME FROM measurement)
ORDER BY position
"""
IN_READER = """
SELECT position, session_id::VARCHAR, ref, content
FROM (FROM event UNION ALL BY NAME FROM measurement) AS e
LEFT JOIN session USING (session)
LEFT JOIN attributes USING (attributes_id)
LEFT JOIN person ON person.person_id = session.person_id
ORDER BY position
"""
IN_LOG = """
SELECT first_position + ordinal, session_id::text, CASE WHEN session_id IS NOT NULL THEN ref END, attributes::text
FROM log_batch
JOIN event USING (batch_id)
LEFT JOIN person USING (person_id)
ORDER BY 1
"""
Row = tuple[Any, ...]


@pytest.fixture
async def writer(pool: Pool) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool)
    writer.start()
    yield writer
    await writer.close()


@pytest.fixture
async def replica(pool: Pool, tmp_path: Path) -> AsyncIterator[Replica]:
    replica = Replica(pool, tmp_path / "reader.duckdb", "128MB", 1)
    yield replica
    await replica.close()


async def rows_of(replica: Replica, sql: str) -> list[Row]:
    await replica.catch_up()
    return await replica.query(sql, lambda cursor: cursor.fetchall())


def without_order(rows: list[Row]) -> list[Row]:
    """Rows with the texts of their last column as values: JSON objects are equal in any order of their members."""
    return [(*row[:-1], json.loads(row[-1]) if row[-1] is not None else None) for row in rows]


async def test_sessions_and_attributes_are_numbered_in_the_order_of_their_first_appearance(
    replica: Replica, writer: LogWriter
) -> None:
    sent = [
        ("one", {"a": 1}), ("two", {"b": "x"}), ("one", {"b": "x"}), (None, None), ("one", {"a": 1}),
    ]  # fmt: skip
    for session, attributes in sent:
        await writer.append([event("/a", more={"sessionId": session, "attributes": attributes})])
        await replica.catch_up()

    assert await rows_of(replica, OF_EVENTS) == [(1, 1, 1), (2, 2, 2), (3, 1, 2), (4, None, None), (5, 1, 1)]


async def test_two_people_who_name_their_sessions_alike_have_two(replica: Replica, writer: LogWriter) -> None:
    people = [ANA, BO, None, ANA, None]
    await writer.append([event("/a", person=person, more={"sessionId": "one"}) for person in people])

    assert [row[1] for row in await rows_of(replica, OF_EVENTS)] == [1, 2, 3, 1, 3]


async def test_of_large_attributes_the_reader_has_what_can_be_asked_for(replica: Replica, writer: LogWriter) -> None:
    short = {f"name {n}": "é" * 255 for n in range(3)} | {"one": 1, "yes": True}
    long = {"text": "é" * 256, "n" * 256: 1} | {f"long {n}": "x" * 1_000 for n in range(9)}
    await writer.append([event("/a", more={"attributes": short | long})])

    [(content,)] = await rows_of(replica, "SELECT content FROM attributes")

    assert json.loads(content) == short


async def test_where_every_event_has_others_they_are_still_right(
    replica: Replica, writer: LogWriter, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = numbered.NUMBER_ATTRIBUTES.replace(f"{numbered.KNOWN_SOUGHT}", "2")
    monkeypatch.setattr(numbered, "NUMBER_ATTRIBUTES", few)
    for n in [*range(10), 4, 0, 9]:
        await writer.append([event("/a", more={"attributes": {"n": n}})])
        await replica.catch_up()

    assert without_order(await rows_of(replica, IN_READER)) == without_order([*map(tuple, await pool.fetch(IN_LOG))])
    assert await rows_of(replica, "SELECT count(*) FROM attributes") == [(11,)]  # only 4 is kept again


@pytest.mark.slow
@settings(max_examples=8)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    chunk=st.integers(1, 60),
    sends_known=st.booleans(),
    reopens=st.booleans(),
    seed=st.integers(0, 10**6),
)
async def test_they_equal_the_log_however_it_was_read(
    pool: Pool, tmp_path: Path, sizes: list[int], chunk: int, sends_known: bool, reopens: bool, seed: int
) -> None:
    await emptied(pool)
    path = tmp_path / "slices.duckdb"
    remove(path)
    chance = random.Random(seed)
    writer = LogWriter(pool)
    writer.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica_module, "CHUNK_EVENTS", chunk)
        patch.setattr(numbered, "MANY_EVENTS", 0 if sends_known else 10**6)
        replica = Replica(pool, path, "128MB", 1)
        for size in sizes:
            await writer.append(
                [
                    event(
                        "/a",
                        action=chance.choice(["navigate", "engage"]),
                        person=chance.choice([None, ANA, BO]),
                        more={
                            "value": 1,
                            "sessionId": chance.choice([None, *"abcdef"]),
                            "attributes": {"n": chance.randint(0, 5), "s": chance.choice(["", '"', "é,\n"])},
                        },
                    )
                    for _ in range(size)
                ]
            )
            await replica.catch_up()
            if reopens:
                await replica.close()
                replica = Replica(pool, path, "128MB", 1)
        found = await rows_of(replica, IN_READER)
        counts = await rows_of(replica, "SELECT count(*), count(DISTINCT content) FROM attributes")
        await replica.close()
    await writer.close()

    assert without_order(found) == without_order([*map(tuple, await pool.fetch(IN_LOG))])
    assert counts[0][0] == counts[0][1]
