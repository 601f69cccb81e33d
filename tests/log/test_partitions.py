"""Months are made ahead of time, and nobody waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from analytics_internal.event.uuid7 import uuid7
from analytics_internal.log import tail
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.migrations import migrate
from analytics_internal.log.partitions import MonthMissing, Partitions, bounds, expected, month_of, table_of
from analytics_internal.log.writer import LogUnavailable, LogWriter
from tests.command import command_process
from tests.log.model import statuses, whole_log
from tests.samples import event

NOW = datetime.now(UTC)
LONG_AGO = datetime(2003, 5, 6, tzinfo=UTC)
LIMIT_S = 60.0


@asynccontextmanager
async def writing(dsn: str, size: int = 6) -> AsyncIterator[tuple[LogWriter, Pool]]:
    pool = await connect_pool(dsn, size)
    writer = LogWriter(pool)
    writer.start()
    try:
        yield writer, pool
    finally:
        await writer.close()
        await pool.close()


async def partitions_of(pool: Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass ORDER BY 1"
    )
    return [row[0] for row in rows]


async def check_that_nobody_waits_for_a_reader(dsn: str) -> None:
    months = [event(occurred_at=LONG_AGO), event(id_=uuid7(NOW + timedelta(days=390))), event()]
    async with writing(dsn) as (writer, pool):
        await writer.append([event()])
        # What pg_dump holds, on the log and on each of its months, for as long as it takes.
        async with pool.acquire() as dump, dump.transaction():
            for table in ("event", *await partitions_of(pool)):
                await dump.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
            for one in months:
                assert statuses(await asyncio.wait_for(writer.append([one]), LIMIT_S)) == ["stored"]
            async with pool.acquire() as connection:
                assert (await asyncio.wait_for(tail.head(connection), LIMIT_S)).position == 4
                assert await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
        assert len(await whole_log(pool)) == 4


async def test_a_new_month_waits_for_no_reader_of_the_log(dsn: str) -> None:
    await check_that_nobody_waits_for_a_reader(dsn)


async def test_a_new_month_waits_for_no_reader_in_other_versions(installed_dsn: str) -> None:
    await migrate(installed_dsn)
    await check_that_nobody_waits_for_a_reader(installed_dsn)


@pytest.mark.slow
async def test_a_month_that_has_to_wait_keeps_no_other_event_waiting(pool: Pool, dsn: str) -> None:
    async with writing(dsn) as (writer, _), pool.acquire() as other, other.transaction():
        await writer.append([event()])
        await other.execute("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM or another ATTACH
        waiting = asyncio.create_task(writer.append([event(occurred_at=LONG_AGO)]))
        for _ in range(20):
            assert statuses(await writer.append([event()])) == ["stored"]
        with pytest.raises(LogUnavailable, match="2003-05"):
            await asyncio.wait_for(waiting, LIMIT_S)

    async with writing(dsn) as (writer, _):
        assert statuses(await writer.append([event(occurred_at=LONG_AGO)])) == ["stored"]


async def test_all_that_a_live_id_can_point_to_is_made_ahead(pool: Pool) -> None:
    partitions = Partitions()

    await partitions.keep_ahead(pool)

    for days in range(-400, 401, 5):
        assert partitions.has(uuid7(datetime.now(UTC) + timedelta(days=days)))
    reach = partitions.reach()
    assert reach is not None
    assert reach > datetime.now(UTC) + timedelta(days=430)
    before = await partitions_of(pool)
    await partitions.keep_ahead(pool)
    assert await partitions_of(pool) == before


def test_the_nearest_months_come_first() -> None:
    assert expected(datetime(2026, 1, 15, tzinfo=UTC))[0] == (2026, 1)
    assert set(expected(datetime(2026, 1, 15, tzinfo=UTC))[1:3]) == {(2025, 12), (2026, 2)}


async def test_services_that_make_the_same_months_at_once_do_not_fail(dsn: str) -> None:
    async def make() -> None:
        async with writing(dsn, 2) as (writer, _):
            await writer.keep_months_ahead()
            assert statuses(await writer.append([event(occurred_at=LONG_AGO)])) == ["stored"]

    await asyncio.gather(*(make() for _ in range(4)))


async def test_a_month_dropped_by_hand_is_made_again(dsn: str) -> None:
    async with writing(dsn) as (writer, pool):
        await writer.append([event()])
        await pool.execute(f"DROP TABLE event_{NOW:%Y_%m}")

        verdicts = await writer.append([event("/after")])

        assert statuses(verdicts) == ["stored"]
        assert f"event_{NOW:%Y_%m}" in await partitions_of(pool)


async def test_a_table_in_a_months_place_is_named_and_fails_nobody_else(dsn: str) -> None:
    async with writing(dsn) as (writer, pool):
        await writer.append([event(occurred_at=LONG_AGO), event()])
        await pool.execute("ALTER TABLE event DETACH PARTITION event_2003_05")

        results = await asyncio.gather(
            writer.append([event(occurred_at=LONG_AGO), event("/with it")]),
            *(writer.append([event(f"/{n}")]) for n in range(5)),
            return_exceptions=True,
        )

        assert isinstance(results[0], LogUnavailable)
        assert "event_2003_05 is no partition of event: attach it, or rename it" in str(results[0])
        assert [statuses(one) for one in results[1:] if not isinstance(one, BaseException)] == [["stored"]] * 5
        subjects = [row[0] for row in await pool.fetch("SELECT subject FROM event JOIN item USING (item_id)")]
        assert "/with it" not in subjects


async def test_partitions_of_other_bounds_are_used_as_they_are(dsn: str) -> None:
    async with writing(dsn) as (writer, pool):
        first, end = bounds(2003, 1)[0], bounds(2003, 12)[1]
        await pool.execute(f"CREATE TABLE year_2003 PARTITION OF event FOR VALUES FROM ('{first}') TO ('{end}')")

        assert statuses(await writer.append([event(occurred_at=LONG_AGO)])) == ["stored"]
        assert await partitions_of(pool) == ["year_2003"]


async def test_migrate_makes_the_months_for_a_role_that_may_not(dsn: str) -> None:
    done = command_process("migrate", "--database-url", dsn)
    assert done.returncode == 0, done.stderr
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE ROLE only_writes; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO only_writes;"
        "GRANT USAGE ON SEQUENCE log_writer TO only_writes"
    )
    await connection.close()

    async with writing(f"{dsn}&role=only_writes") as (writer, pool):
        assert statuses(await writer.append([event(), event(id_=uuid7(NOW + timedelta(days=390)))])) == ["stored"] * 2
        with pytest.raises(LogUnavailable, match=r"2003-05: .*permission denied|2003-05: must be owner"):
            await writer.append([event(occurred_at=LONG_AGO)])
        assert len(await whole_log(pool)) == 2


def test_an_events_month_is_that_of_its_id() -> None:
    assert month_of(uuid7(datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC))) == (2026, 2)


async def test_a_month_that_cannot_be_made_keeps_no_other_from_being_made(dsn: str) -> None:
    now = datetime.now(UTC)
    months = [month for month in expected(now) if month != (now.year, now.month)]
    async with writing(dsn) as (writer, pool):
        await writer.keep_months_ahead()
        archived, needed = table_of(months[3]), table_of((now.year, now.month))
        await pool.execute(f"ALTER TABLE event DETACH PARTITION {archived}")
        await pool.execute(f"DROP TABLE {needed}")
        with pytest.raises(MonthMissing, match=archived):
            await writer.keep_months_ahead()
        assert needed in await partitions_of(pool)
        assert statuses(await writer.append([event()])) == ["stored"]
