"""What forwarding reads of the log is what an export would have, and what questions see."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from analytics_internal.forward import reading as forward_reading
from analytics_internal.log import tail
from analytics_internal.log.connection import Connection, Pool
from tests.query.stored import NOW, Stored, random_events, reading
from tests.reader.test_respelled import SPELLINGS, as_stored_before
from tests.samples import accepted, event, recorded

EXPORTED = (
    "position",
    "id",
    "occurred_at",
    "received_at",
    "action",
    "subject",
    "user",
    "value",
    "session_id",
    "imported",
)
RECORDED = ["backstage-legacy-app.jsonl", "backstage-new-app.jsonl"]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        yield stored


@pytest.fixture
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


async def test_events_are_read_as_exports_have_them(stored: Stored, connection: Connection) -> None:
    wires = [wire for name in RECORDED for wire in recorded(name)]
    await stored.writer.append([accepted(wire) for wire in wires])
    await stored.writer.append(random_events(200, random.Random(1)))
    up_to = len(wires) + 200

    found = await forward_reading.read(connection, 0, up_to)

    exported = [one async for one in tail.read(connection, 0, up_to)]
    assert [one.position for one in found] == list(range(1, up_to + 1))
    assert [[getattr(one, name) for name in EXPORTED] for one in found] == [
        [getattr(one, name) for name in EXPORTED] for one in exported
    ]
    for name in ("attributes", "context"):
        texts = [getattr(one, name) for one in exported]
        assert [getattr(one, name) for one in found] == [text and bytes(text) for text in texts]
    assert [str(one.batch_id) for one in found] == [one.batch for one in exported]


async def test_a_section_is_read_from_within_batches(stored: Stored, connection: Connection) -> None:
    for size in (1, 5, 3, 1, 7):
        await stored.writer.append(random_events(size, random.Random(size)))
    everything = await forward_reading.read(connection, 0, 17)

    for after in range(18):
        for up_to in range(after, 18):
            assert await forward_reading.read(connection, after, up_to) == everything[after:up_to]


async def test_beyond_the_logs_head_nothing_is_read(stored: Stored, connection: Connection) -> None:
    with pytest.raises(forward_reading.LogEnds):
        await forward_reading.read(connection, 0, 1)
    await stored.writer.append(random_events(5, random.Random(1)))

    for after in (0, 4, 5):
        with pytest.raises(forward_reading.LogEnds):
            await forward_reading.read(connection, after, 6)


async def test_positions_whose_events_are_gone_are_absent(stored: Stored, connection: Connection) -> None:
    await stored.writer.append(random_events(6, random.Random(2)))
    third = (await forward_reading.read(connection, 2, 3))[0]
    await connection.execute("DELETE FROM event WHERE id = $1", third.id)

    assert [one.position for one in await forward_reading.read(connection, 0, 6)] == [1, 2, 4, 5, 6]


async def test_names_are_those_of_today(stored: Stored, connection: Connection) -> None:
    await stored.writer.append([as_stored_before(spelling) for spelling in SPELLINGS])

    found = await forward_reading.read(connection, 0, 4)

    assert {(one.path, one.entity, one.item[1]) for one in found} == {
        (SPELLINGS[2], "component:default/café", SPELLINGS[2])
    }
    assert [one.subject for one in found] == SPELLINGS


async def test_what_stands_for_lost_names_is_what_exports_and_questions_have(
    stored: Stored, connection: Connection
) -> None:
    more = {"context": {"pluginId": "catalog"}}
    await stored.writer.append([event("/docs/default/component/web", occurred_at=NOW, more=more)])
    for table in ("item", "person", "plugin", "entity", "path", "context"):
        await connection.execute(f"DELETE FROM {table}")

    (found,) = await forward_reading.read(connection, 0, 1)

    (exported,) = [one async for one in tail.read(connection, 0, 1)]
    assert (found.action, found.subject, found.user) == (exported.action, exported.subject, exported.user)
    assert msgspec.json.decode(found.context or b"") == msgspec.json.decode(exported.context or b"")
    for dimension, text in (("plugin", found.plugin), ("entity", found.entity), ("subject", found.item[1])):
        rows = (await stored.ask({"metrics": ["events"], "dimensions": [dimension]}))["results"]
        assert [row[dimension] for row in rows] == [text]
    by_path = {"metrics": ["events"], "filters": ["is", "path", [found.path]]}
    assert (await stored.ask(by_path))["results"][0]["events"]["value"] == 1


async def test_a_changed_context_is_read_all_the_same(stored: Stored, connection: Connection) -> None:
    await stored.writer.append([event(occurred_at=NOW, more={"context": {"pluginId": "catalog"}})])
    await connection.execute("""UPDATE context SET content = '["changed"]'""")

    (found,) = await forward_reading.read(connection, 0, 1)

    assert found.context == b'["changed"]'
