"""What is right about the log, in a dozen lines, and what else the tests of the log share."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from analytics_internal.event.event import Event, Rejection
from analytics_internal.event.wire import Verdict
from analytics_internal.log import tail
from analytics_internal.log.connection import Pool
from analytics_internal.log.tail import StoredEvent

Entry = Event | Rejection


class LogModel:
    """The log as a dictionary: the first event of an id is stored, all that comes after it is judged against it."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Event] = {}
        self.refused: list[str] = []

    def append(self, entries: Sequence[Entry]) -> list[str]:
        return [self._append(entry) for entry in entries]

    def _append(self, entry: Entry) -> str:
        if isinstance(entry, Event) and entry.id not in self.rows:
            self.rows[entry.id] = entry
            return "stored"
        if isinstance(entry, Event) and self.rows[entry.id].content_hash == entry.content_hash:
            return "duplicate"
        self.refused.append(entry.reason if isinstance(entry, Rejection) else "conflict")
        return self.refused[-1]


def statuses(verdicts: Sequence[Verdict]) -> list[str]:
    """Verdicts in the words of the model."""
    return [verdict.reason or verdict.status for verdict in verdicts]


def explained(done: list[tuple[Sequence[Entry], list[str]]], before: Sequence[Sequence[Entry]] = ()) -> bool:
    """Whether the submissions have these verdicts when they come one after the other, in some order."""
    model = LogModel()
    for entries in before:
        model.append(entries)
    for n, (entries, verdicts) in enumerate(done):
        if model.append(entries) == verdicts and explained(done[:n] + done[n + 1 :], [*before, entries]):
            return True
        model = LogModel()
        for earlier in before:
            model.append(earlier)
    return not done


async def emptied(pool: Pool) -> None:
    """Make the log the one of a new installation."""
    await pool.execute(
        "TRUNCATE event, log_batch, rejected_event, rejected_count, action, item, person, agent, plugin, entity, path, "
        "context"
    )
    await pool.execute("UPDATE log_head SET position = 0, log_id = gen_random_uuid()")


async def whole_log(pool: Pool) -> list[StoredEvent]:
    """Every event of the log by position, which are checked to be gapless."""
    async with pool.acquire() as connection:
        head = await tail.head(connection)
        events = [event async for event in tail.read(connection, 0, head.position)]
    assert [event.position for event in events] == list(range(1, head.position + 1))
    return events


async def refused_reasons(pool: Pool) -> list[str]:
    """The reasons of the refused events that are kept, in the order they were kept."""
    rows = await pool.fetch("SELECT reason FROM rejected_event ORDER BY rejected_id")
    return [row[0] for row in rows]
