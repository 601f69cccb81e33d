"""Answers of the portal, remembered for a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from analytics_internal.cache import Cache, size_of

# A token and all the groups of its person: asking the portal costs far more than keeping them.
LARGEST_BYTES = 131_072

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Remembered(Generic[Key, Answer]):
    """Answers that hold for a few seconds. Callers who ask the same at the same time share one question.

    An error is not remembered: all who wait for the answer get it, and the next caller asks again.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Answer]], holds_for_s: float, remembered_as: str) -> None:
        """``remembered_as`` is the answers' share of the caches."""
        self._ask = ask
        self._answers: Cache[Key, Answer] = Cache(remembered_as, size_of, LARGEST_BYTES, holds_for_s)
        self._asking: dict[Key, asyncio.Task[Answer]] = {}

    async def get(self, key: Key) -> Answer:
        """The answer, at most as old as it holds. Raises whatever asking raises."""
        known = self._answers.get(key)
        if known is not None:
            return known
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask_and_remember(key))
            asking.add_done_callback(lambda task: self._asked(key, task))
        # Shielded: a caller that goes away must not take the answer from the others.
        return await asyncio.shield(asking)

    async def _ask_and_remember(self, key: Key) -> Answer:
        answer = await self._ask(key)
        self._answers.put(key, answer)
        return answer

    def _asked(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # retrieved here: asyncio would log it if every caller has gone away
