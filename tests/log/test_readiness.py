"""What /readyz says is what would happen to an event; and a database that may be written again is."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.readiness import RIGHTS, Readiness
from analytics_internal.log.writer import LogUnavailable, LogWriter
from tests.log.model import statuses, whole_log
from tests.samples import event
from tests.service import API, running_service

_numbers = itertools.count(1)


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def name_of(dsn: str) -> str:
    return dsn.partition("?")[0].rpartition("/")[2]


@pytest.fixture
async def role(dsn: str) -> str:
    """A role with the rights that the documentation lists, and no more."""
    name = f"service_{next(_numbers)}"
    lines = [f"GRANT {', '.join(rights)} ON {table} TO {name}" for table, rights in RIGHTS.items()]
    further = [f"GRANT SELECT ON alembic_version TO {name}", f"GRANT USAGE ON SEQUENCE log_writer TO {name}"]
    async with await connect_pool(dsn, 2) as pool:
        await LogWriter(pool).keep_months_ahead()
    await execute(dsn, f"CREATE ROLE {name}", *lines, *further)
    return name


@contextlib.asynccontextmanager
async def examined(dsn: str) -> AsyncIterator[tuple[Readiness, LogWriter, Pool]]:
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    try:
        yield Readiness(pool, writer), writer, pool
    finally:
        await writer.close()
        await pool.close()


async def wrong_with(dsn: str) -> dict[str, str]:
    """The checks that fail; an event must fail exactly when some do."""
    async with examined(dsn) as (readiness, writer, _):
        checks = await readiness.checks()
        wrong = {name: said for name, said in checks.items() if said != "ok"}
        if wrong:
            with pytest.raises(LogUnavailable):
                await writer.append([event("/a/new/name", person=f"user:default/{next(_numbers)}")])
        else:
            assert statuses(await writer.append([event()])) == ["stored"]
    return wrong


async def test_the_rights_that_are_documented_are_enough(dsn: str, role: str) -> None:
    assert await wrong_with(f"{dsn}&role={role}") == {}


NEEDED_FOR_ANY_EVENT = [
    (table, right)
    for table, rights in RIGHTS.items()
    for right in rights
    if table in {"event", "log_batch", "log_head", "action", "item", "person"}
    # Read back by the reader alone.
    and (table, right) not in {("event", "SELECT"), ("log_batch", "SELECT")}
]


@pytest.mark.parametrize(("table", "right"), NEEDED_FOR_ANY_EVENT)
async def test_a_right_that_is_missing_is_named(dsn: str, role: str, table: str, right: str) -> None:
    await execute(dsn, f"REVOKE {right} ON {table} FROM {role}")

    wrong = await wrong_with(f"{dsn}&role={role}")

    assert wrong == {"rights": f"the role {role} lacks {right} on {table}"}


async def test_all_rights_that_are_missing_are_named_at_once(dsn: str, role: str) -> None:
    await execute(
        dsn, f"REVOKE ALL ON rejected_event, path FROM {role}", f"REVOKE ALL ON SEQUENCE log_writer FROM {role}"
    )

    said = (await wrong_with(f"{dsn}&role={role}"))["rights"]

    for missing in ("DELETE on rejected_event", "INSERT on path", "USAGE on sequence log_writer"):
        assert missing in said


async def test_other_things_that_are_missing_are_named(dsn: str, role: str) -> None:
    url = f"{dsn}&role={role}"

    await execute(dsn, "ALTER TABLE event ENABLE ROW LEVEL SECURITY")
    assert "row-level security" in (await wrong_with(url))["rights"]
    await execute(dsn, "ALTER TABLE event DISABLE ROW LEVEL SECURITY", f"REVOKE ALL ON alembic_version FROM {role}")
    async with examined(url) as (readiness, _, _):
        assert "alembic_version" in (await readiness.checks())["rights"]
    await execute(dsn, f"GRANT SELECT ON alembic_version TO {role}", f"DROP TABLE event_{datetime.now(UTC):%Y_%m}")
    assert (await wrong_with(url)).keys() == {"partition"}


async def test_a_trial_finds_obstacles_that_no_catalog_shows(dsn: str) -> None:
    await execute(
        dsn,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full' "
        "USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    async with examined(dsn) as (readiness, writer, _):
        await writer.keep_months_ahead(1)
        assert "the disk is full" in (await readiness.checks())["trial"]


async def test_a_trial_leaves_nothing(dsn: str) -> None:
    async with examined(dsn) as (readiness, writer, pool):
        await writer.keep_months_ahead(1)
        assert set((await readiness.checks()).values()) == {"ok"}
        assert await whole_log(pool) == []
        assert await pool.fetchval("SELECT count(*) FROM event") == 0


async def test_a_database_without_our_tables_is_told(postgres: str) -> None:
    name = f"empty_{next(_numbers)}"
    await execute(postgres, f"CREATE DATABASE {name}")
    async with examined(postgres.replace("/analytics_internal", f"/{name}", 1)) as (readiness, _, _):
        assert "run analytics-internal migrate" in (await readiness.checks())["schema"]


async def test_events_are_stored_again_after_read_only_is_switched_off(dsn: str) -> None:
    await execute(dsn, f"ALTER DATABASE {name_of(dsn)} SET default_transaction_read_only = on")
    async with examined(dsn) as (readiness, writer, pool):
        assert "read-only" in (await readiness.checks())["writable"]
        connections = [await pool.acquire() for _ in range(3)]  # each of them was made while it was on
        for connection in connections:
            await pool.release(connection)
        with pytest.raises(LogUnavailable):
            await writer.append([event()])

        await execute(
            f"{dsn}&default_transaction_read_only=off",
            f"ALTER DATABASE {name_of(dsn)} SET default_transaction_read_only = off",
        )

        assert statuses(await writer.append([event()])) == ["stored"]
        assert (await readiness.checks())["writable"] == "ok"


async def test_an_idle_service_recovers_from_read_only_by_itself(dsn: str) -> None:
    """Nobody sends events: what notices is the question for readiness."""
    await execute(dsn, f"ALTER DATABASE {name_of(dsn)} SET default_transaction_read_only = on")
    async with examined(dsn) as (readiness, _, _):
        assert "read-only" in (await readiness.checks())["writable"]
        await execute(
            f"{dsn}&default_transaction_read_only=off",
            f"ALTER DATABASE {name_of(dsn)} RESET default_transaction_read_only",
        )
        assert (await readiness.checks())["writable"] == "ok"


async def test_a_service_says_over_http_what_is_missing(dsn: str, role: str) -> None:
    with running_service(database_url=f"{dsn}&role={role}") as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
            assert (await client.get("/readyz")).json()["status"] == "ready"
            await execute(dsn, f"REVOKE INSERT ON event FROM {role}")
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["checks"]["rights"] == f"the role {role} lacks INSERT on event"
            sent = await client.post(f"{API}/events", json={"action": "navigate", "subject": "/"})
            assert sent.status_code == 503
            await execute(dsn, f"GRANT INSERT ON event TO {role}")
            sent = await client.post(f"{API}/events", json={"action": "navigate", "subject": "/"})
            assert sent.status_code == 200
            assert (await client.get("/readyz")).status_code == 200
