"""The log lives in one schema of a database that it shares: with another installation, with other programs."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import asyncpg
import pytest

from analytics_internal.doctor import examine
from analytics_internal.log import tail
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.migrations import NEWEST, UnusableSchema, migrate, version
from analytics_internal.log.writer import LogUnavailable, LogWriter
from analytics_internal.settings.model import Settings
from tests.log.model import statuses, whole_log
from tests.samples import event
from tests.service import COMMAND

# As Backstage names them after a plugin: a name that is nothing without its quotes.
OURS, THEIRS = "analytics-internal", "other_analytics-internal"
_numbers = itertools.count(1)


@pytest.fixture
async def shared(postgres: str) -> str:
    """An empty database in which nothing of ours is."""
    name = f"shared_{next(_numbers)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    return postgres.replace("/analytics_internal", f"/{name}", 1)


@pytest.fixture
async def ours(shared: str) -> str:
    """The shared database as the installation in the first schema sees it."""
    await _execute(shared, f'CREATE SCHEMA "{OURS}"')
    return within(shared, OURS)


@pytest.fixture
async def theirs(shared: str) -> str:
    await _execute(shared, f'CREATE SCHEMA "{THEIRS}"')
    return within(shared, THEIRS)


def within(dsn: str, *schemas: str, **settings: str) -> str:
    """The same database, entered with a search path (and other session settings), as the bridge writes them."""
    session = {"search_path": ",".join(f'"{schema}"' for schema in schemas), **settings}
    return f"{dsn}&{urlencode(session, quote_via=quote)}"


@asynccontextmanager
async def writing(dsn: str) -> AsyncIterator[tuple[LogWriter, Pool]]:
    await migrate(dsn)
    pool = await connect_pool(dsn, 4)
    writer = LogWriter(pool)
    writer.start()
    try:
        yield writer, pool
    finally:
        await writer.close()
        await pool.close()


async def test_two_installations_in_one_database_keep_apart(shared: str, ours: str, theirs: str) -> None:
    shared_event = event("/docs")

    async with writing(ours) as (our_writer, our_pool), writing(theirs) as (their_writer, their_pool):
        await our_writer.append([shared_event, event("/catalog")])
        verdicts = await their_writer.append([shared_event])
        our_log, their_log = await whole_log(our_pool), await whole_log(their_pool)

    assert statuses(verdicts) == ["stored"]
    assert [stored.subject for stored in our_log] == ["/docs", "/catalog"]
    assert [stored.subject for stored in their_log] == ["/docs"]
    assert await _schemas_with_tables(shared) == {OURS, THEIRS}


async def test_services_of_two_installations_migrate_at_the_same_time(ours: str, theirs: str) -> None:
    starting = [
        await asyncio.create_subprocess_exec(*COMMAND, "migrate", "--database-url", dsn) for dsn in (ours, theirs, ours)
    ]
    codes = [await process.wait() for process in starting]

    assert codes == [0, 0, 0]
    assert [await version(ours), await version(theirs)] == [NEWEST, NEWEST]


async def test_an_installation_does_not_wait_for_anothers_new_month(ours: str, theirs: str) -> None:
    new_month = event(occurred_at=datetime(2020, 3, 3, tzinfo=UTC))

    async with writing(ours) as (our_writer, our_pool), writing(theirs) as (their_writer, _):
        # What VACUUM holds keeps its new month, and the lock for making it, waiting.
        async with our_pool.acquire() as reading, reading.transaction():
            await tail.head(reading)
            await reading.execute("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")
            waiting = asyncio.create_task(our_writer.append([new_month]))
            await _until_somebody_waits_for_a_lock(our_pool)
            verdicts = await asyncio.wait_for(their_writer.append([new_month]), 20)
        with contextlib.suppress(LogUnavailable):  # it gives up after a while
            await waiting

    assert statuses(verdicts) == ["stored"]


async def test_other_programs_tables_further_along_the_search_path_are_left_alone(shared: str, ours: str) -> None:
    await _execute(shared, "CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
    await _execute(shared, "INSERT INTO alembic_version VALUES ('4f1c0ffee')")
    await _execute(shared, "CREATE TABLE event (id integer)")
    dsn = within(shared, OURS, "public")

    async with writing(dsn) as (writer, pool):
        await writer.append([event("/docs")])
        log = await whole_log(pool)

    assert [stored.subject for stored in log] == ["/docs"]
    assert await version(ours) == NEWEST
    assert await _value(shared, "SELECT version_num FROM public.alembic_version") == "4f1c0ffee"
    assert await _value(shared, "SELECT count(*) FROM public.event") == 0


async def test_a_schema_that_another_program_migrates_is_refused(shared: str) -> None:
    await _execute(shared, "CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
    await _execute(shared, "INSERT INTO alembic_version VALUES ('4f1c0ffee')")

    with pytest.raises(UnusableSchema, match=r"public .*another program.*4f1c0ffee.*schema or database of its own"):
        await migrate(shared)


async def test_a_schema_that_is_not_there_is_an_error_that_says_how_to_make_it(shared: str) -> None:
    with pytest.raises(UnusableSchema, match=r'search_path is "nowhere": CREATE SCHEMA'):
        await migrate(within(shared, "nowhere"))


async def test_without_the_right_to_make_tables_the_databases_own_words_are_the_error(shared: str, ours: str) -> None:
    role = f"stranger_{next(_numbers)}"
    await _execute(shared, f'CREATE ROLE {role}; GRANT USAGE ON SCHEMA "{OURS}" TO {role}')

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for schema {OURS}"):
        await migrate(within(shared, OURS, role=role))


async def test_everything_belongs_to_the_role_that_the_connection_takes(shared: str, ours: str) -> None:
    role = f"owner_of_{next(_numbers)}"
    await _execute(shared, f'CREATE ROLE {role}; ALTER SCHEMA "{OURS}" OWNER TO {role}')

    async with writing(within(shared, OURS, role=role)) as (writer, _):
        await writer.append([event()])

    owners = "SELECT array_agg(DISTINCT tableowner::text) FROM pg_tables WHERE schemaname = $1"
    assert await _value(shared, owners, OURS) == [role]


async def test_the_doctor_examines_the_installation_in_its_schema(ours: str, theirs: str, tmp_path: Path) -> None:
    async with writing(ours) as (writer, _):
        await writer.append([event("/docs"), event("/catalog")])
    async with writing(theirs) as (_, pool):
        await pool.execute("UPDATE log_head SET position = 9")  # what only their doctor may find
    settings = Settings.model_validate({"database_url": ours, "data_dir": tmp_path, "auth": "none", "timezone": "UTC"})

    findings = [finding async for finding in examine(settings, "http://127.0.0.1:1")]

    assert [finding.text for finding in findings if not finding.is_well] == []
    assert any("compared with the log at 2 " in finding.text for finding in findings)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _value(dsn: str, sql: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


async def _schemas_with_tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT DISTINCT schemaname FROM pg_tables")
    finally:
        await connection.close()
    return {str(row[0]) for row in rows} - {"pg_catalog", "information_schema"}


async def _until_somebody_waits_for_a_lock(pool: Pool) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(400):
        if await pool.fetchval(waiting):
            return
        await asyncio.sleep(0.025)
    raise AssertionError("nobody waits")
