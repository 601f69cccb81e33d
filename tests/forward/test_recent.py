"""What destinations have read of the log is read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.forward import reading
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.reading import LogEvent
from analytics_internal.forward.recent import Recent
from analytics_internal.forward.shaping import Shaper
from analytics_internal.forward.source import Source
from analytics_internal.forward.steps import Course
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.writer import LogWriter
from tests.samples import event

HOLES = frozenset(range(7, 100, 9))
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def log_between(after: int, up_to: int) -> list[LogEvent]:
    """The events of a log in which some are missing."""
    return [
        LogEvent(position, 1, UUID(int=position), NOW, NOW, "click", "/", 1, (1, "/"))
        for position in range(after + 1, up_to + 1)
        if position not in HOLES
    ]


sections = st.tuples(st.integers(0, 90), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(read=st.lists(sections, max_size=8), after=st.integers(0, 100), length=st.integers(1, 40))
def test_what_is_found_is_what_the_log_has(read: Sequence[tuple[int, int]], after: int, length: int) -> None:
    recent = Recent(kept_s=60)
    for first, last in read:
        recent.keep(first, last, log_between(first, last), 1)

    found = recent.find(after, after + length)

    if found is None:
        assert not any(first <= after < last for first, last in read)
    else:
        events, end = found
        assert after < end <= after + length
        assert list(events) == log_between(after, end)


def test_no_more_bytes_are_kept_than_allowed() -> None:
    recent = Recent(most_bytes=100, kept_s=60)
    for first in range(0, 50, 10):
        recent.keep(first, first + 10, log_between(first, first + 10), 40)

    assert recent.find(0, 10) is None
    assert recent.find(20, 30) is None
    assert recent.find(30, 40) is not None
    assert recent.find(40, 50) is not None


def test_nothing_is_found_after_its_time_or_when_it_was_forgotten() -> None:
    old, forgotten = Recent(kept_s=0), Recent(kept_s=60)
    for recent in (old, forgotten):
        recent.keep(0, 10, log_between(0, 10), 1)
    forgotten.forget()

    assert old.find(0, 10) is None
    assert forgotten.find(0, 10) is None


async def test_two_destinations_read_the_same_events_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(pool)
    writer.start()
    await writer.append([event(f"/{number}") for number in range(300)])
    await writer.close()
    read, recent, ranges = reading.read, Recent(kept_s=60), list[tuple[int, int]]()

    async def noted(connection: Connection, after: int, up_to: int) -> list[LogEvent]:
        ranges.append((after, up_to))
        return await read(connection, after, up_to)

    monkeypatch.setattr(reading, "read", noted)
    seen = []
    for name, head in (("first", 200), ("second", 300), ("third", 300)):
        async with pool.acquire() as connection:
            configured = Configured(name=name, type="webhook", people="named")
            source = Source(connection, await Shaper.prepare(connection, configured), recent)
            course = Course(0)
            while course.covered < head:
                await source.extend(course, head)
        seen.append(course.read)

    assert seen == [200, 300, 300]
    assert ranges == [(0, 200), (200, 300)]
