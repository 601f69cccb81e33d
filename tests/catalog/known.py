"""A catalog's history put into PostgreSQL by hand, for tests that need to know exactly what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from analytics_internal.log.connection import Pool


class KnownEntity(msgspec.Struct, frozen=True):
    """A row of ``catalog_entity``; ``valid_from`` and ``valid_to`` are unbounded if not given."""

    ref: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    shown_ref: str | None = None
    title: str | None = None
    type: str | None = None
    lifecycle: str | None = None
    owner: str | None = None
    system: str | None = None
    domain: str | None = None
    tags: list[str] = []
    has_docs: bool = False
    minutes_saved: float | None = None


class KnownMembership(msgspec.Struct, frozen=True):
    """A row of ``catalog_membership``."""

    member: str
    team: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None


ENTITY_ROW = """
INSERT INTO catalog_entity
VALUES ($1, coalesce($2, '-infinity'::timestamptz), coalesce($3, 'infinity'::timestamptz), $4, split_part($1, ':', 1),
        $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
MEMBERSHIP_ROW = """
INSERT INTO catalog_membership
VALUES ($1, $2, coalesce($3, '-infinity'::timestamptz), coalesce($4, 'infinity'::timestamptz))
"""


async def know(pool: Pool, entities: Iterable[KnownEntity] = (), memberships: Iterable[KnownMembership] = ()) -> None:
    """Let the catalog's history be exactly this. Readers see it when they catch up next."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM catalog_entity")
        await connection.execute("DELETE FROM catalog_membership")
        await connection.executemany(
            ENTITY_ROW,
            [
                (one.ref, one.valid_from, one.valid_to, one.shown_ref or one.ref, one.title, one.type, one.lifecycle,
                 one.owner, one.system, one.domain, one.tags, one.has_docs, one.minutes_saved)
                for one in entities
            ],
        )  # fmt: skip
        await connection.executemany(
            MEMBERSHIP_ROW, [(one.member, one.team, one.valid_from, one.valid_to) for one in memberships]
        )
        await connection.execute(
            "UPDATE catalog SET revision = revision + 1, version = DEFAULT, source = 'a test', "
            "first_read_at = coalesce(first_read_at, now()), read_at = now()"
        )
