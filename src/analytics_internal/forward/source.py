"""The log as one destination reads it: in sections of about the same number of bytes, shaped as it is configured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from analytics_internal.forward import reading
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.reading import LogEvent
from analytics_internal.forward.recent import Recent
from analytics_internal.forward.shaping import Shaper
from analytics_internal.forward.steps import Course, Entry
from analytics_internal.log import Connection

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
SMALLEST, FIRST, LARGEST = 50, 500, 2_000
"""How many positions a section has."""
SECTION_BYTES = 4 << 20
EVENT_BYTES = 400
"""Of an event without attributes and context, about."""
CLOSE_TOGETHER = 200
"""Single positions at most this far from each other are read at once, with what is between them."""


class Source:
    """A connection, used by one statement at a time, and what it reads."""

    def __init__(self, connection: Connection, shaper: Shaper, recent: Recent | None = None) -> None:
        """``recent``: what other destinations have read of the same log."""
        self.database_s = 0.0
        """How long the database has worked for us."""
        self._connection = connection
        self._shaper = shaper
        self._recent = recent or Recent()
        self._is_free = asyncio.Lock()
        self._section = FIRST

    async def run(
        self,
        function: Callable[Concatenate[Connection, Arguments], Awaitable[Result]],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Call a function of the state or the log with the connection."""
        async with self._is_free:
            began = time.monotonic()
            try:
                return await function(self._connection, *arguments, **named)
            finally:
                self.database_s += time.monotonic() - began

    async def extend(self, course: Course, up_to: int) -> None:
        """Read the next section of a course, at most to a position that the log has."""
        events, end = await self._read_next(course.covered, up_to)
        course.add(self._entries(events), end)

    async def at(self, positions: Sequence[int]) -> list[Entry]:
        """The events at single positions in their order; missing ones are left out."""
        wanted = set(positions)
        found: list[LogEvent] = []
        for first, last in self._sections(positions):
            found += [event for event in await self._read(first - 1, last) if event.position in wanted]
        return self._entries(found)

    def _sections(self, positions: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The first and the last of positions that are read at once."""
        first = last = positions[0]
        for position in positions:
            # What is between them is read, too: it is no more than in any other section.
            if position - last > CLOSE_TOGETHER or position - first >= self._section:
                yield first, last
                first = position
            last = position
        yield first, last

    async def shaped(self, after: int, up_to: int) -> list[Outgoing]:
        """The events after one position up to another that are not filtered out."""
        events: list[Outgoing] = []
        while after < up_to:
            read, after = await self._read_next(after, up_to)
            events += [event for event in map(self._shaper.shape, read) if event is not None]
        return events

    async def _read_next(self, after: int, up_to: int) -> tuple[Sequence[LogEvent], int]:
        """The events of the next section, and where it ends."""
        end = min(after + self._section, up_to)
        if (found := self._recent.find(after, end)) is not None:
            return found
        events = await self._read(after, end)
        self._recent.keep(after, end, events, sum(map(_size, events)))
        return events, end

    async def _read(self, after: int, up_to: int) -> list[LogEvent]:
        events: list[LogEvent] = await self.run(reading.read, after, up_to)
        if events:
            size = sum(map(_size, events))
            self._section = max(SMALLEST, min(LARGEST, SECTION_BYTES * len(events) // size))
        return events

    def _entries(self, events: Sequence[LogEvent]) -> list[Entry]:
        now = time.monotonic()
        return [Entry(one.position, one.batch_id, self._shaper.shape(one), now, _size(one)) for one in events]


def _size(event: LogEvent) -> int:
    return EVENT_BYTES + len(event.attributes or b"") + len(event.context or b"")
