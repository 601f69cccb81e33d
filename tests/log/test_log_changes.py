"""The database behind the writer's connections becomes another one."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import cast
from uuid import UUID

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.connection import connect as connect_one
from analytics_internal.log.writer import LogUnavailable, LogWriter, WriterLimits
from tests.log.copies import Pooler, copied, database_of, swap
from tests.log.model import statuses, whole_log
from tests.samples import event, rejection

_numbers = itertools.count(1)


@pytest.fixture
async def pools(dsn: str) -> AsyncIterator[list[Pool]]:
    """A log with some events, and a copy of it."""
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    await writer.append([event("/before", person="user:default/before")])
    await writer.close()
    await pool.close()
    both = [await connect_pool(one, 4) for one in (dsn, await copied(dsn))]
    yield both
    for pool in both:
        await pool.close()


async def assert_each_is_its_own(pools: list[Pool], sent: dict[UUID, Event]) -> None:
    """No log has an event under another one's names, and its order is whole."""
    for pool in pools:
        for stored in await whole_log(pool):
            if stored.id in sent:
                said = sent[stored.id]
                assert (stored.subject, stored.user) == (said.subject, said.person)
                assert json.loads(bytes(stored.context or b"null")) == json.loads(said.context or b"null")


def an_event(number: int) -> Event:
    return event(
        f"/page-{number}",
        person=f"user:default/person-{number}",
        action=f"act-{number % 3}",
        more={"context": {"pluginId": f"plugin-{number}", "extension": str(number)}},
    )


steps = st.lists(
    st.tuples(
        st.integers(0, 1),  # which writer
        st.integers(0, 4),  # which of a few names
        st.lists(st.booleans(), max_size=12),  # at which statements the other database is behind the connection
    ),
    min_size=3,
    max_size=10,
)


# Not shrunk: the databases differ more with every example.
@settings(max_examples=12, phases=[Phase.generate])
@given(steps=steps, flushers=st.sampled_from([1, 1, 2]))
async def test_names_stay_right_whichever_database_the_connections_lead_to(
    pools: list[Pool], steps: list[tuple[int, int, list[bool]]], flushers: int
) -> None:
    first_name = next(_numbers) * 10
    current = 0
    switches: Iterator[bool] = iter(())

    def choose() -> int:
        nonlocal current
        if next(switches, False):
            current = 1 - current
        return current

    pooler = cast("Pool", Pooler(pools, choose))
    writers = [LogWriter(pooler, WriterLimits(flushers=flushers)) for _ in range(2)]
    for writer in writers:
        writer.start()
    sent: dict[UUID, Event] = {}
    for which, name, at_statements in steps:
        events = [an_event(first_name + name), an_event(first_name + (name + 1) % 5)]
        sent |= {one.id: one for one in events}
        switches = iter(at_statements)
        try:
            verdicts = await writers[which].append(events)
        except LogUnavailable:
            assert sum(at_statements) >= 5, "it was given up though the log changed less often than a batch is tried"
            switches = iter(())
            verdicts = await writers[which].append(events)
        assert set(statuses(verdicts)) <= {"stored", "duplicate"}
        assert {one.id for one in events} <= {stored.id for stored in await whole_log(pools[current])} or sum(
            at_statements
        ), "acknowledged, but not in the log that was there all the time"
    for writer in writers:
        await writer.close()

    await assert_each_is_its_own(pools, sent)


async def test_new_names_after_the_database_was_swapped_are_those_of_its_copy(dsn: str) -> None:
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    before = event("/before", person="user:default/before")
    await writer.append([before])
    copy = await copied(dsn)
    in_original = event("/original", person="user:default/original")
    in_both = event("/both", person="user:default/both")
    await writer.append([in_original])
    await writer.append([in_both])
    await swap(dsn, copy)

    in_copy = event("/copy", person="user:default/copy")
    verdicts = await writer.append([in_copy, in_both, event("/original", person="user:default/original")])
    await writer.close()

    assert statuses(verdicts) == ["stored", "stored", "stored"]
    log = await whole_log(pool)
    await pool.close()
    assert [(stored.subject, stored.user) for stored in log] == [
        ("/before", "user:default/before"), ("/copy", "user:default/copy"), ("/both", "user:default/both"),
        ("/original", "user:default/original"),
    ]  # fmt: skip


async def test_a_log_from_before_the_months_partition_gets_one(dsn: str) -> None:
    copy = await copied(dsn)
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    await writer.append([event("/a")])
    await swap(dsn, copy)

    verdicts = await writer.append([event("/b")])
    await writer.close()

    assert statuses(verdicts) == ["stored"]
    assert [stored.subject for stored in await whole_log(pool)] == ["/b"]
    await pool.close()


async def test_a_month_dropped_under_the_writer_is_made_again(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    await writer.append([event("/a")])
    for (partition,) in await pool.fetch("SELECT inhrelid::regclass::text FROM pg_inherits"):
        if partition.startswith("event_2") and partition[-1].isdigit():
            await pool.execute(f"DROP TABLE {partition}")

    verdicts = await writer.append([event("/b")])
    await writer.close()

    assert statuses(verdicts) == ["stored"]


# --- sequences that are behind


async def test_identity_sequences_that_are_behind_are_set_forward(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    first = [an_event(number) for number in range(5)]
    entity = {"context": {"entityRef": "component:default/a"}, "agent": "first"}
    await writer.append([*first, event("/entity", more=entity)])
    await writer.close()
    for table in ("action", "item", "person", "agent", "plugin", "entity", "path", "context"):
        await pool.execute(f"ALTER TABLE {table} ALTER COLUMN {table}_id RESTART WITH 1")

    another = LogWriter(pool)
    another.start()
    second = [an_event(number) for number in range(3, 9)]
    more = event("/more", action="new", more={"context": {"entityRef": "component:default/b"}, "agent": "second"})
    verdicts = await another.append([*second, more])
    await another.close()

    assert set(statuses(verdicts)) == {"stored"}
    await assert_each_is_its_own([pool], {one.id: one for one in [*first, *second, more]})


async def test_refused_events_are_kept_where_their_sequence_is_behind(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    await writer.append([rejection("one"), rejection("two")])
    await pool.execute("ALTER TABLE rejected_event ALTER COLUMN rejected_id RESTART WITH 1")

    await writer.append([rejection("three")])
    await writer.close()

    kept = await pool.fetch("SELECT detail FROM rejected_event ORDER BY rejected_id")
    assert [row[0] for row in kept] == ["one", "two", "three"]


async def test_two_writers_never_have_one_number_though_its_sequence_is_behind(pool: Pool) -> None:
    for number in range(3):
        await pool.execute("SELECT setval('log_writer', 1, false)")
        writer = LogWriter(pool)
        writer.start()
        await writer.append([event(f"/{number}")])
        await writer.close()

    numbers = await pool.fetch("SELECT batch_id % 4096 FROM log_batch")
    assert len({row[0] for row in numbers}) == 3


async def test_a_database_without_the_log_is_unavailable_not_a_fault(dsn: str, pool: Pool) -> None:
    await pool.execute("DELETE FROM log_head")
    writer = LogWriter(pool)
    writer.start()

    with pytest.raises(LogUnavailable):
        await writer.append([event("/a")])

    await writer.close()
    assert database_of(dsn)
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT count(*) FROM log_batch") == 0
    await connection.close()


async def test_connections_that_still_lead_to_the_old_log_are_not_used_again(pools: list[Pool], dsn: str) -> None:
    """An address leads to another server while the old one lives: its open connections go on to work."""
    addresses = [dsn, dsn.replace(database_of(dsn), database_of(await _dsn_of(pools[1])), 1)]
    leads_to = 0

    async def connect(*_: object, **__: object) -> asyncpg.Connection[asyncpg.Record]:
        return await connect_one(addresses[leads_to], 30)

    pool = await asyncpg.create_pool(min_size=1, max_size=5, connect=connect)
    writer = LogWriter(pool)
    writer.start()
    await writer.append([event("/old", person="user:default/old")])
    kept = await pool.acquire()
    leads_to = 1
    new = await pool.acquire()
    await pool.release(new)
    sent = [event(f"/new/{n}", person="user:default/new") for n in range(4)]
    assert statuses(await writer.append(sent[:1])) == ["stored"]
    await pool.release(kept)
    for one in sent[1:]:
        assert statuses(await writer.append([one])) == ["stored"]
    await writer.close()
    await pool.close()

    assert {stored.id for stored in await whole_log(pools[1])} >= {one.id for one in sent}


async def _dsn_of(pool: Pool) -> str:
    name: str = await pool.fetchval("SELECT current_database()")
    return f"postgresql:///{name}"
