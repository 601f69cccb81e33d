"""What a scan of ``event AS e`` is joined to: what it refers to of other tables. Pure.

A scan that is being built only names columns: ``term_of`` (query/terms.py), ``session_of`` (where the event's session
began and ended), ``entity_version_of_event``, ``matched_0`` (``conditions.Matches``). When its statement is whole, the
joins for these names are added, so nobody needs to know in advance what a filter or a dimension needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp, parse_one

from analytics_internal.dimensions import ENTITY_VERSION as VERSION
from analytics_internal.dimensions import PERSON_TEAM, DayTable
from analytics_internal.log import load
from analytics_internal.query.conditions import Matches
from analytics_internal.query.terms import TERM, joined_to_terms

SESSION = "session_of"
HOUR = "hour_of_event"
"""The stretch of hours that an event is in (query/hours.py)."""
HOURS = """
SELECT unnest($hour_days::INTEGER[]) AS day, unnest($hour_starts::TIMESTAMP[]) AS starts_at,
       unnest($hour_ends::TIMESTAMP[]) AS ends_at, unnest($hour_counts_from::TIMESTAMP[]) AS counted_from,
       unnest($hour_numbers::INTEGER[]) AS number
"""
SCANNED = ("event", "measurement")
_DAY_TABLES = {f"{table.name}_of_event": table for table in (VERSION, PERSON_TEAM)}
_SESSION_ENDS = parse_one(load(Path(__file__).with_name("sessions.sql"))["session_ends"], dialect="duckdb")
_ON_SESSION = (
    f"{SESSION}.session = e.session AND {SESSION}.person_id = coalesce(e.person_id, 0) "
    f"AND {SESSION}.agent_id = coalesce(e.agent_id, 0)"
)
_ON_HOUR = f"{HOUR}.day = e.day AND e.occurred_at >= {HOUR}.starts_at AND e.occurred_at < {HOUR}.ends_at"


def alias_of(table: DayTable) -> str:
    """What the rows of a table are called that an event's day has."""
    return f"{table.name}_of_event"


def add_joins(tree: exp.Expr, matches: Matches) -> set[str]:
    """Join each scan in a tree to what it refers to. Returns the aliases of all that is joined to any."""
    joined: set[str] = set()
    for scan in list(tree.find_all(exp.Select)):
        if not _is_scan(scan):
            continue
        for alias in sorted(set(_referred(scan))):
            if alias == TERM:
                joined_to_terms(scan)
            elif alias == SESSION:
                scan.join(f"session_end AS {SESSION}", on=_ON_SESSION, join_type="LEFT", copy=False)
            elif alias == HOUR:
                hours = parse_one(HOURS, dialect="duckdb")
                assert isinstance(hours, exp.Select)
                scan.join(hours.subquery(HOUR, copy=False), on=_ON_HOUR, join_type="LEFT", copy=False)
            elif alias in _DAY_TABLES:
                table = _DAY_TABLES[alias]
                _join_day(scan, exp.to_table(table.name, alias=alias), alias, table.id_column)
            elif alias in matches.found:
                id_column, found = matches.found[alias]
                _join_day(scan, found.copy().subquery(alias, copy=False), alias, id_column)
            else:
                continue
            joined.add(alias)
    return joined


def session_ends(sessions: exp.Select) -> exp.Query:
    """The stage ``session_end``. ``sessions`` has the first and the last of the sessions that are asked for."""
    return _SESSION_ENDS.copy().with_("asked", as_=sessions, copy=False)  # type: ignore[no-any-return,attr-defined]


def _is_scan(select: exp.Select) -> bool:
    source = select.args.get("from_")
    table = source.this if source is not None else None
    # A subquery: the rows of a day table (day_tables.py).
    is_of_events = isinstance(table, exp.Subquery) or (isinstance(table, exp.Table) and table.name in SCANNED)
    return table is not None and is_of_events and table.alias == "e"


def _referred(scan: exp.Select) -> Iterator[str]:
    """The tables that a scan's columns are of, where it does not join them itself."""
    own = {join.alias_or_name for join in scan.args.get("joins") or ()}
    for column in scan.find_all(exp.Column):
        if column.table and column.table not in own and column.find_ancestor(exp.Select) is scan:
            yield column.table


def _join_day(scan: exp.Select, source: exp.Expr, alias: str, id_column: str) -> None:
    on = f"{alias}.{id_column} = e.{id_column} AND e.day BETWEEN {alias}.first_day AND {alias}.last_day"
    scan.join(source, on=on, join_type="LEFT", copy=False)
