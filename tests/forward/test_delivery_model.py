"""Whatever writers, receivers, crashes and people do: the receiver gets what the model says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.forward import state
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    Limits,
    ReceiverGone,
    ReceiverUnavailable,
    Refusal,
)
from analytics_internal.log.connection import Pool
from analytics_internal.log.tail import StoredEvent
from analytics_internal.log.writer import LogWriter
from tests.forward.scripted import Answer
from tests.forward.working import Worked, destination
from tests.log.model import emptied, whole_log
from tests.samples import event

POISON, FILTERED = "/refused", "/filtered"
subjects = st.sampled_from(["/a", "/b", "/c", "/d", POISON, FILTERED])
stored = st.lists(subjects, min_size=1, max_size=12)


class DeliveryModel:
    """What is right: the receiver gets every event that passes and that it does not refuse, in the log's order."""

    def __init__(self, log: Sequence[StoredEvent]) -> None:
        self.filtered = [one.position for one in log if one.subject == FILTERED]
        self.dead = [one.position for one in log if one.subject == POISON]
        self.delivered = {one.position: one.id for one in log if one.subject not in {FILTERED, POISON}}


# --- what a receiver does


async def refuses_poison(batch: Batch) -> None:
    if any(one.subject == POISON for one in batch.events):
        raise BatchRefused("refused", status=422)


async def refuses_poison_one_by_one(batch: Batch) -> Sequence[Refusal]:
    return [Refusal(n, "refused") for n, one in enumerate(batch.events) if one.subject == POISON]


async def is_unavailable(batch: Batch) -> None:
    raise ReceiverUnavailable("answered 503", status=503, retry_after_s=0.01)


async def has_a_bug(batch: Batch) -> None:
    raise KeyError("a bug of a plugin")


async def hangs(batch: Batch) -> None:
    await asyncio.Event().wait()


async def is_gone(batch: Batch) -> None:
    raise ReceiverGone("answered 410", status=410)


async def takes_two(batch: Batch) -> None:
    if len(batch.events) > 2:
        raise BatchRefused("too many", status=413)
    await refuses_poison(batch)


RECEIVERS: list[Answer] = [
    refuses_poison,
    refuses_poison_one_by_one,
    is_unavailable,
    has_a_bug,
    hangs,
    is_gone,
    takes_two,
]


def takes_some_and_fails(worked: Worked) -> Answer:
    """It takes the beginning of a batch, and its answer is lost."""

    async def answer(batch: Batch) -> None:
        taken = [one for one in batch.events[: len(batch.events) // 2 + 1] if one.subject != POISON]
        worked.inbox.arrived += taken
        raise ReceiverUnavailable("reset")

    return answer


# --- what happens meanwhile

Step = Callable[["World"], Awaitable[None]]


class World:
    """The destination, two writers of its log, and a worker that is killed and started again."""

    def __init__(self, worked: Worked, second: LogWriter) -> None:
        self.worked = worked
        self.writers = (worked.writer, second)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self.worked.delivery().run())

    async def kill(self) -> None:
        """At whatever it awaits just now."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.sleep(0)
        self._task.cancel()
        await asyncio.wait({self._task})


def store(batches: list[list[str]]) -> Step:
    async def step(world: World) -> None:
        await asyncio.gather(
            *(world.writers[n % 2].append([event(one) for one in batch]) for n, batch in enumerate(batches))
        )

    return step


def receive(answer: Answer | None) -> Step:
    async def step(world: World) -> None:
        world.worked.inbox.answer = answer or takes_some_and_fails(world.worked)

    return step


async def crash(world: World) -> None:
    await world.kill()
    await world.start()


async def lose_connection(world: World) -> None:
    if world.worked.connection is not None and not world.worked.connection.is_closed():
        await world.worked.lose_connection()


async def pause(world: World) -> None:
    await world.worked.ask(state.pause)


async def resume(world: World) -> None:
    await world.worked.ask(state.resume)


async def send_dead_letters_again(world: World) -> None:
    await world.worked.ask(state.queue_dead_letters)


def replay(after: int, length: int) -> Step:
    async def step(world: World) -> None:
        await world.worked.ask(state.replay, after, after + length)

    return step


def wait(seconds: float) -> Step:
    async def step(_: World) -> None:
        await asyncio.sleep(seconds)

    return step


steps = st.lists(
    st.one_of(
        st.builds(store, st.lists(stored, min_size=1, max_size=4)),
        st.builds(receive, st.sampled_from([*RECEIVERS, None])),
        st.builds(wait, st.sampled_from([0, 0.002, 0.01, 0.03, 0.06])),
        st.builds(replay, st.integers(0, 30), st.integers(1, 30)),
        st.sampled_from([crash, lose_connection, pause, resume, send_dead_letters_again]),
    ),
    max_size=14,
)


@contextlib.asynccontextmanager
async def world(pool: Pool, dsn: str, limits: Limits) -> AsyncIterator[World]:
    await emptied(pool)
    await pool.execute("TRUNCATE destination CASCADE")
    async with destination(pool, dsn, filters=["is_not", "subject", [FILTERED]]) as worked:
        worked.inbox.limits, worked.inbox.answer = limits, refuses_poison
        worked.timing = msgspec.structs.replace(worked.timing, grace_s=0.05)
        second = LogWriter(pool)
        second.start()
        made = World(worked, second)
        await made.start()
        try:
            yield made
        finally:
            await made.kill()
            await second.close()


@settings(max_examples=40)
@given(
    happens=steps,
    limits=st.builds(
        Limits,
        events=st.sampled_from([1, 3, 8, 100]),
        bytes=st.sampled_from([600, 4 << 20]),
        send_s=st.just(0.05),
        linger_s=st.sampled_from([0, 0, 0.02]),
        block=st.sampled_from([None, None, 4, 7]),
    ),
)
async def test_the_receiver_gets_what_the_model_says(pool: Pool, dsn: str, happens: list[Step], limits: Limits) -> None:
    async with world(pool, dsn, limits) as made:
        worked = made.worked
        for step in happens:
            await step(made)
        worked.inbox.answer = refuses_poison
        await worked.ask(state.resume)
        row = await worked.caught_up()

    model = DeliveryModel(await whole_log(pool))
    assert worked.inbox.first_arrivals == list(model.delivered)
    assert worked.inbox.ids == {position: {id_} for position, id_ in model.delivered.items()}
    assert sorted(await worked.letters()) == model.dead
    assert (row.delivered, row.filtered, row.dead, row.missing) == (
        len(model.delivered),
        len(model.filtered),
        len(model.dead),
        0,
    )
    assert row.position == row.start_position + row.delivered + row.filtered + row.dead + row.missing
    for batch in worked.inbox.batches:
        positions = [one.position for one in batch.events]
        assert positions == sorted(set(positions))
        if limits.block is not None:
            assert len({(position - 1) // limits.block for position in positions}) == 1
        else:
            assert len(positions) <= limits.events
