"""The worker of one destination: what arrives, in which order, and what is kept of what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import msgspec
import pytest

from analytics_internal.forward import state
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    Limits,
    ReceiverGone,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
)
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.recent import Recent
from analytics_internal.forward.secret import SecretMissing
from analytics_internal.forward.state import HoldLost
from analytics_internal.forward.steps import Course
from analytics_internal.log.connection import Pool
from tests.forward.scripted import Answer, Scripted, takes
from tests.forward.working import Worked, destination


@pytest.fixture
async def worked(pool: Pool, dsn: str) -> AsyncIterator[Worked]:
    async with destination(pool, dsn) as worked:
        yield worked


def numbered(first: int, last: int) -> list[str]:
    return [f"/{number}" for number in range(first, last + 1)]


# --- the position


async def test_every_event_arrives_once_and_in_order(worked: Worked) -> None:
    await worked.store(*numbered(1, 30))
    async with worked.working():
        await worked.caught_up()
        for number in range(31, 40):
            await worked.store(f"/{number}")
        row = await worked.caught_up()

    assert worked.inbox.positions == list(range(1, 40))
    assert [event.subject for event in worked.inbox.arrived] == numbered(1, 39)
    assert (row.position, row.delivered, row.failures, row.lag_seconds) == (39, 39, 0, 0)


async def test_what_is_filtered_out_moves_the_position_without_a_request(pool: Pool, dsn: str) -> None:
    async with destination(pool, dsn, filters=["is", "subject", ["/5", "/6"]]) as worked:
        await worked.store(*numbered(1, 4))
        async with worked.working():
            await worked.caught_up()
            assert worked.inbox.attempts == []
            await worked.store(*numbered(5, 9))
            row = await worked.caught_up()

    assert worked.inbox.positions == [5, 6]
    assert (row.delivered, row.filtered, row.missing) == (2, 7, 0)


async def test_events_that_the_log_has_lost_are_counted(worked: Worked) -> None:
    await worked.store(*numbered(1, 5))
    await worked.store(*numbered(6, 10))
    lost = "SELECT item_id FROM item WHERE subject IN ('/1', '/4', '/5', '/6', '/10')"
    await worked.pool.execute(f"DELETE FROM event WHERE item_id IN ({lost})")

    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.positions == [2, 3, 7, 8, 9]
    assert (row.position, row.delivered, row.missing) == (10, 5, 5)


async def test_a_log_without_any_event_left_is_passed(worked: Worked) -> None:
    await worked.store(*numbered(1, 7))
    await worked.pool.execute("DELETE FROM event")

    async with worked.working():
        row = await worked.caught_up()

    assert (row.position, row.missing, worked.inbox.attempts) == (7, 7, [])


async def test_a_worker_goes_on_where_another_one_ended(worked: Worked) -> None:
    await worked.store(*numbered(1, 5))
    async with worked.working():
        await worked.caught_up()
    await worked.store(*numbered(6, 8))
    async with worked.working():
        await worked.caught_up()

    assert worked.inbox.attempts == [[1, 2, 3, 4, 5], [6, 7, 8]]


async def test_a_worker_ends_when_another_one_holds_the_destination(worked: Worked) -> None:
    first = asyncio.create_task(worked.delivery().run())
    await worked.until(lambda row: row.holder is not None)
    async with worked.pool.acquire() as connection:
        await state.take_over(connection, worked.configured, uuid4())
    with pytest.raises(HoldLost):
        await asyncio.wait_for(first, 10)


async def test_a_lost_hold_moves_nothing_that_the_new_holder_has(worked: Worked) -> None:
    taken = asyncio.Event()

    async def while_another_takes_over(batch: Batch) -> None:
        async with worked.pool.acquire() as connection:
            await state.take_over(connection, worked.configured, uuid4())
        taken.set()

    worked.inbox.answer = while_another_takes_over
    await worked.store(*numbered(1, 5))
    task = asyncio.create_task(worked.delivery().run())
    with pytest.raises(HoldLost):
        await asyncio.wait_for(task, 10)

    assert taken.is_set()
    row = await worked.overview()
    assert (row.position, row.delivered) == (0, 0)


async def test_the_request_under_way_ends_when_the_worker_is_asked_to(worked: Worked) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(batch: Batch) -> None:
        begun.set()
        await may_end.wait()

    worked.inbox.answer = slowly
    await worked.store(*numbered(1, 5))
    async with worked.working() as task:
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0.02)
        may_end.set()
        await asyncio.wait({task})

    row = await worked.overview()
    assert (row.position, row.delivered, worked.inbox.positions) == (5, 5, [1, 2, 3, 4, 5])


async def test_a_request_that_hangs_is_given_up_when_the_worker_is_asked_to_end(worked: Worked) -> None:
    begun = asyncio.Event()

    async def never(batch: Batch) -> None:
        begun.set()
        await asyncio.Event().wait()

    worked.inbox.answer = never
    worked.timing = msgspec.structs.replace(worked.timing, grace_s=0.05)
    await worked.store("/1")
    async with worked.working():
        await begun.wait()

    assert (await worked.overview()).position == 0
    assert worked.inbox.closed


async def test_it_goes_on_when_its_connection_is_lost(worked: Worked) -> None:
    async def while_the_connection_is_lost(batch: Batch) -> None:
        worked.inbox.answer = takes
        await worked.lose_connection()

    worked.inbox.answer = while_the_connection_is_lost
    await worked.store(*numbered(1, 5))
    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.attempts == [[1, 2, 3, 4, 5]] * 2
    assert all(len(ids) == 1 for ids in worked.inbox.ids.values())
    assert (row.position, row.delivered) == (5, 5)


async def test_a_log_that_lost_its_end_is_delivered_from_where_its_row_is(worked: Worked) -> None:
    """As after a failover to a standby that lags: log and row are both of an earlier moment."""
    await worked.store(*numbered(1, 3))
    async with worked.working():
        await worked.caught_up()

        async def while_a_standby_takes_over(batch: Batch) -> None:
            worked.inbox.answer = takes
            await worked.pool.execute("DELETE FROM event WHERE batch_id = (SELECT max(batch_id) FROM log_batch)")
            await worked.pool.execute("DELETE FROM log_batch WHERE first_position = 4")
            await worked.pool.execute("UPDATE log_head SET position = 3")
            await store_elsewhere(worked, *numbered(101, 103))

        worked.inbox.answer = while_a_standby_takes_over
        await worked.store("/4", "/5")
        row = await worked.until(lambda row: row.position == 6)

    subjects = [event.subject for event in worked.inbox.arrived]
    assert subjects == ["/1", "/2", "/3", "/4", "/5", "/101", "/102", "/103"]
    assert row.delivered == 6


async def store_elsewhere(worked: Worked, *subjects: str) -> None:
    async with destination(worked.pool, worked.dsn, "another") as other:
        await other.store(*subjects)


@pytest.mark.parametrize("why", ["an outage", "a pause", "a replay"])
async def test_what_is_erased_while_it_waits_is_not_sent(worked: Worked, why: str) -> None:
    async def is_away(batch: Batch) -> None:
        worked.inbox.answer = takes
        if why == "a pause":
            await worked.ask(state.pause)
        retry_after_s = 3_000.0 if why != "a pause" else 0.0
        raise ReceiverUnavailable("maintenance", retry_after_s=retry_after_s)

    worked.recent = Recent(kept_s=0)
    await worked.store("/1", "/2", "/3")
    if why == "a replay":
        async with worked.working():
            await worked.caught_up()
        worked.inbox.arrived.clear()
        await worked.ask(state.replay, 0)
    worked.inbox.answer = is_away
    async with worked.working():
        await worked.until(lambda row: row.failures > 0)
        await asyncio.sleep(10 * worked.timing.poll_s)  # so that it has looked again
        await worked.pool.execute("DELETE FROM event WHERE item_id = (SELECT item_id FROM item WHERE subject = '/2')")
        await worked.ask(state.resume)
        await worked.caught_up()

    assert worked.inbox.positions == [1, 3]


# --- batches


async def test_batches_keep_the_receivers_limits(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=4, bytes=3 * 400, event_bytes=700, bytes_between=2)
    worked.inbox.encode = lambda event: b"x" * (800 if event.subject == "/3" else 398 if event.position < 8 else 10)
    await worked.store(*numbered(1, 16))

    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.attempts == [[1, 2, 4], [5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15], [16]]
    assert await worked.letters() == {3: "too_large"}
    assert (row.delivered, row.dead) == (15, 1)


async def test_an_event_waits_for_company_if_the_receiver_likes_that(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=3, linger_s=600)
    await worked.store("/1")
    async with worked.working():
        await asyncio.sleep(0.1)
        assert worked.inbox.attempts == []
        await worked.store("/2", "/3", "/4")
        await worked.until(lambda row: row.position == 3)

    assert worked.inbox.attempts == [[1, 2, 3]]


async def test_an_event_that_has_waited_for_long_is_sent_alone(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=3, linger_s=0.05)
    await worked.store("/1")
    async with worked.working():
        await worked.caught_up()

    assert worked.inbox.attempts == [[1]]


async def test_an_event_that_grows_too_old_meanwhile_is_a_dead_letter(worked: Worked) -> None:
    too_old: set[int] = set()

    def encode(event: Outgoing) -> bytes:
        if event.position in too_old:
            raise Undeliverable("too_old", "the receiver takes events of three days")
        return document(event)

    async def fails_for_long(batch: Batch) -> None:
        if not too_old:
            too_old.update({2, 3})
            raise ReceiverUnavailable("no answer")

    worked.inbox.encode, worked.inbox.answer = encode, fails_for_long
    await worked.store(*numbered(1, 4))
    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.attempts == [[1, 2, 3, 4], [1, 4]]
    assert await worked.letters() == {2: "too_old", 3: "too_old"}
    assert (row.delivered, row.dead, row.failures) == (2, 2, 0)


async def test_a_block_is_always_sent_from_its_beginning(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=2, block=5)
    async with worked.working():
        await worked.store(*numbered(1, 3))
        await worked.caught_up()
        await worked.store("/4")
        await worked.caught_up()
        await worked.store(*numbered(5, 12))
        await worked.caught_up()
    await worked.store("/13")
    async with worked.working():
        await worked.caught_up()

    sent = [([one.position for one in batch.events], batch.fresh_after) for batch in worked.inbox.batches]
    assert sent == [
        ([1, 2, 3], 0),
        ([1, 2, 3, 4], 3),
        ([1, 2, 3, 4, 5], 4),
        ([6, 7, 8, 9, 10], 5),
        ([11, 12], 10),
        ([11, 12, 13], 12),
    ]


# --- refusals and failures


def refusing(*poison: str, status: int = 422) -> Answer:
    async def answer(batch: Batch) -> None:
        if any(event.subject in poison for event in batch.events):
            raise BatchRefused("there is a bad event", status=status, answer="bad")

    return answer


async def test_a_refused_batch_is_halved_until_the_event_in_question_stands_alone(worked: Worked) -> None:
    worked.inbox.answer = refusing("/3", "/11")
    await worked.store(*numbered(1, 16))

    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.first_arrivals == [n for n in range(1, 17) if n not in {3, 11}]
    assert len(worked.inbox.positions) == 14
    async with worked.pool.acquire() as connection:
        kept = await state.dead_letters(connection, worked.name)
    assert [(one.position, one.reason, one.status, one.answer) for one in kept] == [
        (3, "refused", 422, "bad"),
        (11, "refused", 422, "bad"),
    ]
    assert (row.position, row.delivered, row.dead, row.failures) == (16, 14, 2, 0)


async def test_events_that_are_refused_one_by_one_are_dead_letters(worked: Worked) -> None:
    async def refuse_some(batch: Batch) -> Sequence[Refusal]:
        return [
            Refusal(index, "no such page", "unsupported", 207, f"record {event.position}")
            for index, event in enumerate(batch.events)
            if event.position % 3 == 0
        ]

    worked.inbox.answer = refuse_some
    await worked.store(*numbered(1, 7))
    async with worked.working():
        row = await worked.caught_up()

    assert await worked.letters() == {3: "unsupported", 6: "unsupported"}
    assert worked.inbox.positions == [1, 2, 4, 5, 7]
    assert (row.delivered, row.dead) == (5, 2)


async def test_a_receiver_that_takes_fewer_events_gets_fewer(worked: Worked) -> None:
    async def takes_five(batch: Batch) -> None:
        if len(batch.events) > 5:
            raise BatchRefused("too many", status=413)

    worked.inbox.answer = takes_five
    worked.inbox.limits = Limits(events=40)
    await worked.store(*numbered(1, 200))
    async with worked.working():
        row = await worked.caught_up()

    assert worked.inbox.positions == list(range(1, 201))
    assert row.dead == 0
    refused = [sent for sent in worked.inbox.attempts if len(sent) > 5]
    assert len(refused) < len(worked.inbox.attempts) / 2
    assert {len(sent) for sent in refused if sent[0] > 40} == {6}


class Panic(BaseException):
    """As pyo3 raises it for a panic in Rust: no Exception."""


@pytest.mark.parametrize(
    "failure",
    [
        ReceiverUnavailable("answered 503", status=503, answer="busy"),
        SecretMissing("the environment variable HOOK_SECRET is not set"),
        ValueError("a bug of a plugin"),
        ConnectionResetError("reset"),
        TimeoutError(),
        RecursionError("deep"),
        SystemExit("a library that takes itself for a program"),
        Panic("a library in Rust"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_whatever_fails_is_shown_and_tried_again_and_never_makes_dead_letters(
    worked: Worked, failure: BaseException
) -> None:
    failures = 0

    async def fails_at_first(batch: Batch) -> None:
        nonlocal failures
        failures += 1
        if failures <= 5:
            raise failure

    worked.inbox.answer = fails_at_first
    await worked.store(*numbered(1, 5))
    async with worked.working():
        await worked.until(lambda row: row.failures > 2 or row.delivered > 0)
        row = await worked.caught_up()

    assert worked.inbox.first_arrivals == [1, 2, 3, 4, 5]
    assert (row.delivered, row.dead, row.failed_attempts, row.failures) == (5, 0, 5, 0)
    assert row.error is not None
    assert str(failure) in row.error
    assert worked.inbox.opened == 6
    assert worked.inbox.closed >= 5


@pytest.mark.parametrize("failure", [SystemExit(2), Panic("a library in Rust")])
async def test_a_type_that_fails_at_an_event_is_tried_again(worked: Worked, failure: BaseException) -> None:
    def fails_at_first(event: Outgoing) -> bytes:
        worked.inbox.encode = None
        raise failure

    worked.inbox.encode = fails_at_first
    await worked.store("/1")
    async with worked.working():
        row = await worked.caught_up()

    assert (row.delivered, row.dead, row.failed_attempts) == (1, 0, 1)


async def test_a_send_that_hangs_ends_after_a_time_of_its_own(worked: Worked) -> None:
    async def hangs_once(batch: Batch) -> None:
        worked.inbox.answer = takes
        await asyncio.Event().wait()

    worked.inbox.answer = hangs_once
    worked.inbox.limits = Limits(send_s=0.3)
    await worked.store("/1")
    async with worked.working():
        row = await worked.caught_up()

    assert row.error == "no answer within 0.3 s"
    assert (worked.inbox.opened, worked.inbox.positions) == (2, [1])


async def test_a_receiver_that_is_gone_gets_nothing_until_somebody_resumes_it(worked: Worked) -> None:
    async def gone(batch: Batch) -> None:
        raise ReceiverGone("answered 410 Gone", status=410, answer="bye")

    worked.inbox.answer = gone
    await worked.store("/1")
    async with worked.working():
        row = await worked.until(lambda row: row.stopped_because is not None)
        assert (row.stopped_because, row.error_status, row.error_answer) == ("answered 410 Gone", 410, "bye")
        await asyncio.sleep(0.1)
        assert len(worked.inbox.attempts) == 1
        worked.inbox.answer = takes
        await worked.ask(state.resume)
        await worked.caught_up()

    assert worked.inbox.positions == [1]


async def test_a_receiver_that_refuses_everything_buries_a_hundred_events_and_then_slowly_more(worked: Worked) -> None:
    worked.timing = msgspec.structs.replace(worked.timing, longest_retry_s=600)
    is_mended = False

    async def refuses(batch: Batch) -> None:
        if not is_mended:
            raise BatchRefused("the mapping is wrong", status=400)

    worked.inbox.answer = refuses
    await worked.store(*numbered(1, 300))
    async with worked.working():
        row = await worked.until(lambda row: row.failures > 0)
        assert (row.dead, row.error) == (
            100,
            "the receiver refused the last 100 events; further ones are tried one by one",
        )
        await asyncio.sleep(0.1)
        assert (await worked.overview()).dead == 100
        is_mended = True
        await worked.ask(state.resume)
        row = await worked.caught_up()

    assert (row.dead, row.delivered, row.failures) == (100, 200, 0)
    assert worked.inbox.first_arrivals == list(range(101, 301))


async def test_a_type_that_cannot_be_made_is_shown_until_it_can(worked: Worked) -> None:
    Scripted.inboxes.pop(worked.name)
    await worked.store("/1")
    async with worked.working():
        row = await worked.until(lambda row: row.failures > 1)
        assert row.error == "the type could not be made: KeyError: 'inbox'"
        Scripted.inboxes[worked.name] = worked.inbox
        await worked.caught_up()

    assert worked.inbox.positions == [1]


async def test_a_mistake_of_ours_is_shown_like_one_of_the_receiver(
    worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a position is not counted")

    await worked.store("/1")
    with monkeypatch.context() as patch:
        patch.setattr(Course, "step", broken)
        async with worked.working():
            row = await worked.until(lambda row: row.failures > 1)
            assert row.error == "an error of this program: builtins.AssertionError: a position is not counted"
            patch.undo()
            await worked.caught_up()

    assert worked.inbox.positions == [1]


# --- steering


async def test_nothing_is_sent_while_paused(worked: Worked) -> None:
    async with worked.working():
        await worked.ask(state.pause)
        await asyncio.sleep(0.1)
        await worked.store(*numbered(1, 3))
        await worked.ask(state.replay, 0)
        await asyncio.sleep(0.1)
        assert worked.inbox.attempts == []
        await worked.ask(state.resume)
        await worked.caught_up()

    assert worked.inbox.first_arrivals == [1, 2, 3]


async def test_resume_tries_at_once_what_would_wait_for_minutes(worked: Worked) -> None:
    worked.timing = msgspec.structs.replace(worked.timing, longest_retry_s=600)

    async def asks_for_an_hour(batch: Batch) -> None:
        worked.inbox.answer = takes
        raise ReceiverUnavailable("answered 429", status=429, retry_after_s=3_600)

    worked.inbox.answer = asks_for_an_hour
    await worked.store("/1")
    async with worked.working():
        row = await worked.until(lambda row: row.failures > 0)
        assert row.next_attempt_at is not None
        assert row.failed_at is not None
        assert (row.next_attempt_at - row.failed_at).total_seconds() > 3_500
        await worked.ask(state.resume)
        await worked.caught_up()

    assert worked.inbox.positions == [1]


async def test_a_replay_repeats_a_range_beside_what_is_new(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=3)
    await worked.store(*numbered(1, 10))
    async with worked.working():
        before = await worked.caught_up()
        await worked.ask(state.replay, 2, 7)
        await worked.store("/11", "/12")
        row = await worked.caught_up()

    assert sorted(worked.inbox.positions) == sorted([*range(1, 13), *range(3, 8)])
    assert worked.inbox.first_arrivals == list(range(1, 13))
    assert all(len(ids) == 1 for ids in worked.inbox.ids.values())
    assert (row.position, row.delivered, row.redelivered) == (12, 12, 5)
    assert before.redelivered == 0
    assert [(one.position, one.ended_at is not None) for one in row.replays] == [(7, True)]


async def test_a_replay_of_what_is_not_yet_delivered_waits_for_its_turn(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=2)
    await worked.store(*numbered(1, 9))
    await worked.ask(state.replay, 4)
    async with worked.working():
        await worked.caught_up()

    assert worked.inbox.first_arrivals == list(range(1, 10))
    assert sorted(worked.inbox.positions) == sorted([*range(1, 10), *range(5, 10)])


async def test_dead_letters_are_sent_again_when_somebody_asks(worked: Worked) -> None:
    worked.inbox.answer = refusing("/2", "/5", "/400")
    await worked.store(*numbered(1, 6))
    await worked.store(*numbered(7, 400))
    async with worked.working():
        await worked.caught_up()
        assert set(await worked.letters()) == {2, 5, 400}
        worked.inbox.answer = refusing("/5")
        await worked.ask(state.queue_dead_letters)
        row = await worked.caught_up()

    assert await worked.letters() == {5: "refused"}
    assert worked.inbox.positions[-2:] == [2, 400]
    assert (row.dead, row.dead_letters, row.redelivered, row.delivered) == (3, 1, 2, 397)


async def test_a_dead_letter_whose_event_is_gone_or_filtered_out_now_is_forgotten(pool: Pool, dsn: str) -> None:
    async with destination(pool, dsn) as worked:
        worked.inbox.answer = refusing("/1", "/2", "/3")
        await worked.store(*numbered(1, 3))
        async with worked.working():
            await worked.caught_up()
    await pool.execute("DELETE FROM event WHERE item_id = (SELECT item_id FROM item WHERE subject = '/2')")
    async with destination(pool, dsn, filters=["is", "subject", ["/3"]]) as worked:
        await worked.ask(state.queue_dead_letters)
        async with worked.working():
            await worked.caught_up()

    assert await worked.letters() == {}
    assert worked.inbox.positions == [3]


async def test_a_replay_of_blocks_writes_whole_blocks(worked: Worked) -> None:
    worked.inbox.limits = Limits(events=2, block=5)
    worked.inbox.answer = refusing("/7")
    await worked.store(*numbered(1, 13))
    async with worked.working():
        await worked.caught_up()
        assert await worked.letters() == {7: "refused"}
        worked.inbox.answer = takes
        del worked.inbox.batches[:]
        await worked.ask(state.queue_dead_letters)
        await worked.caught_up()
        assert [[one.position for one in batch.events] for batch in worked.inbox.batches] == [[6, 7, 8, 9, 10]]
        await worked.ask(state.replay, 3, 6)
        await worked.caught_up()
        await worked.store("/14")
        await worked.caught_up()

    assert await worked.letters() == {}
    assert [([one.position for one in batch.events], batch.fresh_after) for batch in worked.inbox.batches[1:]] == [
        ([1, 2, 3, 4, 5], 5),
        ([6, 7, 8, 9, 10], 10),
        ([11, 12, 13, 14], 13),
    ]
