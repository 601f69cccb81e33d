"""Destinations over HTTP: who may see and steer them, what is answered, and what is never told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from analytics_internal.embedded.server import running_dsn
from tests.forward.http_receiver import HttpReceiver
from tests.http.conftest import CLEO, EVE
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.http.test_openapi import assert_is_documented
from tests.http.test_tokens import bearing
from tests.ports import closed_port
from tests.samples import ANA, navigation
from tests.service import API, ServiceProcess, running_service

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATHS = {
    "destinations": ("get", "/destinations", None),
    "pause": ("post", "/destinations/{name}/pause", None),
    "resume": ("post", "/destinations/{name}/resume", None),
    "test": ("post", "/destinations/{name}/test", None),
    "replay": ("post", "/destinations/{name}/replay", {"dead_letters": "all"}),
    "cancel": ("post", "/destinations/{name}/cancel-replays", None),
    "dead": ("get", "/destinations/{name}/dead-letters", None),
    "discard": ("post", "/destinations/{name}/discard", {"dead_letters": [1]}),
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[HttpReceiver]:
    with contextlib.closing(HttpReceiver()) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def guarded(portal: PortalStandIn, receiver: HttpReceiver) -> Iterator[ServiceProcess]:
    """A service with a receiver that answers, one that does not, and one that was configured once.

    Eve administers, Ana reads names, Cleo figures.
    """
    with closed_port() as port:
        dead = f"http://ana:{SECRET}@127.0.0.1:{port}/hook?token={SECRET}"
        settings = {
            "backend_url": portal.url,
            "import_tokens": [IMPORT_TOKEN],
            "readers": [CLEO],
            "people_readers": [ANA],
            "admins": [EVE],
            "log_format": "json",
            "destinations": [
                {"name": "hook", "type": "webhook", "url": receiver.url, "filters": ["is", "action", ["navigate"]]},
                {"name": "audit", "type": "webhook", "url": dead, "secret": SECRET, "people": "named"},
            ],
        }
        with running_service(auth="backstage", **settings) as service:
            events = [navigation(f"/page/{number}", user=ANA) for number in range(5)]
            httpx.post(f"{service.url}{API}/events", json={"events": events}, headers=bearing(IMPORT_TOKEN))
            yield service


@pytest.fixture(autouse=True)
async def history(guarded: ServiceProcess) -> None:
    """`audit` is paused at the log's head; `old` was configured once, and has dead letters of every event but one."""
    connection = await asyncpg.connect(running_dsn(guarded.data_dir))
    # With another holder: what its worker has under way changes nothing any more.
    await connection.execute(
        "UPDATE destination SET is_paused = true, position = start_position + 5, delivered = 4, filtered = 1, "
        "failures = 2, next_attempt_at = now(), failed_at = now(), error = 'refused', error_status = 500, "
        "failed_attempts = 2, holder = gen_random_uuid(), "
        "error_answer = 'no user:default/ana here', delivered_at = now() WHERE name = 'audit'"
    )
    await connection.execute("DELETE FROM replay; DELETE FROM destination WHERE name = 'old'")
    await connection.execute(
        "INSERT INTO destination (name, type, start_position, position, delivered, dead) "
        "VALUES ('old', 'webhook', 0, 5, 1, 4)"
    )
    await connection.execute(
        "INSERT INTO dead_letter (destination, position, event_id, reason, detail, status, answer) "
        "SELECT 'old', b.first_position + e.ordinal, e.id, 'refused', 'HTTP 422', 422, $1 "
        "FROM event e JOIN log_batch b USING (batch_id) WHERE b.first_position + e.ordinal <= 4",
        f'{{"bad": "{ANA}"}}',
    )
    await connection.execute(
        "INSERT INTO dead_letter (destination, position, event_id, reason, detail) "
        "VALUES ('old', 900, gen_random_uuid(), 'too_old', 'older than 72 hours')"
    )
    await connection.close()


@pytest.fixture
async def eve(guarded: ServiceProcess, portal: PortalStandIn) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, who may not read who did what."""
    url, headers = f"{guarded.url}{API}", bearing(portal.token(EVE))
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
async def machine(guarded: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A machine, which may do everything."""
    url, headers = f"{guarded.url}{API}", bearing(IMPORT_TOKEN)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        yield client


async def one(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answered = await client.get("/destinations")
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = next(row for row in answered.json()["destinations"] if row["name"] == name)
    return found


def audited(service: ServiceProcess) -> list[dict[str, Any]]:
    """What the service's log says that somebody did with a destination."""
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "by" in line]


@pytest.mark.parametrize("route", PATHS)
@pytest.mark.parametrize(("person", "status"), [(None, 401), (CLEO, 403), (ANA, 403)])
async def test_every_route_needs_the_permission_to_administer(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, route: str, person: str | None, status: int
) -> None:
    method, path, body = PATHS[route]
    headers = bearing(portal.token(person)) if person is not None else {}

    answered = await guarded_client.request(method, path.format(name="hook"), json=body, headers=headers)

    assert_is_problem(answered, status, "unauthenticated" if status == 401 else "not-allowed")
    assert status == 401 or "`analytics-internal.admin`" in answered.json()["detail"]
    assert_is_documented(answered, method, API + path)


@pytest.mark.parametrize("route", PATHS)
async def test_every_route_answers_as_documented_and_tells_no_secret(machine: httpx.AsyncClient, route: str) -> None:
    method, path, body = PATHS[route]

    for name in ("hook", "audit", "old", "nobody"):
        answered = await machine.request(method, path.format(name=name), json=body)

        assert answered.status_code in (200, 404, 409), answered.text
        assert_is_documented(answered, method, API + path)
        assert SECRET[8:20] not in answered.text


async def test_a_destination_is_listed_with_its_configuration_and_how_far_it_is(eve: httpx.AsyncClient) -> None:
    names = [row["name"] for row in (await eve.get("/destinations")).json()["destinations"]]
    assert names == ["hook", "audit", "old"]
    audit = await one(eve, "audit")

    assert (audit["type"], audit["is_configured"], audit["state"]) == ("webhook", True, "paused")
    assert audit["to"].startswith("http://••••••@127.0.0.1:")
    assert audit["to"].endswith("/hook?token=••••••")
    assert (audit["people"], audit["filters"]) == ("named", None)
    assert (audit["position"] - audit["start_position"], audit["delivered"], audit["filtered"]) == (5, 4, 1)
    assert audit["stored"] == audit["head"] - audit["start_position"]
    assert audit["lag_events"] == audit["head"] - audit["position"] == 0
    assert audit["lag_seconds"] == 0
    assert (audit["last_error"]["status"], audit["last_error"]["attempts"]) == (500, 2)
    assert audit["last_error"]["next_attempt_at"] is None, "it is paused"
    assert (await one(eve, "hook"))["filters"] == ["is", "action", ["navigate"]]


async def test_a_name_that_is_gone_from_the_settings_keeps_its_row(eve: httpx.AsyncClient) -> None:
    old = await one(eve, "old")

    assert (old["is_configured"], old["state"], old["to"]) == (False, "not_configured", "")
    assert (old["position"], old["delivered"], old["dead"], old["dead_letters"]) == (5, 1, 4, 5)


async def test_paused_is_resumed_and_the_log_says_by_whom(eve: httpx.AsyncClient, guarded: ServiceProcess) -> None:
    paused = await eve.post("/destinations/hook/pause")
    again = await eve.post("/destinations/hook/pause")
    resumed = await eve.post("/destinations/hook/resume")

    assert paused.json()["state"] == again.json()["state"] == "paused"
    assert resumed.json()["state"] != "paused"
    done = [(line["event"], line["destination"], line["by"]) for line in audited(guarded)]
    assert done.count(("destination paused", "hook", EVE)) == 2
    assert ("destination resumed", "hook", EVE) in done


async def test_resuming_a_destination_whose_receiver_is_gone_starts_it_again(
    eve: httpx.AsyncClient, guarded: ServiceProcess
) -> None:
    connection = await asyncpg.connect(running_dsn(guarded.data_dir))
    await connection.execute("UPDATE destination SET stopped_because = '410 Gone' WHERE name = 'audit'")

    stopped = await one(eve, "audit")
    resumed = (await eve.post("/destinations/audit/resume")).json()
    await eve.post("/destinations/audit/pause")

    await connection.close()
    assert (stopped["state"], stopped["stopped_because"]) == ("stopped", "410 Gone")
    assert (resumed["stopped_because"], resumed["last_error"]["attempts"]) == (None, 0)


async def test_a_test_event_arrives_and_changes_nothing(
    eve: httpx.AsyncClient, receiver: HttpReceiver, guarded: ServiceProcess
) -> None:
    before = await one(eve, "hook")

    answered = (await eve.post("/destinations/hook/test")).json()

    assert answered["is_delivered"], answered
    sent = json.loads(answered["sent"])
    assert any(sent["id"].encode() in request.body for request in receiver.requests)
    after = await one(eve, "hook")
    assert (after["head"], after["redelivered"]) == (before["head"], before["redelivered"])
    assert ("test event sent", "hook", EVE) in [
        (line["event"], line["destination"], line["by"]) for line in audited(guarded)
    ]


async def test_a_test_event_that_is_refused_says_what_the_receiver_answered(
    eve: httpx.AsyncClient, receiver: HttpReceiver
) -> None:
    receiver.mode = "refusing"
    try:
        refused = (await eve.post("/destinations/hook/test")).json()
    finally:
        receiver.mode = "well"
    unreachable = (await eve.post("/destinations/audit/test")).json()

    assert not refused["is_delivered"]
    assert refused["status"] == 400
    assert refused["answer"].startswith("what is that")
    assert not unreachable["is_delivered"]
    assert unreachable["error"]


async def test_a_range_is_replayed_up_to_what_had_its_turn(eve: httpx.AsyncClient) -> None:
    start = (await one(eve, "audit"))["start_position"]
    two = (await eve.post("/destinations/audit/replay", json={"after": start + 1, "up_to": start + 3})).json()
    rest = (await eve.post("/destinations/audit/replay", json={"after": start + 3})).json()
    under_way = (await one(eve, "audit"))["replays"]
    cancelled = (await eve.post("/destinations/audit/cancel-replays")).json()

    assert two == {"dead_letters": 0, "after": start + 1, "up_to": start + 3, "events": 2}
    assert rest == {"dead_letters": 0, "after": start + 3, "up_to": start + 5, "events": 2}
    assert [(one["after"], one["up_to"], one["position"]) for one in under_way] == [
        (start + 1, start + 3, start + 1),
        (start + 3, start + 5, start + 3),
    ]
    assert cancelled == {"replays": 2}
    assert (await one(eve, "audit"))["replays"] == []


async def test_a_time_is_replayed_by_when_events_were_stored(eve: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    today = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    before = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00-03:00"}
    later = {"from": (now + timedelta(hours=1)).isoformat()}

    queued = (await eve.post("/destinations/audit/replay", json=today)).json()
    nothing = await eve.post("/destinations/audit/replay", json=before)
    none_yet = await eve.post("/destinations/audit/replay", json=later)

    assert queued["events"] == 5
    for answered in (nothing, none_yet):
        assert_is_problem(answered, 400, "invalid-request")
    assert [error["field"] for error in nothing.json()["errors"]] == ["to"]
    assert [error["field"] for error in none_yet.json()["errors"]] == ["from"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ([], ""),
        ({"after": 1, "from": "2026-11-01T00:00:00Z"}, ""),
        ({"after": -1}, "after"),
        ({"after": 1, "upto": 2}, ""),
        ({"after": 3, "up_to": 3}, "up_to"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-01T00:00:00"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": "2026-11-01T00:00:00Z", "to": "9999-12-31T23:59:59-14:00"}, "to"),
        ({"dead_letters": []}, "dead_letters"),
        ({"dead_letters": "some"}, "dead_letters"),
        ({"dead_letters": [0]}, "dead_letters"),
    ],
    ids=str,
)
async def test_what_cannot_be_replayed_is_refused(eve: httpx.AsyncClient, body: object, field: str) -> None:
    answered = await eve.post("/destinations/audit/replay", json=body)

    assert_is_problem(answered, 400, "invalid-request")
    assert [error["field"] for error in answered.json()["errors"]] == [field]
    assert (await one(eve, "audit"))["replays"] == []


async def test_a_body_that_is_no_json_is_refused(eve: httpx.AsyncClient) -> None:
    for action in ("replay", "discard"):
        assert_is_problem(await eve.post(f"/destinations/audit/{action}", content=b"{"), 400, "invalid-request")


@pytest.mark.parametrize(("action", "body"), [("test", None), ("replay", {"dead_letters": "all"})])
async def test_what_is_not_configured_is_sent_nothing(
    eve: httpx.AsyncClient, action: str, body: dict[str, object] | None
) -> None:
    assert_is_problem(await eve.post(f"/destinations/old/{action}", json=body), 409, "not-configured")


@pytest.mark.parametrize("route", [name for name in PATHS if name != "destinations"])
async def test_an_unknown_name_is_answered_with_the_known_ones(eve: httpx.AsyncClient, route: str) -> None:
    method, path, body = PATHS[route]

    answered = await eve.request(method, path.format(name="adit"), json=body)

    assert_is_problem(answered, 404, "not-found")
    assert answered.json()["detail"] == "no destination has the name 'adit'; there are audit, hook, old"


@pytest.mark.parametrize("name", ["%00", "hook%00", "%FF", "..%5C", "HOOK", "a" * 5_000])
async def test_a_name_that_none_can_have_is_unknown(eve: httpx.AsyncClient, name: str) -> None:
    assert_is_problem(await eve.post(f"/destinations/{name}/pause"), 404, "not-found")


async def test_dead_letters_come_in_pages_with_reason_status_and_answer(machine: httpx.AsyncClient) -> None:
    first = (await machine.get("/destinations/old/dead-letters", params={"limit": 2})).json()
    second = (
        await machine.get("/destinations/old/dead-letters", params={"limit": 3, "cursor": first["next_cursor"]})
    ).json()

    assert [letter["position"] for letter in first["dead_letters"]] == [1, 2]
    assert [letter["position"] for letter in second["dead_letters"]] == [3, 4, 900]
    assert (first["total"], first["next_cursor"], second["next_cursor"]) == (5, 2, None)
    letter = first["dead_letters"][0]
    assert (letter["reason"], letter["status"], letter["detail"]) == ("refused", 422, "HTTP 422")
    assert letter["event"].pop("occurred_at")
    assert letter["event"] == {"action": "navigate", "subject": "/page/0", "user": ANA}
    assert letter["answer"] == f'{{"bad": "{ANA}"}}'
    assert second["dead_letters"][-1]["event"] is None


async def test_an_administrator_is_not_told_who_did_what_by_a_dead_letter(eve: httpx.AsyncClient) -> None:
    letters = await eve.get("/destinations/old/dead-letters")
    listed = await eve.get("/destinations")

    assert ANA not in letters.text
    assert ANA not in listed.text
    letter = letters.json()["dead_letters"][0]
    assert letter["event"]["user"] is None
    assert letter["answer"] == '{"bad": "user:…"}'


async def test_dead_letters_are_discarded_one_by_one_or_all(eve: httpx.AsyncClient) -> None:
    one_of_them = (await eve.post("/destinations/old/discard", json={"dead_letters": [2, 77]})).json()
    left = (await eve.get("/destinations/old/dead-letters")).json()
    the_rest = (await eve.post("/destinations/old/discard", json={"dead_letters": "all"})).json()
    after = await one(eve, "old")

    assert (one_of_them, the_rest) == ({"dead_letters": 1}, {"dead_letters": 4})
    assert [letter["position"] for letter in left["dead_letters"]] == [1, 3, 4, 900]
    assert (after["dead_letters"], after["dead"]) == (0, 4)


async def test_dead_letters_are_queued_to_be_sent_again(eve: httpx.AsyncClient, guarded: ServiceProcess) -> None:
    connection = await asyncpg.connect(running_dsn(guarded.data_dir))
    await connection.execute(
        "INSERT INTO dead_letter (destination, position, event_id, reason, detail) "
        "SELECT 'audit', n, gen_random_uuid(), 'refused', '' FROM generate_series(1, 3) n"
    )
    await connection.close()

    two = (await eve.post("/destinations/audit/replay", json={"dead_letters": [1, 3, 77]})).json()
    queued = [one["is_queued"] for one in (await eve.get("/destinations/audit/dead-letters")).json()["dead_letters"]]
    waiting = (await one(eve, "audit"))["queued_dead_letters"]
    the_rest = (await eve.post("/destinations/audit/replay", json={"dead_letters": "all"})).json()
    await eve.post("/destinations/audit/discard", json={"dead_letters": "all"})

    assert two == {"dead_letters": 2, "after": None, "up_to": None, "events": 0}
    assert (queued, waiting) == ([True, False, True], 2)
    assert the_rest["dead_letters"] == 3


async def test_another_sites_page_steers_nothing_on_a_service_without_authentication(client: httpx.AsyncClient) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answered = await client.post("/destinations/hook/pause", headers=headers)
        assert_is_problem(answered, 403, "not-allowed")

    assert_is_problem(await client.post("/destinations/hook/pause"), 404, "not-found")


async def test_without_destinations_the_list_is_empty(client: httpx.AsyncClient) -> None:
    assert (await client.get("/destinations")).json() == {"destinations": []}
