"""What is wrong with a funnel, a retention or paths is said, all of it, with what is allowed."""

import json
from typing import Any

import pytest

from analytics_internal.query.kinds import parse_question
from analytics_internal.query.language import InvalidQuery

STEP = ["is", "action", ["search"]]
FUNNEL = {"kind": "funnel", "steps": [STEP]}
RETENTION = {"kind": "retention"}
PATHS = {"kind": "paths", "around": STEP}


def fields_of(question: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidQuery) as refused:
        parse_question(json.dumps(question).encode())
    return [problem.field for problem in refused.value.errors]


@pytest.mark.parametrize("question", [FUNNEL, RETENTION, PATHS, {**FUNNEL, "compare": "previous_period"}])
def test_defaults_are_filled_in(question: dict[str, Any]) -> None:
    _, wire = parse_question(json.dumps(question).encode())

    assert wire.kind == question["kind"]
    assert wire.date_range == {"last": "28d"}
    assert wire.limit == 100


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ({"kind": "tunnel"}, ["kind"]),
        ({"kind": ["funnel"]}, ["kind"]),
        ({"kind": "funnel"}, ["steps"]),
        ({**FUNNEL, "steps": []}, ["steps"]),
        ({**FUNNEL, "steps": [STEP] * 11}, ["steps"]),
        ({**FUNNEL, "steps": [STEP, ["is", "nothing", ["a"]]]}, ["steps[1]"]),
        ({**FUNNEL, "within": "91d"}, ["within"]),
        ({**FUNNEL, "within": "3 days"}, ["within"]),
        ({**FUNNEL, "within": "0d"}, ["within"]),
        ({**FUNNEL, "dimensions": ["nothing", "time:day", "time:week"]}, ["dimensions", "dimensions"]),
        ({**FUNNEL, "metrics": ["events"]}, ["metrics"]),
        ({**FUNNEL, "limit": 0, "position": -1, "date_range": "ever"}, ["date_range", "limit", "position"]),
        ({**FUNNEL, "limit": None}, ["limit"]),
        ({**FUNNEL, "steps": [["or", *[STEP] * 60]] * 2}, ["filters"]),
        ({**RETENTION, "compare": "previous_period"}, ["compare"]),
        ({**RETENTION, "cohort": "year"}, ["cohort"]),
        ({**RETENTION, "first": ["is"], "returning": []}, ["first", "returning"]),
        ({"kind": "paths"}, ["around"]),
        ({**PATHS, "before": 6, "after": -1}, ["before", "after"]),
        ({**PATHS, "before": 0, "after": 0}, ["after"]),
        ({**PATHS, "compare": "previous_period"}, ["compare"]),
    ],
)
def test_every_problem_is_named(question: dict[str, Any], fields: list[str]) -> None:
    assert fields_of(question) == fields
