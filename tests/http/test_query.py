import codecs
import csv
import io
import json

import httpx
import pytest

from analytics_internal import __version__
from tests.http.test_bad_input import assert_is_problem
from tests.samples import navigation

QUESTION = {
    "metrics": ["events", "people"],
    "dimensions": ["person", "item"],
    "filters": ["contains", "subject", ["/asked/"]],
}


@pytest.fixture(autouse=True)
async def events(client: httpx.AsyncClient) -> None:
    sent = [navigation(f"/asked/{n}", user=f"p{n % 3}") for n in range(9)]
    await client.post("/events", json={"events": sent})


async def test_a_link_answers_as_a_question_in_a_body(client: httpx.AsyncClient) -> None:
    by_body = (await client.post("/query", json=QUESTION)).json()
    by_link = (await client.get("/query", params={"q": json.dumps(QUESTION)})).json()

    assert by_link["results"] == by_body["results"]
    assert len(by_body["results"]) == by_body["meta"]["total_rows"] == 9
    assert by_link["query"] == by_body["query"]
    assert by_body["query"]["date_range"] == {"last": "28d"}


async def test_every_row_comes_as_csv(client: httpx.AsyncClient) -> None:
    question = {**QUESTION, "limit": None}
    by_header = await client.post("/query", json=question, headers={"accept": "text/csv"})
    by_link = await client.get("/query", params={"q": json.dumps(question)}, headers={"accept": "text/csv"})

    rows = list(csv.DictReader(io.StringIO(by_header.text)))

    assert by_header.headers["content-type"].startswith("text/csv")
    assert by_header.headers["content-disposition"].startswith('attachment; filename="analytics-')
    assert by_link.text == by_header.text
    assert {row["item.subject"] for row in rows} == {f"/asked/{n}" for n in range(9)}
    assert list(rows[0]) == ["person", "item.id", "item.action", "item.subject", "item.path", "events", "people"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_address_that_says_csv_is_for_a_spreadsheet(client: httpx.AsyncClient, method: str) -> None:
    asked = json.dumps({**QUESTION, "limit": None})
    for_program = await client.post("/query", content=asked, headers={"accept": "text/csv"})

    for_spreadsheet = await client.request(method, "/query", params={"q": asked, "format": "csv"}, content=asked)

    assert for_spreadsheet.content == codecs.BOM_UTF8 + for_program.content
    assert for_spreadsheet.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_format_is_told_which_there_are(client: httpx.AsyncClient, method: str) -> None:
    asked = json.dumps(QUESTION)

    refused = await client.request(method, "/query", params={"q": asked, "format": "xls"}, content=asked)

    assert_is_problem(refused, 400, "invalid-query")
    assert refused.json()["errors"][0]["allowed"] == ["json", "csv", "ndjson", "parquet"]


async def test_pages_lead_to_each_other(client: httpx.AsyncClient) -> None:
    question = {**QUESTION, "limit": 4}
    whole = (await client.post("/query", json=QUESTION)).json()["results"]

    first = (await client.post("/query", json=question)).json()
    second = (await client.post("/query", json={**question, "cursor": first["meta"]["next_cursor"]})).json()

    assert first["results"] + second["results"] == whole[:8]
    assert second["meta"]["previous_cursor"] is not None


async def test_a_wrong_question_is_told_what_is_allowed(client: httpx.AsyncClient) -> None:
    response = await client.post("/query", json={"metrics": ["visits"], "dimensions": ["user"]})

    assert_is_problem(response, 400, "invalid-query")
    assert [error["field"] for error in response.json()["errors"]] == ["metrics", "dimensions"]
    assert "people" in response.json()["errors"][0]["allowed"]


async def test_a_question_has_a_largest_size(client: httpx.AsyncClient) -> None:
    assert_is_problem(await client.post("/query", content=b" " * 300_000), 413, "body-too-large")


async def test_the_pages_are_told_what_they_must_know(client: httpx.AsyncClient) -> None:
    configuration = (await client.get("/configuration")).json()

    assert (configuration["time_zone"], configuration["portal_url"]) == ("America/Sao_Paulo", None)
    assert configuration["version"] == __version__
    assert configuration["first_day"] <= configuration["today"]


async def test_operators_are_told_how_it_is(client: httpx.AsyncClient) -> None:
    root = str(client.base_url).removesuffix("/api/analytics-internal/")

    assert (await client.get(f"{root}/healthz")).json() == {"status": "alive"}
    checks = (await client.get(f"{root}/readyz")).json()["checks"]
    assert checks.keys() >= {"database", "schema", "partition", "rights", "writable"}
    assert set(checks.values()) == {"ok"}
    assert "analytics_internal_events_total" in (await client.get(f"{root}/metrics")).text
