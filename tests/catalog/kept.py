"""What PostgreSQL has of the catalog's history, and entities in Backstage's form."""

from __future__ import annotations

from typing import Any

from analytics_internal.catalog.entity import entity_of
from analytics_internal.catalog.source import CatalogUnavailable, Found
from analytics_internal.catalog.versions import Version
from analytics_internal.log.connection import Pool

Json = dict[str, Any]
CORE, PLATFORM = "group:default/core", "group:default/platform"
ANA, BO = "user:default/ana", "user:default/bo"


def entity(kind: str, name: str, title: str | None = None, **spec: object) -> Json:
    """An entity as its ``catalog-info`` says it."""
    metadata: Json = {"name": name} if title is None else {"name": name, "title": title}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def user(name: str, *groups: str) -> Json:
    return entity("User", name, memberOf=list(groups))


def found(*entities: Json) -> Found:
    """What a source has that holds now."""
    return Found([Version(entity_of(one)) for one in entities])


class Scripted:
    """A source that has what a test gives it."""

    name = "a script"
    interval_s = 0.05

    def __init__(self, *entities: Json) -> None:
        self.entities = list(entities)
        self.error: str | None = None
        self.reads = 0

    def is_same(self) -> bool:
        return False

    async def read(self) -> Found | None:
        self.reads += 1
        if self.error is not None:
            raise CatalogUnavailable(self.error)
        return found(*self.entities)

    def forget(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def owners(pool: Pool, ref: str) -> list[tuple[str | None, bool, bool]]:
    """Of an entity: each owner, whether it always was and whether it still is."""
    rows = await pool.fetch(
        "SELECT owner, valid_from = '-infinity', valid_to = 'infinity' FROM catalog_entity WHERE ref = $1 "
        "ORDER BY valid_from",
        ref,
    )
    return [tuple(row) for row in rows]


async def memberships(pool: Pool) -> set[tuple[str, str]]:
    """Who is a member of what now."""
    rows = await pool.fetch("SELECT member, team FROM catalog_membership WHERE valid_to = 'infinity'")
    return {tuple(row) for row in rows}


async def state(pool: Pool) -> Json:
    row = await pool.fetchrow("SELECT * FROM catalog")
    assert row is not None
    return dict(row)
