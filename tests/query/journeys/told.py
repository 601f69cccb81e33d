"""Events that are told in a line each: who did what when, and in which session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from tests.query.stored import NOW, Stored, reading
from tests.samples import event


def told(action: str, person: str | None, at: datetime, session: str | None = None, subject: str = "/a") -> Event:
    ref = f"user:default/{person}" if person is not None else None
    return event(subject, action=action, person=ref, occurred_at=at, more={"sessionId": session})


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


@asynccontextmanager
async def stored_with(pool: Pool, folder: Path, *events: Event) -> AsyncIterator[Stored]:
    async with reading(pool, folder / "reader.duckdb") as stored:
        await stored.store(list(events))
        yield stored
