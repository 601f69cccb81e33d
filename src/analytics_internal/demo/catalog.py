"""The made-up portal's catalog as a file of entities with their history (docs/reference/catalog.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from analytics_internal.demo import vocabulary
from analytics_internal.demo.calendar import DAYS, ZONE, Year, year
from analytics_internal.demo.portal import Entity, Person, Portal, Team, portal

# When the catalog is changed: what holds at a day's end counts for the day.
_CHANGED_AT = time(9, 30)
_COMPONENT_TYPES = {
    "web": "website",
    "admin": "website",
    "library": "library",
    "cli": "tool",
    "worker": "job",
    "scheduler": "job",
}
_API_TYPES = {"api": "openapi", "events": "asyncapi", "grpc-api": "grpc"}
_RESOURCE_TYPES = {"db": "database", "bucket": "s3-bucket", "topic": "kafka-topic", "cache": "redis"}
_LIFECYCLES = {"production": 78, "experimental": 14, "deprecated": 8}

Json = dict[str, Any]


def catalog(seed: int = 1, until: datetime | None = None) -> Iterator[Json]:
    """The entities of the portal whose events ``events`` makes: as Backstage has them, with ``validFrom``, ``validTo``.

    An entity that changed during the year comes once for each of its states, in time order.
    """
    of_year = year(datetime.now(UTC) if until is None else until)
    made = portal(seed)
    yield _entity("Group", vocabulary.ROOT_GROUP[0], {"type": "organization", "children": []}, vocabulary.ROOT_GROUP[1])
    for name, title, _ in vocabulary.DEPARTMENTS:
        spec: Json = {"type": "department", "parent": vocabulary.ROOT_GROUP[0], "children": []}
        yield _entity("Group", name, spec, title)
        yield _entity("Domain", name, {"owner": f"group:default/{name}"}, title)
    for entity in made.entities:
        yield from _states_of(entity, made, of_year)
    for person in made.people:
        yield from _states_of_person(person, of_year)


def _states_of(entity: Entity, made: Portal, of_year: Year) -> Iterator[Json]:
    if entity.kind == "group":
        team = entity.owner
        yield _entity("Group", team.name, {"type": "team", "parent": team.parents[0], "children": []}, entity.title)
        return
    random = Random(f"catalog {entity.ref}")
    owners = [entity.owner] if entity.later_owner is None else [entity.owner, entity.later_owner]
    details = _details_of(entity, made, random)
    annotations: Json = {}
    if entity.doc:
        annotations["backstage.io/techdocs-ref"] = "dir:."
    if entity.minutes_saved:
        annotations["backstage.io/time-saved"] = f"PT{entity.minutes_saved}M"
    for number, owner in enumerate(owners):
        described = _entity(_KINDS[entity.kind], entity.name, details | {"owner": owner.ref}, entity.title, annotations)
        if number + 1 < len(owners):
            described["validTo"] = _instant(of_year, entity.handed_over_day)
        if number:
            described["validFrom"] = _instant(of_year, entity.handed_over_day)
        yield described


def _details_of(entity: Entity, made: Portal, random: Random) -> Json:
    word, _, end = entity.name.partition("-")
    systems = {system.name for system in made.of_kind("system")}
    if entity.kind == "system":
        return {"domain": entity.owner.parents[0]}
    if entity.kind == "template":
        return {"type": "service" if entity.minutes_saved >= 180 else "task", "parameters": [], "steps": []}
    found: Json = {"system": word} if word in systems else {}
    if entity.kind == "resource":
        return found | {"type": _RESOURCE_TYPES.get(end, "other")}
    found["lifecycle"] = random.choices(list(_LIFECYCLES), list(_LIFECYCLES.values()))[0]
    if entity.kind == "api":
        return found | {"type": _API_TYPES.get(end, "openapi"), "definition": ""}
    return found | {"type": "documentation" if entity.owner is made.teams[0] and not end else _type_of(end)}


def _type_of(end: str) -> str:
    return _COMPONENT_TYPES.get(end, "service")


def _states_of_person(person: Person, of_year: Year) -> Iterator[Json]:
    teams: list[Team] = [person.team] if person.later_team is None else [person.team, person.later_team]
    days = [person.joined_day, *([person.moved_day] if person.later_team is not None else []), person.left_day + 1]
    for number, team in enumerate(teams):
        first = max(days[number], person.joined_day)
        end = min(days[number + 1], person.left_day + 1)
        if first >= end:
            continue
        spec = {"profile": {"displayName": person.name}, "memberOf": [team.ref]}
        described = _entity("User", person.ref.partition("/")[2], spec)
        if first:
            described["validFrom"] = _instant(of_year, first)
        if end < DAYS:
            described["validTo"] = _instant(of_year, end)
        yield described


def _entity(kind: str, name: str, spec: Json, title: str | None = None, annotations: Json | None = None) -> Json:
    metadata: Json = {"namespace": "default", "name": name}
    if title is not None:
        metadata["title"] = title
    if annotations:
        metadata["annotations"] = annotations
    api = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def _instant(of_year: Year, day: int) -> str:
    at = datetime.combine(of_year.first_day + timedelta(days=day), _CHANGED_AT, ZONE)
    return at.isoformat()


_KINDS = {
    "component": "Component",
    "api": "API",
    "system": "System",
    "resource": "Resource",
    "template": "Template",
}
