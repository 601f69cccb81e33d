"""The portal's catalog in the reader: for each day what was in it at the day's end.

The history in PostgreSQL has instants; here it has days of the reporting zone, so an event counts for the team of its
person and the owner of its entity as they were when its day ended. Days are numbered from 1970 on, both ends included.
The instants are kept too: days of another zone are made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.log import load

ALWAYS = -(2**31) + 1, 2**31 - 1
"""The first and the last day of what held before the catalog was first read, and of what still holds."""
_SQL = load(Path(__file__).with_name("catalog.sql"))
_SAID = {
    "shown_ref": "VARCHAR", "kind": "VARCHAR", "title": "VARCHAR", "type": "VARCHAR", "lifecycle": "VARCHAR",
    "owner": "VARCHAR", "system": "VARCHAR", "domain": "VARCHAR", "has_docs": "BOOLEAN", "minutes_saved": "DOUBLE",
}  # fmt: skip
_TIMES = {"valid_from": "TIMESTAMP", "valid_to": "TIMESTAMP"}
_DAYS = {"first_day": "INTEGER", "last_day": "INTEGER"}
_HISTORY = {
    "entity_history": {"ref": "VARCHAR", **_TIMES, **_SAID},
    "membership_history": {"member": "VARCHAR", "team": "VARCHAR", **_TIMES},
}
"""As the tables of the catalog in PostgreSQL."""
CATALOG_TABLES: dict[str, dict[str, str]] = {
    # One row: what was read last, and who was eligible then.
    "catalog": {"version": "UUID", "eligible_groups": "VARCHAR[]"},
    **_HISTORY,
    # Of one ref the days do not overlap.
    "catalog_entity": {"ref": "VARCHAR", **_DAYS, **_SAID},
    # People's teams and their parents, all of them. Of one pair the days do not overlap.
    "catalog_team": {"member": "VARCHAR", "team": "VARCHAR", **_DAYS, "is_direct": "BOOLEAN"},
    # The people who are expected to use the portal. Of one ref the days do not overlap.
    "catalog_eligible": {"ref": "VARCHAR", **_DAYS},
}
VIEWS = [
    # What the catalog says of the events' entities and people, by the ids that are in the events.
    """CREATE OR REPLACE VIEW entity_version AS
    SELECT entity_id, c.* FROM entity JOIN catalog_entity AS c ON c.ref = entity.ref""",
    """CREATE OR REPLACE VIEW person_team AS
    SELECT person_id, team, first_day, last_day, is_direct FROM person JOIN catalog_team ON member = person.ref""",
    """CREATE OR REPLACE VIEW person_eligible AS
    SELECT person_id, first_day, last_day FROM person JOIN catalog_eligible USING (ref)""",
]
Run = Callable[..., Any]
"""Executes a statement with its parameters in the transaction of the caller."""


class Basis(msgspec.Struct, frozen=True):
    """What the catalog's tables are made of."""

    version: UUID | None
    eligible_groups: Sequence[str]
    """Whose members, and whose children's, are eligible; empty: all users."""


def basis(run: Run) -> Basis | None:
    """What the tables were made of; None when the catalog was never read."""
    found = run("SELECT version, eligible_groups FROM catalog").fetchone()
    return Basis(*found) if found is not None else None


def read(run: Run, folder: Path, basis: Basis) -> None:
    """Replace all that is known of the catalog by what ``log.tail.copy_catalog`` has written into a folder."""
    for table, columns in _HISTORY.items():
        run(_SQL["forget"].format(table=table))
        file = str(folder / f"{table.removesuffix('_history')}.csv").replace("'", "''")
        types = ", ".join(f"'{name}': '{type_}'" for name, type_ in columns.items())
        csv = f"read_csv('{file}', header = false, auto_detect = false, delim = ',', columns = {{{types}}})"
        run(_SQL["history"].format(name=table, csv=csv))
    run(_SQL["forget"].format(table="catalog"))
    run(_SQL["basis"], {"version": basis.version, "groups": list(basis.eligible_groups)})
    number_days(run)


def number_days(run: Run) -> None:
    """Make the tables by day, of the zone in ``day_shift``."""
    for table in ("catalog_entity", "catalog_team", "catalog_eligible"):
        run(_SQL["forget"].format(table=table))
    known = basis(run)
    if known is None:
        return
    run(_SQL["entities"].format(dated=_dated("entity_history")))
    run(_SQL["teams"].format(dated=_dated("membership_history")))
    run(_SQL["teams_apart"])
    if known.eligible_groups:
        run(_SQL["eligible_members"], {"groups": list(known.eligible_groups)})
    else:
        run(_SQL["eligible_users"])
    run(_SQL["eligible_apart"])
    run("DROP TABLE temp.reached")
    run("DROP TABLE temp.eligible")


def _dated(history: str) -> str:
    first, last = ALWAYS
    return _SQL["dated"].format(history=history, first=first, last=last)
