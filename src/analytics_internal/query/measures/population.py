"""Figures about the people who joined: those who came into the catalog, and when they arrived in the portal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query.conditions import column_of
from analytics_internal.query.measures.spans import spans
from analytics_internal.query.measures.tables import IS_THERE
from analytics_internal.query.metrics import columns_of
from analytics_internal.query.scan import IS_CURRENT, Scan
from analytics_internal.reader import ALWAYS

_FIGURES = {
    "joined_people": "count(joined_on) {of_period}",
    "arrival_rate.numerator": "count(arrived_on) {of_period}",
    "arrival_rate.denominator": "count(joined_on) {of_period}",
    "days_to_arrival.numerator": "coalesce(sum(arrived_on - joined_on) {of_period}, 0)",
    "days_to_arrival.denominator": "count(arrived_on) {of_period}",
}


def of_joined(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about those whose first day in the catalog is in a span, and their first access since."""
    joined = exp.select("ref", exp.alias_(exp.Min(this=exp.column("first_day")), "joined_on"))
    joined = joined.from_("catalog_eligible").group_by("ref").having(f"min(first_day) > {ALWAYS[0]}")
    first = exp.select("j.ref", "min(a.day) AS arrived_on").from_("joined_person AS j").join("person", using="ref")
    first = first.join("joined_access AS a", on="a.person_id = person.person_id AND a.day >= j.joined_on")
    rows = exp.select(*(column_of(key, "s") for key in scan.keys), *_current(scan, "s"), "joined_on", "arrived_on")
    rows = rows.from_("joined_span AS s")
    rows = rows.join("joined_person AS j", on="j.joined_on BETWEEN s.first_day AND s.last_day", join_type="LEFT")
    rows = rows.join("joined_first AS f", on="f.ref = j.ref", join_type="LEFT")
    return {
        "joined_span": spans(scan),
        "joined_person": joined,
        "joined_access": scan.without_keys("e.person_id", "e.day").distinct(),
        "joined_first": first.group_by("j.ref"),
        "joined_row": rows,
        "joined": _grouped(scan, metrics, "joined_row"),
    }


def _current(scan: Scan, table: str | None = None) -> list[exp.Expr]:
    if table is None and not scan.is_compared:
        return [exp.alias_(exp.true(), IS_CURRENT)]
    return [exp.column(IS_CURRENT, table)]


def _grouped(scan: Scan, metrics: Sequence[str], rows: str) -> exp.Select:
    select = exp.select(*scan.keys, exp.alias_(exp.func("bool_or", exp.column(IS_CURRENT)), IS_THERE))
    for metric in metrics:
        for column, _, is_of_period in columns_of(metric, scan.is_compared):
            figure = _FIGURES[column.replace(".previous_", ".").removesuffix(".previous")]
            flag = IS_CURRENT if is_of_period else f"NOT {IS_CURRENT}"
            select = select.select(f'{figure.format(of_period=f"FILTER (WHERE {flag})")} AS "{column}"')
    return select.from_(rows).group_by(*scan.keys) if scan.keys else select.from_(rows)
