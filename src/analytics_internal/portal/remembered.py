"""What the portal said, remembered for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Remembered(Generic[Key, Answer]):
    """Answers that hold for a moment. However many want to know the same at once, it is asked once.

    An error is not remembered: whoever waited for the answer gets it, and the next one asks again.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Answer]], holds_for_s: float, limit: int) -> None:
        """Of more than ``limit`` answers the oldest are forgotten."""
        self._ask = ask
        self._holds_for_s = holds_for_s
        self._limit = limit
        self._answers: dict[Key, tuple[Answer, float]] = {}
        self._asking: dict[Key, asyncio.Task[Answer]] = {}

    async def get(self, key: Key) -> Answer:
        """The answer, at most as old as it holds. Raises whatever asking raises."""
        known = self._answers.get(key)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask_and_remember(key))
            asking.add_done_callback(lambda task: self._asked(key, task))
        # Shielded: one asker that goes away must not take the answer from the others.
        return await asyncio.shield(asking)

    async def _ask_and_remember(self, key: Key) -> Answer:
        answer = await self._ask(key)
        self._answers.pop(key, None)  # put back as the newest
        self._answers[key] = (answer, time.monotonic() + self._holds_for_s)
        while len(self._answers) > self._limit:
            del self._answers[next(iter(self._answers))]
        return answer

    def _asked(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # looked at: when every asker has gone away nobody else would
