"""Databases of tests: each an empty log, copied from one that was migrated."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

_numbers = itertools.count(1)


@asynccontextmanager
async def copied(postgres: str, template: str) -> AsyncIterator[str]:
    """The DSN of a copy of a migrated database on a server, with an identity and a key of its own."""
    name = f"test_{next(_numbers)}"
    await create(postgres, name, template)
    database = database_of(postgres, name)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE log_head SET log_id = DEFAULT")
    key = "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
    await connection.execute(f"UPDATE id_key SET made_at = DEFAULT, key = {key}")
    await connection.close()
    yield database
    # At once: what is dropped is never written to the disk.
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.close()


async def create(postgres: str, name: str, template: str) -> None:
    """Make a database as a copy of another one."""
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    await connection.close()


def database_of(postgres: str, name: str) -> str:
    """The DSN of another database on the same server."""
    return postgres.replace("/analytics_internal", f"/{name}", 1)
