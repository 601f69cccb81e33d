"""The session that the service's statements rely on, whatever the database has for defaults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from analytics_internal.log.connection import Pool, Unreachable, UnsupportedServer, connect, connect_pool
from analytics_internal.log.migrations import migrate
from analytics_internal.log.writer import LogWriter
from analytics_internal.reader.replica import Replica
from tests.command import command_process
from tests.log.model import statuses, whole_log
from tests.log.pgbouncer import RunPgbouncer
from tests.samples import event
from tests.service import API, running_service

# Each breaks a statement of a service that leaves its session as it finds it.
UNUSUAL = {
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "sql_standard",
    "timezone": "'Asia/Kolkata'",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    "lc_messages": "'C'",
    "xmloption": "document",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "synchronous_commit": "off",
    "enable_partition_pruning": "off",
    "plan_cache_mode": "force_generic_plan",
}
# These would end a pooler's own connections.
TIMEOUTS = {"statement_timeout": "1", "idle_session_timeout": "1", "transaction_timeout": "1"}
DOTTED = datetime(2026, 11, 12, 13, 14, 15, 123456, tzinfo=UTC)


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def make_unusual(dsn: str, settings: dict[str, str]) -> None:
    """Give a database defaults that are other than any statement expects."""
    name = dsn.partition("?")[0].rpartition("/")[2]
    await execute(dsn, *(f"ALTER DATABASE {name} SET {setting} = {value}" for setting, value in settings.items()))


@pytest.fixture(params=["transaction", "session"])
def pooled(request: pytest.FixtureRequest, dsn: str, pgbouncer: RunPgbouncer) -> Iterator[str]:
    """The same database behind pgbouncer."""
    with pgbouncer(dsn, request.param) as url:
        yield url


@asynccontextmanager
async def writing(dsn: str) -> AsyncIterator[tuple[LogWriter, Pool]]:
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    try:
        yield writer, pool
    finally:
        await writer.close()
        await pool.close()


async def stored_and_read(dsn: str, folder: Path) -> tuple[list[object], list[object]]:
    """What the log and the reader say of two events that were stored through a URL."""
    events = [
        event("/docs/ünï", occurred_at=DOTTED, more={"value": 0.1 + 0.2, "attributes": {"a": "b\\c"}}),
        event("/catalog", occurred_at=DOTTED, action="click", more={"context": {"pluginId": "ca'talog"}}),
    ]
    async with writing(dsn) as (writer, pool):
        assert statuses(await writer.append(events)) == ["stored", "stored"]
        assert statuses(await writer.append(events)) == ["duplicate", "duplicate"]
        log: list[object] = [(one.subject, one.occurred_at, one.value) for one in await whole_log(pool)]
        replica = Replica(pool, folder / "reader.duckdb")
        await replica.catch_up()
        read: list[object] = await replica.query(
            "SELECT subject, occurred_at, value FROM event JOIN item USING (item_id) ORDER BY position",
            lambda rows: [(subject, at.replace(tzinfo=UTC), value) for subject, at, value in rows.fetchall()],
        )
        await replica.close()
    return log, read


@pytest.mark.slow
async def test_no_default_of_the_database_changes_what_is_stored_or_read(dsn: str, tmp_path: Path) -> None:
    await make_unusual(dsn, UNUSUAL | TIMEOUTS)

    log, read = await stored_and_read(dsn, tmp_path)

    assert log == read == [("/docs/ünï", DOTTED, 0.1 + 0.2), ("/catalog", DOTTED, None)]


@pytest.mark.slow
async def test_a_new_database_with_unusual_defaults_is_migrated(dsn: str) -> None:
    await execute(dsn, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    await make_unusual(dsn, UNUSUAL | TIMEOUTS)

    assert await migrate(dsn)


async def test_read_only_stays_what_the_database_says(dsn: str) -> None:
    connection = await connect(f"{dsn}&default_transaction_read_only=on")

    assert await connection.fetchval("SHOW transaction_read_only") == "on"
    await connection.close()


# --- behind pgbouncer


async def test_the_log_is_kept_and_read_through_a_pooler(pooled: str, tmp_path: Path) -> None:
    log, read = await stored_and_read(pooled, tmp_path)

    assert log == read == [("/docs/ünï", DOTTED, 0.1 + 0.2), ("/catalog", DOTTED, None)]


async def test_no_default_of_the_database_counts_behind_a_pooler(
    dsn: str, pgbouncer: RunPgbouncer, tmp_path: Path
) -> None:
    await make_unusual(dsn, UNUSUAL)

    with pgbouncer(dsn) as url:
        log, read = await stored_and_read(url, tmp_path)

    assert log == read == [("/docs/ünï", DOTTED, 0.1 + 0.2), ("/catalog", DOTTED, None)]


async def test_a_pooler_that_ignores_settings_is_noticed(dsn: str, pgbouncer: RunPgbouncer, tmp_path: Path) -> None:
    ignored = "TimeZone,DateStyle,IntervalStyle,extra_float_digits,bytea_output,array_nulls,transform_null_equals,"
    ignored += "default_transaction_isolation,default_transaction_deferrable,row_security,statement_timeout,"
    ignored += "lock_timeout,idle_session_timeout,idle_in_transaction_session_timeout,jit,synchronous_commit"
    with pgbouncer(dsn, ignore_startup_parameters=ignored) as url:
        connection = await connect(url)
        async with connection.transaction():
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
            assert await connection.fetchval("SHOW extra_float_digits") == "1"
        await connection.close()
        log, read = await stored_and_read(url, tmp_path)

    assert log == read


async def test_the_schema_and_the_role_of_the_url_hold_in_every_transaction(dsn: str, pgbouncer: RunPgbouncer) -> None:
    await execute(dsn, "CREATE SCHEMA usage", "CREATE ROLE pooled_writer", "GRANT ALL ON SCHEMA usage TO pooled_writer")
    with pgbouncer(dsn) as plain:
        url = f"{plain}&search_path=%22usage%22&role=pooled_writer"
        assert await migrate(url)
        async with writing(url) as (writer, pool):
            await asyncio.gather(*(writer.append([event(f"/{n}")]) for n in range(20)))
            assert len(await whole_log(pool)) == 20
    connection = await asyncpg.connect(dsn)
    owners = await connection.fetchval(
        "SELECT array_agg(DISTINCT tableowner::text) FROM pg_tables WHERE schemaname = 'usage'"
    )
    await connection.close()
    assert owners == ["pooled_writer"]


async def test_a_pooler_without_transactions_is_refused_with_the_reason(dsn: str, pgbouncer: RunPgbouncer) -> None:
    with pgbouncer(dsn, "statement") as url, pytest.raises(UnsupportedServer, match="pool_mode to transaction"):
        await connect_pool(url, 2)


async def test_a_service_behind_a_pooler_takes_every_event_and_answers_every_question(
    dsn: str, pgbouncer: RunPgbouncer
) -> None:
    question = {"metrics": ["events"], "dimensions": ["item"], "date_range": "all", "limit": 1000}
    codes: list[int] = []

    async def use(url: str, number: int) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            for n in range(25):
                posted = {"action": "navigate", "subject": f"/{number}/{n}", "user": f"user:default/p{number}"}
                codes.append((await client.post(f"{API}/events", json=posted)).status_code)
                answer = await client.post(f"{API}/query", json=question)
                codes.append(answer.status_code)
                assert f"/{number}/{n}" in answer.text
            codes.append((await client.get(f"{API}/events", params={"limit": 50})).status_code)
            codes.append((await client.get("/readyz")).status_code)

    with pgbouncer(dsn) as pooled_url, running_service(database_url=pooled_url) as service:
        await asyncio.gather(*(use(service.url, number) for number in range(8)))

    assert set(codes) == {200}
    assert len(codes) == 8 * 52
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT position FROM log_head") == 8 * 25
    await connection.close()


# --- servers and addresses that cannot be used


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_is_not_utf_8_is_refused_with_the_command_that_makes_one(
    postgres: str, encoding: str
) -> None:
    name = f"encoded_{encoding.lower()}"
    await execute(
        postgres, f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    url = postgres.replace("/analytics_internal", f"/{name}", 1)

    done = command_process("migrate", "--database-url", url)

    assert done.returncode == 1
    assert f"encoding is {encoding}" in done.stderr
    made = done.stderr.partition("make one with ")[2].partition(",")[0]
    assert made.startswith("CREATE DATABASE analytics ENCODING 'UTF8'")
    await execute(postgres, made)
    assert await migrate(postgres.replace("/analytics_internal", "/analytics", 1))
    await execute(postgres, "DROP DATABASE analytics")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ana:hush@localhost/usage?sslmode=require&sslrootcert=/nowhere/ca", "sslrootcert: /nowhere/ca: "),
        ("postgresql://ana:hush@/usage?host=/nowhere", "PostgreSQL at /nowhere: "),
        ("postgresql://ana:hush@127.0.0.1:1/usage", "PostgreSQL at 127.0.0.1:1: "),
        ("postgresql://ana:hush@no.such.host.invalid/usage", "PostgreSQL at no.such.host.invalid: "),
    ],
)  # fmt: skip
async def test_what_cannot_be_reached_is_named(url: str, said: str) -> None:
    with pytest.raises(Unreachable) as error:
        await connect(url)

    assert said in str(error.value)
    assert "hush" not in str(error.value)


def test_an_option_that_cannot_be_honoured_is_named_at_the_start() -> None:
    done = command_process("migrate", "--database-url", "postgresql://ana:hush@localhost/usage?channel_binding=require")

    assert done.returncode == 2
    assert "channel_binding: cannot be honoured" in done.stderr
    assert "hush" not in done.stderr


async def test_options_of_libpq_are_no_obstacle(dsn: str) -> None:
    connection = await connect(
        f"{dsn}&connect_timeout=10&channel_binding=prefer&keepalives_idle=30&gssencmode=prefer&application_name=usage"
        "&options=-c%20work_mem%3D5MB&target_session_attrs=read-write&client_encoding=UTF8&tcp_user_timeout=1000"
    )

    assert await connection.fetchval("SHOW work_mem") == "5MB"
    assert await connection.fetchval("SHOW application_name") == "usage"
    await connection.close()
