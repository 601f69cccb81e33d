"""One real PostgreSQL for each process that runs tests, an empty database for each test that asks for one."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser

from analytics_internal.embedded.server import SETTINGS, EmbeddedPostgres
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.migrations import migrate
from tests import rings
from tests.chromium import running_chromium
from tests.log.pgbouncer import RunPgbouncer, running_pgbouncer

# `make test` draws the same examples in every run. `make explore` draws new ones in every round, and prints one that
# fails so that it can be run again.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

MEMORY_BYTES = 4 << 30
_numbers = itertools.count(1)


# First: `-m` selects by these markers.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rings.mark(items)


def _fastest_folder() -> Path | None:
    """A folder in memory, where there is room: every test makes a database of 300 files."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of a server started for this process."""
    folder = Path(tempfile.mkdtemp(prefix="analytics-internal-", dir=_fastest_folder()))
    server = EmbeddedPostgres(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            # No test pulls the plug. What a killed process has written is kept without it.
            patch.setitem(SETTINGS, "fsync", "off")
            dsn = server.start()
        yield dsn
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def migrated(postgres: str) -> str:
    """The name of an empty, migrated database that is only copied: migrating takes three times as long."""
    await _create(postgres, "migrated", "template1")
    await migrate(_database(postgres, "migrated"))
    return "migrated"


@pytest.fixture
async def dsn(postgres: str, migrated: str) -> AsyncIterator[str]:
    """An empty, migrated database of its own, with an identity and a key of its own."""
    name = f"test_{next(_numbers)}"
    await _create(postgres, name, migrated)
    database = _database(postgres, name)
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


async def _create(postgres: str, name: str, template: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    await connection.close()


def _database(postgres: str, name: str) -> str:
    return postgres.replace("/analytics_internal", f"/{name}", 1)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(dsn, size=8)
    yield pool
    await pool.close()


@pytest.fixture
def pgbouncer() -> RunPgbouncer:
    """Starts a pgbouncer before a server; a test that uses it is in the ring of that name."""
    return running_pgbouncer


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests that look through it."""
    async with running_chromium() as running:
        yield running
