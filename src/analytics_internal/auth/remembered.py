"""What the portal said, remembered for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from analytics_internal.cache import Cache, size_of

# With a token, and all the groups that its person is in: asking the portal costs far more.
LARGEST_BYTES = 131_072

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Remembered(Generic[Key, Answer]):
    """Answers that hold for a moment. However many want to know the same at once, it is asked once.

    An error is not remembered: whoever waited for the answer gets it, and the next one asks again.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Answer]], holds_for_s: float, remembered_as: str) -> None:
        """``remembered_as`` is the share of the caches that the answers take."""
        self._ask = ask
        self._holds_for_s = holds_for_s
        self._answers: Cache[Key, tuple[Answer, float]] = Cache(remembered_as, size_of, LARGEST_BYTES)
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
        self._answers.put(key, (answer, time.monotonic() + self._holds_for_s))
        return answer

    def _asked(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # looked at: when every asker has gone away nobody else would
