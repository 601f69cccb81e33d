from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import assume, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from analytics_internal.http.openapi import document
from tests.service import ServiceProcess

schema = schemathesis.openapi.from_dict(document())
OPERATIONS: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
MAX_REQUEST_LINE = 50_000
WITH_INPUT = [one for one in OPERATIONS if one.definition.raw.get("requestBody") or one.definition.raw["parameters"]]
# What fits the schema may still be no question: an order by what was not asked for, a cursor of another question.
# (A batch with bad events is 200 with verdicts by design; the document says so, and needs no exception here.)
EXCLUDED: dict[str, Any] = {"ask": [positive_data_acceptance], "askByLink": [positive_data_acceptance]}


def test_the_document_is_the_one_that_is_served(service: ServiceProcess) -> None:
    assert httpx.get(f"{service.url}/openapi.json").json() == document()
    assert httpx.get(f"{service.url}/api/analytics-internal/openapi.json").json() == document()


def hold(operation: Any, mode: GenerationMode, url: str) -> None:
    @settings(max_examples=20)
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        # A longer request line is no request for the server: it refuses it before we see it.
        assume(len(quote(str(case.query))) < MAX_REQUEST_LINE)
        excluded = EXCLUDED.get(operation.definition.raw["operationId"], [])
        case.call_and_validate(base_url=url, excluded_checks=excluded)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_requests_that_fit_the_document_are_answered_as_it_says(service: ServiceProcess, operation: Any) -> None:
    hold(operation, GenerationMode.POSITIVE, service.url)


@pytest.mark.slow
@pytest.mark.parametrize("operation", WITH_INPUT, ids=lambda operation: operation.label)
def test_requests_that_do_not_fit_the_document_are_refused(service: ServiceProcess, operation: Any) -> None:
    hold(operation, GenerationMode.NEGATIVE, service.url)
