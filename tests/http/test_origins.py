"""The portal's own pages may call the service, however `portal_url` is spelled and whatever headers they send."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.samples import navigation
from tests.service import API, ServiceProcess, running_service

ORIGIN = "https://portal.example"


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    with running_service(portal_url="HTTPS://Portal.Example:443/base/") as service:
        yield service


def _preflight(service: ServiceProcess, headers: str, origin: str = ORIGIN, method: str = "POST") -> httpx.Response:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    return httpx.options(f"{service.url}{API}/query", headers=asked, timeout=60)


@pytest.mark.parametrize(
    "headers",
    [
        "authorization,content-type",
        "content-type,traceparent,tracestate,baggage",
        "b3,x-b3-traceid,x-request-id,sentry-trace,x-datadog-trace-id,newrelic,uber-trace-id",
    ],
)
def test_a_preflight_may_ask_for_any_header(service: ServiceProcess, headers: str) -> None:
    answer = _preflight(service, headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-headers"] == headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://portal.example", "https://portal.example:8443", "https://portal.example.evil"],
)
def test_a_preflight_of_another_origin_is_refused(service: ServiceProcess, origin: str) -> None:
    answer = _preflight(service, "content-type", origin)
    assert answer.status_code >= 400
    assert "access-control-allow-origin" not in answer.headers


def test_the_portals_pages_send_events_and_may_read_what_became_of_them(service: ServiceProcess) -> None:
    headers = {"origin": ORIGIN, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = httpx.post(f"{service.url}{API}/events", json=navigation(), headers=headers, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_links_lead_to_the_portal_in_one_spelling(service: ServiceProcess) -> None:
    answer = httpx.get(f"{service.url}{API}/configuration", timeout=60)
    assert answer.json()["portal_url"] == f"{ORIGIN}/base"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST"])
def test_every_name_of_this_machine_is_answered_to(service: ServiceProcess, host: str) -> None:
    headers = {"host": f"{host}:{service.port}", "origin": f"http://{host}:3000"}
    assert httpx.get(f"{service.url}{API}/configuration", headers=headers, timeout=60).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_no_other_name_is_answered_to(service: ServiceProcess, host: str) -> None:
    answer = httpx.get(f"{service.url}{API}/configuration", headers={"host": host}, timeout=60)
    assert answer.status_code == 403
