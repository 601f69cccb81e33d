"""A test event goes through a destination's whole shaping and type, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from analytics_internal.forward import child
from analytics_internal.forward.child import Order, TestResult
from tests.forward.http_receiver import HttpReceiver, Reply, running

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g="


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with running(HttpReceiver()) as receiver:
        yield receiver


async def sent_to(dsn: str, url: str, **further: object) -> TestResult:
    audit = {"name": "audit", "type": "webhook", "url": url, **further}
    return await child.test(Order(dsn, [audit]), "audit")


async def test_a_test_event_arrives_and_is_marked(dsn: str, receiver: HttpReceiver) -> None:
    result = await sent_to(dsn, receiver.url, secret=SECRET, filters=["is", "action", ["navigate"]])

    (event,) = json.loads(receiver.requests[0].body)["events"]
    assert (event["action"], event["subject"], event["attributes"], event["position"]) == (
        "test",
        "/analytics-internal/test",
        {"test": True},
        0,
    )
    assert "webhook-signature" in receiver.requests[0].headers
    assert result.is_delivered
    assert result.sent is not None
    assert json.loads(result.sent) == event
    assert result.error is None


async def test_it_is_shaped_as_the_destination_is_configured(dsn: str, receiver: HttpReceiver) -> None:
    fields = {"drop": ["attributes.test"], "rename": {"subject": "what"}}
    await sent_to(dsn, receiver.url, fields=fields)

    (event,) = json.loads(receiver.requests[0].body)["events"]
    assert event["what"] == "/analytics-internal/test"
    assert "test" not in event.get("attributes", {})


async def test_a_refusal_is_shown_with_the_answer(dsn: str, receiver: HttpReceiver) -> None:
    receiver.REFUSING = Reply(422, b"which schema is that?")
    receiver.refuse()

    result = await sent_to(dsn, receiver.url)

    assert not result.is_delivered
    assert (result.status, result.answer) == (422, "which schema is that?")
    assert result.sent is not None


async def test_what_is_missing_is_said_without_a_stack_of_calls(dsn: str, receiver: HttpReceiver) -> None:
    result = await sent_to(dsn, receiver.url, secret={"env": "NOT_SET_ANYWHERE"})

    assert not result.is_delivered
    assert result.error == "the environment variable NOT_SET_ANYWHERE is not set"
    assert receiver.requests == []


async def test_nothing_that_listens_is_an_error_like_others(dsn: str, receiver: HttpReceiver) -> None:
    receiver.stop()
    result = await sent_to(dsn, receiver.url)

    assert not result.is_delivered
    assert result.error
    receiver.start()


async def test_a_database_that_does_not_answer_is_said(receiver: HttpReceiver, tmp_path: Path) -> None:
    result = await sent_to(f"postgresql://postgres@/nowhere?host={tmp_path}", receiver.url)

    assert not result.is_delivered
    assert result.error
    assert str(tmp_path) in result.error


async def test_one_that_hangs_ends_in_time(dsn: str, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TEST_LIMIT_S", 2)
    receiver.hang()

    result = await sent_to(dsn, receiver.url)

    assert not result.is_delivered
    assert result.error == "there was no result within 2 s"


async def test_it_changes_no_state(dsn: str, receiver: HttpReceiver) -> None:
    await sent_to(dsn, receiver.url)

    connection = await asyncpg.connect(dsn)
    counts = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ("destination", "event")]
    await connection.close()
    assert counts == [0, 0]
