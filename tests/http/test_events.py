import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from analytics_internal.event.uuid7 import uuid7
from tests.samples import navigation, recorded


async def lines_after(client: httpx.AsyncClient, after: int, limit: int = 10**6) -> list[dict[str, object]]:
    response = await client.get("/events", params={"after": after, "limit": limit})
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


async def head(client: httpx.AsyncClient) -> int:
    return int((await client.get("/events", params={"after": 2**62})).headers["x-log-position"])


async def test_an_event_comes_out_as_it_went_in(client: httpx.AsyncClient) -> None:
    before = await head(client)
    occurred_at = datetime.now(UTC).replace(microsecond=250_000) - timedelta(minutes=1)
    sent = navigation(
        "/docs?query=x&code=secret",
        id=str(uuid7()),
        user="User:Default/Ana",
        value=7.5,
        attributes={"to": "/docs", "deep": True},
        context={"pluginId": "techdocs"},
        sessionId="0f0e0d0c-0b0a-4000-8000-000000000001",
        agent="claude-code",
        occurredAt=occurred_at.isoformat(),
    )

    answer = (await client.post("/events", json=sent)).json()

    assert answer == {"success": True, "results": [{"id": sent["id"], "status": "stored"}]}
    (stored,) = await lines_after(client, before)
    assert datetime.fromisoformat(str(stored.pop("occurredAt"))) == occurred_at
    assert stored.pop("receivedAt")
    assert str(stored.pop("batch")).isdecimal()
    del sent["occurredAt"]
    assert stored == {**sent, "position": before + 1, "subject": "/docs?query=x", "user": "user:default/ana"}


async def test_the_same_batch_twice_is_stored_once(client: httpx.AsyncClient) -> None:
    before = await head(client)
    batch = {"events": [navigation(f"/{n}", id=str(uuid7())) for n in range(20)]}

    first = (await client.post("/events", json=batch)).json()["results"]
    again = (await client.post("/events", json=batch)).json()["results"]

    assert {result["status"] for result in first} == {"stored"}
    assert {result["status"] for result in again} == {"duplicate"}
    assert await head(client) == before + 20


async def test_one_id_with_other_content_is_a_conflict(client: httpx.AsyncClient) -> None:
    id_ = str(uuid7())

    answer = await client.post("/events", json={"events": [navigation("/a", id=id_), navigation("/b", id=id_)]})

    first, second = answer.json()["results"]
    assert first["status"] == "stored"
    assert (second["status"], second["reason"]) == ("rejected", "conflict")


async def test_an_event_without_an_id_is_given_one(client: httpx.AsyncClient) -> None:
    (result,) = (await client.post("/events", json=navigation())).json()["results"]

    assert UUID(result["id"]).version == 7


async def test_every_recorded_event_is_stored(client: httpx.AsyncClient) -> None:
    events = [*recorded("backstage-legacy-app.jsonl"), *recorded("backstage-new-app.jsonl")]

    answer = (await client.post("/events", json={"events": events})).json()

    assert [result["status"] for result in answer["results"]] == ["stored"] * len(events)


async def test_the_log_is_read_on_from_any_position(client: httpx.AsyncClient) -> None:
    await client.post("/events", json={"events": [navigation(f"/{n}") for n in range(30)]})
    whole = await lines_after(client, 0)

    parts = [await lines_after(client, after, 7) for after in range(0, len(whole), 7)]

    assert [event for part in parts for event in part] == whole
    assert [event["position"] for event in whole] == list(range(1, len(whole) + 1))


async def test_a_question_sees_everything_acknowledged_before_it(client: httpx.AsyncClient) -> None:
    async def write_and_ask(number: int) -> None:
        subject = f"/fresh/{number}"
        question = {"metrics": ["events"], "filters": ["is", "subject", [subject]]}
        for count in range(1, 6):
            await client.post("/events", json=navigation(subject))
            answer = (await client.post("/query", json=question)).json()
            assert answer["results"] == [{"events": {"value": count}}]

    await asyncio.gather(*(write_and_ask(number) for number in range(8)))
