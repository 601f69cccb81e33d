"""What the doctor says about destinations."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from analytics_internal.doctor import Finding, examine
from analytics_internal.forward import state
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.state import Counts, DeadLetter
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.settings import Settings
from tests.samples import event

ME = uuid4()
WELL = {"name": "audit", "type": "webhook", "url": "http://127.0.0.1:1/hook"}


@pytest.fixture
async def delivered(pool: Pool) -> Pool:
    """A log of ten events; the destination `audit` is at 8, with a dead letter at 3."""
    writer = LogWriter(pool)
    writer.start()
    events = [event(f"/{number}") for number in range(1, 11)]
    await writer.append(events)
    await writer.close()
    audit = Configured(name="audit", type="webhook", start="beginning")
    async with pool.acquire() as connection:
        await state.ensure(connection, [audit])
        await state.take_over(connection, audit, ME)
        letter = DeadLetter(3, events[2].id, "refused", "no")
        await state.advance(connection, "audit", ME, 0, Counts(delivered=6, filtered=1, dead=1), [letter])
    return pool


async def findings(dsn: str, folder: Path, *destinations: dict[str, Any]) -> list[Finding]:
    settings = Settings.model_validate(
        {
            "database_url": dsn,
            "data_dir": folder,
            "auth": "none",
            "timezone": "UTC",
            "destinations": list(destinations or [WELL]),
        }
    )
    return [finding async for finding in examine(settings, "http://127.0.0.1:1")]


def wrong(found: list[Finding]) -> list[str]:
    return [finding.text for finding in found if not finding.is_well]


async def test_a_destination_that_is_well_is_shown(delivered: Pool, dsn: str, tmp_path: Path) -> None:
    found = await findings(dsn, tmp_path)

    assert wrong(found) == []
    assert "the destination audit is at position 8 of 10; 1 dead letters" in [finding.text for finding in found]


async def test_counts_that_do_not_add_up_are_found(delivered: Pool, dsn: str, tmp_path: Path) -> None:
    await delivered.execute("UPDATE destination SET delivered = 5")

    (said,) = wrong(await findings(dsn, tmp_path))
    assert said == "1 destinations with other counts, as (name, passed, counted): ('audit', '8', '7')"


async def test_a_position_beyond_the_head_is_found(delivered: Pool, dsn: str, tmp_path: Path) -> None:
    await delivered.execute("UPDATE destination SET position = 12, delivered = 10")

    (said,) = wrong(await findings(dsn, tmp_path))
    assert said.endswith("as (name, position): ('audit', '12')")


async def test_a_dead_letter_without_its_event_is_found(delivered: Pool, dsn: str, tmp_path: Path) -> None:
    await delivered.execute("UPDATE dead_letter SET position = 4")

    (said,) = wrong(await findings(dsn, tmp_path))
    assert said.startswith("1 dead letters without their event, as (destination, position, id): ('audit', '4', ")


async def test_a_destination_that_stands_still_while_events_wait_is_found(
    delivered: Pool, dsn: str, tmp_path: Path
) -> None:
    await delivered.execute("UPDATE destination SET moved_at = now() - interval '1 hour'")
    assert wrong(await findings(dsn, tmp_path)) == []  # nothing has waited for long
    await delivered.execute("UPDATE event SET received_at = now() - interval '2 hours'")

    (said,) = wrong(await findings(dsn, tmp_path))
    assert said == (
        "the destination audit is at position 8 of 10, and has not moved for 60 minutes, and no failure says why: "
        "does the service run?"
    )
    await delivered.execute("UPDATE destination SET failures = 3, error = 'answered 503'")
    (said,) = wrong(await findings(dsn, tmp_path))
    assert said.endswith("has not moved for 60 minutes: answered 503")
    await delivered.execute("UPDATE destination SET is_paused = true")
    assert wrong(await findings(dsn, tmp_path)) == []


async def test_a_destination_that_is_not_configured_is_said(delivered: Pool, dsn: str, tmp_path: Path) -> None:
    found = await findings(dsn, tmp_path, {**WELL, "name": "other"})

    assert wrong(found) == []
    assert "the destination audit is at position 8 of 10; it is not configured here, and keeps its position" in [
        finding.text for finding in found if not finding.is_checked
    ]
