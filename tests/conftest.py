"""One real PostgreSQL for each process that runs tests, an empty database for each test that asks for one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser

from analytics_internal.embedded.server import SETTINGS, EmbeddedPostgres
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.migrations import migrate
from tests import rings
from tests.chromium import running_chromium
from tests.databases import copied, create, database_of
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
    await create(postgres, "migrated", "template1")
    await migrate(database_of(postgres, "migrated"))
    return "migrated"


@pytest.fixture
async def dsn(postgres: str, migrated: str) -> AsyncIterator[str]:
    """An empty, migrated database of its own, with an identity and a key of its own."""
    async with copied(postgres, migrated) as database:
        yield database


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
