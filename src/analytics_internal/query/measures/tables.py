"""Figures that are aggregates over the events, or over the measurements, of the periods. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp, parse_one

from analytics_internal.query.conditions import column_of, literal
from analytics_internal.query.day_tables import over_days
from analytics_internal.query.metrics import DECLARED, columns_of
from analytics_internal.query.scan import IS_CURRENT, Scan, parameter
from analytics_internal.query.terms import stages_of_clicks
from analytics_internal.reader import DAY_KEYS

IS_THERE = "is_there"


def of_accesses(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about events."""
    return _aggregated(scan, metrics, "event", "accesses")


def of_clicked(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about searches that clicks on results came from, whenever these came."""
    first_day = parameter("previous_first_day" if scan.is_compared else "first_day")
    clicks = scan.of_people().where(exp.GTE(this=column_of("day", "e"), expression=first_day))
    found = exp.select("search_position").from_("clicked")
    is_clicked = exp.In(this=column_of("position", "e"), query=exp.Subquery(this=found))
    stages = _aggregated(scan, metrics, "event", "searches", {"is_clicked": is_clicked})
    return stages_of_clicks(clicks) | stages


def of_person_days(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """As ``of_accesses``, from the table of people's days."""
    return _aggregated(scan, metrics, "person_day", "person_days")


def of_action_days(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """As ``of_accesses``, from the table of actions' days."""
    return _aggregated(scan, metrics, "action_day", "action_days")


def of_measurements(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about measurements."""
    return _aggregated(scan, metrics, "measurement", "measurements")


def _aggregated(
    scan: Scan, metrics: Sequence[str], table: str, name: str, derived: Mapping[str, exp.Expr] | None = None
) -> dict[str, exp.Query]:
    """The scan as ``<name>_scanned``, and its groups as ``<name>``. It looks at all that some metric counts.

    ``derived`` are columns that the table itself has not.
    """
    aggregates = [parse_one(sql, dialect="duckdb") for one in metrics for sql in DECLARED[one].figures.values()]
    is_of_days = table in DAY_KEYS
    if is_of_days:
        aggregates = [over_days(aggregate) for aggregate in (*aggregates, exp.Count(this=exp.Star()))]
    needed = sorted({column.name for aggregate in aggregates for column in aggregate.find_all(exp.Column)})
    actions = {DECLARED[metric].action for metric in metrics} or {None}
    scanned = f"{name}_scanned"
    derived = derived or {}
    columns = [exp.alias_(derived[column], column) if column in derived else f"e.{column}" for column in needed]
    rows = scan.of_periods(*(columns or ["e.position"]), table=table)
    conditions = {action: _is_of(action) for action in sorted(filter(None, actions))}
    if None not in actions:
        rows = rows.where(exp.or_(*(condition.copy() for condition in conditions.values())))
    has_flags = len(actions) > 1
    if has_flags:
        for action, condition in conditions.items():
            rows = rows.select(exp.alias_(condition, _flag_of(action)))
    return {scanned: rows, name: grouped(scan, metrics, scanned, has_flags, is_of_days)}


def _is_of(action: str) -> exp.Expr:
    """Whether a row of ``e`` has an action."""
    id_ = exp.select("action_id").from_("action").where(exp.column("name").eq(literal(action)))
    return exp.EQ(this=column_of("action_id", "e"), expression=id_.subquery())


def _flag_of(action: str) -> str:
    return f"is_{action.replace('-', '_')}"


def grouped(
    scan: Scan, metrics: Sequence[str], scanned: str, has_flags: bool = False, is_of_days: bool = False
) -> exp.Select:
    """A row a group of the stage ``scanned``: its keys, ``is_there`` and the figures of the metrics."""
    select = exp.select(*scan.keys).from_(scanned)
    for _, shown, _ in scan.shown:
        select = select.select(exp.alias_(exp.Max(this=exp.column(shown)), shown))
    select = select.select(exp.alias_(_is_there(scan, is_of_days), IS_THERE))
    for metric in metrics:
        action = DECLARED[metric].action
        for column, sql, is_current in columns_of(metric, scan.is_compared):
            conditions: list[exp.Expr] = [exp.column(_flag_of(action))] if has_flags and action is not None else []
            conditions += in_period(scan, is_current)
            figure = parse_one(sql, dialect="duckdb")
            figure = where(over_days(figure) if is_of_days else figure, conditions)
            select = select.select(exp.alias_(figure, column, quoted=True))
    return select.group_by(*scan.keys) if scan.keys else select


def _is_there(scan: Scan, is_of_days: bool) -> exp.Expr:
    count: exp.Expr = exp.Count(this=exp.Star())
    count = where(over_days(count) if is_of_days else count, in_period(scan, is_current=True))
    return exp.GT(this=count, expression=exp.Literal.number(0))


def in_period(scan: Scan, is_current: bool) -> list[exp.Expr]:
    """What tells a row of the period from one of the period before."""
    if not scan.is_compared:
        return []
    flag: exp.Expr = exp.column(IS_CURRENT)
    return [flag if is_current else exp.not_(flag)]


def where(figure: exp.Expr, conditions: Sequence[exp.Expr]) -> exp.Expr:
    """A figure of those rows alone that fulfil all conditions."""
    if not conditions:
        return figure

    def filtered(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.AggFunc):
            return node
        return exp.Filter(this=node, expression=exp.Where(this=exp.and_(*(one.copy() for one in conditions))))

    return figure.transform(filtered)
