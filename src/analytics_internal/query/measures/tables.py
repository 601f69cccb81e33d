"""Figures that are aggregates over the events, or over the measurements, of the periods. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp, parse_one

from analytics_internal.query.metrics import DECLARED, columns_of
from analytics_internal.query.scan import IS_CURRENT, Scan

IS_THERE = "is_there"


def of_events(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about the events."""
    return _aggregated(scan, metrics, "event", "accesses")


def of_measurements(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about the measurements."""
    return _aggregated(scan, metrics, "measurement", "measurements")


def _aggregated(scan: Scan, metrics: Sequence[str], table: str, name: str) -> dict[str, exp.Query]:
    """The scan as ``<name>_scanned``, and its groups as ``<name>``."""
    aggregates = [parse_one(sql) for metric in metrics for sql in DECLARED[metric].figures.values()]
    needed = sorted({column.name for aggregate in aggregates for column in aggregate.find_all(exp.Column)})
    scanned = f"{name}_scanned"
    rows = scan.of_periods(*(f"e.{column}" for column in needed or ["position"]), table=table)
    return {scanned: rows, name: _grouped(scan, metrics, scanned)}


def _grouped(scan: Scan, metrics: Sequence[str], scanned: str) -> exp.Select:
    select = exp.select(*scan.keys).from_(scanned)
    for _, shown, _ in scan.shown:
        select = select.select(exp.alias_(exp.Max(this=exp.column(shown)), shown))
    select = select.select(exp.alias_(_is_there(scan), IS_THERE))
    for metric in metrics:
        for column, sql, is_current in columns_of(metric, scan.is_compared):
            select = select.select(exp.alias_(_of_period(scan, parse_one(sql), is_current), column, quoted=True))
    return select.group_by(*scan.keys) if scan.keys else select


def _is_there(scan: Scan) -> exp.Expr:
    count = _of_period(scan, exp.Count(this=exp.Star()), is_current=True)
    return exp.GT(this=count, expression=exp.Literal.number(0))


def _of_period(scan: Scan, aggregate: exp.Expr, is_current: bool) -> exp.Expr:
    if not scan.is_compared:
        return aggregate
    flag: exp.Expr = exp.column(IS_CURRENT)
    return exp.Filter(this=aggregate, expression=exp.Where(this=flag if is_current else exp.not_(flag)))
