"""What people had searched for: the term of each search, and of each click on a result. Pure.

A click on a result (`discover`) does not say which search it came from. It is looked up when a question asks, among the
events up to the question's position: so it does not matter in which order they came, and no other question pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp, parse_one

from analytics_internal.dimensions import DECLARED, DISCOVER
from analytics_internal.log import load
from analytics_internal.query import language
from analytics_internal.query.conditions import column_of, comparisons, literal

TERM = "term_of"
"""The item whose term an event has."""
_STATEMENTS = load(Path(__file__).with_name("terms.sql"))
_SEARCHED = exp.union(
    *(parse_one(_STATEMENTS[name], dialect="duckdb") for name in ("searched_in_session", "searched_by_person")),
    distinct=False,
)


def asked_dimensions(query: language.Query) -> Iterator[str]:
    """What a question groups and filters by."""
    yield from query.dimensions
    if query.filter is not None:
        yield from (comparison.dimension for comparison in comparisons(query.filter))


def filter_without_terms(filter_: language.Filter | None) -> language.Filter | None:
    """What a filter demands of an event whatever its search term is; None when that is nothing."""
    if filter_ is None or not any(_is_of_search(part.dimension) for part in comparisons(filter_)):
        return filter_
    if isinstance(filter_, language.All):
        parts = [kept for part in filter_.filters if (kept := filter_without_terms(part)) is not None]
        return language.All(tuple(parts)) if parts else None
    return None


def stages_of_terms(events: exp.Select) -> dict[str, exp.Query]:
    """What the scans need first: which search each of the events came from that are clicks on a result.

    ``events`` selects from ``event AS e`` under all conditions that do not depend on search terms.
    """
    return {"discovered": _clicks(events), "searched": _SEARCHED.copy()}


def stages_of_clicks(events: exp.Select) -> dict[str, exp.Query]:
    """The stage ``clicked``: by ``search_position``, the searches that some of the events came from."""
    searched = _SEARCHED.copy()
    for table in searched.find_all(exp.Table):
        if table.name == "discovered":
            table.set("this", exp.to_identifier("click"))
    return {"click": _clicks(events), "clicked": searched}


def _clicks(events: exp.Select) -> exp.Select:
    is_click = exp.EQ(
        this=column_of("action_id", "e"),
        expression=exp.select("action_id").from_("action").where(exp.column("name").eq(literal(DISCOVER))).subquery(),
    )
    return events.select("e.position", "e.session", "e.person_id", "e.agent_id", "e.occurred_at").where(is_click)


def joined_to_terms(scan: exp.Select) -> None:
    """Join a scan of ``event AS e`` to the search of each event, or the one it came from, as ``term_of``."""
    scan.join("searched", on="searched.position = e.position", join_type="LEFT", copy=False)
    # Any other event is no item that has a term.
    is_its = f"{TERM}.item_id = coalesce(searched.item_id, e.item_id) AND {TERM}.term IS NOT NULL"
    scan.join(f"item AS {TERM}", on=is_its, join_type="LEFT", copy=False)


def _is_of_search(dimension: str) -> bool:
    return dimension in DECLARED and DECLARED[dimension].is_of_search
