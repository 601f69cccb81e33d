"""Any history of a catalog against a model: for each day the owner, the teams and who was eligible."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.catalog.entity import entity_of
from analytics_internal.catalog.history import History
from analytics_internal.catalog.source import Found
from analytics_internal.catalog.versions import AFTER, BEFORE, Version
from analytics_internal.days import number_of
from analytics_internal.log.connection import Pool
from analytics_internal.reader.reader_file import remove
from analytics_internal.reader.replica import Replica
from tests.catalog.kept import found
from tests.catalog.world import SPECS, Day, World, at_the_end_of, days_between, expected, worlds

# Weeks in which the clocks change in many of the zones, once ahead of now and once long ago.
LATER, BEFORE_NOW = datetime(2036, 10, 24, tzinfo=UTC), datetime(2018, 10, 29, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Auckland", "Pacific/Apia"]
zones = st.sampled_from(ZONES).map(ZoneInfo)
eligible_groups = st.sampled_from([(), ("group:default/g0",), ("group:default/g1", "group:default/g2")])
hours = st.one_of(
    st.integers(0, 24 * 14).map(float),
    st.builds(lambda day, part: 24 * day + part, st.integers(0, 14), st.floats(0, 24, exclude_max=True)),
)


@settings(max_examples=15)
@given(
    steps=st.lists(st.tuples(hours, worlds), min_size=1, max_size=5, unique_by=lambda step: step[0]),
    zone=zones,
    groups=eligible_groups,
    later_zone=zones,
)
async def test_any_snapshots_are_answered_as_of_the_day(
    pool: Pool,
    tmp_path: Path,
    steps: list[tuple[float, World]],
    zone: ZoneInfo,
    groups: tuple[str, ...],
    later_zone: ZoneInfo,
) -> None:
    await _forget(pool)
    history = History(pool)
    taken: list[tuple[datetime, World]] = []
    for hour, world in sorted(steps, key=lambda step: step[0]):
        if not world:
            continue
        at = LATER + timedelta(hours=hour)
        if await _take(history, pool, found(*world.values()), at):
            taken.append((at, world))
    if not taken:
        return

    def world_before(instant: datetime) -> World:
        earlier = [world for at, world in taken if at < instant]
        return earlier[-1] if earlier else taken[0][1]

    days = days_between(LATER, LATER + timedelta(days=15))
    await _compare(pool, tmp_path, zone, later_zone, groups, days, world_before)


@settings(max_examples=15)
@given(
    lives=st.lists(st.lists(hours, max_size=3, unique=True), min_size=len(SPECS), max_size=len(SPECS)),
    states=st.lists(worlds, min_size=4, max_size=4),
    zone=zones,
    groups=eligible_groups,
    later_zone=zones,
)
async def test_any_history_of_a_file_is_answered_as_of_the_day(
    pool: Pool,
    tmp_path: Path,
    lives: list[list[float]],
    states: list[World],
    zone: ZoneInfo,
    groups: tuple[str, ...],
    later_zone: ZoneInfo,
) -> None:
    """Each entity changes at times of its own, to what it is in the next of the states, or to nothing."""
    timed: list[tuple[str, datetime, datetime, Any]] = []
    for (kind, name), changes in zip(SPECS, lives, strict=True):
        ref = f"{kind}:default/{name}".lower()
        instants = [BEFORE, *(BEFORE_NOW + timedelta(hours=hour) for hour in sorted(changes)), AFTER]
        for number, (start, end) in enumerate(itertools.pairwise(instants)):
            if ref in states[number]:
                timed.append((ref, start, end, states[number][ref]))
    await _forget(pool)
    whole = Found([Version(entity_of(one), start, end) for _, start, end, one in timed], is_whole_history=True)
    if not timed:
        return
    assert await _take(History(pool), pool, whole, LATER)

    def world_before(instant: datetime) -> World:
        return {ref: one for ref, start, end, one in timed if start < instant <= end}

    days = days_between(BEFORE_NOW, BEFORE_NOW + timedelta(days=15))
    await _compare(pool, tmp_path, zone, later_zone, groups, days, world_before)


async def _forget(pool: Pool) -> None:
    await pool.execute("TRUNCATE catalog_entity, catalog_membership")
    await pool.execute("DELETE FROM catalog")
    await pool.execute("INSERT INTO catalog DEFAULT VALUES")


async def _take(history: History, pool: Pool, whole: Found, at: datetime) -> bool:
    """Let it be read at an instant of the future: a change is always later than the one before."""
    assert await history.claim(0)
    await pool.execute("UPDATE catalog SET changed_at = $1", at - timedelta(microseconds=1))
    taken = await history.take(whole, "a test")
    assert taken is not None
    return taken.doubt is None


async def _compare(
    pool: Pool,
    tmp_path: Path,
    zone: ZoneInfo,
    later_zone: ZoneInfo,
    groups: tuple[str, ...],
    days: list[date],
    world_before: Callable[[datetime], World],
) -> None:
    path = tmp_path / "reader.duckdb"
    remove(path)
    reader = Replica(pool, path, "128MB", 1, zone=zone, eligible_groups=groups)
    try:
        for its_zone in (zone, later_zone):
            await reader.use_zone(its_zone)
            await reader.catch_up()
            answers = await reader.query(DAYS, lambda cursor: cursor.fetchall(), {"days": [*map(number_of, days)]})
            answered = {day: Day({}, {}, set()) for day in days}
            by_number = {number_of(day): day for day in days}
            for number, ref, second, third, is_direct in answers:
                of_day = answered[by_number[number]]
                if is_direct is not None:
                    assert (ref, second) not in of_day.teams
                    of_day.teams[ref, second] = is_direct
                elif second == "eligible":
                    assert ref not in of_day.eligible
                    of_day.eligible.add(ref)
                else:
                    assert ref not in of_day.owners
                    of_day.owners[ref] = second, third
            for day in days:
                assert answered[day] == expected(at_the_end_of(day, its_zone, world_before), groups), day
    finally:
        await reader.close()


DAYS = """
WITH day AS (SELECT unnest($days::INTEGER[]) AS day)
SELECT day, ref, owner, domain, NULL AS is_direct FROM day JOIN catalog_entity ON day BETWEEN first_day AND last_day
UNION ALL
SELECT day, member, team, NULL, is_direct FROM day JOIN catalog_team ON day BETWEEN first_day AND last_day
UNION ALL
SELECT day, ref, 'eligible', NULL, NULL FROM day JOIN catalog_eligible ON day BETWEEN first_day AND last_day
"""
