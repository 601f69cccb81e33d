"""Lets PostgreSQL answer the same questions by hand: what the reader derives of names, and views on the log's events.

The texts that are derived of a name (the page of documentation at a path, the plugin of a context) are copied from the
reader's naming tables, and so are the catalog's days: a warehouse in PostgreSQL would keep them, too. The events stay
the log's own.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from analytics_internal.dimensions import MEASUREMENTS
from analytics_internal.event import CATALOG, FRAMES, LOCATIONS
from analytics_internal.reader import Replica

COPIED = {
    "item": "item_id integer PRIMARY KEY, action_id integer, subject text, path text, action text, term text, "
    "spelling text",
    "entity": "entity_id integer PRIMARY KEY, ref text, kind text, template text",
    "path": "path_id integer PRIMARY KEY, name text, doc_page text, doc_site text, plugin text",
    "context": "context_id integer PRIMARY KEY, extension text, route text, plugin text",
    "plugin": "plugin_id integer PRIMARY KEY, name text",
    "catalog_entity": "ref text, kind text, type text, lifecycle text, owner text, system text, domain text, "
    "has_docs boolean, first_day integer, last_day integer",
    "catalog_team": "member text, team text, first_day integer, last_day integer",
    "catalog_eligible": "ref text, first_day integer, last_day integer",
}
# The rule of event/attribution.py, as reader/attributed.py has it.
EVENTS = f"""
SELECT b.first_position + e.ordinal AS position, e.occurred_at,
       (e.occurred_at AT TIME ZONE 'America/Sao_Paulo')::date - DATE '1970-01-01' AS day,
       i.action_id, e.item_id, e.person_id, e.agent_id, e.entity_id, e.path_id, e.context_id, e.value,
       e.session_id AS session, e.attributes,
       CASE
           WHEN (sent.name IN {(*sorted(FRAMES),)}) IS NOT FALSE THEN coalesce(
               CASE WHEN of_context.name <> '{CATALOG}' THEN of_context.plugin_id END,
               CASE WHEN of_path.name <> '{CATALOG}' THEN of_path.plugin_id END,
               CASE WHEN sent.name = '{CATALOG}' THEN e.plugin_id END,
               of_context.plugin_id, of_path.plugin_id, e.plugin_id
           )
           ELSE e.plugin_id
       END AS plugin_id
FROM public.event AS e
LEFT JOIN log_batch AS b ON b.batch_id = e.batch_id
LEFT JOIN item AS i ON i.item_id = e.item_id
LEFT JOIN plugin AS sent ON sent.plugin_id = e.plugin_id
LEFT JOIN context AS c ON c.context_id = e.context_id
LEFT JOIN plugin AS of_context ON of_context.name = c.plugin
LEFT JOIN path AS p ON p.path_id = e.path_id AND i.action IN {(*sorted(LOCATIONS),)}
LEFT JOIN plugin AS of_path ON of_path.name = p.plugin
"""
MEASURED = f"e.item_id IN (SELECT item_id FROM item WHERE action IN {MEASUREMENTS})"
VIEWS = {
    "any_access": f"{EVENTS} WHERE NOT {MEASURED}",
    "access": f"{EVENTS} WHERE NOT {MEASURED} AND e.agent_id IS NULL",
    "measurement": f"{EVENTS} WHERE {MEASURED} AND e.agent_id IS NULL",
}


async def make(replica: Replica, postgres: asyncpg.Connection[Any]) -> None:
    """Copy the names into a schema of their own, and let this connection find them first."""
    await postgres.execute("DROP SCHEMA IF EXISTS by_hand CASCADE; CREATE SCHEMA by_hand")
    await postgres.execute("SET search_path = by_hand, public")
    for table, columns in COPIED.items():
        names = [part.split()[0] for part in columns.split(", ")]
        rows = await replica.query(f"SELECT {', '.join(names)} FROM {table}", lambda cursor: cursor.fetchall())
        await postgres.execute(f"CREATE TABLE by_hand.{table} ({columns})")
        await postgres.copy_records_to_table(table, schema_name="by_hand", records=rows, columns=names)
    # Where a join is known to find one row at most, PostgreSQL leaves it out of questions that do not need it.
    await postgres.execute("ALTER TABLE by_hand.plugin ADD UNIQUE (name)")
    await postgres.execute("CREATE UNIQUE INDEX IF NOT EXISTS by_hand_batch ON public.log_batch (batch_id)")
    for view, sql in VIEWS.items():
        await postgres.execute(f"CREATE VIEW by_hand.{view} AS {sql}")
    await postgres.execute("CREATE INDEX ON by_hand.catalog_team (member)")
    await postgres.execute("ANALYZE")
