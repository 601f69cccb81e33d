import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import assume, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from analytics_internal.http.openapi import document, encoded
from analytics_internal.query import language
from analytics_internal.query.meaning import has_meaning
from analytics_internal.settings import Settings
from tests.samples import navigation
from tests.service import ServiceProcess

schema = schemathesis.openapi.from_dict(document())
OPERATIONS: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
COMMITTED = Path(__file__).parents[2] / "docs/reference/openapi.json"
API = "/api/analytics-internal"
MAX_REQUEST_LINE = 50_000
WITH_INPUT = [one for one in OPERATIONS if one.definition.raw.get("requestBody") or one.definition.raw["parameters"]]
# What fits the schema may still be no question: an order by what was not asked for, a cursor of another question.
# (A batch with bad events is 200 with verdicts by design; the document says so, and needs no exception here.)
# For JSON Schema 1.0 is a whole number, and the year 0 a time.
EXCLUDED: dict[str, Any] = {
    name: [positive_data_acceptance]
    for name in ("ask", "askByLink", "replayDestination", "discardDeadLetters", "makeSegment", "changeSegment")
}


def test_the_document_is_the_one_that_is_served(service: ServiceProcess) -> None:
    assert httpx.get(f"{service.url}/openapi.json").json() == document()
    assert httpx.get(f"{service.url}/api/analytics-internal/openapi.json").json() == document()


def test_the_committed_document_is_current() -> None:
    assert COMMITTED.read_bytes() == encoded(), f"{COMMITTED.name} is not what the structs say: run `make generated`"


def closed(part: Any) -> Any:
    """A schema in which every object has the properties that are documented, and no others."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    properties = {"additionalProperties": False} if isinstance(part.get("properties"), dict) else {}
    return {**{name: closed(one) for name, one in part.items()}, **properties}


CLOSED = closed(document())


def assert_fits(content: Any, schema: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": CLOSED["components"]}).validate(content)


def assert_is_documented(response: httpx.Response, method: str, path: str) -> None:
    """The document has this answer of this route: its status, its form, each of its fields."""
    answers = CLOSED["paths"][path][method]["responses"][str(response.status_code)]["content"]
    assert_fits(response.json(), answers[response.headers["content-type"]]["schema"])


@pytest.fixture(scope="module")
def api(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A client of a service with events of several days, people and searches."""
    now = datetime.now(UTC)
    searches = [{"action": "search", "subject": f"how {n}", "context": {"pluginId": "search"}} for n in range(3)]
    pages = [navigation(f"/docs/default/component/contract/{n}", user="user:default/ana") for n in range(3)]
    earlier = [{**one, "occurredAt": (now - timedelta(days=3)).isoformat()} for one in pages]
    with httpx.Client(base_url=service.url, timeout=60) as client:
        client.post(f"{API}/events", json={"events": [*searches, *pages, *earlier]}).raise_for_status()
        yield client


@pytest.mark.parametrize("compare", [None, "previous_period"])
@pytest.mark.parametrize("dimension", [None, *language.DIMENSIONS])
def test_rows_of_every_dimension_and_metric_are_as_documented(
    api: httpx.Client, dimension: str | None, compare: str | None
) -> None:
    dimensions = [] if dimension is None else [dimension]
    metrics = [name for name in language.METRICS if has_meaning(name, dimensions)]
    question = {"metrics": metrics, "dimensions": dimensions, "compare": compare, "limit": 2}

    answered = api.post(f"{API}/query", json=question)

    assert_is_documented(answered, "post", f"{API}/query")
    rows = answered.json()["results"]
    assert {tuple(row) for row in rows} == {(*dimensions, *metrics)}
    assert all(("previous" in row["events"]) == (compare is not None) for row in rows)


def test_total_rows_is_documented_as_null_behind_the_last_row(api: httpx.Client) -> None:
    question = {"metrics": ["events"], "dimensions": ["item"], "limit": 1}
    first = api.post(f"{API}/query", json=question).json()
    cursor = first["meta"]["next_cursor"]
    page = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    behind = base64.urlsafe_b64encode(json.dumps({**page, "offset": 1_000_000}).encode()).decode()

    answered = api.post(f"{API}/query", json={**question, "cursor": behind})

    assert answered.json()["meta"]["total_rows"] is None
    assert_is_documented(answered, "post", f"{API}/query")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", f"{API}/configuration", None),
        ("get", f"{API}/analytics", None),
        ("get", f"{API}/top-users", None),
        ("get", f"{API}/.well-known/backstage/permissions/metadata", None),
        ("post", f"{API}/.well-known/backstage/permissions/apply-conditions", {"items": []}),
        ("post", f"{API}/events", {"events": [{"action": "navigate", "subject": "/"}, {"action": 1}]}),
        ("post", f"{API}/query", {"metrics": ["none"], "limit": 0}),
        ("get", f"{API}/segments", None),
        ("post", f"{API}/segments", {"name": "none", "filters": []}),
        ("get", "/healthz", None),
        ("get", "/readyz", None),
    ],
)
def test_every_route_answers_as_documented(api: httpx.Client, method: str, path: str, body: Any) -> None:
    assert_is_documented(api.request(method, path, json=body), method, path)


def test_an_item_and_an_exported_event_are_as_documented(api: httpx.Client) -> None:
    id_ = api.get(f"{API}/analytics").json()[0]["id"]
    assert_is_documented(api.get(f"{API}/analytics/{id_}"), "get", f"{API}/analytics/{{id}}")

    lines = api.get(f"{API}/events").text.splitlines()

    assert lines
    for line in lines:
        assert_fits(json.loads(line), {"$ref": "#/components/schemas/StoredEvent"})


@pytest.mark.parametrize("last", ["1d", "9999d", "18300d", "0d", "100000d", "1y", "1\u0663d"])
def test_the_document_and_the_service_take_the_same_last_days(api: httpx.Client, last: str) -> None:
    question = {"metrics": ["events"], "date_range": {"last": last}}
    documented = jsonschema.Draft202012Validator(CLOSED["components"]["schemas"]["LastDays"])

    answered = api.post(f"{API}/query", json=question)

    assert documented.is_valid({"last": last}) == (answered.status_code == 200)


def test_a_segment_is_as_documented(api: httpx.Client) -> None:
    body = {"name": "documented", "filters": ["is", "plugin", ["search"]]}
    one = f"{API}/segments/{{id}}"

    made = api.post(f"{API}/segments", json=body)
    assert_is_documented(made, "post", f"{API}/segments")
    assert_is_documented(api.get(f"{API}/segments"), "get", f"{API}/segments")

    path = one.format(id=made.json()["id"])
    assert_is_documented(api.get(path), "get", one)
    assert_is_documented(api.put(path, json=body), "put", one)
    assert api.delete(path).status_code == 204
    assert_is_documented(api.get(path), "get", one)


def test_a_batch_may_have_as_many_events_as_the_setting_may_allow() -> None:
    events = document()["components"]["schemas"]["WireBatch"]["properties"]["events"]
    bound = next(one.le for one in Settings.model_fields["max_batch_events"].metadata if hasattr(one, "le"))
    assert events["maxItems"] == bound


def test_a_field_that_is_not_documented_is_noticed(api: httpx.Client) -> None:
    configuration = api.get(f"{API}/configuration").json()
    schema = {"$ref": "#/components/schemas/Configuration"}

    assert_fits(configuration, schema)
    with pytest.raises(jsonschema.ValidationError):
        assert_fits({**configuration, "another": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        assert_fits({**configuration, "may": {}}, schema)


def hold(operation: Any, mode: GenerationMode, url: str) -> None:
    @settings(max_examples=20)
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        # A longer request line is no request for the server: it refuses it before we see it.
        assume(len(quote(str(case.query))) < MAX_REQUEST_LINE)
        excluded = [*EXCLUDED.get(operation.definition.raw["operationId"], [])]
        answer = case.call(base_url=url)
        assume(answer.status_code != 431)  # nor is one whose head is too large as it is sent
        if answer.status_code == 413:
            # Refused before it was read. The check does not know this status.
            excluded.append(negative_data_rejection)
        case.validate_response(answer, excluded_checks=excluded)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_requests_that_fit_the_document_are_answered_as_it_says(service: ServiceProcess, operation: Any) -> None:
    hold(operation, GenerationMode.POSITIVE, service.url)


@pytest.mark.slow
@pytest.mark.parametrize("operation", WITH_INPUT, ids=lambda operation: operation.label)
def test_requests_that_do_not_fit_the_document_are_refused(service: ServiceProcess, operation: Any) -> None:
    hold(operation, GenerationMode.NEGATIVE, service.url)
