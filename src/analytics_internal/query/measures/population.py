"""Figures about the people who are expected to use the portal: who they are, who came, who joined and arrived. Pure.

They are the reader's `catalog_eligible`. What a question's filter demands of people alone (their team, themselves)
narrows them down; everything else it demands is about accesses, and so about who came.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.query import language
from analytics_internal.query.conditions import column_of, comparisons
from analytics_internal.query.measures.spans import single_days, spans
from analytics_internal.query.measures.tables import IS_THERE
from analytics_internal.query.metrics import columns_of
from analytics_internal.query.scan import IS_CURRENT, Scan
from analytics_internal.query.unused import condition_on_catalog
from analytics_internal.reader import ALWAYS

TEAM, PERSON = "team", "person"
_ELIGIBLE, _CAME = "eligible", "came"
_FIGURES = {
    "eligible_people": "coalesce(max(eligible) {of_period}, 0)",
    "adoption_rate.numerator": "coalesce(max(came) {of_period}, 0)",
    "adoption_rate.denominator": "coalesce(max(eligible) {of_period}, 0)",
    "joined_people": "count(joined_on) {of_period}",
    "arrival_rate.numerator": "count(arrived_on) {of_period}",
    "arrival_rate.denominator": "count(joined_on) {of_period}",
    "days_to_arrival.numerator": "coalesce(sum(arrived_on - joined_on) {of_period}, 0)",
    "days_to_arrival.denominator": "count(arrived_on) {of_period}",
}


def of_eligible(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about who could come, and who of them did."""
    came = exp.select(*scan.keys, *_current(scan)).select(
        exp.alias_(exp.cast(exp.Literal.number(0), "BIGINT"), _ELIGIBLE),
        exp.alias_(exp.Count(this=exp.Distinct(expressions=[column_of("person_id", "p")])), _CAME),
    )
    came = came.from_("eligible_access AS p").join(
        "person_eligible AS c", on="c.person_id = p.person_id AND p.day BETWEEN c.first_day AND c.last_day"
    )
    rows = exp.Union(this=_eligible(scan), expression=_by_keys(came, scan), distinct=False)
    return {
        "eligible_span": single_days(scan) if _asks_for_teams(scan) else spans(scan),
        "eligible_access": scan.of_periods("e.person_id", "e.day"),
        "eligible_row": rows,
        "eligible": _grouped(scan, metrics, "eligible_row"),
    }


def _eligible(scan: Scan) -> exp.Select:
    """How many were eligible at the end of at least one day of each span."""
    of_days = _asks_for_teams(scan)
    first, last = ("day", "day") if of_days else ("first_day", "last_day")
    rows = exp.select(
        *(column_of(key, "t" if name == TEAM else "s") for key, name in _keys(scan)), *_current(scan, "s")
    )
    rows = rows.select(
        exp.alias_(exp.Count(this=exp.Distinct(expressions=[column_of("ref", "c")])), _ELIGIBLE),
        exp.alias_(exp.cast(exp.Literal.number(0), "BIGINT"), _CAME),
    )
    rows = rows.from_("eligible_span AS s").join(
        "catalog_eligible AS c", on=f"c.first_day <= s.{last} AND c.last_day >= s.{first}"
    )
    if TEAM in scan.query.dimensions:
        key = next(key for key, name in _keys(scan) if name == TEAM)
        teams = exp.select("member", f"team AS {key}", "first_day", "last_day").from_("catalog_team")
        on = (
            f"t.member = c.ref AND greatest(t.first_day, c.first_day, s.{first}) "
            f"<= least(t.last_day, c.last_day, s.{last})"
        )
        rows = rows.join(teams.subquery("t"), on=on)
    for condition in _demanded(scan):
        rows = rows.where(condition)
    return _by_keys(rows, scan)


def _demanded(scan: Scan) -> list[exp.Expr]:
    """What the filter demands of an eligible person ``c``, and of its teams on the day of ``s``."""
    found = []
    for part in _parts(scan.query.filter):
        if {comparison.dimension for comparison in comparisons(part)} == {PERSON}:
            condition = condition_on_catalog(part, {PERSON: "ref"})
            assert condition is not None
            found.append(condition)
        elif _is_about_people(part):
            found.append(_demanded_of_person(part))
    return found


def _demanded_of_person(filter_: language.Filter) -> exp.Expr:
    if isinstance(filter_, language.Not):
        return exp.not_(exp.paren(_demanded_of_person(filter_.filter)))
    if isinstance(filter_, language.All | language.Any):
        parts = [_demanded_of_person(part) for part in filter_.filters]
        return exp.paren(exp.and_(*parts) if isinstance(filter_, language.All) else exp.or_(*parts))
    if filter_.dimension == PERSON:
        condition = condition_on_catalog(filter_, {PERSON: "ref"})
        assert condition is not None
        return condition
    return _demanded_of_teams(filter_)


def _demanded_of_teams(filter_: language.Is | language.Contains) -> exp.Expr:
    """Whether one of the person's teams on the day is asked for; negated, whether none is."""
    is_negated = isinstance(filter_, language.Is) and filter_.is_negated
    plain = language.Is(filter_.dimension, filter_.values) if isinstance(filter_, language.Is) else filter_
    of_person = exp.select(exp.Literal.number(1)).from_("catalog_team AS t")
    of_person = of_person.where("t.member = c.ref AND s.day BETWEEN t.first_day AND t.last_day")
    parts: list[exp.Expr] = []
    if isinstance(plain, language.Is) and None in plain.values:
        parts.append(exp.not_(exp.Exists(this=of_person.copy())))
    named = tuple(value for value in plain.values if value is not None)
    if named:
        asked = language.Contains(TEAM, tuple(map(str, named))) if isinstance(plain, language.Contains) else None
        condition = condition_on_catalog(asked or language.Is(TEAM, named), {TEAM: "team"})
        assert condition is not None
        for column in condition.find_all(exp.Column):
            column.set("table", exp.to_identifier("t"))
        parts.append(exp.Exists(this=of_person.copy().where(condition)))
    holds = exp.paren(exp.or_(*parts))
    return exp.not_(holds) if is_negated else holds


def _parts(filter_: language.Filter | None) -> Sequence[language.Filter]:
    if filter_ is None:
        return []
    return filter_.filters if isinstance(filter_, language.All) else [filter_]


def _is_about_people(filter_: language.Filter) -> bool:
    return {comparison.dimension for comparison in comparisons(filter_)} <= {TEAM, PERSON}


def _asks_for_teams(scan: Scan) -> bool:
    """Whether what is demanded of people depends on the day."""
    asked = [part for part in _parts(scan.query.filter) if _is_about_people(part)]
    return any(comparison.dimension == TEAM for part in asked for comparison in comparisons(part))


def of_joined(scan: Scan, metrics: Sequence[str]) -> dict[str, exp.Query]:
    """The stages of metrics about those whose first day in the catalog is in a span, and their first access since."""
    joined = exp.select("ref", exp.alias_(exp.Min(this=exp.column("first_day")), "joined_on"))
    joined = joined.from_("catalog_eligible").group_by("ref").having(f"min(first_day) > {ALWAYS[0]}")
    first = exp.select("j.ref", "min(a.day) AS arrived_on").from_("joined_person AS j").join("person", using="ref")
    first = first.join("joined_access AS a", on="a.person_id = person.person_id AND a.day >= j.joined_on")
    rows = exp.select(*(column_of(key, "s") for key in scan.keys), *_current(scan, "s"), "joined_on", "arrived_on")
    rows = rows.from_("joined_span AS s")
    rows = rows.join("joined_person AS j", on="j.joined_on BETWEEN s.first_day AND s.last_day", join_type="LEFT")
    rows = rows.join("joined_first AS f", on="f.ref = j.ref", join_type="LEFT")
    return {
        "joined_span": spans(scan),
        "joined_person": joined,
        "joined_access": scan.without_keys("e.person_id", "e.day").distinct(),
        "joined_first": first.group_by("j.ref"),
        "joined_row": rows,
        "joined": _grouped(scan, metrics, "joined_row"),
    }


def _keys(scan: Scan) -> list[tuple[str, str]]:
    return list(zip(scan.keys, scan.query.dimensions, strict=True))


def _current(scan: Scan, table: str | None = None) -> list[exp.Expr]:
    if table is None and not scan.is_compared:
        return [exp.alias_(exp.true(), IS_CURRENT)]
    return [exp.column(IS_CURRENT, table)]


def _by_keys(rows: exp.Select, scan: Scan) -> exp.Select:
    return rows.group_by(*(exp.Literal.number(place) for place in range(1, len(scan.keys) + 2)))


def _grouped(scan: Scan, metrics: Sequence[str], rows: str) -> exp.Select:
    select = exp.select(*scan.keys, exp.alias_(exp.func("bool_or", exp.column(IS_CURRENT)), IS_THERE))
    for metric in metrics:
        for column, _, is_of_period in columns_of(metric, scan.is_compared):
            figure = _FIGURES[column.replace(".previous_", ".").removesuffix(".previous")]
            flag = IS_CURRENT if is_of_period else f"NOT {IS_CURRENT}"
            select = select.select(f'{figure.format(of_period=f"FILTER (WHERE {flag})")} AS "{column}"')
    return select.from_(rows).group_by(*scan.keys) if scan.keys else select.from_(rows)
