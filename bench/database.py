"""A temporary PostgreSQL for a measurement, with fsync on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from analytics_internal.embedded.server import DATABASE, EmbeddedPostgres
from analytics_internal.log import migrations
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.writer import LogWriter, WriterLimits


class Databases:
    """Makes databases on one running server."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def dsn(self, name: str) -> str:
        return self._dsn.replace(f"/{DATABASE}?", f"/{name}?")

    async def create(self, name: str) -> str:
        """An empty database without a schema. Returns its DSN."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self.dsn(name)

    async def create_log(self, name: str) -> str:
        """A database with the log's schema. Returns its DSN."""
        dsn = await self.create(name)
        await migrations.migrate(dsn)
        return dsn


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="analytics-internal-bench-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[Databases]:
    """The server that `serve` would start itself, with the same settings."""
    server = EmbeddedPostgres(folder / "server")
    try:
        yield Databases(server.start())
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def open_pool(dsn: str, size: int = 4) -> AsyncIterator[Pool]:
    pool = await connect_pool(dsn, size, command_timeout_s=3600)
    try:
        yield pool
    finally:
        await pool.close()


@contextlib.asynccontextmanager
async def open_writer(pool: Pool, limits: WriterLimits | None = None) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool, limits)
    writer.start()
    try:
        yield writer
    finally:
        await writer.close()
