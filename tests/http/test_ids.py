"""No verdict tells what somebody else stored, and no guess uses up an id that somebody else needs."""

import json
from datetime import UTC, datetime, timedelta

import httpx

from analytics_internal.client.recorded import Recording
from analytics_internal.event.uuid7 import uuid7
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_tokens import bearing, store
from tests.samples import ANA, BO, Json, navigation


async def exported(client: httpx.AsyncClient, subject: str) -> list[Json]:
    lines = (await client.get("/events", headers=bearing(IMPORT_TOKEN))).text.splitlines()
    return [event for event in map(json.loads, lines) if event["subject"] == subject]


def without_id(verdicts: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: text for name, text in verdict.items() if name != "id"} for verdict in verdicts]


async def test_an_id_that_another_person_used_is_answered_like_one_that_nobody_used(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    at = datetime.now(UTC).isoformat()
    changes: list[Json] = [{}, {"subject": "/other"}, {"user": ANA}, {"value": 1}, {"occurredAt": None}]

    for change in changes:
        secret = navigation("/secret", id=str(uuid7()), occurredAt=at)
        assert (await store(guarded_client, portal.token(ANA), secret))[0]["status"] == "stored"
        guess = {**secret, **change}
        unused = {**guess, "id": str(uuid7())}
        on_guess = await store(guarded_client, portal.token(BO), guess)
        on_unused = await store(guarded_client, portal.token(BO), unused)
        assert without_id(on_guess) == without_id(on_unused)
        assert on_guess[0]["id"] == guess["id"]

    assert [event["user"] for event in await exported(guarded_client, "/secret")].count(ANA) == 5


async def test_the_same_sender_meets_its_own_events_again(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    event = navigation("/mine", id=str(uuid7()))

    first = await store(guarded_client, portal.token(ANA), event)
    again = await store(guarded_client, portal.token("user:default/Ana", claims={"x": "another token"}), event)
    through_a_plugin = await store(guarded_client, portal.plugin_token("catalog", on_behalf_of=ANA), event)
    changed = await store(guarded_client, portal.token(ANA), {**event, "value": 2})
    of_the_plugin = await store(guarded_client, portal.plugin_token("catalog"), event)

    statuses = [verdicts[0]["status"] for verdicts in (first, again, through_a_plugin, changed, of_the_plugin)]
    assert statuses == ["stored", "duplicate", "duplicate", "rejected", "stored"]
    assert changed[0]["reason"] == "conflict"


async def test_an_id_that_the_server_made_is_the_events_when_it_is_sent_again(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    (made,) = await store(guarded_client, portal.token(ANA), navigation("/without an id"))

    (again,) = await store(guarded_client, portal.token(ANA), navigation("/without an id", id=made["id"]))

    assert again == {"id": made["id"], "status": "duplicate"}


async def test_an_id_that_an_import_uses_can_be_neither_probed_nor_used_up(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    moments = [(datetime.now(UTC) - timedelta(hours=hours)).isoformat() for hours in (1, 2)]
    recording = Recording()
    lines = [
        json.loads(recording.event(json.dumps(navigation("/imported", user=ANA, occurredAt=at)).encode()))
        for at in moments
    ]
    batch = {"imported": True, "events": lines[:1]}
    assert (await store(guarded_client, IMPORT_TOKEN, batch))[0]["status"] == "stored"

    for sender in (portal.token(BO), portal.token(ANA), portal.plugin_token("catalog")):
        guesses = [*lines, {**lines[0], "subject": "/other"}, navigation("/other", id=str(uuid7()))]
        verdicts = [(await store(guarded_client, sender, {**guess, "id": guess["id"]}))[0] for guess in guesses]
        assert [verdict["status"] for verdict in (verdicts[0], verdicts[1], verdicts[3])] == ["stored"] * 3

    later = await store(guarded_client, IMPORT_TOKEN, {"imported": True, "events": lines})
    assert [verdict["status"] for verdict in later] == ["duplicate", "stored"]


async def test_an_export_is_known_where_it_came_from(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    await store(guarded_client, portal.token(ANA), navigation("/exported", id=str(uuid7())))
    (line,) = await exported(guarded_client, "/exported")
    event = json.loads(Recording().event(json.dumps(line).encode()))

    verdicts = await store(guarded_client, IMPORT_TOKEN, {"imported": True, "events": [event]})

    assert verdicts == [{"id": line["id"], "status": "duplicate"}]
    assert len(await exported(guarded_client, "/exported")) == 1
