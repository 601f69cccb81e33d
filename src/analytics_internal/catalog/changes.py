"""What has to be written so that the stored history goes on with what a source has now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from analytics_internal.catalog.versions import AFTER, EntityRow, MembershipRow, Rows

R = TypeVar("R", EntityRow, MembershipRow)


class Change(NamedTuple):
    """For one table: rows that end at the time of the change, rows that go, rows that are added."""

    closed: Sequence[tuple[object, ...]]
    deleted: Sequence[tuple[object, ...]]
    added: Sequence[tuple[object, ...]]

    def __bool__(self) -> bool:
        return bool(self.closed or self.deleted or self.added)


class Changes(NamedTuple):
    """Of both tables."""

    entities: Change
    memberships: Change

    def __bool__(self) -> bool:
        return bool(self.entities or self.memberships)


def as_snapshot(stored: Rows, found: Rows, at: datetime, since: datetime) -> Changes:
    """What was found holds at ``at``. ``stored``: what does not end before.

    What was not there holds from ``since`` on, what is not there any more held until ``at``.
    """
    return Changes(
        _snapshot(stored.entities, found.entities, at, since),
        _snapshot(stored.memberships, found.memberships, at, since),
    )


def as_history(stored: Rows, found: Rows) -> Changes:
    """What was found is all there ever was. ``stored``: everything."""
    return Changes(_history(stored.entities, found.entities), _history(stored.memberships, found.memberships))


def _snapshot(stored: Iterable[R], found: Iterable[R], at: datetime, since: datetime) -> Change:
    due = {_identity(row): row for row in found}
    closed: list[R] = []
    deleted: list[R] = []
    for row in stored:
        if row.valid_from >= at:  # a file said what would be
            deleted.append(row)
        elif row.valid_to == AFTER and (same := due.get(_identity(row))) is not None and _said(same) == _said(row):
            del due[_identity(row)]
        else:
            closed.append(row)
    return Change(closed, deleted, [row._replace(valid_from=since, valid_to=AFTER) for row in due.values()])


def _history(stored: Iterable[R], found: Iterable[R]) -> Change:
    due = set(found)
    has = set(stored)
    return Change((), list(has - due), list(due - has))


def _identity(row: EntityRow | MembershipRow) -> tuple[str, str]:
    return (row.ref, "") if isinstance(row, EntityRow) else (row.member, row.team)


def _said(row: EntityRow | MembershipRow) -> tuple[object, ...]:
    return row[3:] if isinstance(row, EntityRow) else ()
