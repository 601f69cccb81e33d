"""What the catalog knows and nobody used: rows with figures 0 beside those of the events, or instead of them. Pure.

The catalog's values are those of any day of the period. Filters on what the catalog says of them apply to them; what
else a question filters by (an action, a person's team) is about the events, and leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from analytics_internal.dimensions import DECLARED, KnownIn
from analytics_internal.query import language
from analytics_internal.query.conditions import column_of, comparisons, literal
from analytics_internal.query.metrics import DECLARED as METRICS
from analytics_internal.query.metrics import shown_columns_of
from analytics_internal.query.scan import parameter

IS_USED = "is_used"
LABEL = "label"
OF_ENTITY = {name: one.in_catalog for name, one in DECLARED.items() if one.in_catalog is not None}
"""The columns of the catalog's entities that answer for dimensions."""


def known_to_catalog(dimension: str, filter_: language.Filter | None) -> exp.Query:
    """The values of a dimension on any day of the period, each once, as ``label``."""
    found: list[exp.Select] = []
    for source in DECLARED[dimension].known_in:
        label = column_of(source.column, "c")
        rows = exp.select(exp.alias_(label, LABEL)).from_(f"{source.table} AS c").distinct()
        rows = rows.where(exp.not_(exp.Is(this=label, expression=exp.Null())))
        rows = rows.where(exp.LTE(this=column_of("first_day", "c"), expression=parameter("last_day")))
        rows = rows.where(exp.GTE(this=column_of("last_day", "c"), expression=parameter("first_day")))
        if source.kind is not None:
            rows = rows.where(exp.EQ(this=column_of("kind", "c"), expression=literal(source.kind)))
        if source.flag is not None:
            rows = rows.where(column_of(source.flag, "c"))
        asked = condition_on_catalog(filter_, _filtered_by(dimension, source)) if filter_ is not None else None
        found.append(rows.where(asked) if asked is not None else rows)
    together: exp.Query = found[0]
    for more in found[1:]:
        together = exp.Union(this=together, expression=more, distinct=True)
    return together


def _filtered_by(dimension: str, source: KnownIn) -> Mapping[str, str]:
    """The columns that the catalog answers filters by."""
    if DECLARED[dimension].in_catalog is None:
        return {dimension: source.column}
    return OF_ENTITY


def with_unused(used: str, known: str, dimension: str, query: language.Query, is_compared: bool) -> exp.Query:
    """The rows of ``used`` (labels, figures and ``is_used``) and those of what only the catalog knows."""
    label = column_of(dimension, used)
    is_known = exp.In(this=label, query=exp.Subquery(this=exp.select(LABEL).from_(known)))
    kept: exp.Expr = exp.and_(exp.not_(exp.column(IS_USED, used)), is_known)
    if query.unused == "include":
        kept = exp.or_(exp.column(IS_USED, used), kept)
    columns = [column for metric in query.metrics for column in shown_columns_of(metric, is_compared)]
    rows = exp.select(label, *(column_of(column, used) for column in columns)).from_(used).where(kept)
    labels = exp.select(column_of(dimension, used)).from_(used)
    labels = labels.where(exp.not_(exp.Is(this=column_of(dimension, used), expression=exp.Null())))
    others = exp.select(exp.alias_(column_of(LABEL, known), dimension, quoted=True), *_nothing(query, is_compared))
    others = others.from_(known).where(exp.not_(exp.In(this=column_of(LABEL, known), query=exp.Subquery(this=labels))))
    return exp.Union(this=rows, expression=others, distinct=False)


def _nothing(query: language.Query, is_compared: bool) -> list[exp.Expr]:
    """The figures of a row without any event."""
    nothing = []
    for metric in query.metrics:
        form = METRICS[metric].form
        for column in shown_columns_of(metric, is_compared):
            is_quotient = form == "ratio" and column in (metric, f"{metric}.previous")
            figure: exp.Expr = exp.Literal.number(0)
            if form == "moment":
                figure = exp.cast(exp.Null(), "TIMESTAMP")
            elif is_quotient:
                figure = exp.cast(exp.Null(), "DOUBLE")
            nothing.append(exp.alias_(figure, column, quoted=True))
    return nothing


def condition_on_catalog(filter_: language.Filter, columns: Mapping[str, str]) -> exp.Expr | None:
    """What a filter demands of a row of the catalog, whose columns answer for some dimensions; None: nothing."""
    if isinstance(filter_, language.Not):
        # Where the catalog knows a part only, the whole may fail for what it does not know.
        inner = condition_on_catalog(filter_.filter, columns) if _is_known(filter_.filter, columns) else None
        return exp.not_(exp.paren(inner)) if inner is not None else None
    if isinstance(filter_, language.All | language.Any):
        parts = [condition_on_catalog(part, columns) for part in filter_.filters]
        known = [part for part in parts if part is not None]
        if isinstance(filter_, language.Any):
            # The part that the catalog does not know may hold.
            return exp.paren(exp.or_(*known)) if len(known) == len(parts) else None
        return exp.paren(exp.and_(*known)) if known else None
    column = columns.get(filter_.dimension)
    return _comparison(filter_, column_of(column, "c")) if column is not None else None


def _is_known(filter_: language.Filter, columns: Mapping[str, str]) -> bool:
    return all(comparison.dimension in columns for comparison in comparisons(filter_))


def _comparison(filter_: language.Is | language.Contains, column: exp.Column) -> exp.Expr:
    """Never unknown: what has no value has not the one that is asked for."""
    if isinstance(filter_, language.Contains):
        lowered = exp.Lower(this=column)
        texts = (exp.Lower(this=literal(text)) for text in filter_.values)
        holds: exp.Expr = exp.or_(*(exp.Contains(this=lowered.copy(), expression=text) for text in texts))
        return exp.Coalesce(this=exp.paren(holds), expressions=[exp.false()])
    spelled = DECLARED[filter_.dimension].compared_as
    texts_of = dict.fromkeys(text for value in filter_.values if value is not None for text in spelled(str(value)))
    parts: list[exp.Expr] = []
    if texts_of:
        is_one_of = exp.In(this=column, expressions=[literal(text) for text in texts_of])
        parts.append(exp.Coalesce(this=exp.paren(is_one_of), expressions=[exp.false()]))
    if None in filter_.values:
        parts.append(exp.Is(this=column.copy(), expression=exp.Null()))
    holds = exp.paren(exp.or_(*parts))
    return exp.not_(holds) if filter_.is_negated else holds
