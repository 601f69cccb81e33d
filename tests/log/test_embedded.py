"""The embedded PostgreSQL outlives what can happen to it and to the service that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from analytics_internal.log.embedded import DataDirInUse, DataDirLock, EmbeddedPostgres, EmbeddedPostgresError

OWNER = """
import sys, time
from pathlib import Path
from analytics_internal.log.embedded import DataDirLock, EmbeddedPostgres
with DataDirLock(Path(sys.argv[1])):
    server = EmbeddedPostgres(Path(sys.argv[1]))
    server.start()
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="analytics-internal-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(folder)
    yield postgres
    await asyncio.to_thread(postgres.stop)


async def write(dsn: str, number: int) -> list[int]:
    """Store a number; return all that are stored."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
        await connection.execute("INSERT INTO kept VALUES ($1)", number)
        return [row[0] for row in await connection.fetch("SELECT number FROM kept ORDER BY number")]
    finally:
        await connection.close()


async def test_what_is_stored_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres, folder: Path) -> None:
    await write(server.start(), 1)
    server.stop()
    again = EmbeddedPostgres(folder)
    try:
        assert await write(again.start(), 2) == [1, 2]
    finally:
        again.stop()


async def test_a_killed_postgres_is_started_again(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    await write(dsn, 1)
    killed = server.pid
    assert killed is not None
    watcher = asyncio.create_task(server.watch())
    os.kill(killed, signal.SIGKILL)
    for _ in range(300):
        await asyncio.sleep(0.1)
        if server.pid != killed:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                assert await write(dsn, 2) == [1, 2]
                break
    else:
        pytest.fail("PostgreSQL did not come back within 30 s")
    watcher.cancel()


async def test_the_postgres_of_a_killed_service_is_taken_over(server: EmbeddedPostgres, folder: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    orphan = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    assert orphan.is_running()
    with DataDirLock(folder):
        assert await write(server.start(), 1) == [1]
    assert not orphan.is_running()


async def test_a_pid_file_that_names_somebody_elses_process_is_no_obstacle(
    server: EmbeddedPostgres, folder: Path
) -> None:
    await write(server.start(), 1)
    server.stop()
    (folder / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{folder}\n{int(time.time())}\n5432\n\n\n\nready\n"
    )
    again = EmbeddedPostgres(folder)
    try:
        assert await write(again.start(), 2) == [1, 2]
    finally:
        again.stop()


def test_a_half_made_database_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "rubbish").write_text("")
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    assert (folder / "postgres" / "PG_VERSION").exists()


def test_a_database_of_another_major_version_is_named(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 15"):
        EmbeddedPostgres(folder).start()


def test_a_second_service_on_a_folder_is_told_who_has_it(folder: Path) -> None:
    with DataDirLock(folder), pytest.raises(DataDirInUse, match=f"process {os.getpid()}"), DataDirLock(folder):
        pass


def test_a_folder_is_free_again_when_its_service_has_stopped(folder: Path) -> None:
    with DataDirLock(folder):
        pass
    with DataDirLock(folder):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")
def test_folders_are_opened_for_passing_through_only(folder: Path) -> None:
    home = folder / "deep" / "data"
    home.mkdir(parents=True, mode=0o700)
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    assert (home.stat().st_mode & 0o007) == 0o001
