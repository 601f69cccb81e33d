"""What the portal's permission framework asks of a plugin."""

import httpx
import pytest

from tests.http.conftest import CLEO
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.http.test_tokens import bearing
from tests.samples import ANA, BO

METADATA = "/.well-known/backstage/permissions/metadata"
APPLY_CONDITIONS = "/.well-known/backstage/permissions/apply-conditions"
ITEM = {
    "id": "1",
    "resourceRef": "component:default/site",
    "resourceType": "catalog-entity",
    "conditions": {"rule": "IS_OWNER", "resourceType": "catalog-entity", "params": {}},
}


async def test_the_three_permissions_are_told_in_backstages_form(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    expected = {
        "permissions": [
            {"type": "basic", "name": "analytics-internal.read", "attributes": {"action": "read"}},
            {"type": "basic", "name": "analytics-internal.people.read", "attributes": {"action": "read"}},
            {"type": "basic", "name": "analytics-internal.admin", "attributes": {"action": "update"}},
        ],
        "rules": [],
    }

    for token in (portal.token(BO), portal.plugin_token("catalog"), IMPORT_TOKEN):
        assert (await guarded_client.get(METADATA, headers=bearing(token))).json() == expected
    assert_is_problem(await guarded_client.get(METADATA), 401, "unauthenticated")


async def test_no_conditions_are_no_decisions(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    headers = bearing(portal.plugin_token("catalog"))

    response = await guarded_client.post(APPLY_CONDITIONS, json={"items": []}, headers=headers)

    assert (response.status_code, response.json()) == (200, {"items": []})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"items": [ITEM]}, "unexpected resource types: catalog-entity"),
        ({"items": [{**ITEM, "resourceRef": ["a", "b"]}]}, "unexpected resource types: catalog-entity"),
        ({"items": [{"id": "1"}]}, "items[0]"),
        ({"items": 7}, "items"),
        ({}, "items"),
        ([], "array"),
    ],
)
async def test_a_condition_cannot_be_applied(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, body: object, detail: str
) -> None:
    token = portal.plugin_token("catalog", on_behalf_of=ANA)

    response = await guarded_client.post(APPLY_CONDITIONS, json=body, headers=bearing(token))

    assert_is_problem(response, 400, "invalid-conditions")
    assert detail in response.json()["detail"]


async def test_conditions_are_not_applied_for_users(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    response = await guarded_client.post(APPLY_CONDITIONS, json={"items": []}, headers=bearing(portal.token(CLEO)))

    assert_is_problem(response, 403, "not-allowed")
    assert_is_problem(await guarded_client.post(APPLY_CONDITIONS, json={"items": []}), 401, "unauthenticated")
