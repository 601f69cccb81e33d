"""Schema migrations: plain SQL files under ``schema/``, run by Alembic, forward only, by one service at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from analytics_internal.errors import CommandError
from analytics_internal.log import locks
from analytics_internal.log.connection import Connection, connect

if TYPE_CHECKING:
    import sqlalchemy

Result = TypeVar("Result")
SCHEMA = Path(__file__).parent / "schema"
NEWEST = "0004"
# Only in the current schema: a table further along the search path may belong to another program.
_HAS_VERSION = "SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'"


class UnusableSchema(CommandError):
    """The log cannot be kept in this schema; the message says why and what to do."""


class NewerSchema(UnusableSchema):
    """The database was migrated by a newer version of this program."""


async def version(dsn: str) -> str | None:
    """The database's schema version; None if there is no schema yet."""
    connection = await connect(dsn)
    try:
        return await version_on(connection)
    finally:
        await connection.close()


async def version_on(connection: Connection) -> str | None:
    """As ``version``, on a connection."""
    if await connection.fetchrow(_HAS_VERSION) is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def migrate(dsn: str) -> bool:
    """Bring the schema to the newest version. True if anything was done.

    Raises:
        NewerSchema: the schema is newer than this program.
        UnusableSchema: the schema does not exist, or belongs to another program.
    """
    found = await version(dsn)
    if found == NEWEST:
        return False  # Alembic and SQLAlchemy cost 150 ms and 30 MB: import them only when there is work.
    schema, search_path = await _schema(dsn)
    if schema is None:
        raise UnusableSchema(
            f"there is no schema to make tables in; the search_path is {search_path}: CREATE SCHEMA first, or correct "
            "search_path in database_url"
        )
    if found is not None and not found.isdecimal():
        raise UnusableSchema(
            f"the schema {schema} belongs to another program, whose newest migration is {found}: give "
            "analytics-internal a schema or database of its own"
        )
    if found is not None and found > NEWEST:
        raise NewerSchema(
            f"the database's schema is {found}, this program knows {NEWEST}: install a newer analytics-internal"
        )
    await asyncio.to_thread(_upgrade, dsn)
    return True


async def _schema(dsn: str) -> tuple[str | None, str]:
    """The schema that new tables go into, and the search path."""
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow("SELECT current_schema(), current_setting('search_path')")
    finally:
        await connection.close()
    assert row is not None
    return row[0], row[1]


def _upgrade(dsn: str) -> None:
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

    def driver(engine: AsyncEngine) -> object:
        # Unique statement names, because a pooler shares sessions between clients.
        assert engine.dialect.dbapi is not None
        return engine.dialect.dbapi.connect(
            async_creator_fn=lambda: connect(dsn),
            prepared_statement_cache_size=0,
            prepared_statement_name_func=lambda: f"analytics_internal_{uuid4()}",
        )

    async def run() -> None:
        engine: AsyncEngine = create_async_engine("postgresql+asyncpg://", creator=lambda: driver(engine))
        try:
            connection: AsyncConnection
            async with engine.begin() as connection:
                await connection.run_sync(_run_alembic)
        except DBAPIError as error:
            # Raise the driver's own error: callers know no others.
            raise (error.orig and error.orig.__cause__) or error from error
        finally:
            await engine.dispose()

    asyncio.run(run())


def _run_alembic(connection: sqlalchemy.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCHEMA).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["schema"] = _on_driver(connection, _locked_schema)
    command.upgrade(config, "head")


async def _locked_schema(connection: Connection) -> str:
    """The schema to migrate, locked against other migrations until the transaction ends."""
    await locks.take(connection, locks.MIGRATIONS)
    schema: str = await connection.fetchval("SELECT current_schema()")
    return schema


def run_file(name: str) -> None:
    """Run one SQL file of ``schema/`` inside the migration's transaction."""
    from alembic import op

    sql = (SCHEMA / name).read_text(encoding="utf-8")
    _on_driver(op.get_bind(), lambda driver: driver.execute(sql))


def _on_driver(connection: sqlalchemy.Connection, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Run the work on the driver's own connection, within SQLAlchemy's transaction."""
    connection.exec_driver_sql("SELECT 1")  # the driver opens its transaction with the first statement
    raw = connection.connection.dbapi_connection
    assert raw is not None
    result: Result = raw.run_async(work)
    return result
