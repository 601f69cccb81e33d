"""Databases that share a past, and a pooler behind which the one or the other stands."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from analytics_internal.log.connection import Connection, Pool

_numbers = itertools.count(1)


def named(dsn: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


def database_of(dsn: str) -> str:
    return urlsplit(dsn).path[1:]


@asynccontextmanager
async def administration(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(named(dsn, "template1"))
    try:
        yield connection
    finally:
        await connection.close()


async def disconnect(connection: asyncpg.Connection[asyncpg.Record], *databases: str) -> None:
    """Cut every connection to some databases, and let none come before they are renamed or copied."""
    for database in databases:
        await connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    await connection.fetch(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ANY($1)", list(databases)
    )


async def copied(dsn: str) -> str:
    """The DSN of a copy of a database as it is now."""
    name = f"{database_of(dsn)}_copy_{next(_numbers)}"
    async with administration(dsn) as connection:
        await disconnect(connection, database_of(dsn))
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {database_of(dsn)}")
        for database in (name, database_of(dsn)):
            await connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    return named(dsn, name)


async def swap(dsn: str, other: str) -> None:
    """Let each of two databases be reached under the name of the other; all connections to them are cut."""
    first, second = database_of(dsn), database_of(other)
    async with administration(dsn) as connection:
        await disconnect(connection, first, second)
        for old, new in ((first, f"{first}_away"), (second, first), (f"{first}_away", second)):
            await connection.execute(f"ALTER DATABASE {old} RENAME TO {new}")
        for database in (first, second):
            await connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")


class Pooler:
    """A pool like pgbouncer in transaction mode: every transaction, and every statement outside of one, is run by
    the database that ``choose`` says then."""

    def __init__(self, pools: list[Pool], choose: Callable[[], int]) -> None:
        self._pools = pools
        self._choose = choose

    @asynccontextmanager
    async def acquire(self, timeout: float | None = None) -> AsyncIterator[_Pooled]:  # noqa: ASYNC109
        yield _Pooled(self._pools, self._choose)

    async def expire_connections(self) -> None:
        """A new connection to a pooler leads to no other database than an old one."""


class _Pooled:
    def __init__(self, pools: list[Pool], choose: Callable[[], int]) -> None:
        self._pools = pools
        self._choose = choose
        self._pinned: Connection | None = None

    @asynccontextmanager
    async def transaction(self, **options: object) -> AsyncIterator[None]:
        async with self._pools[self._choose()].acquire() as connection, connection.transaction(**options):  # type: ignore[arg-type]
            self._pinned = connection
            try:
                yield
            finally:
                self._pinned = None

    def __getattr__(self, method: str) -> Callable[..., object]:
        async def call(*arguments: object, **named: object) -> object:
            if self._pinned is not None:
                return await getattr(self._pinned, method)(*arguments, **named)
            async with self._pools[self._choose()].acquire() as connection:
                return await getattr(connection, method)(*arguments, **named)

        return call
