"""Who did it, and who is let in, through the whole service. Each refusal by itself: tests/auth/test_tokens.py."""

import json

import httpx
import pytest

from tests.http.conftest import CLEO, DORA, EVE
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.samples import ANA, BO, navigation


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def store(client: httpx.AsyncClient, token: str, body: object) -> list[dict[str, str]]:
    """The verdicts on a body of events."""
    response = await client.post("/events", json=body, headers=bearing(token))
    assert response.status_code == 200, response.text
    verdicts: list[dict[str, str]] = response.json()["results"]
    return verdicts


async def users_of(client: httpx.AsyncClient, subject: str) -> list[str | None]:
    """Who the log says accessed a subject."""
    lines = (await client.get("/events", headers=bearing(IMPORT_TOKEN))).text.splitlines()
    return [event.get("user") for event in map(json.loads, lines) if event["subject"] == subject]


async def test_an_event_counts_for_the_tokens_owner_whatever_the_body_says(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    (verdict,) = await store(guarded_client, portal.token("user:default/Ana"), navigation("/forged", user=BO))

    assert verdict["status"] == "stored"
    assert await users_of(guarded_client, "/forged") == [ANA]


async def test_an_event_of_a_plugin_counts_for_the_person_it_acts_for_whatever_the_body_says(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    token = portal.plugin_token("catalog", on_behalf_of=ANA)

    await store(guarded_client, token, navigation("/forged by a plugin", user=BO))

    assert await users_of(guarded_client, "/forged by a plugin") == [ANA]


async def test_a_plugin_that_acts_for_itself_may_name_the_person(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    events = [navigation("/by a plugin", user=BO), navigation("/by a plugin")]

    await store(guarded_client, portal.plugin_token("catalog"), {"events": events})

    assert await users_of(guarded_client, "/by a plugin") == [BO, None]


async def test_a_plugins_own_events_have_the_plugin_as_their_agent(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    events = [
        navigation("/agents"),
        navigation("/agents", user=BO),
        navigation("/agents", user=BO, agent="claude-code"),
    ]
    await store(guarded_client, portal.plugin_token("search"), {"events": events})
    await store(guarded_client, portal.plugin_token("search", on_behalf_of=ANA), navigation("/agents"))
    await store(guarded_client, portal.token(ANA), navigation("/agents"))
    await store(
        guarded_client, IMPORT_TOKEN, {"events": [navigation("/agents", agent="nightly"), navigation("/agents")]}
    )

    lines = (await guarded_client.get("/events", headers=bearing(IMPORT_TOKEN))).text.splitlines()
    assert [
        (event.get("user"), event.get("agent")) for event in map(json.loads, lines) if event["subject"] == "/agents"
    ] == [
        (None, "search"), (BO, None), (BO, "claude-code"), (ANA, None), (ANA, None), (None, "nightly"), (None, None),
    ]  # fmt: skip


async def test_a_machine_token_writes_for_others_and_imports_history(guarded_client: httpx.AsyncClient) -> None:
    old = navigation("/history", user=BO, occurredAt="2020-01-01T00:00:00Z")

    (verdict,) = await store(guarded_client, IMPORT_TOKEN, {"events": [old], "imported": True})

    assert verdict["status"] == "stored"
    assert await users_of(guarded_client, "/history") == [BO]


async def test_neither_people_nor_plugins_import_history(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    body = {"events": [navigation()], "imported": True}

    for token in (portal.token(), portal.plugin_token(), portal.plugin_token(on_behalf_of=ANA)):
        response = await guarded_client.post("/events", json=body, headers=bearing(token))
        assert_is_problem(response, 403, "not-allowed")


async def test_whoever_reads_nothing_stores_events_all_the_same(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    await store(guarded_client, portal.token(BO), navigation("/by bo"))

    assert await users_of(guarded_client, "/by bo") == [BO]


async def test_a_token_that_is_not_valid_stores_nothing_and_is_told_why(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    for token, reason in [
        (portal.token(key=portal.other_key), "Signature"),
        (portal.token(claims={"aud": "another"}), "Audience"),
        (portal.limited_token(), "limited user token"),
        (portal.plugin_token(claims={"aud": "catalog"}), "Audience"),
        (IMPORT_TOKEN + "x", "not valid"),
    ]:
        response = await guarded_client.post("/events", json=navigation("/refused"), headers=bearing(token))

        assert_is_problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
        assert reason in response.json()["detail"]
    assert await users_of(guarded_client, "/refused") == []


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer x y"])
async def test_a_request_without_a_token_is_refused(guarded_client: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}

    for path in ("/top-users", "/analytics", "/events", "/configuration", "/query?q={}"):
        assert_is_problem(await guarded_client.get(path, headers=headers), 401, "unauthenticated")


async def test_the_pages_are_told_what_the_caller_may_read(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    async def may(token: str) -> object:
        return (await guarded_client.get("/configuration", headers=bearing(token))).json()["may"]

    assert await may(portal.token(CLEO)) == {"read": True, "people": False, "admin": False}
    assert await may(portal.token(ANA)) == {"read": True, "people": True, "admin": False}
    assert await may(portal.token(DORA)) == {"read": True, "people": True, "admin": False}
    assert await may(portal.token(EVE)) == {"read": True, "people": False, "admin": True}
    assert await may(portal.plugin_token(on_behalf_of=DORA)) == {"read": True, "people": True, "admin": False}
    assert await may(portal.plugin_token()) == {"read": True, "people": True, "admin": True}
    assert await may(IMPORT_TOKEN) == {"read": True, "people": True, "admin": True}
