"""People who came for the first time, and those who had come before. Pure.

The first access is that of all time under the filters and within the row's group, time bucket aside. A table of first
accesses by person may stand for ``first_seen`` where a question has neither filters nor further dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query.conditions import column_of
from analytics_internal.query.measures.tables import IS_THERE, in_period, where
from analytics_internal.query.metrics import columns_of
from analytics_internal.query.scan import IS_CURRENT, Scan, parameter

PERSON = "person_id"
FIRST = "first_at"
IS_NEW = {"new_people": True, "returning_people": False}


def of_newcomers(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about the people of a row."""
    return {"person_of_row": _people(scan), "first_seen": _first_seen(scan), "newcomers": _counted(scan, metrics)}


def _people(scan: Scan) -> exp.Select:
    """The people of each row, with their first access in it."""
    rows = scan.of_periods("e.person_id", "e.occurred_at").where(_is_known()).subquery("seen")
    by = [*scan.keys, *([IS_CURRENT] if scan.is_compared else []), PERSON]
    people = exp.select(*by, _first_at()).from_(rows).group_by(*by)
    for _, shown, _ in scan.shown:
        people = people.select(exp.alias_(exp.Max(this=exp.column(shown)), shown))
    return people


def _first_seen(scan: Scan) -> exp.Select:
    """The first access of each person in each group until the period ends."""
    keys = scan.lasting_keys
    rows = scan.of_all_time("e.person_id", "e.occurred_at", keys=keys).where(_is_known())
    rows = rows.where(exp.LTE(this=column_of("day", "e"), expression=parameter("last_day")))
    by = [*keys, PERSON]
    return exp.select(*by, _first_at()).from_(rows.subquery("seen")).group_by(*by)


def _counted(scan: Scan, metrics: Sequence[str]) -> exp.Select:
    select = exp.select(*(f"p.{key}" for key in scan.keys)).from_("person_of_row AS p")
    same = [
        exp.NullSafeEQ(this=column_of(column, "p"), expression=column_of(column, "f"))
        for column in (*scan.lasting_keys, PERSON)
    ]
    select = select.join("first_seen AS f", on=exp.and_(*same))
    for _, shown, _ in scan.shown:
        select = select.select(exp.alias_(exp.Max(this=column_of(shown, "p")), shown))
    is_there = where(exp.Count(this=exp.Star()), in_period(scan, is_current=True))
    select = select.select(exp.alias_(exp.GT(this=is_there, expression=exp.Literal.number(0)), IS_THERE))
    for metric in metrics:
        is_new: exp.Expr = exp.EQ(this=column_of(FIRST, "p"), expression=column_of(FIRST, "f"))
        for column, _, is_current in columns_of(metric, scan.is_compared):
            condition = is_new.copy() if IS_NEW[metric] else exp.not_(is_new.copy())
            count = where(exp.Count(this=exp.Star()), [condition, *in_period(scan, is_current)])
            select = select.select(exp.alias_(count, column, quoted=True))
    return select.group_by(*(f"p.{key}" for key in scan.keys)) if scan.keys else select


def _first_at() -> exp.Expr:
    return exp.alias_(exp.Min(this=exp.column("occurred_at")), FIRST)


def _is_known() -> exp.Expr:
    return exp.not_(exp.Is(this=column_of(PERSON, "e"), expression=exp.Null()))
