"""Figures about the catalog itself: its entities at the end of a day, and those that are new. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query.conditions import column_of, literal
from analytics_internal.query.measures.spans import spans
from analytics_internal.query.measures.tables import grouped
from analytics_internal.query.metrics import OWNED_KINDS
from analytics_internal.query.scan import IS_CURRENT, Scan
from analytics_internal.query.unused import OF_ENTITY, condition_on_catalog
from analytics_internal.reader import ALWAYS


def of_catalog(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about the catalog's entities."""
    return {
        "catalog_span": spans(scan),
        "catalog_row": exp.Union(this=_held(scan), expression=_begun(scan), distinct=False),
        "catalog": grouped(scan, metrics, "catalog_row"),
    }


def _held(scan: Scan) -> exp.Select:
    """The entities that were in the catalog at the end of each span."""
    rows = _rows(scan, "catalog_entity", is_new=False)
    at_its_end = "c.first_day <= catalog_span.last_day AND c.last_day >= catalog_span.last_day"
    # A bucket without entities has a row, too; a kind or an owner without them has none.
    is_only_by_time = not any(name in OF_ENTITY for name in scan.query.dimensions)
    return rows.join("catalog_span", on=at_its_end, join_type="RIGHT" if is_only_by_time else "")


def _begun(scan: Scan) -> exp.Select:
    """The entities whose first day in the catalog is in a span. What was found at first counts as always there."""
    # What an entity became later is not its first day, so the first one is looked for among all.
    is_new = exp.and_(_is_first(), f"first_day > {ALWAYS[0]}")
    first = exp.select("*").from_("catalog_entity").qualify(is_new)
    rows = _rows(scan, exp.Subquery(this=first), is_new=True)
    return rows.join("catalog_span", on="c.first_day BETWEEN catalog_span.first_day AND catalog_span.last_day")


def _is_first() -> exp.Expr:
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column("ref")],
        order=exp.Order(expressions=[exp.Ordered(this=exp.column("first_day"))]),
    )
    return exp.EQ(this=number, expression=exp.Literal.number(1))


def _rows(scan: Scan, table: str | exp.Subquery, is_new: bool) -> exp.Select:
    rows = exp.select(exp.alias_(exp.true() if is_new else exp.false(), "is_new"), f"catalog_span.{IS_CURRENT}")
    for key, dimension in zip(scan.keys, scan.query.dimensions, strict=True):
        if dimension in OF_ENTITY:
            rows = rows.select(exp.alias_(column_of(OF_ENTITY[dimension], "c"), key))
        else:
            rows = rows.select(column_of(key, "catalog_span"))
    is_owned = exp.In(this=column_of("kind", "c"), expressions=[literal(kind) for kind in OWNED_KINDS])
    rows = rows.select(
        "c.ref IS NOT NULL AS is_entity",
        exp.alias_(is_owned, "has_kind"),
        "c.owner IS NOT NULL AS has_owner",
        "c.has_docs",
    )
    found = exp.select("*").from_(
        exp.alias_(table, "c", table=True) if isinstance(table, exp.Subquery) else f"{table} AS c"
    )
    asked = condition_on_catalog(scan.query.filter, OF_ENTITY) if scan.query.filter is not None else None
    return rows.from_((found.where(asked) if asked is not None else found).subquery("c"))
