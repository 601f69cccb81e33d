"""The events that pass a question's filters and one more filter, each scan complete in itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from analytics_internal.query.conditions import column_of, comparisons
from analytics_internal.query.journeys.language import filters_of
from analytics_internal.query.language import All, Filter, Query
from analytics_internal.query.scan import Scan, names_agents

PLACE_FACTOR = 2**62
"""More than there are positions."""


def scan_of(
    query: Query,
    filter_: Filter | None,
    dimensions: tuple[str, ...] = (),
    is_compared: bool = False,
    is_by_month: bool = False,
    is_of_all_time: bool = True,
) -> Scan:
    """A scan of what passes the question's filters and one more."""
    parts = [part for part in (query.filter, filter_) if part is not None]
    # In one list, what is demanded of the same names is looked for once.
    together = [one for part in parts for one in (part.filters if isinstance(part, All) else (part,))]
    both = All(tuple(together)) if len(together) > 1 else next(iter(together), None)
    asked = {*query.dimensions, *(part.dimension for one in filters_of(query) for part in comparisons(one))}
    asks_for_agents = any(map(names_agents, asked))
    return Scan(Query((), dimensions, both), is_compared, is_by_month, is_of_all_time, asks_for_agents)


def complete(scan: Scan, select: exp.Select) -> exp.Select:
    """A selection from a scan with all that it refers to: so it can stand beside other scans."""
    return scan.with_conditions(select)


def with_stages(tree: exp.Select, stages: Mapping[str, exp.Query]) -> exp.Select:
    """A statement with its stages before it."""
    for name, stage in stages.items():
        # Copying the tree with every stage would take most of the time.
        tree = tree.with_(name, as_=stage, copy=False)
    return tree


def at() -> exp.Expr:
    """An event's time: microseconds since 1970."""
    return exp.alias_(_microseconds(), "at")


def place() -> exp.Expr:
    """An event's place in the order of all events: by time, and at the same instant by position."""
    product = exp.Mul(this=exp.cast(_microseconds(), "INT128"), expression=exp.Literal.number(PLACE_FACTOR))
    return exp.alias_(exp.Add(this=product, expression=column_of("position", "e")), "place")


def _microseconds() -> exp.Expr:
    return exp.func("epoch_us", column_of("occurred_at", "e"))


def is_known(column: exp.Expr) -> exp.Expr:
    """Whether there is a value."""
    return exp.not_(exp.Is(this=column, expression=exp.Null()), copy=False)


def together(parts: Iterable[exp.Select]) -> exp.Query:
    """The rows of some selections; a column that one does not have is null."""
    first, *others = parts
    rows: exp.Query = first
    for part in others:
        rows = exp.Union(this=rows, expression=part, distinct=False, by_name=True)
    return rows


def are_same(columns: Iterable[str], left: str, right: str) -> exp.Expr:
    """Whether some columns are the same in two tables, null as any other value."""
    return exp.and_(
        *(exp.NullSafeEQ(this=column_of(name, left), expression=column_of(name, right)) for name in columns)
    )


def whole(number: int) -> exp.Expr:
    """A whole number."""
    return exp.Literal.number(number)


def or_none(count: exp.Expr) -> exp.Expr:
    """A count, 0 where there is nothing to count."""
    return exp.Coalesce(this=count, expressions=[whole(0)])
