"""A service that asks the portal's permission framework, through the whole of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from analytics_internal.auth.permissions import PERMISSIONS
from tests.http.stand_in_portal import AUTHORIZE, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.http.test_tokens import bearing, store
from tests.samples import ANA, BO, navigation
from tests.service import API, ServiceProcess, running_service

READ, PEOPLE, _ = (permission.name for permission in PERMISSIONS.values())
READING = ("/analytics", "/analytics/1", "/top-users", "/events", "/configuration", '/query?q={"metrics":["events"]}')


@pytest.fixture(scope="module")
def deciding() -> Iterator[PortalStandIn]:
    """A portal whose policy lets Ana read all, and Bo figures."""
    with PortalStandIn() as portal:
        portal.policy = {f"{ANA} {READ}": "ALLOW", f"{ANA} {PEOPLE}": "ALLOW", f"{BO} {READ}": "ALLOW"}
        yield portal


@pytest.fixture(scope="module")
def asking(deciding: PortalStandIn) -> Iterator[ServiceProcess]:
    """A service that is known as one address to browsers, and reaches the portal at another."""
    with running_service(
        auth="backstage",
        backend_url="https://portal.example",
        internal_backend_url=deciding.url,
        permissions="framework",
        readers=["user:default/listed"],
    ) as service:
        yield service


@pytest.fixture
async def client(asking: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{asking.url}{API}", timeout=60) as client:
        yield client


@pytest.fixture
def portal(deciding: PortalStandIn) -> Iterator[PortalStandIn]:
    deciding.asked.clear()
    yield deciding
    deciding.failing.clear()


def token_of(portal: PortalStandIn, person: str, **claims: object) -> str:
    return portal.token(person, claims={"iss": "https://portal.example/api/auth", **claims})


async def test_the_policy_decides_what_is_told(client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    ana, bo, nobody = (bearing(token_of(portal, person)) for person in (ANA, BO, "user:default/listed"))
    await store(client, token_of(portal, ANA), navigation("/here"))

    assert (await client.get("/top-users", headers=ana)).json() == [
        {"name": "ana", "namespace": "default", "access_count": 1}
    ]
    assert (await client.get("/top-users", headers=bo)).json() == []
    assert_is_problem(await client.get("/events", headers=bo), 403, "not-allowed")
    for path in READING:
        response = await client.get(path, headers=nobody)
        assert_is_problem(response, 403, "not-allowed")
        assert "the portal's permission policy does not give it to you" in response.json()["detail"]


async def test_a_token_of_another_address_is_refused(client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    assert_is_problem(await client.get("/analytics", headers=bearing(portal.token(ANA))), 401, "unauthenticated")


async def test_a_portal_in_trouble_lets_nobody_read_and_everybody_store(
    client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    portal.failing[AUTHORIZE] = 503
    token = token_of(portal, ANA, number="never decided")

    for path in READING[:2]:
        response = await client.get(path, headers=bearing(token))
        assert_is_problem(response, 503, "portal-unavailable")
        assert response.headers["retry-after"] == "1"
    asked = portal.asked[AUTHORIZE]
    (verdict,) = await store(client, token, navigation("/stored all the same"))
    assert verdict["status"] == "stored"
    assert portal.asked[AUTHORIZE] == asked


async def test_the_portal_is_asked_once_for_a_page_full_of_questions(
    client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    headers = bearing(token_of(portal, BO, number="another token"))

    for path in READING:
        await client.get(path, headers=headers)

    assert portal.asked[AUTHORIZE] == 1


async def test_a_plugin_that_acts_for_a_person_is_told_why_lists_decide(
    client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    refused = await client.get("/analytics", headers=bearing(portal.plugin_token(on_behalf_of=ANA)))
    listed = await client.get("/analytics", headers=bearing(portal.plugin_token(on_behalf_of="user:default/listed")))

    assert_is_problem(refused, 403, "not-allowed")
    assert "decided by lists" in refused.json()["detail"]
    assert listed.status_code == 200
    assert portal.asked[AUTHORIZE] == 0
