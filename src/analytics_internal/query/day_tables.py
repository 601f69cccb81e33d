"""Questions that the reader's day tables answer: those whose keys, filter and figures need no single event. Pure.

An answer as of a position takes from them what they have counted until then. The events behind that are taken one by
one, and so are those of a day of the period before that is compared in part.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp, parse_one

from analytics_internal.query.metrics import DECLARED
from analytics_internal.reader import DAY_KEYS

EVENTS = "event"
COUNTED_UNTIL, UNFINISHED_DAY = "counted_until", "unfinished_day"
"""Parameters: the position up to which days are counted, and the day that is compared in part, if any."""


def rows_of(table: str, has_unfinished_day: bool) -> exp.Query:
    """The rows of a day table and of the events that it has not counted, as those of ``e``.

    They have its keys, ``events``, ``first_at`` and ``last_at``. For conditions that all events of a row fulfil, or
    none, they also have a ``position`` and an ``occurred_at``.
    """
    keys = DAY_KEYS[table]
    until, unfinished = _parameter(COUNTED_UNTIL), exp.cast(_parameter(UNFINISHED_DAY), "INTEGER")
    counted = exp.select(*keys, "events", "first_at", "last_at", "first_at AS occurred_at", "up_to AS position")
    counted = counted.from_(table).where(exp.LTE(this=exp.column("up_to"), expression=until))
    single = exp.select(*keys, "1", "occurred_at", "occurred_at", "occurred_at", "position").from_(EVENTS)
    fresh = single.where(exp.GT(this=exp.column("position"), expression=until.copy()))
    if not has_unfinished_day or "day" not in keys:
        return _together(counted, fresh)
    is_other = exp.NullSafeNEQ(this=exp.column("day"), expression=unfinished)
    is_unfinished = exp.EQ(this=exp.column("day"), expression=unfinished.copy())
    return _together(counted.where(is_other), fresh.where(is_other.copy()), single.where(is_unfinished))


def tables_of(columns: frozenset[str], metrics: Sequence[str]) -> dict[str, list[str]]:
    """The metrics that each table is asked for, where the keys and the filter need some columns of the events."""
    options = {metric: _tables_with(columns | needed) for metric in metrics if (needed := _needed(metric)) is not None}
    if len(options) < len(metrics) or not all(options.values()) or not _tables_with(columns):
        return {EVENTS: list(metrics)}
    for table in DAY_KEYS:
        if table in _tables_with(columns) and all(table in found for found in options.values()):
            return {table: list(metrics)}
    tables: dict[str, list[str]] = {}
    for metric in sorted(metrics, key=lambda metric: len(options[metric])):
        used = [table for table in options[metric] if table in tables]
        tables.setdefault((used or options[metric])[0], []).append(metric)
    return tables


def over_days(aggregate: exp.Expr) -> exp.Expr:
    """An aggregate over events as one over the rows of a day table."""
    return aggregate.transform(_over_days)


def _over_days(node: exp.Expr) -> exp.Expr:
    if _counts_rows(node):
        events = exp.Coalesce(this=exp.Sum(this=exp.column("events")), expressions=[exp.Literal.number(0)])
        return exp.cast(events, "BIGINT")
    if isinstance(node, exp.Min) and _is_moment(node.this):
        return exp.Min(this=exp.column("first_at"))
    if isinstance(node, exp.Max) and _is_moment(node.this):
        return exp.Max(this=exp.column("last_at"))
    return node


def _needed(metric: str) -> frozenset[str] | None:
    """The keys that a metric needs, beside those of its groups; None where it needs single events."""
    declared = DECLARED[metric]
    trees = [parse_one(sql, dialect="duckdb") for sql in declared.figures.values()]
    if not all(_is_of_days(aggregate) for tree in trees for aggregate in tree.find_all(exp.AggFunc)):
        return None
    columns = {column.name for tree in trees for column in tree.find_all(exp.Column) if not _is_moment(column)}
    return frozenset(columns | ({"action_id"} if declared.action is not None else set()))


def _is_of_days(aggregate: exp.Expr) -> bool:
    if isinstance(aggregate, exp.Min | exp.Max):
        return _is_moment(aggregate.this)
    return _counts_rows(aggregate) or (isinstance(aggregate, exp.Count) and isinstance(aggregate.this, exp.Distinct))


def _counts_rows(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count) and isinstance(node.this, exp.Star)


def _is_moment(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == "occurred_at"


def _tables_with(columns: frozenset[str]) -> list[str]:
    return [table for table, keys in DAY_KEYS.items() if columns <= frozenset(keys)]


def _together(*parts: exp.Query) -> exp.Query:
    rows = parts[0]
    for part in parts[1:]:
        rows = exp.Union(this=rows, expression=part, distinct=False)
    return rows


def _parameter(name: str) -> exp.Expr:
    return exp.Parameter(this=exp.Var(this=name))
