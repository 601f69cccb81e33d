"""Who is answered next: light questions at once, heavy ones after each other, nobody ahead of everybody else.

A question is light or heavy by its estimated cost (query/cost.py). Light ones have places of their own. One that
takes longer than a slice while others wait was heavy: it starts again in the lane of the heavy ones, where one runs at
a time. So nobody waits for a heavy question but other heavy ones. Within a lane it is fair queueing: each caller's
questions cost it time of its own, and the one goes next that would end first if all callers were served at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TypeVar

import duckdb
import msgspec
from prometheus_client import Counter as CounterMetric
from prometheus_client import Gauge

from analytics_internal.errors import TryLater

T = TypeVar("T")
MakeCursor = Callable[[], duckdb.DuckDBPyConnection]
Ask = Callable[[duckdb.DuckDBPyConnection], T]
LIGHT_S = 0.5
"""Estimated seconds up to which a question is light."""
SLICE_S = 2.0
"""What a light question may take when others wait: several times the estimate, for a machine that is busy."""
LIGHT_PLACES = 4
MAX_WAITING = 64
"""Questions that may wait in one lane."""
MAX_CALLERS = 1_000
LOOK_INTERVAL_S = 0.1
INTERRUPT_INTERVAL_S = 0.05
OUT_OF_MEMORY = "the memory or disk space that questions may use is used up; ask for less, or again later"

asked_by: ContextVar[str] = ContextVar("asked_by", default="")
"""Whose question it is; set by the routes, so that one caller's many questions wait for each other."""

questions_running = Gauge("analytics_internal_questions_running", "Questions being answered", ["lane"])
questions_waiting = Gauge("analytics_internal_questions_waiting", "Questions waiting for their turn", ["lane"])
questions_ended = CounterMetric(
    "analytics_internal_questions_stopped_total", "Questions that were stopped before their answer", ["reason"]
)


class Busy(TryLater):
    kind, title = "busy", "Too much is asked at the same time"


class TooSlow(TryLater):
    kind, title = "question-too-slow", "The question takes too long"

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"the question was stopped after {limit_s:g} seconds, as long as one may take; "
            "ask for a shorter period, fewer dimensions or fewer filters"
        )


class OutOfMemory(TryLater):
    kind, title = "out-of-memory", "The question needs more memory than there is"


class _MakesWay(Exception):
    """A question that looked light has had its slice, and others wait."""


class Lanes:
    """The threads that run questions, and the order in which questions get them."""

    def __init__(self, time_limit_s: float = 30) -> None:
        self._time_limit_s = time_limit_s
        self._light = Lane("light", LIGHT_PLACES)
        self._heavy = Lane("heavy", 1)
        self._running: set[_Running] = set()
        self._threads = ThreadPoolExecutor(LIGHT_PLACES + 1, thread_name_prefix="question")

    def close(self) -> None:
        self._threads.shutdown()

    async def run(self, cursor: MakeCursor, ask: Ask[T], cost_s: float) -> T:
        """Ask a question on a cursor of its own, in a thread. Cancelled, it is interrupted and its place is free.

        ``cost_s`` is what it is expected to take.

        Raises:
            Busy: too many are waiting; nothing was asked.
            TooSlow: the time limit was reached.
            OutOfMemory: it needs more memory than there is, also when no other heavy question runs.
            duckdb.Error: as DuckDB says.
        """
        if cost_s <= LIGHT_S:
            async with self._light.place(asked_by.get(), cost_s, self._time_limit_s):
                try:
                    return await self._run(cursor, ask, self._light.is_full)
                # It was heavier than it looked, or the memory was taken by a heavy one: once more among those.
                except _MakesWay:
                    questions_ended.labels("slice").inc()
                except (duckdb.OutOfMemoryException, MemoryError):
                    questions_ended.labels("memory beside others").inc()
        async with self._heavy.place(asked_by.get(), max(cost_s, LIGHT_S), self._time_limit_s):
            try:
                return await self._run(cursor, ask)
            except (duckdb.OutOfMemoryException, MemoryError) as error:
                questions_ended.labels("memory").inc()
                raise OutOfMemory(OUT_OF_MEMORY) from error

    async def interrupt_all(self) -> None:
        """Stop every question that runs, and wait until none holds the file any more."""
        while self._running:
            for running in self._running:
                running.interrupt()
            await asyncio.sleep(INTERRUPT_INTERVAL_S)

    async def _run(self, cursor: MakeCursor, ask: Ask[T], is_wanted: Callable[[], bool] | None = None) -> T:
        """``is_wanted`` says whether others wait for the place; it is asked when the slice is over."""
        ends_at = time.monotonic() + self._time_limit_s
        makes_way_at = time.monotonic() + SLICE_S
        running = _Running(cursor)
        self._running.add(running)
        was_cancelled = False
        asked = asyncio.get_running_loop().run_in_executor(self._threads, running.ask, ask)
        try:
            while not asked.done():
                now = time.monotonic()
                if now >= ends_at:
                    questions_ended.labels("time limit").inc()
                    raise TooSlow(self._time_limit_s)
                if is_wanted is not None and now >= makes_way_at and is_wanted():
                    raise _MakesWay
                look_again_s = ends_at - now if is_wanted is None else min(ends_at - now, LOOK_INTERVAL_S)
                await asyncio.wait({asked}, timeout=look_again_s)
            return asked.result()
        finally:
            # The place is given on only when the thread is free, also when this task is cancelled again meanwhile.
            while not asked.done():
                running.interrupt()
                try:
                    await asyncio.wait({asked}, timeout=INTERRUPT_INTERVAL_S)
                except asyncio.CancelledError:
                    was_cancelled = True
            self._running.discard(running)
            asked.exception()  # seen: nobody waits for it any more
            if was_cancelled:
                raise asyncio.CancelledError


class _Running:
    """One question in its thread."""

    def __init__(self, cursor: MakeCursor) -> None:
        self._make_cursor = cursor
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._is_over = False

    def ask(self, ask: Ask[T]) -> T:
        cursor = self._make_cursor()
        try:
            with self._lock:
                if self._is_over:
                    raise duckdb.InterruptException("not begun")
                self._cursor = cursor
            return ask(cursor)
        finally:
            # Closed at once: what an answer holds of the file and of memory goes with it.
            with self._lock:
                self._cursor = None
            cursor.close()

    def interrupt(self) -> None:
        # Again and again: DuckDB forgets an interruption that comes between two statements.
        with self._lock:
            self._is_over = True
            if self._cursor is not None:
                self._cursor.interrupt()


class _Waiting(msgspec.Struct, order=True):
    """One question in a queue, in the order in which it is its turn."""

    ends_at: float
    number: int
    caller: str
    turn: asyncio.Future[None]


class Lane:
    """Some places, and a fair queue before them."""

    def __init__(self, name: str, places: int) -> None:
        self._name = name
        self._free = places
        self._queue: list[_Waiting] = []
        self._numbers = itertools.count()
        # Time as the callers share it: when each one's last question would end.
        self._now = 0.0
        self._ends: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def place(self, caller: str, cost_s: float, patience_s: float) -> AsyncIterator[None]:
        """A place for one question of a caller. Raises Busy."""
        await self._take(caller, cost_s, patience_s)
        questions_running.labels(self._name).inc()
        try:
            yield
        finally:
            questions_running.labels(self._name).dec()
            self._give_on()

    def is_full(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._queue)

    async def _take(self, caller: str, cost_s: float, patience_s: float) -> None:
        starts_at = max(self._now, self._ends.get(caller, 0.0))
        if len(self._ends) > MAX_CALLERS:  # those who owe nothing need not be remembered
            self._ends = {name: end for name, end in self._ends.items() if end > self._now}
        self._ends[caller] = starts_at + max(cost_s, 0.001)
        if self._free:
            self._free -= 1
            return
        waiting = _Waiting(self._ends[caller], next(self._numbers), caller, asyncio.get_running_loop().create_future())
        heapq.heappush(self._queue, waiting)
        questions_waiting.labels(self._name).set(len(self._queue))
        started = time.monotonic()
        try:
            if len(self._queue) > MAX_WAITING:
                self._turn_away()
            async with asyncio.timeout(patience_s):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
                self._give_on()  # its turn came in the same moment
            elif waiting in self._queue:
                self._remove(waiting)
            if isinstance(error, TimeoutError):
                waited = time.monotonic() - started
                raise Busy(f"other questions took all places for {waited:.0f} seconds; ask again later") from None
            raise

    def _turn_away(self) -> None:
        """The last question of the caller who has most of them waiting gets no place."""
        # One that was cancelled a moment ago is still in the queue, and goes by itself.
        queued = [one for one in self._queue if not one.turn.done()]
        (greediest, _), *_ = Counter(one.caller for one in queued).most_common(1)
        last = max(one for one in queued if one.caller == greediest)
        self._remove(last)
        questions_ended.labels("busy").inc()
        last.turn.set_exception(Busy(f"{MAX_WAITING} questions are waiting already; ask again later"))

    def _remove(self, waiting: _Waiting) -> None:
        self._queue.remove(waiting)
        heapq.heapify(self._queue)
        questions_waiting.labels(self._name).set(len(self._queue))

    def _give_on(self) -> None:
        while self._queue:
            waiting = heapq.heappop(self._queue)
            questions_waiting.labels(self._name).set(len(self._queue))
            self._now = max(self._now, waiting.ends_at)
            if not waiting.turn.done():
                waiting.turn.set_result(None)
                return
        self._free += 1
        if not self._queue:
            # Nobody waits: whoever comes next owes nothing.
            self._ends.clear()
