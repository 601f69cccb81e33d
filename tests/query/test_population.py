"""Who could come and who did, who joined and arrived, what the catalog has: compared with plain Python over days."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics_internal.dimensions import MEASUREMENTS
from analytics_internal.log.connection import Pool
from analytics_internal.query.language import InvalidQuery
from tests.catalog.known import KnownEntity, KnownMembership, know
from tests.query.model import DAY, Access, bucket, counterparts, day_of, period_of
from tests.query.stored import NOW, Stored, random_events, reading

TEAMS = ["group:default/core", "group:default/edge", "group:default/all"]
CORE, EDGE, ALL = TEAMS
USERS = [f"user:default/{name}" for name in ("ana", "bo", "cy", "dee", "eve")]
KINDS = {"component:default/web": "service", "api:default/orders": "openapi", "component:default/new": "library"}
Times = tuple[datetime | None, datetime | None]


def _times(chance: random.Random) -> Times:
    start = NOW - timedelta(days=chance.randint(1, 80), hours=chance.randint(0, 23))
    end = start + timedelta(days=chance.randint(1, 60), hours=chance.randint(0, 23))
    return chance.choice([None, start]), chance.choice([None, end]) if end < NOW else None


class Catalog:
    """A random history, and what it says of a day."""

    def __init__(self, chance: random.Random) -> None:
        self.entities = [
            KnownEntity(ref, *_times(chance), owner=chance.choice([None, CORE, EDGE]), type=type_, has_docs=bool(n % 2))
            for n, (ref, type_) in enumerate(KINDS.items())
        ]
        self.users = [KnownEntity(ref, *_times(chance)) for ref in USERS]
        self.groups = [KnownEntity(ref) for ref in TEAMS]
        self.memberships = [
            KnownMembership(user, team, *_times(chance))
            for user in USERS
            for team in (CORE, EDGE)
            if chance.random() < 0.7
        ] + [KnownMembership(team, ALL) for team in (CORE, EDGE)]

    async def store(self, pool: Pool) -> None:
        await know(pool, [*self.entities, *self.users, *self.groups], self.memberships)

    @staticmethod
    def _holds(one: Any, day: date, zone: ZoneInfo) -> bool:
        """Whether something held when a day ended."""
        has_begun = one.valid_from is None or day_of(one.valid_from, zone) <= day
        return has_begun and (one.valid_to is None or day_of(one.valid_to, zone) > day)

    def eligible(self, day: date, zone: ZoneInfo) -> set[str]:
        return {user.ref for user in self.users if self._holds(user, day, zone)}

    def teams(self, user: str | None, day: date, zone: ZoneInfo) -> set[str]:
        direct = {one.team for one in self.memberships if one.member == user and self._holds(one, day, zone)}
        return direct | ({ALL} if direct else set())

    def there(self, day: date, zone: ZoneInfo) -> list[KnownEntity]:
        return [one for one in self.entities if self._holds(one, day, zone)]

    def joined(self, zone: ZoneInfo) -> dict[str, date]:
        """The first day of those who were not always there, if it has one."""
        firsts = {}
        for user in self.users:
            if user.valid_from is not None:
                first = day_of(user.valid_from, zone)
                if self._holds(user, first, zone):
                    firsts[user.ref] = first
        return firsts


@pytest.fixture(scope="module", params=range(3))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
async def known(pool: Pool, tmp_path: Path, chance: random.Random) -> AsyncIterator[tuple[Stored, Catalog]]:
    catalog = Catalog(chance)
    await catalog.store(pool)
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(200, chance))
        yield stored, catalog


def spans(question: dict[str, Any], zone: ZoneInfo) -> dict[str | None, list[date]]:
    """The days of each bucket that have come; of the period if there is no time dimension."""
    first, last = period_of(question, [], zone, NOW)
    days = [first + n * DAY for n in range((last - first).days + 1) if first + n * DAY <= day_of(NOW, zone)]
    time = next((name for name in question.get("dimensions", []) if name.startswith("time:")), None)
    found: dict[str | None, list[date]] = {}
    for day in days:
        found.setdefault(str(bucket(day, time)) if time else None, []).append(day)
    return found


def previous_days(question: dict[str, Any], zone: ZoneInfo) -> list[date]:
    first, last = period_of(question, [], zone, NOW)
    today = day_of(NOW, zone)
    return [day for day, other in counterparts(first, last, 0).items() if other <= today or today < first]


def came_on(accesses: Iterable[Access], zone: ZoneInfo) -> set[tuple[str, date]]:
    counted = (access for access in accesses if access.action not in MEASUREMENTS and access.agent is None)
    return {(access.person, day_of(access.at, zone)) for access in counted if access.person}


QUESTIONS: list[dict[str, Any]] = [
    {"date_range": {"last": "28d"}},
    {"date_range": {"last": "60d"}, "dimensions": ["time:day"]},
    {"date_range": {"last": "12w"}, "dimensions": ["time:week"]},
    {"date_range": {"last": "60d"}, "dimensions": ["time:month"]},
    {"date_range": {"from": "2018-09-01", "to": "2018-11-25"}},
]
ZONES = ["UTC", "America/Sao_Paulo", "Asia/Kathmandu"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("team", [None, CORE, ALL])
async def test_eligible_people_and_those_who_came(known: tuple[Stored, Catalog], zone: str, team: str | None) -> None:
    stored, catalog = known
    at = ZoneInfo(zone)
    came = came_on(stored.accesses, at)
    for question in QUESTIONS:
        asked = question | ({"filters": ["is", "team", [team]]} if team else {})
        rows, _ = await stored.ask_all({"metrics": ["eligible_people", "adoption_rate"], **asked}, zone)

        time = next(iter(question.get("dimensions", [])), None)
        found = {row.get(time) if time else None: row for row in rows}
        expected = {}
        for label, days in spans(question, at).items():
            of_days = [
                (user, day)
                for day in days
                for user in catalog.eligible(day, at)
                if team is None or team in catalog.teams(user, day, at)
            ]
            expected[label] = (
                len({user for user, _ in of_days}),
                len({user for user, day in of_days if (user, day) in came}),
            )
        assert {
            label: (row["eligible_people"]["value"], row["adoption_rate"]["numerator"]) for label, row in found.items()
        } == expected, question


@pytest.mark.parametrize("zone", ZONES)
async def test_eligible_people_by_team_and_before(known: tuple[Stored, Catalog], zone: str) -> None:
    stored, catalog = known
    at, question = ZoneInfo(zone), {"date_range": {"last": "21d"}}
    asked = {"metrics": ["adoption_rate"], "dimensions": ["team"], "compare": "previous_period", **question}

    rows, _ = await stored.ask_all(asked, zone)

    def by_team(days: list[date], accesses: list[Access]) -> dict[str | None, tuple[int, int]]:
        came = came_on(accesses, at)
        found: dict[str | None, tuple[int, int]] = {}
        for team in [None, *TEAMS]:
            there = [
                (u, d) for d in days for u in catalog.eligible(d, at) if team in (catalog.teams(u, d, at) or [None])
            ]
            if there:
                found[team] = (len({u for u, d in there if (u, d) in came}), len({u for u, _ in there}))
        return found

    now = by_team(spans(question, at)[None], stored.accesses)
    found = {row["team"]: row["adoption_rate"] for row in rows if row["adoption_rate"]["denominator"]}
    assert {team: (rate["numerator"], rate["denominator"]) for team, rate in found.items()} == now
    # Of the day that is compared with today only as much counts as has come of today: all events are older here.
    before = by_team(previous_days(question, at), stored.accesses)
    assert {team: rate["previous_denominator"] for team, rate in found.items()} == {
        team: before.get(team, (0, 0))[1] for team in now
    }


@pytest.mark.parametrize("zone", ZONES)
async def test_who_joined_and_arrived(known: tuple[Stored, Catalog], zone: str) -> None:
    stored, catalog = known
    at = ZoneInfo(zone)
    came = came_on(stored.accesses, at)
    joined = catalog.joined(at)
    arrived = {
        user: min((day for person, day in came if person == user and day >= first), default=None)
        for user, first in joined.items()
    }
    for question in QUESTIONS:
        rows, _ = await stored.ask_all(
            {"metrics": ["joined_people", "arrival_rate", "days_to_arrival"], **question}, zone
        )

        time = next(iter(question.get("dimensions", [])), None)
        for label, days in spans(question, at).items():
            row = next(row for row in rows if time is None or row[time] == label)
            of_span = [user for user, first in joined.items() if first in days]
            waits = [(day - joined[user]).days for user in of_span if (day := arrived[user]) is not None]
            assert row["joined_people"]["value"] == row["arrival_rate"]["denominator"] == len(of_span)
            assert row["arrival_rate"]["numerator"] == row["days_to_arrival"]["denominator"] == len(waits)
            assert row["days_to_arrival"]["numerator"] == sum(waits)


@pytest.mark.parametrize("zone", ZONES)
async def test_what_the_catalog_has_at_the_end(known: tuple[Stored, Catalog], zone: str) -> None:
    stored, catalog = known
    at = ZoneInfo(zone)
    kinds = ["api", "component"]
    for question in QUESTIONS:
        asked = {"metrics": ["entities", "new_entities", "ownership_rate", "documentation_rate"], **question}
        rows, _ = await stored.ask_all({**asked, "filters": ["is", "entity_kind", kinds]}, zone)

        time = next(iter(question.get("dimensions", [])), None)
        found = {row.get(time) if time else None: row for row in rows}
        for label, days in spans(question, at).items():
            there = catalog.there(days[-1], at)
            new = [
                one
                for one in catalog.entities
                if one.valid_from is not None
                and (first := day_of(one.valid_from, at)) in days
                and one in catalog.there(first, at)
            ]
            row = found.get(label)
            if row is None:
                assert not there
                assert not new
                continue
            assert row["entities"]["value"] == len(there)
            assert row["new_entities"]["value"] == len(new)
            assert row["ownership_rate"]["numerator"] == sum(one.owner is not None for one in there)
            assert row["documentation_rate"]["numerator"] == sum(one.has_docs for one in there)


async def test_an_entity_that_changes_is_not_new(pool: Pool, tmp_path: Path) -> None:
    at = NOW - timedelta(days=5)
    web = "component:default/web"
    changed = [KnownEntity(web, valid_to=at, owner=CORE), KnownEntity(web, valid_from=at, owner=EDGE)]
    await know(pool, [*changed, KnownEntity("component:default/new", valid_from=at, owner=EDGE)], [])
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        rows, _ = await stored.ask_all({"metrics": ["entities", "new_entities"], "date_range": {"last": "28d"}}, "UTC")

    assert [(row["entities"]["value"], row["new_entities"]["value"]) for row in rows] == [(2, 1)]


@pytest.mark.parametrize(
    "question",
    [
        {"metrics": ["eligible_people"], "dimensions": ["plugin"]},
        {"metrics": ["joined_people"], "dimensions": ["team"]},
        {"metrics": ["entities"], "dimensions": ["person"]},
        {"metrics": ["entities"], "filters": ["is", "action", ["click"]]},
    ],
)
async def test_what_has_no_meaning_is_refused_by_name(known: tuple[Stored, Catalog], question: dict[str, Any]) -> None:
    stored, _ = known
    with pytest.raises(InvalidQuery, match="does not go with the metric") as raised:
        await stored.ask(question)
    assert raised.value.errors[0].allowed
