"""What the catalog says of an event's day, in plain Python over lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.catalog.known import KnownEntity, KnownMembership
from tests.query.model import DAY, Access, day_of, first_instant


class KnownCatalog(NamedTuple):
    """All that a catalog has ever been."""

    entities: Sequence[KnownEntity] = ()
    memberships: Sequence[KnownMembership] = ()


NOTHING = KnownEntity("")


def as_of_their_days(accesses: Sequence[Access], catalog: KnownCatalog, zone: ZoneInfo) -> list[Access]:
    """The events with what the catalog had of entity and person at the end of the event's day."""
    found = []
    for access in accesses:
        end = first_instant(day_of(access.at, zone) + DAY, zone)
        version = version_at(access.entity, catalog, end) or NOTHING
        teams = teams_at(access.person, catalog, end)
        found.append(
            access._replace(
                teams=tuple(sorted(teams)),
                entity_type=version.type,
                owner=version.owner,
                system=version.system,
                domain=version.domain,
                lifecycle=version.lifecycle,
            )
        )
    return found


def version_at(ref: str | None, catalog: KnownCatalog, end: datetime) -> KnownEntity | None:
    """An entity as it was just before an instant."""
    return next((one for one in catalog.entities if one.ref == ref and held(one, end)), None)


def teams_at(person: str | None, catalog: KnownCatalog, end: datetime) -> set[str]:
    """The groups that somebody was a member of just before an instant, and all above them."""
    found: set[str] = set()
    waiting = [person]
    while waiting:
        member = waiting.pop()
        for one in catalog.memberships:
            if one.member == member and held(one, end) and one.team not in found:
                found.add(one.team)
                waiting.append(one.team)
    return found


def held(one: KnownEntity | KnownMembership, end: datetime) -> bool:
    began = one.valid_from is None or one.valid_from < end
    return began and (one.valid_to is None or one.valid_to >= end)
