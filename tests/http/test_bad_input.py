import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.event.test_batch import odd_bodies
from tests.samples import navigation

JSON = {"content-type": "application/json"}
PROBLEM = "application/problem+json"


def assert_is_problem(response: httpx.Response, status: int, kind: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["type"].endswith(f":{kind}")
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]


async def post(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.post("/events", content=body, headers=JSON)


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{", b"null", b"[]", b"7", b'"x"', b"\xff\xfe", b"\0", b'{"events": 7}', b"[" * 100_000]
)
async def test_a_body_that_is_no_batch_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert_is_problem(await post(client, body), 400, "not-a-batch")


async def test_more_events_than_a_batch_holds_are_refused(client: httpx.AsyncClient) -> None:
    body = json.dumps({"events": [navigation()] * 1001}).encode()

    assert_is_problem(await post(client, body), 400, "not-a-batch")


async def test_a_body_of_two_megabytes_is_refused(client: httpx.AsyncClient) -> None:
    assert_is_problem(await post(client, b" " * 2_000_000), 413, "body-too-large")


async def test_a_body_of_two_megabytes_without_a_length_is_refused(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    response = await client.post("/events", content=chunks(), headers=JSON)

    assert "content-length" not in response.request.headers
    assert_is_problem(response, 413, "body-too-large")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ('{"action": 7, "subject": "/"}', "invalid_event"),
        ('{"action": "a", "subject": "/", "surprise": true}', "invalid_event"),
        ('{"action": "a", "subject": "/", "x\\u0000y": true}', "invalid_event"),
        ('{"action": "a", "subject": "\\u0000"}', "invalid_text"),
        ('{"action": "a", "subject": "\\ud800"}', "invalid_text"),
        ('{"action": "a", "subject": "/", "attributes": {"\\udc00": "\\u0000"}}', "invalid_text"),
        ('{"action": "a", "subject": "%s"}' % ("x" * 100_000), "too_large"),
        ('{"action": "a", "subject": "%s"}' % ("x" * 3_000), "invalid_event"),
        ('{"action": "a", "subject": "/", "occurredAt": "0001-01-01T00:00:00Z"}', "too_old"),
        ('{"action": "a", "subject": "/", "occurredAt": "9999-12-31T23:59:59Z"}', "in_the_future"),
        ('{"action": "a", "subject": "/", "occurredAt": "0001-01-01T00:00:00+14:00"}', "invalid_event"),
        ('{"action": "a", "subject": "/", "value": 1e999}', "invalid_event"),
        ('{"action": "a", "subject": "/", "id": "\\u0000"}', "invalid_id"),
        ('{"action": "a", "subject": "/", "user": "a b"}', "invalid_user"),
        ("7", "invalid_event"),
        ('{"action": "a", "subject": "/", "attributes": {"x": %s}}' % ("[" * 5_000 + "]" * 5_000), "invalid_event"),
        ('{"action": "a", "subject": "/", "value": %s}' % ("9" * 5_000), "invalid_event"),
    ],
)
async def test_a_bad_event_gets_its_verdict_and_fails_no_other(
    client: httpx.AsyncClient, event: str, reason: str
) -> None:
    good = json.dumps(navigation("/beside a bad one"))

    response = await post(client, f'{{"events": [{good}, {event}, {good}]}}'.encode())

    assert response.status_code == 200, response.text
    before, bad, after = response.json()["results"]
    assert (before["status"], bad["status"], after["status"]) == ("stored", "rejected", "stored")
    assert bad["reason"] == reason
    assert bad["detail"]


async def test_bytes_that_are_no_text_get_a_verdict(client: httpx.AsyncClient) -> None:
    response = await post(client, b'{"action": 7, "subject": "/", "id": "\xff"}')

    assert response.status_code == 200, response.text
    assert response.json()["results"][0]["status"] == "rejected"


@settings(max_examples=60)
@given(odd_bodies)
async def test_every_odd_body_is_answered_with_verdicts_or_a_problem(client: httpx.AsyncClient, body: object) -> None:
    response = await post(client, json.dumps(body).encode("utf-8", "surrogatepass"))

    if response.status_code == 200:
        assert all(result["status"] in ("stored", "duplicate", "rejected") for result in response.json()["results"])
    else:
        assert_is_problem(response, 400, "not-a-batch")


@settings(max_examples=40)
@given(st.binary(max_size=300))
async def test_arbitrary_bytes_are_no_server_error(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await post(client, body)).status_code in (200, 400)
    assert (await client.post("/query", content=body)).status_code == 400


LONG = "\x01ã" * 2_500
FILTERS = [["is", f"d{n}", [LONG[:9]]] for n in range(90)]


@pytest.mark.parametrize(
    "question",
    [
        {"metrics": [f"m{n}" for n in range(5_000)]},
        {"metrics": ["events"], "dimensions": [LONG]},
        {"metrics": ["events"], "filters": ["and", *FILTERS]},
        {"metrics": ["events"], "filters": ["is", "subject", [LONG]]},
        {"metrics": ["events"], "filters": ["or", *([["is", "subject", ["x"]]] * 2_000)]},
        {"metrics": ["events"], "order_by": [[f"m{n}", "desc"] for n in range(2_000)]},
        {"metrics": ["events"], "compare": LONG},
        {"metrics": ["events"], "cursor": LONG},
        {"metrics": ["events"], "date_range": {LONG: LONG}},
        {LONG: ["events"]},
        {LONG: LONG, "metrics": {LONG: 1}},
    ],
    ids=lambda question: str(question)[:40],
)
async def test_an_error_is_short_whatever_is_wrong(client: httpx.AsyncClient, question: dict[str, object]) -> None:
    response = await client.post("/query", json=question)

    assert_is_problem(response, 400, "invalid-query")
    assert len(response.content) < 16_384


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/{'x' * 20_000}"),
        ("GET", f"/analytics/{'7' * 20_000}"),
        ("GET", f"/analytics?limit={'7' * 20_000}"),
        ("GET", f"/events?after={'x' * 20_000}"),
        ("GET", f"/query?q={'x' * 20_000}"),
        ("GET", f"/query?q={{}}&format={'x' * 20_000}"),
        ("POST", f"/query?{'x' * 20_000}"),
        ("POST", "/events"),
    ],
    ids=lambda text: text[:20],
)
async def test_every_routes_error_is_short(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path, content=json.dumps({"events": 1, LONG: {LONG: LONG}}).encode())

    assert 400 <= response.status_code < 500
    assert len(response.content) < 16_384


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("DELETE", "/events", 405, "method-not-allowed"),
        ("PUT", "/query", 405, "method-not-allowed"),
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/analytics/x", 404, "not-found"),
        ("GET", "/analytics/%00", 404, "not-found"),
        ("GET", "/analytics/99999999999999999999", 404, "not-found"),
        ("GET", "/analytics?limit=0", 400, "invalid-query"),
        ("GET", "/analytics?limit=%F0%9D%9F%99", 400, "invalid-query"),
        ("GET", "/analytics?offset=-1", 400, "invalid-query"),
        ("GET", "/events?after=x", 400, "invalid-query"),
        ("GET", "/events?after=99999999999999999999", 400, "invalid-query"),
        ("GET", "/query", 400, "invalid-query"),
        ("GET", "/query?q=%00", 400, "invalid-query"),
        ("GET", "/query?q=%FF", 400, "invalid-query"),
        ("GET", "/query?q={}&format=xml", 400, "invalid-query"),
    ],
)
async def test_a_bad_address_is_told_what_is_wrong(
    client: httpx.AsyncClient, method: str, path: str, status: int, kind: str
) -> None:
    assert_is_problem(await client.request(method, path), status, kind)


async def test_the_far_end_of_the_log_is_empty(client: httpx.AsyncClient) -> None:
    response = await client.get("/events", params={"after": 2**62, "limit": 2**62})

    assert (response.status_code, response.content) == (200, b"")


async def test_a_page_from_elsewhere_may_not_call_a_service_without_authentication(client: httpx.AsyncClient) -> None:
    from_elsewhere = await client.get("/top-users", headers={"origin": "https://evil.example"})
    by_another_name = await client.get("/top-users", headers={"host": "evil.example"})

    assert_is_problem(from_elsewhere, 403, "not-allowed")
    assert_is_problem(by_another_name, 403, "not-allowed")


FROM_ANOTHER_SITE = {"sec-fetch-site": "cross-site"}
FOLLOWING_A_LINK = {**FROM_ANOTHER_SITE, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/analytics-internal/top-users", {**FROM_ANOTHER_SITE, "sec-fetch-mode": "no-cors"}),
        ("/api/analytics-internal/query?q={}", {**FROM_ANOTHER_SITE, "sec-fetch-mode": "no-cors"}),
        ("/api/analytics-internal/events", FROM_ANOTHER_SITE),
        ("/api/analytics-internal/events", FOLLOWING_A_LINK),
        ("/", {**FOLLOWING_A_LINK, "sec-fetch-dest": "iframe"}),
        ("/metrics", FOLLOWING_A_LINK),
        ("/", {**FROM_ANOTHER_SITE, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}),
        ("/", {**FOLLOWING_A_LINK, "origin": "null"}),
    ],
)
async def test_what_another_site_makes_a_browser_fetch_is_refused(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(f"{client.base_url.copy_with(path='/')}".rstrip("/") + path, headers=headers)

    assert_is_problem(answer, 403, "not-allowed")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", FOLLOWING_A_LINK),
        ("/items/1", FOLLOWING_A_LINK),
        ("/api/analytics-internal/top-users", {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}),
        ("/api/analytics-internal/top-users", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}),
        ("/api/analytics-internal/top-users", {"sec-fetch-site": "same-site", "origin": "http://localhost:3000"}),
        ("/api/analytics-internal/top-users", {**FROM_ANOTHER_SITE, "origin": "http://localhost:3000"}),
        ("/api/analytics-internal/top-users", {}),
    ],
)
async def test_links_to_the_pages_and_what_is_asked_from_here_are_answered(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(f"{client.base_url.copy_with(path='/')}".rstrip("/") + path, headers=headers)

    assert answer.status_code != 403


@pytest.mark.parametrize("path", ["/top-users/", "/query/", "/analytics/1/", "", "/../../healthz/"])
async def test_an_address_with_a_last_slash_is_another_one(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(str(client.base_url).rstrip("/") + path)

    assert_is_problem(response, 404, "not-found")
    assert "location" not in response.headers
