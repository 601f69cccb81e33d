"""A small portal as plain Python: what its catalog says at an instant, and what must be answered of a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from analytics_internal.days import start_of
from tests.catalog.kept import Json, entity

World = dict[str, Json]
"""The entities that there are, by ref."""
USERS, GROUPS, DOMAINS = ("u0", "u1"), ("g0", "g1", "g2", "g3"), ("d0", "d1")


class Day(NamedTuple):
    """What holds at the end of a day."""

    owners: dict[str, tuple[str | None, str | None]]
    """Owner and domain by entity."""
    teams: dict[tuple[str, str], bool]
    """Of a person and a team: whether it is a direct member."""
    eligible: set[str]


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


some_groups = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)
user_specs = st.fixed_dictionaries({"memberOf": some_groups})
group_specs = st.fixed_dictionaries(
    {
        "parent": optional(st.sampled_from(GROUPS)),
        "members": st.lists(st.sampled_from(USERS), max_size=1),
        "children": st.lists(st.sampled_from(GROUPS), max_size=1),
    }
)
component_specs = st.fixed_dictionaries({"owner": optional(st.sampled_from(GROUPS)), "system": optional(st.just("s0"))})
system_specs = st.fixed_dictionaries({"domain": optional(st.sampled_from(DOMAINS))})
SPECS = {
    **{("User", name): user_specs for name in USERS},
    **{("Group", name): group_specs for name in GROUPS},
    **{("Component", name): component_specs for name in ("c0", "c1")},
    ("System", "s0"): system_specs,
}
worlds = st.fixed_dictionaries({key: optional(specs) for key, specs in SPECS.items()}).map(
    lambda made: {
        f"{kind}:default/{name}".lower(): entity(kind, name, None, **spec)
        for (kind, name), spec in made.items()
        if spec is not None
    }
)


def expected(world: World, eligible_groups: tuple[str, ...]) -> Day:
    owners = {}
    direct: set[tuple[str, str]] = set()
    for ref, one in world.items():
        spec = one["spec"]
        system = world.get(f"system:default/{spec.get('system')}")
        domain = spec.get("domain") or (system["spec"].get("domain") if system is not None else None)
        owners[ref] = _ref("group", spec.get("owner")), _ref("domain", domain)
        direct |= {(ref, f"group:default/{name}") for name in spec.get("memberOf", ())}
        direct |= {(ref, f"group:default/{name}") for name in [spec.get("parent")] if name}
        direct |= {(f"user:default/{name}", ref) for name in spec.get("members", ())}
        direct |= {(f"group:default/{name}", ref) for name in spec.get("children", ())}
    direct = {(member, team) for member, team in direct if member != team}
    reached = set(direct)
    while True:
        further = {(member, above) for member, team in reached for below, above in direct if below == team}
        if further <= reached:
            break
        reached |= further
    teams = {pair: pair in direct for pair in reached if pair[0].startswith("user:")}
    if eligible_groups:
        return Day(owners, teams, {member for member, team in teams if team in eligible_groups})
    return Day(owners, teams, {ref for ref in world if ref.startswith("user:")})


def _ref(kind: str, name: str | None) -> str | None:
    return f"{kind}:default/{name}" if name is not None else None


def days_between(first: datetime, last: datetime) -> list[date]:
    day = first.date() - timedelta(days=3)
    return [day + timedelta(days=number) for number in range((last - first).days + 7)]


def at_the_end_of(day: date, zone: ZoneInfo, world_before: Callable[[datetime], World]) -> World:
    """``world_before``: what held just before an instant."""
    return world_before(start_of(day + timedelta(days=1), zone))
