"""The log behind the reader becomes another one, or loses something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from analytics_internal.log import tail
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.answer import answer
from analytics_internal.query.language import InvalidQuery
from analytics_internal.query.parse import parse
from analytics_internal.reader.replica import Replica
from tests.log.copies import copied, swap
from tests.samples import event

UTC_ZONE = ZoneInfo("UTC")
Json = dict[str, object]


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


async def asked(replica: Replica, **question: object) -> Json:
    wire: Json = {"metrics": ["events"], "dimensions": ["subject", "person"], "date_range": "all", **question}
    query, parsed = parse(msgspec.json.encode(wire))
    answered: Json = msgspec.to_builtins(await answer(replica, query, parsed, UTC_ZONE))
    return answered


async def reads(replica: Replica) -> set[tuple[object, object]]:
    results = (await asked(replica, limit=1000))["results"]
    assert isinstance(results, list)
    return {(row["subject"], row["person"]) for row in results}


async def test_an_event_sent_again_to_a_copy_does_not_hide_that_it_is_another_log(
    pool: Pool, dsn: str, writer: LogWriter, replica: Replica
) -> None:
    """The same id at the same position, but the numbers of its names are others."""
    again = event("/again", person="user:default/again")
    await writer.append([event("/before")])
    copy = await copied(dsn)
    await writer.append([again])
    await replica.catch_up()
    in_copy = await connect_pool(copy, 1)
    await in_copy.execute("SELECT nextval(pg_get_serial_sequence('item', 'item_id')) FROM generate_series(1, 5)")
    other = LogWriter(in_copy)
    other.start()
    await other.append([again])
    await other.append([event("/other", person="user:default/other")])
    await other.close()
    await in_copy.close()
    await swap(dsn, copy)

    assert await reads(replica) == {
        ("/before", "user:default/ana"), ("/again", "user:default/again"), ("/other", "user:default/other")
    }  # fmt: skip


async def test_a_cursor_of_a_log_that_was_replaced_is_refused(dsn: str, writer: LogWriter, replica: Replica) -> None:
    await writer.append([event(f"/{n}") for n in range(5)])
    copy = await copied(dsn)
    await writer.append([event(f"/{n}") for n in range(5, 10)])
    first = await asked(replica, limit=2)
    meta = first["meta"]
    assert isinstance(meta, dict)
    assert (await asked(replica, limit=2, cursor=meta["next_cursor"]))["results"]
    await swap(dsn, copy)
    with pytest.raises(InvalidQuery, match="restored or replaced"):
        await asked(replica, limit=2, cursor=meta["next_cursor"])
    await writer.append([event(f"/other-{n}") for n in range(20)])

    with pytest.raises(InvalidQuery, match="restored or replaced"):
        await asked(replica, limit=2, cursor=meta["next_cursor"])


async def test_a_month_that_was_dropped_is_a_hole_and_the_reader_reads_on(
    pool: Pool, writer: LogWriter, replica: Replica
) -> None:
    now = datetime.now(UTC)
    await writer.append([event("/old", occurred_at=now - timedelta(days=70)) for _ in range(3)])
    await writer.append([event("/new"), event("/old", occurred_at=now - timedelta(days=70)), event("/new")])
    month = now - timedelta(days=70)
    await pool.execute(f"DROP TABLE event_{month:%Y_%m}")

    answered = await asked(replica)
    await writer.append([event("/newer")])
    newer = await asked(replica)

    assert [row["subject"] for row in answered["results"]] == ["/new"]  # type: ignore[attr-defined]
    assert replica.position == 7
    for each in (answered, newer):
        missing = msgspec.to_builtins(each["meta"]["missing_events"])  # type: ignore[index]
        assert missing == {"events": 4, "positions": [(1, 3), (5, 5)]}
    assert await reads(replica) == {("/new", "user:default/ana"), ("/newer", "user:default/ana")}


async def test_batches_that_were_deleted_are_a_hole(pool: Pool, writer: LogWriter, replica: Replica) -> None:
    for n in range(4):
        await writer.append([event(f"/{n}"), event(f"/{n}")])
    await pool.execute("DELETE FROM log_batch WHERE first_position = 3")

    assert len(await reads(replica)) == 3
    assert replica.missing(4) is not None
    assert replica.missing(8) == replica.missing(4)


@pytest.mark.parametrize("table", ["action", "item", "person", "agent", "plugin", "entity", "path", "context"])
async def test_a_name_that_is_missing_is_shown_as_unknown(
    pool: Pool, writer: LogWriter, replica: Replica, table: str
) -> None:
    kept = event("/kept", more={"context": {"pluginId": "catalog", "entityRef": "component:default/a"}})
    lost = event(
        "/lost",
        person="user:default/lost",
        action="lost",
        more={"context": {"pluginId": "lost", "entityRef": "component:default/lost"}, "agent": "lost"},
    )
    await writer.append([kept, lost])
    of_lost = "SELECT * FROM event JOIN item USING (item_id) WHERE id = $1"
    await pool.execute(f"DELETE FROM {table} WHERE {table}_id = (SELECT {table}_id FROM ({of_lost}) AS lost)", lost.id)

    answered = await asked(
        replica, dimensions=["item", "person", "agent", "plugin", "entity", "doc_page"], filters=None, limit=10
    )
    async with pool.acquire() as connection:
        exported = [one async for one in tail.read(connection, 0, 2)]

    rows = answered["results"]
    assert isinstance(rows, list)
    assert len(rows) == len(exported) == 2
    first, second = sorted(rows, key=lambda row: str(row["item"]["subject"] != "/kept"))
    if table != "path":  # it only tells pages of documentation
        assert "unknown" in str(second) + str(msgspec.json.encode(exported[1]))
    assert (first["person"], first["plugin"], first["entity"]) == ("user:default/ana", "catalog", "component:default/a")
    assert exported[0].subject == "/kept"
