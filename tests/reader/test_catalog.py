"""The catalog in the reader: days, teams with all parents, and who is eligible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from analytics_internal.days import number_of
from analytics_internal.log.connection import Pool
from analytics_internal.reader import catalog as catalog_module
from analytics_internal.reader.catalog import ALWAYS
from analytics_internal.reader.replica import Replica
from tests.catalog.known import KnownEntity, KnownMembership, know

BEFORE, AFTER = ALWAYS
ANA, BO = "user:default/ana", "user:default/bo"
CORE, PLATFORM, ENGINEERING = "group:default/core", "group:default/platform", "group:default/engineering"


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def march(day: int) -> int:
    return number_of(date(2026, 3, day))


Rows = list[tuple[Any, ...]]


async def rows(reader: Replica, sql: str) -> Rows:
    await reader.catch_up()
    found: Rows = await reader.query(sql, lambda cursor: cursor.fetchall())
    return found


async def teams(reader: Replica, person: str = ANA) -> Rows:
    sql = f"SELECT team, first_day, last_day, is_direct FROM catalog_team WHERE member = '{person}' ORDER BY ALL"
    return await rows(reader, sql)


async def eligible(reader: Replica) -> Rows:
    return await rows(reader, "SELECT * FROM catalog_eligible ORDER BY ALL")


async def owners(reader: Replica) -> Rows:
    return await rows(
        reader, "SELECT owner, first_day, last_day FROM catalog_entity WHERE owner IS NOT NULL ORDER BY 2"
    )


Open = Callable[..., Replica]


@pytest.fixture
async def open_reader(pool: Pool, tmp_path: Path) -> AsyncIterator[Open]:
    opened = []

    def open_reader(zone: str = "UTC", groups: tuple[str, ...] = (), name: str = "reader") -> Replica:
        path = tmp_path / f"{name}.duckdb"
        opened.append(Replica(pool, path, "128MB", 1, zone=ZoneInfo(zone), eligible_groups=groups))
        return opened[-1]

    yield open_reader
    for one in opened:
        await one.close()


async def test_what_was_found_first_counts_for_all_time(pool: Pool, open_reader: Open) -> None:
    await know(pool, [KnownEntity("component:default/web", owner=CORE), KnownEntity(ANA)], [KnownMembership(ANA, CORE)])
    reader = open_reader()
    assert await owners(reader) == [(CORE, BEFORE, AFTER)]
    assert await teams(reader) == [(CORE, BEFORE, AFTER, True)]
    assert await eligible(reader) == [(ANA, BEFORE, AFTER)]


async def test_a_day_counts_for_what_held_at_its_end(pool: Pool, open_reader: Open) -> None:
    web = "component:default/web"
    await know(
        pool,
        [
            KnownEntity(web, valid_to=at(10, 9), owner=CORE),
            KnownEntity(web, valid_from=at(10, 9), valid_to=at(10, 17), owner="user:default/for-some-hours"),
            KnownEntity(web, valid_from=at(10, 17), valid_to=at(20, 0), owner=PLATFORM),
            KnownEntity(web, valid_from=at(20, 0), owner=CORE),
        ],
    )
    assert await owners(open_reader()) == [
        (CORE, BEFORE, march(9)),
        (PLATFORM, march(10), march(19)),  # at midnight the day has ended with the owner before
        (CORE, march(20), AFTER),
    ]


async def test_days_are_of_the_reporting_zone_and_change_with_it(pool: Pool, open_reader: Open) -> None:
    web = "component:default/web"
    change = at(10, 2)
    await know(
        pool, [KnownEntity(web, valid_to=change, owner=CORE), KnownEntity(web, valid_from=change, owner=PLATFORM)]
    )
    reader = open_reader("America/Sao_Paulo")
    assert [row[1] for row in await owners(reader)] == [BEFORE, march(9)]
    await reader.use_zone(ZoneInfo("UTC"))
    assert [row[1] for row in await owners(reader)] == [BEFORE, march(10)]
    await reader.close()
    again = open_reader("America/Sao_Paulo")
    assert [row[1] for row in await owners(again)] == [BEFORE, march(9)]


async def test_a_person_is_in_all_parents_of_its_groups_while_both_held(pool: Pool, open_reader: Open) -> None:
    await know(
        pool,
        memberships=[
            KnownMembership(ANA, CORE, at(5), at(15)),
            KnownMembership(CORE, PLATFORM, at(8), at(12)),
            KnownMembership(PLATFORM, ENGINEERING, at(10)),
        ],
    )
    assert await teams(open_reader()) == [
        (CORE, march(5), march(14), True),
        (ENGINEERING, march(10), march(11), False),
        (PLATFORM, march(8), march(11), False),
    ]


async def test_a_team_that_is_reached_twice_counts_once_and_directly_where_it_is(pool: Pool, open_reader: Open) -> None:
    await know(
        pool,
        memberships=[
            KnownMembership(ANA, CORE, at(1), at(20)),
            KnownMembership(CORE, PLATFORM),
            KnownMembership(ANA, PLATFORM, at(5), at(10)),
            KnownMembership(ANA, PLATFORM, at(10), at(12)),
        ],
    )
    assert (await teams(open_reader()))[1:] == [
        (PLATFORM, march(1), march(4), False),
        (PLATFORM, march(5), march(11), True),
        (PLATFORM, march(12), march(19), False),
    ]


async def test_groups_that_are_members_of_each_other_do_not_hang(pool: Pool, open_reader: Open) -> None:
    circle = [CORE, PLATFORM, ENGINEERING]
    around = [KnownMembership(one, circle[(n + 1) % 3]) for n, one in enumerate(circle)]
    await know(pool, memberships=[*around, KnownMembership(CORE, CORE), KnownMembership(ANA, CORE)])
    found = await teams(open_reader())
    assert [(row[0], row[3]) for row in found] == [(CORE, True), (ENGINEERING, False), (PLATFORM, False)]


async def test_the_eligible_can_be_the_members_of_groups_and_of_their_children(pool: Pool, open_reader: Open) -> None:
    await know(
        pool,
        [KnownEntity(ANA), KnownEntity(BO)],
        [KnownMembership(ANA, CORE), KnownMembership(CORE, PLATFORM, at(3)), KnownMembership(BO, ENGINEERING)],
    )
    assert await eligible(open_reader(groups=(PLATFORM,))) == [(ANA, march(3), AFTER)]
    # The setting changes: the same file is made again.
    assert await eligible(open_reader(groups=(PLATFORM, ENGINEERING), name="other")) == [
        (ANA, march(3), AFTER),
        (BO, BEFORE, AFTER),
    ]


async def test_another_setting_of_the_eligible_is_seen_by_the_same_file(pool: Pool, open_reader: Open) -> None:
    await know(pool, [KnownEntity(ANA), KnownEntity(BO)], [KnownMembership(ANA, CORE)])
    reader = open_reader()
    assert len(await eligible(reader)) == 2
    await reader.close()
    assert await eligible(open_reader(groups=(CORE,))) == [(ANA, BEFORE, AFTER)]


async def test_who_comes_back_the_same_day_never_left(pool: Pool, open_reader: Open) -> None:
    await know(pool, [KnownEntity(ANA, valid_to=at(10, 9)), KnownEntity(ANA, valid_from=at(10, 12))])
    assert await eligible(open_reader()) == [(ANA, BEFORE, AFTER)]


async def test_a_reader_sees_every_change_at_its_next_question(pool: Pool, open_reader: Open) -> None:
    reader = open_reader()
    assert await teams(reader) == []
    await know(pool, memberships=[KnownMembership(ANA, CORE)])
    assert len(await teams(reader)) == 1
    await know(pool)
    assert await teams(reader) == []


async def test_a_load_that_ends_half_way_leaves_the_catalog_of_before(
    pool: Pool, open_reader: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await know(pool, [KnownEntity(ANA), KnownEntity(BO)], [KnownMembership(ANA, CORE)])
    reader = open_reader()
    before = await teams(reader), await eligible(reader)
    await know(pool, [KnownEntity(ANA)], [KnownMembership(ANA, PLATFORM)])
    half = {name: sql for name, sql in catalog_module._SQL.items() if name != "eligible_apart"}
    with monkeypatch.context() as patch:
        patch.setattr(catalog_module, "_SQL", half)
        with pytest.raises(KeyError):
            await reader.catch_up()
    path = reader.folder / "reader.duckdb"
    await reader.close()
    with duckdb.connect(str(path), read_only=True) as file:
        assert file.execute("SELECT count(*) FROM catalog_eligible").fetchone() == (len(before[1]),)
        assert file.execute("SELECT team FROM catalog_team").fetchall() == [(CORE,)]
    again = open_reader()
    assert [row[0] for row in await teams(again)] == [PLATFORM]
    assert await eligible(again) == [(ANA, BEFORE, AFTER)]
