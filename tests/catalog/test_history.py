"""The catalog's history in PostgreSQL: what changes, from when on, and what is not believed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from analytics_internal.catalog import changes
from analytics_internal.catalog import history as history_module
from analytics_internal.catalog.changes import as_history, as_snapshot
from analytics_internal.catalog.entity import entity_of
from analytics_internal.catalog.history import History, Taken
from analytics_internal.catalog.source import Found
from analytics_internal.catalog.versions import AFTER, BEFORE, Rows, Version, rows_of
from analytics_internal.log.connection import Pool
from tests.catalog.kept import ANA, CORE, PLATFORM, Json, entity, found, memberships, owners, state, user

WEB = "component:default/web"


@pytest.fixture
def history(pool: Pool) -> History:
    return History(pool)


async def take(history: History, *entities: Json) -> Taken:
    assert await history.claim(0)
    taken = await history.take(found(*entities), "a test")
    assert taken is not None
    return taken


async def test_the_first_read_counts_for_all_time_and_a_change_from_now_on(history: History, pool: Pool) -> None:
    await take(history, entity("Component", "web", owner="core"), user("ana", "core"))
    assert await owners(pool, WEB) == [(CORE, True, True)]
    before = await state(pool)
    await take(history, entity("Component", "web", owner="platform"), user("ana", "platform"), user("bo"))
    assert await owners(pool, WEB) == [(CORE, True, False), (PLATFORM, False, True)]
    assert await owners(pool, "user:default/bo") == [(None, False, True)]
    assert await memberships(pool) == {(ANA, PLATFORM)}
    after = await state(pool)
    assert after["revision"] == before["revision"] + 1
    assert after["version"] != before["version"]
    assert after["first_read_at"] == before["first_read_at"]
    # One instant for all that changed.
    closed = await pool.fetchval("SELECT array_agg(DISTINCT valid_to) FROM catalog_entity WHERE valid_to <> 'infinity'")
    opened = await pool.fetchval(
        "SELECT array_agg(DISTINCT valid_from) FROM catalog_entity WHERE valid_from <> '-infinity'"
    )
    assert closed == opened == [after["changed_at"]]


async def test_a_read_without_a_change_writes_no_history(history: History, pool: Pool) -> None:
    whole = [entity("Component", "web", owner="core"), user("ana", "core")]
    await take(history, *whole)
    before = await state(pool)
    rows = await pool.fetch("SELECT xmin::text, * FROM catalog_entity")
    assert await take(history, *reversed(whole)) == (2, 0, 0, None)
    after = await state(pool)
    assert (after["revision"], after["version"]) == (before["revision"], before["version"])
    assert after["read_at"] > before["read_at"]
    assert await pool.fetch("SELECT xmin::text, * FROM catalog_entity") == rows


async def test_what_vanishes_and_comes_back_has_two_times(history: History, pool: Pool) -> None:
    web, other = entity("Component", "web", owner="core"), entity("Component", "other")
    for whole in ([web, other], [other], [other], [web, other]):
        await take(history, *whole)
    assert await owners(pool, WEB) == [(CORE, True, False), (CORE, False, True)]
    assert (await state(pool))["revision"] == 3


async def test_a_user_spelled_in_another_way_stays_one_person(history: History, pool: Pool) -> None:
    await take(history, user("ana", "core"))
    await take(history, user("Ana", "core"))
    rows = await pool.fetch("SELECT ref, shown_ref FROM catalog_entity ORDER BY valid_from")
    assert [tuple(row) for row in rows] == [(ANA, ANA), (ANA, "user:default/Ana")]
    assert await memberships(pool) == {(ANA, CORE)}
    assert await pool.fetchval("SELECT count(*) FROM catalog_membership") == 1


async def test_the_clock_may_be_set_back(history: History, pool: Pool) -> None:
    await take(history, entity("Component", "web", owner="core"))
    await take(history, entity("Component", "web", owner="platform"))
    ahead = datetime.now(UTC) + timedelta(hours=1)
    await pool.execute("UPDATE catalog SET changed_at = $1", ahead)
    await pool.execute("UPDATE catalog_entity SET valid_from = $1 WHERE valid_to = 'infinity'", ahead)
    await pool.execute("UPDATE catalog_entity SET valid_to = $1 WHERE valid_to <> 'infinity'", ahead)
    await take(history, entity("Component", "web", owner="core"))
    assert [row[0] for row in await owners(pool, WEB)] == [CORE, PLATFORM, CORE]


async def test_an_empty_catalog_is_believed_when_three_reads_say_so(history: History, pool: Pool) -> None:
    await take(history, entity("Component", "web", owner="core"))
    for reads in (1, 2):
        assert (await take(history)).doubt is not None
        said = await state(pool)
        assert said["doubtful_reads"] == reads
        assert said["failed_at"] is not None
        assert "no entities, where 1 are known" in said["error"]
        assert await owners(pool, WEB) == [(CORE, True, True)]


async def test_a_catalog_that_never_had_entities_is_not_a_first_read(history: History, pool: Pool) -> None:
    for _ in range(5):
        assert (await take(history)).doubt == "has no entities yet"
    assert (await state(pool))["first_read_at"] is None
    await take(history, entity("Component", "web", owner="core"))
    assert await owners(pool, WEB) == [(CORE, True, True)]


@pytest.mark.parametrize(
    "left",
    [
        [entity("Component", f"c{n}") for n in range(5)] + [user(f"u{n}") for n in range(5)],
        [entity("Component", f"c{n}") for n in range(30)] + [user("u0")],
    ],
    ids=["less than half is left", "hardly a user is left"],
)
async def test_a_catalog_that_lost_much_is_believed_when_three_reads_say_so(
    history: History, pool: Pool, left: list[Json]
) -> None:
    whole = [entity("Component", f"c{n}") for n in range(30)] + [user(f"u{n}") for n in range(10)]
    await take(history, *whole)
    assert (await take(history, *left)).doubt is not None
    await take(history, *whole)  # it was a hiccup: counted from the beginning next time
    assert (await state(pool))["failed_at"] is None
    outcomes = [(await take(history, *left)).doubt is None for _ in range(3)]
    assert outcomes == [False, False, True]
    assert await pool.fetchval("SELECT count(*) FROM catalog_entity WHERE valid_to = 'infinity'") == len(left)


async def test_a_failure_leaves_what_is_known_and_says_since_when(history: History, pool: Pool) -> None:
    await take(history, entity("Component", "web", owner="core"))
    await history.claim(0)
    await history.failed("a test", "it does not answer")
    first = await state(pool)
    await history.claim(0)
    await history.failed("a test", "it still does not")
    second = await state(pool)
    assert second["failed_at"] == first["failed_at"]
    assert second["error"] == "it still does not"
    assert second["read_at"] == first["read_at"]
    assert await owners(pool, WEB) == [(CORE, True, True)]
    await take(history, entity("Component", "web", owner="core"))
    assert (await state(pool))["failed_at"] is None


async def test_one_service_reads_at_a_time_and_who_was_too_slow_writes_nothing(pool: Pool) -> None:
    slow, other = History(pool), History(pool)
    assert await slow.claim(0)
    assert not await other.claim(0)
    await pool.execute("UPDATE catalog SET reading_until = now() - interval '1 second'")
    assert await other.claim(0)
    assert await slow.take(found(entity("Component", "old")), "slow") is None
    await other.take(found(entity("Component", "new")), "other")
    assert [row[0] for row in await pool.fetch("SELECT ref FROM catalog_entity")] == ["component:default/new"]
    assert not await slow.claim(60)


async def test_services_that_begin_at_once_do_not_read_twice(pool: Pool) -> None:
    claims = await asyncio.gather(*(History(pool).claim(60) for _ in range(4)))
    assert sorted(claims) == [False, False, False, True]


async def test_a_history_is_taken_as_it_is(history: History, pool: Pool) -> None:
    await take(history, entity("Component", "web", owner="core"))
    change = datetime(2026, 3, 1, tzinfo=UTC)
    web = [entity_of(entity("Component", "web", owner=owner)) for owner in ("core", "platform")]
    whole = Found([Version(web[0], valid_to=change), Version(web[1], valid_from=change)], is_whole_history=True)
    for _ in range(2):
        assert await history.claim(0)
        await history.take(whole, "a file")
    rows = await pool.fetch("SELECT valid_from, valid_to, owner FROM catalog_entity ORDER BY valid_from")
    assert [tuple(row) for row in rows] == [(datetime.min, change, CORE), (change, datetime.max, PLATFORM)]
    assert (await state(pool))["revision"] == 2
    # A snapshot goes on from there.
    await take(history, entity("Component", "web", owner="core"))
    assert [row[0] for row in await owners(pool, WEB)] == [CORE, PLATFORM, CORE]


async def test_while_many_rows_are_written_others_get_their_turn(history: History, pool: Pool) -> None:
    """The driver takes all rows of a list at once, and the event loop would stand still."""
    turn = 0

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    seen = {turn async for _ in history_module._records([("x",)] * 3 * history_module.SLICE_ROWS)}
    task.cancel()
    many = [entity("Component", f"c{number}", owner="core") for number in range(history_module.SLICE_ROWS + 20)]
    await take(history, *many)
    await take(history, *[{**one, "spec": {"owner": "platform"}} for one in many])

    assert len(seen) == 3
    closed = await pool.fetchval("SELECT count(*) FROM catalog_entity WHERE valid_to <> 'infinity'")
    assert closed == len(many)
    assert await pool.fetchval("SELECT count(*) FROM catalog_entity") == 2 * len(many)


async def test_an_interrupted_write_leaves_nothing(
    history: History, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await take(history, entity("Component", "web", owner="core"))
    before = await state(pool)

    def half(*_: Any) -> changes.Changes:
        due = as_snapshot(Rows([], []), rows_of(found(entity("Component", "new")).versions), AFTER, BEFORE)
        return due._replace(memberships=changes.Change((), (), [("a", "b", AFTER, BEFORE)]))  # refused by the table

    with monkeypatch.context() as patch:
        patch.setattr(changes, "as_snapshot", half)
        with pytest.raises(asyncpg.CheckViolationError):
            await take(history, entity("Component", "new"))
    assert await owners(pool, "component:default/new") == []
    assert (await state(pool))["version"] == before["version"]


def test_a_file_that_said_what_would_be_is_overtaken_by_a_snapshot() -> None:
    now, later = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    one = entity_of(entity("Component", "web", owner="core"))
    two = entity_of(entity("Component", "web", owner="platform"))
    stored = rows_of([Version(one, valid_to=later), Version(two, valid_from=later)])
    due = as_snapshot(stored, rows_of([Version(one)]), now, now)
    assert [row[1:3] for row in due.entities.closed] == [(BEFORE, later)]
    assert [row[1:3] for row in due.entities.deleted] == [(later, AFTER)]
    assert [row[1:3] for row in due.entities.added] == [(now, AFTER)]
    assert not as_history(stored, stored)
