import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import httpx
import jwt
import pytest

from tests.http.portal import IMPORT_TOKEN, KEY_ID, USER_TOKEN_TYPE, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.samples import BO, navigation


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def users_of(client: httpx.AsyncClient, subject: str) -> list[str | None]:
    """Who the log says accessed a subject."""
    lines = (await client.get("/events", headers=bearing(IMPORT_TOKEN))).text.splitlines()
    return [event.get("user") for event in map(json.loads, lines) if event["subject"] == subject]


async def test_an_event_counts_for_the_tokens_owner_whatever_the_body_says(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    body = navigation("/forged", user=BO)

    response = await guarded_client.post("/events", json=body, headers=bearing(portal.token("user:default/Ana")))

    assert response.json()["results"][0]["status"] == "stored"
    assert await users_of(guarded_client, "/forged") == ["user:default/ana"]


def _unsigned(portal: PortalStandIn) -> str:
    return jwt.encode(portal.claims(), None, algorithm="none", headers={"typ": USER_TOKEN_TYPE, "kid": KEY_ID})  # type: ignore[arg-type]


def _signed_with_the_public_key(portal: PortalStandIn) -> str:
    # PyJWT refuses to make it, so it is made by hand as an attacker would.
    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    header = part(json.dumps({"alg": "HS256", "typ": USER_TOKEN_TYPE, "kid": KEY_ID}).encode())
    signed = header + b"." + part(json.dumps(portal.claims()).encode())
    return (signed + b"." + part(hmac.digest(portal.public_pem, signed, hashlib.sha256))).decode()


def _with_a_changed_owner(portal: PortalStandIn) -> str:
    header, _, signature = portal.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(portal.claims(BO)).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}.{signature}"


@pytest.mark.parametrize(
    "make",
    [
        lambda portal: portal.token(claims={"exp": int(time.time()) - 5}),
        lambda portal: portal.token(claims={"aud": "another"}),
        lambda portal: portal.token(claims={"iss": "http://another.example/api/auth"}),
        lambda portal: portal.token(claims={"sub": "not a ref"}),
        lambda portal: portal.token(without="exp"),
        lambda portal: portal.token(without="sub"),
        lambda portal: portal.token(headers={"typ": "vnd.backstage.plugin"}),
        lambda portal: portal.token(headers={"typ": "JWT"}),
        lambda portal: portal.token(headers={"kid": "unknown"}),
        lambda portal: portal.token(key=portal.other_key),
        _with_a_changed_owner,
        _unsigned,
        _signed_with_the_public_key,
        lambda _: "not.a.token",
        lambda _: "a.b",
        lambda _: IMPORT_TOKEN + "x",
    ],
)
async def test_a_token_that_is_not_valid_is_refused(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, make: Callable[[PortalStandIn], str]
) -> None:
    response = await guarded_client.post("/events", json=navigation("/refused"), headers=bearing(make(portal)))

    assert_is_problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert await users_of(guarded_client, "/refused") == []


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer x y"])
async def test_a_request_without_a_token_is_refused(guarded_client: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}

    for path in ("/top-users", "/analytics", "/events", "/configuration", "/query?q={}"):
        assert_is_problem(await guarded_client.get(path, headers=headers), 401, "unauthenticated")


async def test_a_machine_token_writes_for_others_and_imports_history(guarded_client: httpx.AsyncClient) -> None:
    old = navigation("/history", user=BO, occurredAt="2020-01-01T00:00:00Z")

    response = await guarded_client.post(
        "/events", json={"events": [old], "imported": True}, headers=bearing(IMPORT_TOKEN)
    )

    assert response.json()["results"][0]["status"] == "stored"
    assert await users_of(guarded_client, "/history") == [BO]


async def test_a_person_may_not_import_history(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    body = {"events": [navigation()], "imported": True}

    assert_is_problem(
        await guarded_client.post("/events", json=body, headers=bearing(portal.token())), 403, "not-allowed"
    )


async def test_only_readers_read(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    for path in ("/top-users", "/analytics", "/events", "/configuration"):
        by_ana = await guarded_client.get(path, headers=bearing(portal.token("user:default/ANA")))
        by_bo = await guarded_client.get(path, headers=bearing(portal.token(BO)))

        assert by_ana.status_code == 200
        assert_is_problem(by_bo, 403, "not-allowed")


async def test_the_pages_are_told_what_the_caller_may_read(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    async def may(token: str) -> object:
        return (await guarded_client.get("/configuration", headers=bearing(token))).json()["may"]

    assert await may(portal.token()) == {"read": True, "people": False, "admin": False}
    assert await may(IMPORT_TOKEN) == {"read": True, "people": True, "admin": True}
