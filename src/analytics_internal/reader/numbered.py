"""Sessions and attributes of the events, each under a number that is given when it first appears.

Numbers in order of appearance compress well: an event's session takes a byte or two instead of sixteen.
"""

from __future__ import annotations

import duckdb

KNOWN_SOUGHT = 250_000
"""Attributes are looked for among so many of the first and so many of the newest that are kept. So where every event
has others, what they cost stays the same: they are kept again."""
MANY_EVENTS = 10_000
KNOWN_SENT = 50_000

TABLES = {
    # Browsers name sessions: two people's are never one.
    "session": {"session": "INTEGER NOT NULL", "session_id": "UUID NOT NULL", "person_id": "INTEGER"},
    # The same content may have several ids.
    "attributes": {"attributes_id": "INTEGER NOT NULL", "hash": "BIGINT NOT NULL", "content": "JSON"},
}
COLUMNS = "staged_session.session, staged_attributes.attributes_id"
JOINS = """
LEFT JOIN temp.staged_session
  ON staged_session.session_id = s.session_id AND staged_session.person_id IS NOT DISTINCT FROM s.person_id
LEFT JOIN temp.staged_attributes ON staged_attributes.hash = s.attributes_hash
"""
NUMBER_SESSIONS = """
CREATE OR REPLACE TEMP TABLE staged_session AS
WITH appeared AS (
    SELECT session_id, person_id, min(position) AS position
    FROM staged
    WHERE session_id IS NOT NULL
    GROUP BY ALL
)
SELECT a.session_id, a.person_id, s.session IS NULL AS is_new,
       coalesce(
           s.session,
           (SELECT count(*) FROM session) + row_number() OVER (PARTITION BY s.session IS NULL ORDER BY a.position)
       ) AS session
FROM appeared AS a
LEFT JOIN session AS s ON s.session_id = a.session_id AND s.person_id IS NOT DISTINCT FROM a.person_id
"""
ADD_SESSIONS = "INSERT INTO session BY NAME SELECT session, session_id, person_id FROM staged_session WHERE is_new"
NUMBER_ATTRIBUTES = f"""
CREATE OR REPLACE TEMP TABLE staged_attributes AS
WITH appeared AS (
    SELECT attributes_hash AS hash, min(position) AS position, any_value(attributes) AS content
    FROM staged
    WHERE attributes_hash IS NOT NULL
    GROUP BY ALL
), known AS (
    SELECT hash, min(attributes_id) AS attributes_id
    FROM attributes
    WHERE (attributes_id <= {KNOWN_SOUGHT} OR attributes_id > (SELECT count(*) FROM attributes) - {KNOWN_SOUGHT})
      AND hash IN (SELECT hash FROM appeared)
    GROUP BY hash
)
SELECT a.hash, a.content, k.attributes_id IS NULL AS is_new,
       coalesce(
           k.attributes_id,
           (SELECT count(*) FROM attributes)
           + row_number() OVER (PARTITION BY k.attributes_id IS NULL ORDER BY a.position)
       ) AS attributes_id
FROM appeared AS a
LEFT JOIN known AS k ON k.hash = a.hash
"""
ADD_ATTRIBUTES = """
INSERT INTO attributes BY NAME SELECT attributes_id, hash, content FROM staged_attributes WHERE is_new
"""


def number_staged(connection: duckdb.DuckDBPyConnection) -> None:
    """Number the sessions and attributes of the staged events, and keep those that are new."""
    for statement in (NUMBER_SESSIONS, ADD_SESSIONS, NUMBER_ATTRIBUTES, ADD_ATTRIBUTES):
        connection.execute(statement)


def known_attributes(connection: duckdb.DuckDBPyConnection, events: int) -> list[int]:
    """The hashes of attributes whose texts the log need not send with so many events.

    Those that appeared first are the most frequent ones. To name them pays for many events only.
    """
    if events < MANY_EVENTS:
        return []
    sql = f"SELECT hash FROM attributes WHERE attributes_id <= {KNOWN_SENT}"
    return [row[0] for row in connection.execute(sql).fetchall()]
