"""The portal's catalog in the reader: for each day what was in it at the day's end.

The history in PostgreSQL has instants; here it has days of the reporting zone, so an event counts for the team of its
person and the owner of its entity as they were when its day ended. Days are numbered from 1970 on, both ends included.
"""

from __future__ import annotations

ALWAYS = -(2**31) + 1, 2**31 - 1
"""The first and the last day of what held before the catalog was first read, and of what still holds."""
CATALOG_TABLES: dict[str, dict[str, str]] = {
    "catalog": {"revision": "BIGINT"},
    # Of one ref the days do not overlap.
    "catalog_entity": {
        "ref": "VARCHAR", "first_day": "INTEGER", "last_day": "INTEGER", "shown_ref": "VARCHAR", "kind": "VARCHAR",
        "title": "VARCHAR", "type": "VARCHAR", "lifecycle": "VARCHAR", "owner": "VARCHAR", "system": "VARCHAR",
        "domain": "VARCHAR", "has_docs": "BOOLEAN", "minutes_saved": "DOUBLE",
    },
    # People's teams and their parents, all of them. Of one pair the days do not overlap.
    "catalog_team": {
        "member": "VARCHAR", "team": "VARCHAR", "first_day": "INTEGER", "last_day": "INTEGER", "is_direct": "BOOLEAN",
    },
    # The people who are expected to use the portal. Of one ref the days do not overlap.
    "catalog_eligible": {"ref": "VARCHAR", "first_day": "INTEGER", "last_day": "INTEGER"},
}  # fmt: skip
VIEWS = [
    # What the catalog says of the events' entities and people, by the ids that are in the events.
    """CREATE OR REPLACE VIEW entity_version AS
    SELECT entity_id, c.* FROM entity JOIN catalog_entity AS c ON c.ref = entity.ref""",
    """CREATE OR REPLACE VIEW person_team AS
    SELECT person_id, team, first_day, last_day, is_direct FROM person JOIN catalog_team ON member = person.ref""",
    """CREATE OR REPLACE VIEW person_eligible AS
    SELECT person_id, first_day, last_day FROM person JOIN catalog_eligible USING (ref)""",
]
