"""SQL for random questions, as one would write it by hand: one scan of the events, joined to what it is grouped by.

It knows breakdowns of the figures that are counted in one way, and retention. What it does not know is only timed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from analytics_internal.query.kinds import parse_question
from analytics_internal.query.period import resolve
from bench.questions import ZONE
from bench.questions.insights import for_duckdb, for_postgres, literals

Question = dict[str, Any]
FIGURES = {
    "events": ("count(*) {where}",),
    "people": ("count(DISTINCT e.person_id) {where}",),
    "items": ("count(DISTINCT e.item_id) {where}",),
    "sessions": ("count(DISTINCT e.session) {where}",),
    "views": ("count(*) {where}",),
    "searches": ("count(*) {where}",),
    "zero_result_rate": ("count(CASE WHEN e.value = 0 THEN 1 END) {where}", "count(e.value) {where}"),
    "mean_rank": ("coalesce(sum(e.value) {where}, 0)", "count(e.value) {where}"),
}
ACTIONS = {"views": "navigate", "searches": "search", "zero_result_rate": "search", "mean_rank": "discover"}
MOMENTS = {"first_access": "min(e.occurred_at)", "last_access": "max(e.occurred_at)"}
_OF_DAY = "e.day BETWEEN {0}.first_day AND {0}.last_day"
JOINS = {
    "action": "JOIN action ON action.action_id = e.action_id",
    "item": "JOIN item ON item.item_id = e.item_id",
    "plugin": "LEFT JOIN plugin ON plugin.plugin_id = e.plugin_id",
    "context": "LEFT JOIN context ON context.context_id = e.context_id",
    "entity": "LEFT JOIN entity ON entity.entity_id = e.entity_id",
    "path": "LEFT JOIN path ON path.path_id = e.path_id",
    "person": "LEFT JOIN person ON person.person_id = e.person_id",
    "version": f"LEFT JOIN catalog_entity AS version ON version.ref = entity.ref AND {_OF_DAY.format('version')}",
    "team": f"LEFT JOIN catalog_team AS team ON team.member = person.ref AND {_OF_DAY.format('team')}",
}
"""In the order in which they need each other."""
NEEDS = {"version": "entity", "team": "person"}
COLUMNS = {
    "action": "action.name", "subject": "item.subject", "plugin": "plugin.name", "extension": "context.extension",
    "route": "context.route", "entity": "entity.ref", "entity_kind": "entity.kind", "template": "entity.template",
    "doc_site": "path.doc_site", "doc_page": "path.doc_page", "entity_type": "version.type", "owner": "version.owner",
    "system": "version.system", "domain": "version.domain", "lifecycle": "version.lifecycle", "team": "team.team",
    "person": "person.ref", "item": "item.item_id",
}  # fmt: skip
TIMES = {
    "time:day": "DATE '1970-01-01' + {day}",
    "time:week": "CAST(date_trunc('week', DATE '1970-01-01' + {day}) AS DATE)",
    "time:month": "CAST(date_trunc('month', DATE '1970-01-01' + {day}) AS DATE)",
}
_IN_TEAM = (
    "SELECT 1 FROM catalog_team AS t JOIN person AS m ON m.ref = t.member "
    f"WHERE m.person_id = e.person_id AND {_OF_DAY.format('t')}"
)


class _Unknown(Exception):
    """The writer does not know this."""


def statement_of(question: Question, now: datetime, is_postgres: bool) -> str | None:
    """A statement for a question; None where this writer knows none."""
    try:
        kind = question.get("kind", "breakdown")
        if kind == "retention":
            sql = _retention(question)
        elif kind == "breakdown":
            sql = _breakdown(question, now, is_postgres)
        else:
            return None
    except _Unknown:
        return None
    values = literals(question, now, is_postgres)
    if is_postgres:
        return for_postgres(sql, values)
    # The table of the events is called `e` here.
    return for_duckdb(sql, values).replace("AS access AS e", "AS e")


def _breakdown(question: Question, now: datetime, is_postgres: bool) -> str:
    metrics, dimensions = question["metrics"], question["dimensions"]
    time = next((name for name in dimensions if name.startswith("time:")), None)
    counted = [name for name in metrics if name in FIGURES]
    moments = [name for name in metrics if name in MOMENTS]
    if len(counted) + len(moments) != len(metrics) or (time is not None and (time not in TIMES or moments)):
        raise _Unknown
    later = _days_later(question, now)
    day = "e.day" if later is None else f"(CASE WHEN e.occurred_at >= $start THEN e.day ELSE e.day + {later} END)"
    keys = [_key(name, day) for name in dimensions]
    names = [f"key_{number}" for number in range(len(keys))]
    filter_ = _condition(question["filters"]) if "filters" in question else None
    joins = _joins([*keys, filter_ or "", *(["action."] if set(counted) & set(ACTIONS) else [])])
    source = f"FROM access AS e {joins}"
    filtered = f" AND ({filter_})" if filter_ else ""
    in_period = "e.occurred_at >= $start AND e.occurred_at < $end"
    current, before = "e.occurred_at >= $start", "e.occurred_at < $start"
    periods = f"({in_period})"
    if later is not None:
        periods = f"({in_period} OR (e.occurred_at >= $previous_start AND e.occurred_at < $previous_end))"
    else:
        current = "true"
    figures: dict[str, list[str]] = {name: [] for name in metrics}
    for name in counted:
        for condition in [current] + ([before] if later is not None else []):
            of_action = f" AND action.name = '{ACTIONS[name]}'" if name in ACTIONS else ""
            where = f"FILTER (WHERE {condition}{of_action})"
            figures[name] += [sql.format(where=where) for sql in FIGURES[name]]
    columns = [f"{sql} AS {name}_{n}" for name in counted for n, sql in enumerate(figures[name])]
    of_actions = ""
    if counted and all(name in ACTIONS for name in counted):
        of_actions = f" AND action.name IN ({_texts(sorted({ACTIONS[name] for name in counted}))})"
    named = [f"{key} AS {name}" for key, name in zip(keys, names, strict=True)]
    grouped = f"SELECT {', '.join([*named, *columns] or ['1 AS one'])} {source} WHERE {periods}{filtered}{of_actions}"
    if keys:
        group = ", ".join(map(str, range(1, len(keys) + 1)))
        grouped += f" GROUP BY {group}"
        # A bucket's row is there for the previous period alone, too.
        grouped += f" HAVING count(*) FILTER (WHERE {current}) > 0" if time is None else ""
    shown = {name: [f"g.{name}_{n}" for n in range(len(figures[name]))] for name in counted}
    ever = ""
    if moments:
        parts = [*named, *(f"{MOMENTS[name]} AS {name}" for name in moments)]
        ever = f", ever AS (SELECT {', '.join(parts)} {source} WHERE true{filtered}"
        ever += f" GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))})" if keys else ")"
        shown |= {name: [f"ever.{name}"] for name in moments}
    if not keys and not counted:
        grouped = "SELECT 1 AS one"
    on = " AND ".join(f"ever.{name} IS NOT DISTINCT FROM g.{name}" for name in names) or "true"
    joined = f" LEFT JOIN ever ON {on}" if moments else ""
    labels, named_item = _labels(dimensions, names)
    joined += named_item
    order = _order(question, shown, dict(zip(dimensions, names, strict=True)), is_postgres)
    return (
        f"WITH g AS ({grouped}){ever} SELECT {', '.join([*labels, *(c for name in metrics for c in shown[name])])} "
        f"FROM g{joined} ORDER BY {order} LIMIT {question.get('limit', 100)}"
    )


def _labels(dimensions: list[str], names: list[str]) -> tuple[list[str], str]:
    """What is shown of the keys, and the join that it needs."""
    labels = [f"g.{name}" for name in names]
    if "item" not in dimensions:
        return labels, ""
    place = dimensions.index("item")
    labels[place] += ", item.action, item.subject, item.path"
    return labels, f" JOIN item ON item.item_id = g.{names[place]}"


def _order(question: Question, shown: dict[str, list[str]], keys: dict[str, str], is_postgres: bool) -> str:
    order: list[str] = []
    time = next((name for name in keys if name.startswith("time:")), None)
    first = question["metrics"][0]
    if time is not None:
        order.append(f"g.{keys[time]}")
    else:
        columns = shown[first]
        sorted_by = f"{columns[0]} * 1.0 / nullif({columns[1]}, 0)" if first.endswith(("rate", "rank")) else columns[0]
        order.append(f"{sorted_by} DESC NULLS LAST")
    for name, key in keys.items():
        if name == time:
            continue
        if name == "item":
            order.append(f"g.{key}")
        else:
            folded = "lower" if is_postgres else "sort_key"
            order += [f"{folded}(g.{key}) NULLS LAST", f"g.{key} NULLS LAST"]
    return ", ".join(order)


def _days_later(question: Question, now: datetime) -> int | None:
    query, _ = parse_question(msgspec.json.encode(question))
    _, previous = resolve(query, ZONE, now, None)
    if previous is None:
        return None
    if previous.months or previous.last >= resolve(query, ZONE, now, None)[0].first:
        raise _Unknown
    return previous.days_later


def _key(name: str, day: str) -> str:
    if name in TIMES:
        return TIMES[name].format(day=day)
    if name not in COLUMNS:
        raise _Unknown
    return COLUMNS[name]


def _joins(parts: list[str]) -> str:
    needed = {name for part in parts for name in JOINS if f"{name}." in part.replace("m.person_id", "")}
    needed |= {NEEDS[name] for name in needed if name in NEEDS}
    return " ".join(sql for name, sql in JOINS.items() if name in needed)


def _condition(filter_: list[Any]) -> str:
    operator = filter_[0]
    if operator in ("and", "or"):
        return f" {operator.upper()} ".join(f"({_condition(part)})" for part in filter_[1:])
    if operator == "not":
        return f"NOT ({_condition(filter_[1])})"
    _, name, values = filter_
    if name == "team":
        holds = " OR ".join(_in_teams(values))
    elif name not in COLUMNS:
        raise _Unknown
    elif operator == "contains":
        holds = " OR ".join(f"lower({COLUMNS[name]}) LIKE '%{value.lower()}%'" for value in values)
    else:
        holds = " OR ".join(_is_one_of(COLUMNS[name], values))
    return f"NOT coalesce({holds}, false)" if operator == "is_not" else f"coalesce({holds}, false)"


def _is_one_of(column: str, values: list[str | None]) -> Iterator[str]:
    texts = _texts(value for value in values if value is not None)
    if texts:
        yield f"{column} IN ({texts})"
    if None in values:
        yield f"{column} IS NULL"


def _in_teams(values: list[str | None]) -> Iterator[str]:
    texts = _texts(value for value in values if value is not None)
    if texts:
        yield f"EXISTS ({_IN_TEAM} AND t.team IN ({texts}))"
    if None in values:
        yield f"NOT EXISTS ({_IN_TEAM})"


def _texts(values: Iterable[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _retention(question: Question) -> str:
    unit = question.get("cohort", "week")
    filter_ = _condition(question["returning"]) if "returning" in question else "true"
    bucket = f"CAST(date_trunc('{unit}', DATE '1970-01-01' + e.day) AS DATE)"
    length = "7 * INTERVAL '1 day'" if unit == "week" else "INTERVAL '1 month'"
    offset = (
        "(m.bucket - size.cohort) / 7"
        if unit == "week"
        else (
            "(extract(year FROM m.bucket) - extract(year FROM size.cohort)) * 12 "
            "+ extract(month FROM m.bucket) - extract(month FROM size.cohort)"
        )
    )
    return f"""
WITH member AS (
    SELECT person_id, CAST(date_trunc('{unit}', DATE '1970-01-01' + min(day)) AS DATE) AS cohort
    FROM access
    WHERE person_id IS NOT NULL
    GROUP BY person_id
    HAVING min(day) BETWEEN $first_day AND $last_day
), size AS (
    SELECT cohort, count(*) AS size FROM member GROUP BY cohort
), came AS (
    SELECT DISTINCT e.person_id, {bucket} AS bucket
    FROM access AS e {_joins([filter_])}
    WHERE e.day >= $first_day AND {filter_}
), returned AS (
    SELECT cohort, bucket, count(*) AS people FROM member JOIN came USING (person_id) GROUP BY cohort, bucket
)
SELECT size.cohort, CAST({offset} AS INTEGER), coalesce(people, 0), size, coalesce(people, 0), size,
       m.bucket + {length} <= DATE '1970-01-01' + $today
FROM size
JOIN (SELECT DISTINCT {bucket} AS bucket FROM access AS e) AS m ON m.bucket >= size.cohort
LEFT JOIN returned AS r ON r.bucket = m.bucket AND r.cohort = size.cohort
ORDER BY size.cohort, m.bucket
LIMIT {question.get("limit", 100)}
"""
