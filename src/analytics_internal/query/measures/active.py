"""People who were active in the days that end with a row's last one. Pure.

A day of a person counts until the person's next one, or until it is 7 or 28 days old. A table of person-days may stand
for ``active_day`` where a question has neither filters nor further dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query.conditions import column_of
from analytics_internal.query.measures.holding import (
    ORDINAL,
    between_days,
    counted,
    day_column,
    figures_of,
    held,
    least,
    ordinal_of,
    parts_of,
)
from analytics_internal.query.scan import IS_CURRENT, Scan, time_parameter

PERSON, FIRST, DAY, NEXT_DAY = "person_id", "first_at", "day", "next_day"
WINDOWS = {"people_of_7_days": 7, "people_of_28_days": 28, "person_days": 28}
"""How many days of a person's activity count."""
COUNTS_ONCE = ("people_of_7_days", "people_of_28_days")
"""However many days of a person there are in a window."""


def of_active(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about the people of some days."""
    figures = figures_of(metrics)
    stages: dict[str, exp.Query] = {"active_day": _active_days(scan)}
    changes: list[exp.Select] = []
    for is_current, name in parts_of(scan):
        stages[f"{name}_day"] = _with_next(scan, is_current, name)
        changes += _changes(scan, is_current, name, figures)
    stages |= held(scan, "active", exp.union(*changes, distinct=False) if len(changes) > 1 else changes[0], figures)
    return stages | {"active": counted(scan, metrics, ["active_held"])}


def _active_days(scan: Scan) -> exp.Select:
    """The days of each person in each group, in all windows."""
    keys = scan.lasting_keys
    rows = scan.with_shown(scan.of_all_time("e.person_id", "e.day", "e.occurred_at", keys=keys))
    is_known = exp.not_(exp.Is(this=column_of(PERSON, "e"), expression=exp.Null()))
    is_near = [between_days(name, day_column("e")) for _, name in parts_of(scan)]
    rows = rows.where(exp.and_(is_known, exp.or_(*is_near)))
    by = [*keys, PERSON, DAY]
    days = exp.select(*by, exp.alias_(exp.Min(this=exp.column("occurred_at")), FIRST)).from_(rows.subquery("seen"))
    for _, shown, _ in scan.shown:
        days = days.select(exp.alias_(exp.Max(this=exp.column(shown)), shown))
    return days.group_by(*by)


def _with_next(scan: Scan, is_current: bool, name: str) -> exp.Select:
    """The days of one period's windows, each with the person's next one."""
    partition = [exp.column(column) for column in (*scan.lasting_keys, PERSON)]
    order = exp.Order(expressions=[exp.Ordered(this=exp.column(DAY), nulls_first=False)])
    following = exp.Window(this=exp.func("lead", exp.column(DAY)), partition_by=partition, order=order)
    shown = [column for _, column, _ in scan.shown]
    days = exp.select(*scan.lasting_keys, *shown, DAY, exp.alias_(following, NEXT_DAY)).from_("active_day")
    days = days.where(between_days(name, exp.column(DAY)))
    if not is_current:
        # As much of the last day as has come of today.
        days = days.where(exp.LT(this=exp.column(FIRST), expression=time_parameter("previous_end")))
    return days


def _changes(scan: Scan, is_current: bool, name: str, figures: Sequence[str]) -> list[exp.Select]:
    """Where each count begins, and where each ends."""
    changes = [_change(scan, is_current, name, exp.column(DAY), dict.fromkeys(figures, 1), figures)]
    for figure in figures:
        end: exp.Expr = exp.Add(this=exp.column(DAY), expression=exp.Literal.number(WINDOWS[figure]))
        if figure in COUNTS_ONCE:
            end = least(end, exp.column(NEXT_DAY))
        changes.append(_change(scan, is_current, name, end, {figure: -1}, figures))
    return changes


def _change(
    scan: Scan, is_current: bool, name: str, day: exp.Expr, by: dict[str, int], figures: Sequence[str]
) -> exp.Select:
    select = exp.select(*scan.lasting_keys, *(column for _, column, _ in scan.shown)).from_(f"{name}_day")
    select = select.select(exp.alias_(exp.convert(is_current), IS_CURRENT))
    select = select.select(exp.alias_(ordinal_of(day, name), ORDINAL))
    return select.select(*(exp.alias_(exp.convert(by.get(figure, 0)), figure) for figure in figures))
