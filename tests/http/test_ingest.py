"""A large body shares the service with everybody else."""

from __future__ import annotations

import asyncio
import json

import pytest

from analytics_internal.event.batch import Batch, NotABatch
from analytics_internal.event.validation import Receipt, validate
from analytics_internal.http import ingest
from tests.samples import navigation

BOMB = json.dumps({"action": "a", "subject": "/", "attributes": {"to": "/p?" + "%41&" * 7_000}}).encode()


async def turns_during(work: asyncio.Task[object]) -> int:
    """How often others had their turn."""
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_other_requests_run_while_a_large_batch_is_validated(
    receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "TIME_SLICE_S", 0)
    batch = Batch([BOMB] * 32)
    judging = asyncio.create_task(ingest._validated(batch, receipt))

    assert await turns_during(judging) >= 32
    assert [type(entry) for entry in judging.result()] == [type(validate(BOMB, batch, receipt))] * 32


async def test_a_large_body_is_taken_apart_beside_the_event_loop() -> None:
    body = b'{"events":[' + b"[" * 900_000
    taking = asyncio.create_task(ingest._taken_apart(body, 1_000))

    assert await turns_during(taking) > 1
    with pytest.raises(NotABatch):
        taking.result()


async def test_no_more_is_looked_at_than_a_batch_may_hold() -> None:
    body = b'{"events":[' + b"1," * 400_000 + b'"\\ud800"]}'

    with pytest.raises(NotABatch, match="at most 1,000 events"):
        await ingest._taken_apart(body, 1_000)


async def test_a_large_batch_is_taken_whole() -> None:
    events = [navigation() for _ in range(1_000)]

    batch = await ingest._taken_apart(json.dumps({"events": events}).encode(), 1_000)

    assert [json.loads(bytes(event)) for event in batch.events] == events


@pytest.fixture
def receipt() -> Receipt:
    from datetime import UTC, datetime

    return Receipt(datetime.now(UTC), "user:default/ana", may_name_person=False)
