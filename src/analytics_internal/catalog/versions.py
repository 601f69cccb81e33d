"""The catalog as rows with times: what is derived across entities, at any time. Pure.

A domain comes from the system, a membership from either side. A snapshot is the case in which everything holds always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from analytics_internal.catalog.entity import Entity

BEFORE = datetime.min.replace(tzinfo=UTC)
AFTER = datetime.max.replace(tzinfo=UTC)
"""Stand for PostgreSQL's ``-infinity`` and ``infinity``."""


class Version(msgspec.Struct, frozen=True):
    """An entity as it was from one instant until another."""

    entity: Entity
    valid_from: datetime = BEFORE
    valid_to: datetime = AFTER


class EntityRow(NamedTuple):
    """A row of the table ``catalog_entity``, in its columns' order."""

    ref: str
    valid_from: datetime
    valid_to: datetime
    shown_ref: str
    kind: str
    title: str | None
    type: str | None
    lifecycle: str | None
    owner: str | None
    system: str | None
    domain: str | None
    tags: tuple[str, ...]
    has_docs: bool
    minutes_saved: float | None


class MembershipRow(NamedTuple):
    """A row of the table ``catalog_membership``, in its columns' order."""

    member: str
    team: str
    valid_from: datetime
    valid_to: datetime


class Rows(NamedTuple):
    """What the two tables should have."""

    entities: list[EntityRow]
    memberships: list[MembershipRow]


Span = tuple[datetime, datetime]


def rows_of(versions: Sequence[Version]) -> Rows:
    """The rows for versions, of which those of one ref must not overlap."""
    by_ref: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        by_ref[version.entity.ref].append(version)
    entities: list[EntityRow] = []
    for ref in sorted(by_ref):
        rows: list[EntityRow] = []
        for version in sorted(by_ref[ref], key=lambda one: one.valid_from):
            rows += _with_domains(version, by_ref)
        entities += _joined(rows)
    return Rows(entities, _memberships(versions))


def _with_domains(version: Version, by_ref: dict[str, list[Version]]) -> list[EntityRow]:
    """One version, cut where its system comes into another domain."""
    entity = version.entity
    if entity.domain is not None or entity.system is None:
        return [_row(version, version.valid_from, version.valid_to, entity.domain)]
    rows, reached = [], version.valid_from
    for system in sorted(by_ref.get(entity.system, ()), key=lambda one: one.valid_from):
        start, end = max(system.valid_from, reached), min(system.valid_to, version.valid_to)
        if start >= end:
            continue
        if reached < start:
            rows.append(_row(version, reached, start, None))
        rows.append(_row(version, start, end, system.entity.domain))
        reached = end
    if reached < version.valid_to:
        rows.append(_row(version, reached, version.valid_to, None))
    return rows


def _row(version: Version, start: datetime, end: datetime, domain: str | None) -> EntityRow:
    one = version.entity
    return EntityRow(
        one.ref, start, end, one.shown_ref, one.kind, one.title, one.type, one.lifecycle, one.owner, one.system, domain,
        one.tags, one.has_docs, one.minutes_saved,
    )  # fmt: skip


def _joined(rows: list[EntityRow]) -> list[EntityRow]:
    """The same rows, neighbours that say the same as one."""
    joined: list[EntityRow] = []
    for row in rows:
        last = joined[-1] if joined else None
        if last is not None and last.valid_to == row.valid_from and last[3:] == row[3:]:
            joined[-1] = last._replace(valid_to=row.valid_to)
        else:
            joined.append(row)
    return joined


def _memberships(versions: Iterable[Version]) -> list[MembershipRow]:
    spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for version in versions:
        span = version.valid_from, version.valid_to
        for group in version.entity.groups:
            spans[version.entity.ref, group].append(span)
        for member in version.entity.members:
            spans[member, version.entity.ref].append(span)
    return [
        MembershipRow(member, team, *span) for (member, team), found in sorted(spans.items()) for span in _united(found)
    ]


def _united(spans: list[Span]) -> list[Span]:
    """Spans without overlap that cover the same times."""
    united: list[Span] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united
