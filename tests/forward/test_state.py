"""What is kept about a destination: its position and counts in one step, dead letters, replays, and who may write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from analytics_internal.forward import state
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.state import Counts, DeadLetter, HoldLost, PositionMoved, Seen
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.writer import LogWriter
from tests.samples import event

ME, OTHER = uuid4(), uuid4()
LAKE = Configured(name="lake", type="webhook", start="beginning")


@pytest.fixture
async def writer(pool: Pool) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool)
    writer.start()
    yield writer
    await writer.close()


@pytest.fixture
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


async def stored(writer: LogWriter, events: int) -> None:
    await writer.append([event(f"/{number}") for number in range(events)])


async def mine(connection: Connection, configured: Configured = LAKE) -> str:
    await state.ensure(connection, [configured])
    await state.take_over(connection, configured, ME)
    return configured.name


async def overview(connection: Connection) -> state.Overview:
    (one,) = await state.overviews(connection, "lake")
    return one


async def test_a_new_destination_begins_where_it_is_configured_to(connection: Connection, writer: LogWriter) -> None:
    await stored(writer, 3)
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await stored(writer, 4)
    starts: dict[str, Any] = {
        "head": "now",
        "all": "beginning",
        "later": between,
        "day": datetime(2020, 1, 1, tzinfo=UTC),
    }

    await state.ensure(connection, [Configured(name=name, type="webhook", start=s) for name, s in starts.items()])
    await stored(writer, 2)
    await state.ensure(connection, [Configured(name="head", type="webhook", start="beginning")])

    found = {one.name: (one.start_position, one.lag_events) for one in await state.overviews(connection)}
    assert found == {"head": (7, 2), "all": (0, 9), "later": (3, 6), "day": (0, 9)}


async def test_a_time_is_turned_into_positions_of_what_was_received_then(
    connection: Connection, writer: LogWriter
) -> None:
    await stored(writer, 2)
    await asyncio.sleep(0.02)
    first = datetime.now(UTC)
    await asyncio.sleep(0.02)
    await stored(writer, 3)
    await asyncio.sleep(0.02)
    second = datetime.now(UTC)
    await asyncio.sleep(0.02)
    await stored(writer, 1)
    name = await mine(connection)

    assert await state.position_before(connection, first) == 2
    assert await state.position_until(connection, second) == 5
    assert await state.position_before(connection, datetime.now(UTC) + timedelta(days=1)) == 6
    assert await state.position_until(connection, datetime(2020, 1, 1, tzinfo=UTC)) == 0
    asked = await state.replay_time(connection, name, first, second)
    assert asked is not None
    assert (asked.after_position, asked.up_to_position) == (2, 5)
    assert await state.replay_time(connection, name, datetime.now(UTC)) is None


async def test_position_counts_and_dead_letters_move_together(connection: Connection, writer: LogWriter) -> None:
    await stored(writer, 10)
    name = await mine(connection)
    letter = DeadLetter(4, uuid4(), "refused", "no \0 such thing at https://ana:secret@receiver/", 422, "bad \ud800")

    control = await state.advance(connection, name, ME, 0, Counts(5, 2, 1, 1), [letter])

    assert control.may_send
    row = await overview(connection)
    assert (row.position, row.delivered, row.filtered, row.dead, row.missing) == (9, 5, 2, 1, 1)
    assert row.delivered_at is not None
    assert (row.lag_events, row.dead_letters) == (1, 1)
    assert row.lag_seconds > 0
    (kept,) = await state.dead_letters(connection, name)
    assert (kept.position, kept.reason, kept.status, kept.answer) == (4, "refused", 422, "bad ?")
    assert kept.detail == "no � such thing at https://••••••@receiver/"


async def test_only_the_holder_writes(connection: Connection, writer: LogWriter) -> None:
    await stored(writer, 3)
    name = await mine(connection)
    await state.take_over(connection, LAKE, OTHER)

    with pytest.raises(HoldLost):
        await state.advance(connection, name, ME, 0, Counts(1))
    with pytest.raises(HoldLost):
        await state.watch(connection, name, ME)
    with pytest.raises(HoldLost):
        await state.record_failure(connection, name, ME, "no answer", None, None, 1)
    with pytest.raises(HoldLost):
        await state.stop(connection, name, ME, "gone", 410, None)
    with pytest.raises(HoldLost):
        await state.settle_replayed(connection, name, ME, delivered=1, settled=[])
    with pytest.raises(HoldLost):
        await state.take_over(connection, Configured(name="never", type="webhook"), ME)
    assert (await overview(connection)).position == 0


async def test_a_position_never_passes_what_the_log_lacks(connection: Connection, writer: LogWriter) -> None:
    await stored(writer, 3)
    name = await mine(connection)
    batch = await connection.fetchval("SELECT batch_id FROM log_batch")

    with pytest.raises(PositionMoved):  # another batch stands there: a standby that lagged was promoted
        await state.advance(connection, name, ME, 0, Counts(2), seen=Seen(2, batch + 1))
    with pytest.raises(PositionMoved):  # beyond the head
        await state.advance(connection, name, ME, 0, Counts(4))
    with pytest.raises(PositionMoved):  # the row is not where this worker thinks
        await state.advance(connection, name, ME, 1, Counts(1))

    assert (await overview(connection)).position == 0
    await state.advance(connection, name, ME, 0, Counts(2), seen=Seen(2, batch))
    assert (await overview(connection)).position == 2


async def test_a_failure_is_shown_until_a_delivery_and_remembered_after_it(
    connection: Connection, writer: LogWriter
) -> None:
    await stored(writer, 2)
    name = await mine(connection)

    assert await state.record_failure(connection, name, ME, "answered 500", 500, "oops", 20) == 1
    assert await state.record_failure(connection, name, ME, "no answer", None, "", 40) == 2

    failing = await overview(connection)
    assert (failing.failures, failing.failed_attempts, failing.error) == (2, 2, "no answer")
    assert failing.next_attempt_at is not None
    await state.advance(connection, name, ME, 0, Counts(filtered=1))
    assert (await overview(connection)).failures == 2
    await state.advance(connection, name, ME, 1, Counts(delivered=1))
    well = await overview(connection)
    assert (well.failures, well.failed_attempts, well.error, well.next_attempt_at) == (0, 2, "no answer", None)


async def test_whoever_steers_pauses_resumes_replays_and_discards(connection: Connection, writer: LogWriter) -> None:
    await stored(writer, 5)
    name = await mine(connection)
    letters = [DeadLetter(position, uuid4(), "refused", "no") for position in (1, 2, 3)]
    await state.advance(connection, name, ME, 0, Counts(dead=3), letters)
    await state.stop(connection, name, ME, "it is gone", 410, "bye")
    assert await state.pause(connection, name)
    assert not await state.pause(connection, "unknown")
    watched = await state.watch(connection, name, ME)
    assert (watched.is_paused, watched.stopped_because) == (True, "it is gone")
    assert await state.resume(connection, name)
    watched = await state.watch(connection, name, ME)
    assert (watched.is_paused, watched.stopped_because, watched.failures) == (False, None, 0)

    assert await state.queue_dead_letters(connection, name, [2, 99]) == 1
    assert await state.queued_dead_letters(connection, name, 10) == [2]
    assert await state.discard_dead_letters(connection, name, [1]) == 1
    asked = await state.replay(connection, name, 1)
    assert asked is not None
    assert (asked.after_position, asked.up_to_position) == (1, 5)
    assert await state.replay(connection, name, 5) is None
    watched = await state.watch(connection, name, ME)
    assert (watched.has_queued, watched.has_replay, watched.earliest) == (True, True, 0)

    again = DeadLetter(3, letters[2].event_id, "too_large", "still no")
    await state.settle_replayed(
        connection, name, ME, delivered=1, settled=[2], dead_letters=[again], replay_id=asked.replay_id, position=3
    )
    row = await overview(connection)
    assert (row.redelivered, row.dead, row.dead_letters, row.queued) == (1, 3, 1, 0)
    assert [(replay.position, replay.ended_at) for replay in row.replays] == [(3, None)]
    await state.settle_replayed(
        connection, name, ME, delivered=2, settled=[4, 5], replay_id=asked.replay_id, position=5
    )
    assert await state.next_replay(connection, name) is None
    assert (await overview(connection)).replays[0].ended_at is not None
    assert await state.replay(connection, name, 0) is not None
    assert await state.cancel_replays(connection, name) == 1
    assert [letter.reason for letter in await state.dead_letters(connection, name)] == ["too_large"]
