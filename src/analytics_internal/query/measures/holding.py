"""Counts that hold from one bucket of time until another. Pure.

Somebody who counts for many buckets in a row is two rows: where the count begins, and where it ends. So a window of 28
days costs as much as one of 7. What the counts are is a running sum over these rows (``reached.py`` numbers buckets).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp, parse_one

from analytics_internal.query.conditions import column_of
from analytics_internal.query.measures.tables import IS_THERE
from analytics_internal.query.metrics import DECLARED, columns_of
from analytics_internal.query.reached import CURRENT, PREVIOUS
from analytics_internal.query.scan import IS_CURRENT, Scan, parameter

ORDINAL, NEXT = "ordinal", "next_ordinal"
ZERO = exp.Literal.number(0)


def figures_of(metrics: Sequence[str]) -> list[str]:
    """The counts that some metrics are made of."""
    expressions = [parse_one(sql, dialect="duckdb") for metric in metrics for sql in DECLARED[metric].figures.values()]
    return sorted({column.name for one in expressions for column in one.find_all(exp.Column)})


def parts_of(scan: Scan) -> list[tuple[bool, str]]:
    """The period, and the one before: whether it is the period itself, and what its parameters begin with."""
    return [(True, CURRENT), (False, PREVIOUS)] if scan.is_compared else [(True, CURRENT)]


def ordinal_of(day: exp.Expr, name: str) -> exp.Expr:
    """The ordinal of the bucket that a day is in: of the first one that ends on that day or later."""
    bounded = least(day, _plus(parameter(f"{name}_until"), 1))
    place = exp.Sub(this=bounded, expression=parameter(f"{name}_origin"))
    ordinals = exp.cast(parameter(f"{name}_ordinals"), "INTEGER[]")
    return exp.func("list_extract", ordinals, _plus(exp.paren(place), 1))


def held(scan: Scan, name: str, changes: exp.Query, figures: Sequence[str]) -> dict[str, exp.Query]:
    """The stage ``<name>_held``: the counts of each group in each bucket where one is not 0.

    ``changes`` has the lasting keys, ``is_current``, ``ordinal``, by how much each count grows there, and what is shown
    of keys.
    """
    keys, shown = scan.lasting_keys, [column for _, column, _ in scan.shown]
    by = [*keys, IS_CURRENT]
    change = exp.select(*by, ORDINAL).from_(changes.subquery("changes")).group_by(*by, ORDINAL)
    for figure in figures:
        change = change.select(exp.alias_(exp.Sum(this=exp.column(figure)), figure))
    for column in shown:
        change = change.select(exp.alias_(exp.Max(this=exp.column(column)), column))
    level = exp.select(*by, ORDINAL).from_(f"{name}_change")
    in_order = exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL), nulls_first=False)])
    groups = [exp.column(column) for column in by]

    def over(this: exp.Expr, order: exp.Order | None) -> exp.Expr:
        return exp.Window(this=this, partition_by=[one.copy() for one in groups], order=order and order.copy())

    level = level.select(exp.alias_(over(exp.func("lead", exp.column(ORDINAL)), in_order), NEXT))
    for figure in figures:
        level = level.select(exp.alias_(exp.cast(over(exp.Sum(this=exp.column(figure)), in_order), "BIGINT"), figure))
    for column in shown:
        level = level.select(exp.alias_(over(exp.Max(this=exp.column(column)), None), column))
    return {f"{name}_change": change, f"{name}_level": level, f"{name}_held": _spread(scan, name, figures, shown)}


def _spread(scan: Scan, name: str, figures: Sequence[str], shown: Sequence[str]) -> exp.Select:
    """Each level in all the buckets that it holds for."""
    buckets: exp.Expr = exp.cast(parameter(f"{CURRENT}_buckets"), "INTEGER[]")
    if scan.is_compared:
        before = exp.cast(parameter(f"{PREVIOUS}_buckets"), "INTEGER[]")
        buckets = exp.Case(ifs=[exp.If(this=exp.column(IS_CURRENT), true=buckets)], default=before)
    until = exp.Coalesce(this=exp.column(NEXT), expressions=[exp.func("len", buckets.copy())])
    mine = exp.func("list_slice", buckets, _plus(exp.column(ORDINAL), 1), until)
    spread = exp.select(*scan.lasting_keys, IS_CURRENT, *figures, *shown).from_(f"{name}_level")
    spread = spread.select(exp.alias_(exp.func("unnest", mine), scan.time_key or "bucket"))
    return spread.where(exp.or_(*(exp.GT(this=exp.column(figure), expression=ZERO.copy()) for figure in figures)))


def counted(scan: Scan, metrics: Sequence[str], stages: Sequence[str]) -> exp.Select:
    """The figures of each row, from stages as ``held`` makes them."""
    figures = figures_of(metrics)
    rows: exp.Query = exp.select("*").from_(stages[0])
    for stage in (*map(exp.to_table, stages[1:]), *_every_bucket(scan, figures)):
        rows = exp.Union(this=rows, expression=exp.select("*").from_(stage), distinct=False, by_name=True)
    select = exp.select(*scan.keys).from_(rows.subquery("counts"))
    for _, shown, _ in scan.shown:
        select = select.select(exp.alias_(exp.Max(this=exp.column(shown)), shown))
    is_there = exp.or_(*(exp.GT(this=_figure(figure, True), expression=ZERO.copy()) for figure in figures))
    select = select.select(exp.alias_(is_there, IS_THERE))
    for metric in metrics:
        for column, sql, is_current in columns_of(metric, scan.is_compared):
            figure = parse_one(sql, dialect="duckdb").transform(
                lambda node, now=is_current: _figure(node.name, now) if isinstance(node, exp.Column) else node
            )
            select = select.select(exp.alias_(figure, column, quoted=True))
    return select.group_by(*scan.keys) if scan.keys else select


def _every_bucket(scan: Scan, figures: Sequence[str]) -> list[exp.Expr]:
    """Rows of nothing for each bucket, where a question groups by time alone."""
    if scan.time_key is None or scan.lasting_keys:
        return []
    found: list[exp.Expr] = []
    for is_current, name in parts_of(scan):
        buckets = exp.func("unnest", exp.cast(parameter(f"{name}_buckets"), "INTEGER[]"))
        rows = exp.select(exp.alias_(buckets, scan.time_key), exp.alias_(exp.convert(is_current), IS_CURRENT))
        rows = rows.select(*(exp.alias_(ZERO.copy(), figure) for figure in figures))
        found.append(rows.subquery(f"{name}_rows"))
    return found


def _figure(name: str, is_current: bool) -> exp.Expr:
    flag: exp.Expr = exp.column(IS_CURRENT)
    mine = exp.Filter(
        this=exp.Max(this=exp.column(name)), expression=exp.Where(this=flag if is_current else exp.not_(flag))
    )
    return exp.Coalesce(this=mine, expressions=[ZERO.copy()])


def least(*values: exp.Expr) -> exp.Expr:
    """The least of those that are not null."""
    # sqlglot's own would be null where one is.
    return exp.Anonymous(this="least", expressions=list(values))


def _plus(this: exp.Expr, number: int) -> exp.Expr:
    return exp.Add(this=this, expression=exp.Literal.number(number))


def between_days(name: str, column: exp.Column) -> exp.Expr:
    """Whether a day is in any of the windows of a period."""
    return exp.and_(
        exp.GTE(this=column, expression=parameter(f"{name}_from")),
        exp.LTE(this=column.copy(), expression=parameter(f"{name}_until")),
    )


def day_column(table: str) -> exp.Column:
    return column_of("day", table)
