"""Events in the reader count for the plugin that filled the page, where the log has the frame around it.

The rule is `event/attribution.py`. What it derives of a context and of a path stands beside their names; here it is
decided for each event. Plugins that only the rule has named have ids below zero.
"""

from __future__ import annotations

import duckdb

from analytics_internal.event import CATALOG, FRAMES, LOCATIONS

# As `attribution.plugin_of`.
PLUGIN_ID = f"""CASE
           WHEN (sent.name IN {(*sorted(FRAMES),)}) IS NOT FALSE THEN coalesce(
               CASE WHEN of_context.name <> '{CATALOG}' THEN of_context.plugin_id END,
               CASE WHEN of_path.name <> '{CATALOG}' THEN of_path.plugin_id END,
               CASE WHEN sent.name = '{CATALOG}' THEN s.plugin_id END,
               of_context.plugin_id, of_path.plugin_id, s.plugin_id
           )
           ELSE s.plugin_id
       END AS plugin_id"""
JOINS = f"""
LEFT JOIN plugin AS sent ON sent.plugin_id = s.plugin_id
LEFT JOIN context ON context.context_id = s.context_id
LEFT JOIN plugin AS of_context ON of_context.name = context.plugin
LEFT JOIN path ON path.path_id = s.path_id AND item.action IN {(*sorted(LOCATIONS),)}
LEFT JOIN plugin AS of_path ON of_path.name = path.plugin
"""
NAME_PLUGINS = """
INSERT INTO plugin BY NAME
SELECT name, (SELECT least(min(plugin_id), 0) FROM plugin) - row_number() OVER (ORDER BY name) AS plugin_id
FROM (SELECT plugin AS name FROM context UNION SELECT plugin FROM path)
WHERE name NOT IN (SELECT name FROM plugin)
RETURNING name, plugin_id
"""


def name_plugins(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Give ids to the plugins that are derived and not named yet. Returns those."""
    return dict(connection.execute(NAME_PLUGINS).fetchall())


def named_plugins(connection: duckdb.DuckDBPyConnection) -> dict[tuple[object, ...], int]:
    """The ids of plugins that were derived, by name: the log may come to name them, too."""
    rows = connection.execute("SELECT name, plugin_id FROM plugin WHERE plugin_id < 0").fetchall()
    return {(name,): id_ for name, id_ in rows}
