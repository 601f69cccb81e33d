"""A type of destination whose receiver is in the test's memory and does what the test says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

import pytest

from analytics_internal.forward import configuration
from analytics_internal.forward.destination import Batch, Destination, Limits, Options, Refusal
from analytics_internal.forward.outgoing import Outgoing

Answer = Callable[[Batch], Awaitable[Sequence[Refusal] | None]]
"""What the receiver does with a batch: returns what it does not take of it, or raises."""


async def takes(_: Batch) -> None:
    """A receiver that takes everything."""


class Inbox:
    """What one receiver got."""

    def __init__(self) -> None:
        self.answer: Answer = takes
        self.limits = Limits()
        self.arrived: list[Outgoing] = []
        """Every event that it took, repeats too."""
        self.attempts: list[list[int]] = []
        """The positions of every batch that was sent, also of those that it did not take."""
        self.batches: list[Batch] = []
        """Every batch that it took."""
        self.opened = 0
        self.closed = 0
        self.encode: Callable[[Outgoing], bytes] | None = None
        self.is_busy = False

    @property
    def positions(self) -> list[int]:
        return [event.position for event in self.arrived]

    @property
    def first_arrivals(self) -> list[int]:
        """Positions in the order in which they arrived for the first time."""
        return list(dict.fromkeys(self.positions))

    @property
    def ids(self) -> dict[int, set[UUID]]:
        """Under which ids a position arrived."""
        found: dict[int, set[UUID]] = {}
        for event in self.arrived:
            found.setdefault(event.position, set()).add(event.id)
        return found

    async def take(self, batch: Batch) -> Sequence[Refusal]:
        assert not self.is_busy, "two requests at once"
        self.is_busy = True
        try:
            self.attempts.append([event.position for event in batch.events])
            refusals = await self.answer(batch) or []
            refused = {one.index for one in refusals}
            self.arrived += [event for index, event in enumerate(batch.events) if index not in refused]
            self.batches.append(batch)
            return refusals
        finally:
            self.is_busy = False


class Scripted(Destination[Options]):
    """Gives its batches to the inbox of its name."""

    inboxes: ClassVar[dict[str, Inbox]] = {}
    takes_documents = True

    def __init__(self, name: str, options: Options, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self._inbox = self.inboxes[name]
        self.limits = self._inbox.limits

    async def open(self) -> None:
        assert self.log_id is not None
        self._inbox.opened += 1

    async def close(self) -> None:
        self._inbox.closed += 1

    def encode(self, event: Outgoing) -> bytes:
        return self._inbox.encode(event) if self._inbox.encode is not None else super().encode(event)

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        return await self._inbox.take(batch)


@contextmanager
def scripted(name: str) -> Iterator[Inbox]:
    """The inbox of a destination of this name, whose type is ``scripted``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(configuration.BUILT_IN, "scripted", (f"{__name__}:Scripted", None))
        Scripted.inboxes[name] = inbox = Inbox()
        yield inbox
        del Scripted.inboxes[name]
