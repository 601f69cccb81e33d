"""People who are expected to use the portal, and those of them who did. Pure.

Who was eligible, and in which teams, is known for each day. The days of each person are cut where anything of that
changes: on a stretch between two cuts all of it stays the same. Filters on people and teams choose stretches; all other
filters choose accesses. A table of person-days may stand for ``access_day`` where nothing else is filtered by.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp, parse_one

from analytics_internal.dimensions import DECLARED
from analytics_internal.event import composed, decoded
from analytics_internal.query import language
from analytics_internal.query.conditions import column_of, literal
from analytics_internal.query.meaning import population_parts
from analytics_internal.query.measures.holding import (
    ORDINAL,
    counted,
    figures_of,
    held,
    least,
    ordinal_of,
    parts_of,
)
from analytics_internal.query.metrics import PERSON, TEAM
from analytics_internal.query.scan import IS_CURRENT, Scan, parameter

ELIGIBLE, ADOPTED = "eligible", "adopted"
STRETCH = "eligible_stretch"
# A day at which something begins, or the first day on which it no longer holds; `ALWAYS` has neither.
_CUTS = """
SELECT ref, first_day::BIGINT AS day FROM catalog_eligible
UNION SELECT ref, last_day::BIGINT + 1 FROM catalog_eligible
UNION SELECT member, first_day::BIGINT FROM catalog_team WHERE member IN (SELECT ref FROM catalog_eligible)
UNION SELECT member, last_day::BIGINT + 1 FROM catalog_team WHERE member IN (SELECT ref FROM catalog_eligible)
"""
_BETWEEN_CUTS = """
SELECT ref, day AS first_day, lead(day) OVER (PARTITION BY ref ORDER BY day) - 1 AS last_day FROM eligible_cut
"""
_STRETCHES = """
SELECT s.ref, s.first_day, s.last_day, list(DISTINCT t.team) FILTER (WHERE t.team IS NOT NULL) AS teams
FROM eligible_between AS s
JOIN catalog_eligible AS e ON e.ref = s.ref AND s.first_day BETWEEN e.first_day AND e.last_day
LEFT JOIN catalog_team AS t ON t.member = s.ref AND s.first_day BETWEEN t.first_day AND t.last_day
GROUP BY s.ref, s.first_day, s.last_day
"""
_WITHOUT_TEAMS = "SELECT ref, first_day::BIGINT AS first_day, last_day::BIGINT AS last_day FROM catalog_eligible"
# Who never was in an event has no id: one that no other person has.
_KNOWN_PEOPLE = """
SELECT person_id, ref FROM person
UNION ALL
SELECT -row_number() OVER (ORDER BY ref), ref
FROM (SELECT DISTINCT ref FROM catalog_eligible WHERE ref NOT IN (SELECT ref FROM person))
"""
KNOWN_PEOPLE = "known_person"


def of_eligible(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about people who are expected to use the portal."""
    stages = _stretches(scan)
    stages["eligible_row"] = _rows(scan)
    changes = [change for is_current, name in parts_of(scan) for change in _changes(scan, is_current, name)]
    stages |= held(scan, ELIGIBLE, exp.union(*changes, distinct=False), [ELIGIBLE])
    found = ["eligible_held"]
    if ADOPTED in figures_of(metrics):
        stages["access_day"] = _access_days(scan)
        stages[ADOPTED] = _adopted(scan)
        found.append(ADOPTED)
    return stages | {"eligible_people": counted(scan, metrics, found)}


def _stretches(scan: Scan) -> dict[str, exp.Query]:
    """Who was eligible from day to day, under the filters on people and teams."""
    parts = population_parts(scan.query.filter)
    has_teams = TEAM in scan.query.dimensions or any(
        comparison == TEAM for part in parts for comparison in _dimensions(part)
    )
    stages: dict[str, exp.Query] = {}
    if has_teams:
        stages = {"eligible_cut": _parsed(_CUTS), "eligible_between": _parsed(_BETWEEN_CUTS)}
        stages["eligible_day"] = _parsed(_STRETCHES)
    else:
        stages["eligible_day"] = _parsed(_WITHOUT_TEAMS)
    stretch = exp.select("*").from_("eligible_day")
    stages[STRETCH] = stretch.where(*(_holds(part) for part in parts)) if parts else stretch
    if PERSON in scan.query.dimensions:
        stages[KNOWN_PEOPLE] = _parsed(_KNOWN_PEOPLE)
        scan.named_by[DECLARED[PERSON].table.name] = KNOWN_PEOPLE
    return stages


def _rows(scan: Scan) -> exp.Select:
    """The stretches of each row's group, time aside."""
    rows = exp.select("s.ref", "s.first_day", "s.last_day").from_(f"{STRETCH} AS s")
    for key, dimension in zip(scan.keys, scan.query.dimensions, strict=True):
        if dimension == TEAM:
            teams = exp.Coalesce(this=column_of("teams", "s"), expressions=[_parsed_expression("[NULL]::VARCHAR[]")])
            rows = rows.select(exp.alias_(exp.func("unnest", teams), key))
        elif dimension == PERSON:
            rows = rows.select(exp.alias_(column_of("person_id", "p"), key))
            rows = rows.join(f"{KNOWN_PEOPLE} AS p", on="p.ref = s.ref")
    return rows


def _changes(scan: Scan, is_current: bool, name: str) -> list[exp.Select]:
    """For each person and group: the first bucket of each run of buckets, and the one after it."""
    first_day = parameter("first_day" if is_current else "previous_first_day")
    until = parameter(f"{name}_until")
    first = exp.Anonymous(this="greatest", expressions=[exp.column("first_day"), first_day])
    start = ordinal_of(first, name)
    stop = exp.Add(this=ordinal_of(least(exp.column("last_day"), until), name), expression=exp.Literal.number(1))
    keys = scan.lasting_keys
    spans = exp.select(*keys, "ref", exp.column("first_day"), exp.alias_(start, "start"), exp.alias_(stop, "stop"))
    spans = spans.from_("eligible_row").where(
        exp.GTE(this=exp.column("last_day"), expression=first_day.copy()),
        exp.LTE(this=exp.column("first_day"), expression=until.copy()),
        exp.LTE(this=first_day.copy(), expression=until.copy()),
    )
    # Two stretches of one person may share a bucket: it counts once.
    order = exp.Order(expressions=[exp.Ordered(this=exp.column("first_day"), nulls_first=False)])
    partition = [exp.column(column) for column in (*keys, "ref")]
    before = exp.Window(this=exp.func("lag", exp.column("stop")), partition_by=partition, order=order)
    apart = exp.select(
        *keys, exp.alias_(exp.Anonymous(this="greatest", expressions=[exp.column("start"), before]), "start"), "stop"
    )
    apart = apart.from_(spans.subquery("span"))
    changes = []
    for column, sign in (("start", 1), ("stop", -1)):
        change = exp.select(*keys, exp.alias_(exp.convert(is_current), IS_CURRENT)).from_(
            apart.copy().subquery("apart")
        )
        change = change.select(exp.alias_(exp.column(column), ORDINAL), exp.alias_(exp.convert(sign), ELIGIBLE))
        changes.append(change.where(exp.LT(this=exp.column("start"), expression=exp.column("stop"))))
    return changes


def _access_days(scan: Scan) -> exp.Select:
    """The days of the periods on which people had an access."""
    time_keys = [scan.time_key] if scan.time_key is not None else []
    rows = scan.of_periods("e.person_id", "e.day", keys=time_keys)
    rows = rows.where(exp.not_(exp.Is(this=column_of("person_id", "e"), expression=exp.Null())))
    by = [*time_keys, "person_id", "day", *([IS_CURRENT] if scan.is_compared else [])]
    return exp.select(*by).distinct().from_(rows.subquery("seen"))


def _adopted(scan: Scan) -> exp.Select:
    """How many of each row's eligible people had an access on a day on which they were."""
    keys = [f"r.{key}" for key in scan.lasting_keys]
    if scan.time_key is not None:
        keys.append(f"a.{scan.time_key}")
    flag = column_of(IS_CURRENT, "a") if scan.is_compared else exp.true()
    count = exp.Count(this=exp.Distinct(expressions=[column_of("ref", "r")]))
    adopted = exp.select(*keys, exp.alias_(flag, IS_CURRENT), exp.alias_(count, ADOPTED)).from_("access_day AS a")
    adopted = adopted.join("person AS seen", on="seen.person_id = a.person_id")
    adopted = adopted.join("eligible_row AS r", on="r.ref = seen.ref AND a.day BETWEEN r.first_day AND r.last_day")
    by = [*keys, *([f"a.{IS_CURRENT}"] if scan.is_compared else [])]
    return adopted.group_by(*by) if by else adopted


def _holds(filter_: language.Filter) -> exp.Expr:
    """A filter on people and teams as a condition on a stretch."""
    if isinstance(filter_, language.Not):
        return exp.not_(exp.paren(_holds(filter_.filter)))
    if isinstance(filter_, language.All | language.Any):
        parts = [exp.paren(_holds(part)) for part in filter_.filters]
        return exp.and_(*parts) if isinstance(filter_, language.All) else exp.or_(*parts)
    is_team = filter_.dimension == TEAM
    holds = _contains(filter_, is_team) if isinstance(filter_, language.Contains) else _is(filter_, is_team)
    known = exp.Coalesce(this=exp.paren(holds), expressions=[exp.false()])
    return exp.not_(known) if isinstance(filter_, language.Is) and filter_.is_negated else known


def _is(filter_: language.Is, is_team: bool) -> exp.Expr:
    compared_as = DECLARED[filter_.dimension].compared_as
    texts = [literal(text) for value in filter_.values if value is not None for text in compared_as(str(value))]
    parts: list[exp.Expr] = []
    if texts and is_team:
        parts.append(exp.func("list_has_any", exp.column("teams"), exp.Array(expressions=list(texts))))
    elif texts:
        parts.append(exp.In(this=exp.column("ref"), expressions=list(texts)))
    if None in filter_.values:
        parts.append(exp.Is(this=exp.column("teams"), expression=exp.Null()) if is_team else exp.false())
    return exp.or_(*parts)


def _contains(filter_: language.Contains, is_team: bool) -> exp.Expr:
    # No ref has a line break.
    name = _parsed_expression("lower(array_to_string(teams, chr(10)))" if is_team else "lower(ref)")
    texts = dict.fromkeys(text for value in filter_.values for text in (composed(value), decoded(value)))
    return exp.or_(*(exp.Contains(this=name.copy(), expression=exp.Lower(this=literal(text))) for text in texts))


def _dimensions(filter_: language.Filter) -> list[str]:
    if isinstance(filter_, language.All | language.Any):
        return [name for part in filter_.filters for name in _dimensions(part)]
    return _dimensions(filter_.filter) if isinstance(filter_, language.Not) else [filter_.dimension]


def _parsed(sql: str) -> exp.Query:
    tree = parse_one(sql, dialect="duckdb")
    assert isinstance(tree, exp.Query)
    return tree


def _parsed_expression(sql: str) -> exp.Expr:
    return parse_one(sql, dialect="duckdb")
