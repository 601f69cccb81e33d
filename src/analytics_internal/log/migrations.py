"""The schema's migrations: plain SQL under ``schema/``, run by Alembic, forward only, one service at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from analytics_internal.log.connection import Connection

SCHEMA = Path(__file__).parent / "schema"
NEWEST = "0001"
# Advisory lock of this installation's migrations; the number is arbitrary and must never change.
MIGRATION_LOCK = 7_008_000_001


class NewerSchema(RuntimeError):
    """The database was migrated by a newer version of this program."""


async def version(dsn: str) -> str | None:
    """The schema's version in the database, None when it has none yet."""
    connection = await asyncpg.connect(dsn)
    try:
        return await version_on(connection)
    finally:
        await connection.close()


async def version_on(connection: Connection) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def migrate(dsn: str) -> bool:
    """Bring the schema to the newest version. True when something was done.

    Raises:
        NewerSchema: the database is ahead of this program.
    """
    found = await version(dsn)
    if found == NEWEST:
        return False  # Alembic and SQLAlchemy cost 150 ms and 30 MB: not even imported when there is nothing to do.
    if found is not None and found > NEWEST:
        raise NewerSchema(
            f"the database's schema is {found}, this program knows {NEWEST}: install a newer version of it"
        )
    await asyncio.to_thread(_upgrade, dsn)
    return True


def _upgrade(dsn: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

    async def connect() -> Connection:
        return await asyncpg.connect(dsn)

    async def run() -> None:
        engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
        try:
            connection: AsyncConnection
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                await connection.run_sync(_run_alembic)
        finally:
            await engine.dispose()

    asyncio.run(run())


def _run_alembic(connection: object) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCHEMA).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_file(name: str) -> None:
    """Run one SQL file of ``schema/`` inside the migration's transaction."""
    from alembic import op

    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # the driver opens its transaction with the first statement it sees
    raw = bind.connection.dbapi_connection
    sql = (SCHEMA / name).read_text()
    assert raw is not None
    raw.run_async(lambda driver: driver.execute(sql))
