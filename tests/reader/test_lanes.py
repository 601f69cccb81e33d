"""Which question is answered next, on a real DuckDB."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import duckdb
import pytest

from analytics_internal.reader import lanes as lanes_module
from analytics_internal.reader.lanes import Busy, Lanes, OutOfMemory, TooSlow, asked_by

HEAVY_S = 60.0
ENDLESS = "SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b WHERE (a.range + b.range) % 7 = 3"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "200MB", "max_temp_directory_size": "1MB"})
    yield connection
    connection.close()


@pytest.fixture
async def lanes() -> AsyncIterator[Lanes]:
    lanes = Lanes(time_limit_s=30)
    yield lanes
    await lanes.interrupt_all()
    lanes.close()


class Asking:
    """Questions by their callers; notes who has been answered, in order."""

    def __init__(self, lanes: Lanes, database: duckdb.DuckDBPyConnection) -> None:
        self._lanes = lanes
        self._database = database
        self.answered: list[str] = []

    def start(self, caller: str, sql: str = "SELECT 1", cost_s: float = 0.01) -> asyncio.Task[object]:
        return asyncio.create_task(self._ask(caller, sql, cost_s))

    async def _ask(self, caller: str, sql: str, cost_s: float) -> object:
        asked_by.set(caller)
        found = await self._lanes.run(self._database.cursor, lambda cursor: cursor.execute(sql).fetchall(), cost_s)
        self.answered.append(caller)
        return found


@pytest.fixture
def asking(lanes: Lanes, database: duckdb.DuckDBPyConnection) -> Asking:
    return Asking(lanes, database)


async def ended(task: asyncio.Task[object]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_light_question_does_not_wait_for_heavy_ones(asking: Asking) -> None:
    heavy = [asking.start("greedy", ENDLESS, HEAVY_S) for _ in range(20)]
    await asyncio.sleep(0.2)

    assert await asking.start("other") == [(1,)]
    assert not any(task.done() for task in heavy)

    await asyncio.gather(*map(ended, heavy))
    assert await asking.start("other", cost_s=HEAVY_S) == [(1,)]


async def test_a_question_that_was_estimated_too_light_yields_to_others(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "SLICE_S", 0.2)
    heavy = [asking.start("greedy", ENDLESS) for _ in range(8)]
    await asyncio.sleep(0)

    assert await asking.start("other") == [(1,)]
    assert not any(task.done() for task in heavy)

    await asyncio.gather(*map(ended, heavy))


async def test_a_question_is_stopped_at_its_time_limit(database: duckdb.DuckDBPyConnection) -> None:
    lanes = Lanes(time_limit_s=0.3)
    asking = Asking(lanes, database)

    with pytest.raises(TooSlow, match=r"0\.3 seconds"):
        await asking.start("anybody", ENDLESS, HEAVY_S)
    with pytest.raises(TooSlow, match=r"0\.3 seconds"):
        await asking.start("anybody", ENDLESS)

    assert await asking.start("anybody") == [(1,)]
    lanes.close()


async def test_a_cancelled_question_leaves_its_place_whether_it_runs_or_waits(asking: Asking) -> None:
    running, waiting = (asking.start("gone", ENDLESS, HEAVY_S) for _ in range(2))
    await asyncio.sleep(0.2)

    await ended(waiting)
    await ended(running)

    assert await asking.start("other", cost_s=HEAVY_S) == [(1,)]


async def test_one_callers_many_questions_wait_for_each_other(asking: Asking) -> None:
    first = asking.start("greedy", ENDLESS, HEAVY_S)
    await asyncio.sleep(0.1)
    others = [asking.start("greedy", cost_s=HEAVY_S) for _ in range(5)]
    others += [asking.start(name, cost_s=HEAVY_S) for name in ("ana", "bo")]
    await asyncio.sleep(0)

    await ended(first)
    await asyncio.gather(*others)

    assert asking.answered[:2] == ["ana", "bo"]


async def test_a_full_queue_turns_away_those_who_ask_most(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "MAX_WAITING", 4)
    running = asking.start("greedy", ENDLESS, HEAVY_S)
    await asyncio.sleep(0.1)
    greedy = [asking.start("greedy", cost_s=HEAVY_S) for _ in range(4)]
    await asyncio.sleep(0)
    ana = asking.start("ana", cost_s=HEAVY_S)
    await asyncio.sleep(0)

    with pytest.raises(Busy, match="4 questions are waiting"):
        await greedy[-1]

    await ended(running)
    assert await ana == [(1,)]
    await asyncio.gather(*greedy[:-1])


async def test_who_waits_too_long_is_told_so(database: duckdb.DuckDBPyConnection) -> None:
    lanes = Lanes(time_limit_s=0.5)
    asking = Asking(lanes, database)
    started = [asking.start("greedy", ENDLESS, HEAVY_S) for _ in range(4)]

    ends = await asyncio.gather(*started, return_exceptions=True)

    assert {type(end) for end in ends} == {TooSlow, Busy}
    lanes.close()


@pytest.mark.slow
async def test_memory_that_is_used_up_is_told_so_and_the_next_question_is_answered(asking: Asking) -> None:
    too_much = "SELECT list(a.range::VARCHAR || 'x') FROM range(1_000_000) a, range(1_000) b GROUP BY b.range % 3"

    with pytest.raises(OutOfMemory):
        await asking.start("greedy", too_much)

    assert await asking.start("other") == [(1,)]


async def test_a_question_that_leaves_as_another_comes_takes_no_place_with_it(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "MAX_WAITING", 2)
    running = asking.start("a", ENDLESS, HEAVY_S)
    await asyncio.sleep(0.1)
    waiting = [asking.start("b", cost_s=HEAVY_S) for _ in range(2)]
    await asyncio.sleep(0.1)
    waiting[1].cancel()  # in the same turn of the loop in which the next one comes
    other = asking.start("c", cost_s=HEAVY_S)
    await asyncio.sleep(0.1)
    await ended(running)
    await asyncio.gather(*waiting, other, return_exceptions=True)
    await asking.start("d", cost_s=HEAVY_S)

    assert asking.answered == ["b", "c", "d"]
