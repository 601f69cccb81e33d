"""Following a catalog: turns, retries, and what readers and operators see of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from analytics_internal.catalog import following as following_module
from analytics_internal.catalog import history as history_module
from analytics_internal.catalog.file import CatalogFile
from analytics_internal.catalog.following import FIRST_RETRY_S, Following
from analytics_internal.catalog.history import History
from analytics_internal.catalog.source import Found, NoSource
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.reader.replica import Replica
from tests.catalog.kept import ANA, CORE, Scripted, entity, memberships, owners, state, user

WEB = "component:default/web"


@pytest.fixture
async def reader(pool: Pool, tmp_path: Path) -> AsyncIterator[Replica]:
    replica = Replica(pool, tmp_path / "reader.duckdb", "128MB", 1)
    yield replica
    await replica.close()


async def test_a_reader_knows_how_the_catalog_is_known(pool: Pool, reader: Replica) -> None:
    source = Scripted(user("ana", "core"))
    following = Following(pool, source, 60)
    await reader.catch_up()
    assert reader.catalog is not None
    assert (reader.catalog.revision, reader.catalog.known_since) == (0, None)
    await following.round()
    await reader.catch_up()
    known = reader.catalog
    assert (known.revision, known.source, known.error) == (1, "a script", None)
    assert known.known_since == known.read_at is not None
    teams = await reader.query("SELECT team FROM catalog_team", lambda cursor: cursor.fetchall())
    assert teams == [(CORE,)]


async def test_a_catalog_that_does_not_answer_leaves_what_is_known_and_says_since_when(
    pool: Pool, reader: Replica
) -> None:
    source = Scripted(entity("Component", "web", owner="core"))
    following = Following(pool, source, 0.05)
    await following.round()
    source.error = "the portal did not answer"
    for _ in range(2):
        await asyncio.sleep(0.1)
        await following.round()
    await reader.catch_up()
    assert reader.catalog is not None
    assert reader.catalog.error == "the portal did not answer"
    assert reader.catalog.read_at is not None
    assert reader.catalog.failing_since is not None
    assert reader.catalog.failing_since > reader.catalog.read_at
    assert await owners(pool, WEB) == [(CORE, True, True)]


async def test_retries_come_soon_first_and_never_later_than_the_interval(pool: Pool) -> None:
    source = Scripted()
    source.error = "no answer"
    following = Following(pool, source, 60)
    pauses = []
    for _ in range(6):
        await pool.execute("UPDATE catalog SET tried_at = NULL")
        pauses.append(await following.round())
    assert pauses == [5, 10, 20, 40, 60, 60]


async def test_of_two_services_one_reads_and_the_other_goes_on_when_it_ends(pool: Pool) -> None:
    sources = Scripted(user("ana", "core")), Scripted(user("ana", "core"))
    first, second = (asyncio.create_task(Following(pool, source, 0.2).follow()) for source in sources)
    await _until(lambda: sources[0].reads + sources[1].reads >= 1)
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    sources[1].entities = [user("ana", "platform")]
    for _ in range(500):
        if await memberships(pool) == {(ANA, "group:default/platform")}:
            break
        await asyncio.sleep(0.05)
    second.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await second
    assert await memberships(pool) == {(ANA, "group:default/platform")}


async def test_the_database_may_go_away_and_come_back(pool: Pool) -> None:
    source = Scripted(user("ana", "core"))
    following = Following(pool, source, 0.05)
    await pool.execute("ALTER TABLE catalog RENAME TO hidden")
    assert await following.round() > 0
    await pool.execute("ALTER TABLE hidden RENAME TO catalog")
    await following.round()
    assert await memberships(pool) == {(ANA, CORE)}


async def test_a_file_that_is_the_same_costs_no_statement(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text("kind: User\nmetadata: {name: ana}\nspec: {memberOf: [core]}\n")
    following = Following(pool, CatalogFile(path, 0.05), 60)
    await following.round()
    before = await state(pool)
    await asyncio.sleep(0.1)
    await following.round()
    assert await state(pool) == before
    path.write_text("kind: User\nmetadata: {name: ana}\nspec: {memberOf: [platform, core]}\n")
    await following.round()
    assert (ANA, "group:default/platform") in await memberships(pool)


async def test_a_role_that_may_only_read_answers_with_what_is_known(dsn: str, pool: Pool, tmp_path: Path) -> None:
    await Following(pool, Scripted(user("ana", "core")), 60).round()
    await pool.execute("DROP ROLE IF EXISTS catalog_reader")
    await pool.execute("CREATE ROLE catalog_reader LOGIN")
    await pool.execute(
        "GRANT SELECT ON log_head, log_batch, event, catalog, catalog_entity, catalog_membership TO catalog_reader"
    )
    as_reader = re.sub(r"//[^@]*@", "//catalog_reader@", dsn)
    limited = await connect_pool(as_reader, 2)
    replica = Replica(limited, tmp_path / "limited.duckdb", "128MB", 1)
    try:
        assert await Following(limited, Scripted(user("ana", "platform")), 60).round() == FIRST_RETRY_S
        await replica.catch_up()
        teams = await replica.query("SELECT team FROM catalog_team", lambda cursor: cursor.fetchall())
        assert teams == [(CORE,)]
    finally:
        await replica.close()
        await limited.close()
        await pool.execute("DROP OWNED BY catalog_reader")
        await pool.execute("DROP ROLE catalog_reader")


async def test_a_slow_read_is_not_overtaken(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (following_module, history_module):
        monkeypatch.setattr(module, "READING_S", 0.6)

    class Slow(Scripted):
        async def read(self) -> Found | None:
            await asyncio.sleep(2)
            return await super().read()

    reading = asyncio.create_task(Following(pool, Slow(user("ana", "core")), 60).round())
    await asyncio.sleep(1.5)
    assert not await History(pool).claim(0)
    await reading
    assert await memberships(pool) == {(ANA, CORE)}


async def test_without_a_source_it_is_said_how_to_get_one(pool: Pool) -> None:
    await Following(pool, NoSource(300), 300).round()
    said = await state(pool)
    assert "set portal_url and portal_token" in said["error"]
    assert said["first_read_at"] is None


async def _until(holds: Callable[[], bool], limit_s: float = 10) -> None:
    for _ in range(int(limit_s / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"still not after {limit_s:g} s")
