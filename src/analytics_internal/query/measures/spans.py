"""The stretches of days that rows are about: their bucket, or the period, as far as it has come. Pure."""

from __future__ import annotations

from sqlglot import exp

from analytics_internal.query.conditions import column_of
from analytics_internal.query.scan import IS_CURRENT, Scan, is_current, parameter


def spans(scan: Scan) -> exp.Select:
    """Rows of the keys that are times, ``is_current``, ``first_day`` and ``last_day``, also where there is no event.

    Of an unfinished period the days after today have not come; of the one before, those that are compared with them.
    """
    days: exp.Query = _days("first_day", "last_day_come")
    if scan.is_compared:
        more = _days("previous_first_day", "previous_last_day_come")
        days = exp.Union(this=days, expression=more, distinct=False)
    keys = [*scan.time_keys(), exp.alias_(is_current(), IS_CURRENT)]
    day = column_of("day", "e")
    first, last = exp.Min(this=day), exp.Max(this=day.copy())
    rows = exp.select(*keys, exp.alias_(first, "first_day"), exp.alias_(last, "last_day"))
    rows = rows.from_(exp.Subquery(this=days).as_("e"))
    return rows.group_by(*(exp.Literal.number(place) for place in range(1, len(keys) + 1)))


def _days(first: str, last: str) -> exp.Select:
    after = exp.Add(this=exp.cast(parameter(last), "BIGINT"), expression=exp.Literal.number(1))
    numbers = exp.Anonymous(this="range", expressions=[exp.cast(parameter(first), "BIGINT"), after])
    return exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[numbers]), "day"))
