import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.errors import Problem
from analytics_internal.query import language
from analytics_internal.query.language import All, Between, Contains, InvalidQuery, Is, Last, Not, Query
from analytics_internal.query.parse import parse
from tests.event.test_batch import json_values, likely_values


def parsed(**question: object) -> Query:
    query, _ = parse(json.dumps({"metrics": ["events"], **question}).encode())
    return query


def problems(**question: object) -> list[Problem]:
    with pytest.raises(InvalidQuery) as caught:
        parse(json.dumps({"metrics": ["events"], **question}).encode())
    return caught.value.errors


def test_a_short_question_gets_its_defaults() -> None:
    query, echoed = parse(b'{"metrics": ["people", "events"]}')

    assert query == Query(("people", "events"), order_by=(("people", "desc"),))
    assert (query.date_range, query.limit) == (Last(28, "d"), 100)
    assert (echoed.date_range, echoed.order_by, echoed.dimensions) == ({"last": "28d"}, [["people", "desc"]], [])


def test_time_comes_in_its_own_order() -> None:
    assert parsed(dimensions=["action", "time:week"]).order_by == (("time:week", "asc"),)


def test_filters_are_read_as_a_tree() -> None:
    given_ = ["and", ["is", "plugin", ["techdocs", None]], ["not", ["contains", "subject", ["pay"]]]]

    assert parsed(filters=given_).filter == All((Is("plugin", ("techdocs", None)), Not(Contains("subject", ("pay",)))))


@pytest.mark.parametrize(
    ("given_", "asked"),
    [
        ({"last": "1d"}, Last(1, "d")),
        ({"last": "12m"}, Last(12, "m")),
        ({"from": "2026-10-01", "to": "2026-10-31"}, Between(date(2026, 10, 1), date(2026, 10, 31))),
        ("all", None),
    ],
)
def test_ranges_are_days(given_: object, asked: object) -> None:
    assert parsed(date_range=given_).date_range == asked


@pytest.mark.parametrize(
    ("question", "field", "allowed"),
    [
        ({"metric": ["events"]}, "metric", "date_range"),
        ({"metrics": []}, "metrics", "events"),
        ({"metrics": ["visits"]}, "metrics", "people"),
        ({"metrics": ["events", "events"]}, "metrics", None),
        ({"metrics": "events"}, "metrics", None),
        ({"dimensions": ["user"]}, "dimensions", "person"),
        ({"dimensions": ["time:day", "time:week"]}, "dimensions", "time:month"),
        ({"filters": []}, "filters", None),
        ({"filters": ["equals", "action", ["a"]]}, "filters", "is_not"),
        ({"filters": ["is", "time:day", ["a"]]}, "filters", "path"),
        ({"filters": ["is", "action", []]}, "filters", None),
        ({"filters": ["is", "action", "a"]}, "filters", None),
        ({"filters": ["is", "action", [7]]}, "filters", None),
        ({"filters": ["is", "search_term", [7]]}, "filters", None),
        ({"filters": ["is", "term", ["a"]]}, "filters", "search_term"),
        ({"dimensions": ["docs"]}, "dimensions", "doc_page"),
        ({"filters": ["is", "action", ["\0"]]}, "filters", None),
        ({"filters": ["is", "action", ["x" * 2049]]}, "filters", None),
        ({"filters": ["contains", "action", [None]]}, "filters", None),
        ({"filters": ["contains", "item", [1]]}, "filters", None),
        ({"filters": ["is", "item", ["1"]]}, "filters", None),
        ({"filters": ["is", "item", [2**31]]}, "filters", None),
        ({"filters": ["is", "item", [True]]}, "filters", None),
        ({"filters": ["not"]}, "filters", None),
        ({"filters": ["and", ["is", "action", ["a"]], 7]}, "filters[2]", None),
        ({"date_range": "always"}, "date_range", '"all"'),
        ({"date_range": {"last": "0d"}}, "date_range.last", "28d"),
        ({"date_range": {"last": "99999m"}}, "date_range.last", "28d"),
        ({"date_range": {"from": "2026-02-30", "to": "2026-03-01"}}, "date_range.from", None),
        ({"date_range": {"from": "2026-03-02", "to": "2026-03-01"}}, "date_range", None),
        ({"date_range": {"from": "0001-01-01", "to": "9999-12-31"}}, "date_range.to", None),
        ({"date_range": {"from": "1970-01-01", "to": "2200-12-31"}}, "date_range", None),
        ({"compare": "last_year"}, "compare", "previous_period"),
        ({"compare": "previous_period", "date_range": "all"}, "compare", None),
        ({"order_by": [["people", "desc"]]}, "order_by", "events"),
        ({"order_by": [["events", "down"]]}, "order_by", "events"),
        ({"order_by": [["events", "asc"], ["events", "desc"]]}, "order_by", None),
        ({"limit": 0}, "limit", None),
        ({"limit": 10_001}, "limit", None),
        ({"limit": None}, "limit", "1 to 10,000"),
        ({"limit": 2**70}, "limit", None),
        ({"cursor": 7}, "cursor", None),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(
    question: dict[str, object], field: str, allowed: str | None
) -> None:
    found = problems(**question)

    assert field in [problem.field for problem in found]
    assert allowed is None or any(allowed in (problem.allowed or []) for problem in found)


def test_every_problem_is_named_at_once() -> None:
    found = problems(metrics=["visits"], dimensions=["user"], limit=0)

    assert [problem.field for problem in found] == ["metrics", "dimensions", "limit"]


def test_filters_nest_only_so_deep() -> None:
    nested: list[object] = ["is", "action", ["a"]]
    for _ in range(language.MAX_FILTER_DEPTH - 1):
        nested = ["not", nested]

    assert parsed(filters=nested).filter is not None
    assert "deep" in problems(filters=["not", nested])[0].detail


def filters_of(count: int) -> list[object]:
    return ["and", *(["is", "action", ["a"]] for _ in range(count - 1))]


def values_of(count: int, length: int = 1) -> list[object]:
    return [
        "or",
        ["is", "action", ["x" * length] * (count // 2)],
        ["is", "path", ["x" * length] * (count - count // 2)],
    ]


@pytest.mark.parametrize(
    ("largest", "too_large", "limit"),
    [
        (filters_of(language.MAX_FILTERS), filters_of(language.MAX_FILTERS + 1), "100"),
        (values_of(language.MAX_FILTER_VALUES), values_of(language.MAX_FILTER_VALUES + 1), "1,000"),
        (values_of(32, 1_024), values_of(33, 1_024), "32,768"),
    ],
)
def test_filters_have_a_largest_size_that_the_error_says(
    largest: list[object], too_large: list[object], limit: str
) -> None:
    assert parsed(filters=largest).filter is not None

    (problem,) = problems(filters=too_large)

    assert problem.field == "filters"
    assert problem.detail.endswith(f"a question may have {limit}")


def test_of_many_problems_the_first_are_named_and_the_rest_are_counted() -> None:
    found = problems(metrics=[f"m{n}" for n in range(8_000)])

    assert len(found) == language.MAX_PROBLEMS + 1
    assert found[-1].detail == "and 7,990 more problems"


def test_csv_may_have_every_row() -> None:
    query, _ = parse(b'{"metrics": ["events"], "limit": null}', allow_no_limit=True)

    assert query.limit is None


odd_filters = st.recursive(
    json_values | st.sampled_from(["is", "is_not", "contains", "not", "and", "item", "action", "time:day"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)
odd_questions = st.dictionaries(
    st.sampled_from(
        ["metrics", "dimensions", "filters", "date_range", "compare", "order_by", "limit", "cursor", "more"]
    ),
    likely_values | odd_filters | st.just(["events"]) | st.just({"last": "7d"}),
)


@given(odd_questions | json_values, st.booleans())
def test_every_odd_question_is_read_or_told_what_is_wrong(question: object, allow_no_limit: bool) -> None:
    body = json.dumps(question).encode()
    found: list[Problem] = []
    try:
        query, _ = parse(body, allow_no_limit)
    except InvalidQuery as error:
        found = error.errors
    else:
        assert query.metrics
        return

    assert found
    assert all(problem.detail for problem in found)


@given(st.binary(max_size=100) | st.integers(900, 1100).map(lambda n: b'{"filters":' + b"[" * n + b"]" * n + b"}"))
def test_arbitrary_bytes_are_told_what_is_wrong(body: bytes) -> None:
    with pytest.raises(InvalidQuery):
        parse(body)
