"""The log as one destination reads it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from analytics_internal.forward import reading
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.reading import LogEvent
from analytics_internal.forward.shaping import Shaper
from analytics_internal.forward.source import FIRST, LARGEST, Source
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.writer import LogWriter
from tests.samples import event

EVENTS = 5_000


@pytest.fixture
async def source(pool: Pool) -> AsyncIterator[Source]:
    writer = LogWriter(pool)
    writer.start()
    for _ in range(0, EVENTS, 1_000):
        await writer.append([event(f"/{number % 5}") for number in range(1_000)])
    await writer.close()
    configured = Configured(name="inbox", type="webhook", people="named")
    async with pool.acquire() as connection:
        yield Source(connection, await Shaper.prepare(connection, configured))


@pytest.mark.parametrize("distance", [1, 3, 100, 199, 201, 999])
async def test_single_positions_are_read_in_sections_however_they_lie(
    source: Source, monkeypatch: pytest.MonkeyPatch, distance: int
) -> None:
    """A thousand dead letters may lie apart so that nearly the whole log is between them."""
    read, sections = reading.read, list[int]()

    async def noted(connection: Connection, after: int, up_to: int) -> list[LogEvent]:
        sections.append(up_to - after)
        return await read(connection, after, up_to)

    monkeypatch.setattr(reading, "read", noted)
    positions = list(range(random.randint(1, distance), EVENTS + 1, distance))[:1_000]

    found = await source.at(positions)

    assert [entry.position for entry in found] == positions
    assert max(sections) <= LARGEST
    assert sections[0] <= FIRST
