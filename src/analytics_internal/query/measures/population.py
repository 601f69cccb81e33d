"""Figures about the people who joined: those who came into the catalog, and when they arrived in the portal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query.conditions import column_of
from analytics_internal.query.measures.spans import spans
from analytics_internal.query.measures.tables import grouped
from analytics_internal.query.scan import IS_CURRENT, Scan
from analytics_internal.reader import ALWAYS


def of_joined(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about those whose first day in the catalog is in a span, and their first access since."""
    joined = exp.select("ref", exp.alias_(exp.Min(this=exp.column("first_day")), "joined_on"))
    joined = joined.from_("catalog_eligible").group_by("ref").having(f"min(first_day) > {ALWAYS[0]}")
    first = exp.select("j.ref", "min(a.day) AS arrived_on").from_("joined_person AS j").join("person", using="ref")
    first = first.join("joined_access AS a", on="a.person_id = person.person_id AND a.day >= j.joined_on")
    rows = exp.select(
        *(column_of(key, "s") for key in scan.keys), column_of(IS_CURRENT, "s"), "joined_on", "arrived_on"
    )
    rows = rows.from_("joined_span AS s")
    rows = rows.join("joined_person AS j", on="j.joined_on BETWEEN s.first_day AND s.last_day", join_type="LEFT")
    rows = rows.join("joined_first AS f", on="f.ref = j.ref", join_type="LEFT")
    return {
        "joined_span": spans(scan),
        "joined_person": joined,
        "joined_access": scan.without_keys("e.person_id", "e.day").distinct(),
        "joined_first": first.group_by("j.ref"),
        "joined_row": rows,
        "joined": grouped(scan, metrics, "joined_row"),
    }
