"""Random questions of the language, always the same for a seed and a log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

from analytics_internal.reader import Replica
from bench.events import UNTIL

EVENT_METRICS = ("events", "people", "items", "sessions", "views", "searches", "first_access", "last_access")
OTHER_METRICS = ("zero_result_rate", "click_through_rate", "mean_rank", "new_people", "returning_people", "active_7d",
                 "active_28d", "stickiness", "engaged_seconds", "minutes_saved", "tasks_succeeded")  # fmt: skip
CATALOG_METRICS = ("eligible_people", "adoption_rate")
TIMES = ("time:hour", "time:day", "time:week", "time:month")
VALUES = {
    "action": "SELECT name FROM action ORDER BY name",
    "plugin": "SELECT name FROM plugin ORDER BY name",
    "extension": "SELECT DISTINCT extension FROM context WHERE extension IS NOT NULL ORDER BY 1 LIMIT 20",
    "route": "SELECT DISTINCT route FROM context WHERE route IS NOT NULL ORDER BY 1 LIMIT 20",
    "entity": "SELECT ref FROM entity ORDER BY entity_id LIMIT 50",
    "entity_kind": "SELECT DISTINCT kind FROM entity ORDER BY 1",
    "template": "SELECT DISTINCT template FROM entity WHERE template IS NOT NULL ORDER BY 1 LIMIT 20",
    "doc_site": "SELECT doc_site FROM path WHERE doc_site IS NOT NULL GROUP BY 1 ORDER BY min(path_id) LIMIT 30",
    "entity_type": "SELECT DISTINCT type FROM catalog_entity WHERE type IS NOT NULL ORDER BY 1",
    "owner": "SELECT DISTINCT owner FROM catalog_entity WHERE owner IS NOT NULL ORDER BY 1 LIMIT 60",
    "system": "SELECT DISTINCT system FROM catalog_entity WHERE system IS NOT NULL ORDER BY 1 LIMIT 60",
    "domain": "SELECT DISTINCT domain FROM catalog_entity WHERE domain IS NOT NULL ORDER BY 1 LIMIT 60",
    "lifecycle": "SELECT DISTINCT lifecycle FROM catalog_entity WHERE lifecycle IS NOT NULL ORDER BY 1",
    "team": "SELECT DISTINCT team FROM catalog_team ORDER BY 1 LIMIT 100",
    "person": "SELECT ref FROM person ORDER BY person_id LIMIT 100",
}
"""By dimension, what a filter may ask for. Frequent ones come early in the log."""
GROUPED = (*VALUES, "subject", "item", "doc_page", "search_term", "entry_page", "exit_page")
Question = dict[str, Any]


async def random_questions(replica: Replica, count: int, seed: int) -> list[Question]:
    """Valid questions about at most 90 days."""
    values = {
        name: [row[0] for row in await replica.query(sql, lambda cursor: cursor.fetchall())]
        for name, sql in VALUES.items()
    }
    random = Random(f"questions {seed}")
    known = {name: found for name, found in values.items() if found}
    return [_question(random, known) for _ in range(count)]


def _question(random: Random, values: dict[str, list[str]]) -> Question:
    kind = random.random()
    if kind < 0.06:
        return _period(random) | {
            "kind": "funnel", "steps": [_filter(random, values) for _ in range(random.randint(2, 4))],
            "within": random.choice(("30m", "1d", "7d")),
        }  # fmt: skip
    if kind < 0.12:
        question = _period(random) | {"kind": "retention", "cohort": random.choice(("week", "month"))}
        return question | ({"returning": _filter(random, values)} if random.random() < 0.5 else {})
    if kind < 0.18:
        return _period(random) | {
            "kind": "paths", "around": _filter(random, values),
            "before": random.randint(0, 2), "after": random.randint(1, 3),
        }  # fmt: skip
    return _breakdown(random, values)


def _breakdown(random: Random, values: dict[str, list[str]]) -> Question:
    question: Question = {}
    metrics: Sequence[str]
    if random.random() < 0.08:
        metrics, grouped, filtered = CATALOG_METRICS, ["team"] * (random.random() < 0.5), False
        grouped += [random.choice(TIMES[1:])] * (random.random() < 0.5)
    else:
        metrics = random.sample(EVENT_METRICS, random.randint(1, 3))
        if random.random() < 0.2:
            metrics = [*metrics[:1], random.choice(OTHER_METRICS)]
        grouped = random.sample(GROUPED, random.choices((0, 1, 2), (25, 60, 15))[0])
        by_day = {"active_7d", "active_28d", "stickiness"} & set(metrics)
        if random.random() < 0.4:
            grouped.insert(0, random.choice(TIMES[1 if by_day else 0 :]))
        filtered = random.random() < 0.6
    question = {"metrics": list(metrics), "dimensions": grouped}
    if filtered:
        question["filters"] = _filters(random, values)
    question |= _period(random)
    if random.random() < 0.35:
        question["compare"] = random.choice(("previous_period", "previous_period", "same_weeks_last_year"))
    if random.random() < 0.3:
        question["limit"] = random.choice((10, 25, 1_000))
    return question


def _period(random: Random) -> Question:
    if random.random() < 0.5:
        return {"date_range": {"last": random.choice(("7d", "14d", "28d", "4w", "12w", "90d", "1m", "2m"))}}
    last = UNTIL.date() - timedelta(days=random.randint(0, 120))
    first = last - timedelta(days=random.randint(0, 89))
    return {"date_range": {"from": str(first), "to": str(last)}}


def _filters(random: Random, values: dict[str, list[str]]) -> list[object]:
    parts = [_filter(random, values) for _ in range(random.choices((1, 2, 3), (70, 22, 8))[0])]
    if len(parts) == 1:
        return parts[0]
    return [random.choice(("and", "and", "or")), *parts]


def _filter(random: Random, values: dict[str, list[str]]) -> list[object]:
    kind = random.random()
    if kind < 0.12:
        return ["contains", "subject", [random.choice(("docs", "payments", "api", "service", "setup"))]]
    if kind < 0.2:
        return ["not", ["is", "action", ["navigate"]]]
    # What most questions are about comes more often.
    name = random.choice(("action", "plugin", "entity_kind", *values))
    found = values[name]
    chosen: list[object] = list(random.sample(found, min(random.choice((1, 1, 2, 3)), len(found))))
    if random.random() < 0.1 and name != "action":
        chosen.append(None)
    return ["is" if random.random() < 0.8 else "is_not", name, chosen]
