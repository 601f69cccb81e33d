"""Follow the scaffolder's tasks: each that has ended becomes one measurement in the log.

Nothing is kept of how far was read. The log knows which tasks it has: their ids follow from the tasks. So the first
reading of a process takes all tasks. Those after it take what is new, and what was still running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from analytics_internal.auth import NoPortalToken
from analytics_internal.clock import require_possible
from analytics_internal.errors import AnalyticsError
from analytics_internal.event import Acceptance, Event, Rejection, normalise_entity_ref, weight_of
from analytics_internal.log import LogWriter, Pool, load
from analytics_internal.scaffolder.measurements import id_of, measurement_of, minutes_saved_by
from analytics_internal.scaffolder.tasks import ENDED, PLUGIN, UNFINISHED, Task, Tasks

SQL = load(Path(__file__).with_name("scaffolder.sql"))
RECENT = timedelta(hours=2)
"""Every round reads the tasks that were created up to so long before the last one: they may have been retried."""
WHOLE_AGAIN = timedelta(days=1)
"""How often all tasks are read: an older one may have been retried, and have ended, between two rounds."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
"""After a failure: a portal that is starting answers soon, one without a scaffolder never."""
MOST_REFUSED = 10_000

log = structlog.get_logger(__name__)
tasks_total = Counter("analytics_internal_tasks_total", "Template tasks whose outcome was stored", ["outcome"])
read_at_s = Gauge(
    "analytics_internal_scaffolder_read_timestamp_seconds", "When the scaffolder's tasks were last read; 0 if never"
)
failing_since_s = Gauge(
    "analytics_internal_scaffolder_failing_since_timestamp_seconds",
    "Since when the scaffolder's tasks cannot be read; 0 if they can",
)


class OutcomesStatus(msgspec.Struct, frozen=True):
    """How well the outcomes of templates are known."""

    is_on: bool
    read_at: datetime | None = None
    """When all tasks that could have ended were last read."""
    failing_since: datetime | None = None
    error: str | None = None

    @property
    def note(self) -> tuple[str, str] | None:
        """What an answer about outcomes has to say: a code and a sentence; None if all are known."""
        if not self.is_on:
            return (
                "outcomes-off",
                "Outcomes of templates are not read from the portal: scaffolder_interval_seconds is 0",
            )
        if self.failing_since is not None:
            since = f"{self.failing_since:%Y-%m-%dT%H:%M:%SZ}"
            return "outcomes-failing", f"Outcomes of templates are not read since {since}: {self.error}"
        if self.read_at is None:
            return "outcomes-unread", "Outcomes of templates are being read for the first time"
        return None


class Outcomes:
    """Follows one portal's tasks. Several replicas may: each outcome is stored once."""

    def __init__(
        self, pool: Pool, writer: LogWriter, tasks: Tasks | None, rules: Acceptance, portal: str, interval_s: float
    ) -> None:
        """``tasks``: None if there is no portal. ``interval_s``: 0 if nothing is to be read."""
        self._pool = pool
        self._writer = writer
        self._tasks = tasks
        self._rules = rules
        self._portal = portal
        self._interval_s = interval_s
        self._whole_at: datetime | None = None
        self._running: set[str] = set()
        """Older tasks that had not ended when they were last read."""
        self._refused: set[UUID] = set()
        no_portal = "there is no portal: set portal_url or backend_url"
        self.status = OutcomesStatus(interval_s > 0)
        if interval_s > 0 and tasks is None:
            self.status = OutcomesStatus(True, failing_since=datetime.now(UTC), error=no_portal)

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Read tasks for as long as the context lasts."""
        if self._interval_s == 0 or self._tasks is None:
            yield
            return
        following = asyncio.create_task(self._follow(self._tasks))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait({following})

    async def _follow(self, tasks: Tasks) -> None:
        failed_wait_s = FIRST_WAIT_S
        while True:
            try:
                await self._round(tasks, datetime.now(UTC))
            except Exception as error:  # whatever it is, the next round may succeed
                self._failed(error)
                await asyncio.sleep(failed_wait_s)
                failed_wait_s = min(2 * failed_wait_s, max(LONGEST_WAIT_S, self._interval_s))
            else:
                failed_wait_s = FIRST_WAIT_S
                await asyncio.sleep(self._interval_s)

    async def read(self, now: datetime | None = None) -> None:
        """One round. Raises what keeps tasks from being read or stored."""
        assert self._tasks is not None, "there is no portal"
        await self._round(self._tasks, now or datetime.now(UTC))

    async def _round(self, tasks: Tasks, now: datetime) -> None:
        require_possible(now)
        last, whole = self.status.read_at, self._whole_at
        since = last - RECENT if last is not None and whole is not None and now - whole < WHOLE_AGAIN else None
        running: set[str] = set()
        async for page in tasks.newest(since):
            await self._store(page)
            running |= {task.id for task in page if task.status in UNFINISHED}
        if since is not None:
            async for page in tasks.unfinished():
                running |= {task.id for task in page}
            ended = [task for id_ in self._running - running if (task := await tasks.one(id_)) is not None]
            await self._store(ended)
            running |= {task.id for task in ended if task.status in UNFINISHED}
        self._running = running
        self._whole_at = now if since is None else whole
        self._succeeded(now)

    async def _store(self, tasks: Sequence[Task]) -> None:
        """Store what became of those that have ended and are not in the log yet."""
        ended = {id_of(task, self._portal): task for task in tasks if task.status in ENDED}
        missing = {id_: ended[id_] for id_ in await self._missing(sorted(ended.keys() - self._refused))}
        if not missing:
            return
        minutes = await self._minutes_in_catalog([task for task in missing.values() if not task.has_annotations])
        now = datetime.now(UTC)
        events: list[Event] = []
        for id_, task in missing.items():
            found = measurement_of(task, id_, minutes_saved_by(task, minutes.get(task.id)), self._rules, now)
            if isinstance(found, Rejection):
                self._refuse(id_, task, found.detail)
            else:
                events.append(found)
        verdicts = await self._writer.append(events, sum(map(weight_of, events)))
        for event, verdict in zip(events, verdicts, strict=True):
            if verdict.status == "stored":
                tasks_total.labels(event.action).inc()
            elif verdict.status == "rejected":
                self._refuse(event.id, missing[event.id], verdict.detail or "")

    async def _missing(self, ids: list[UUID]) -> set[UUID]:
        if not ids:
            return set()
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(SQL["stored"], ids, ids[0], ids[-1])
        return set(ids) - {row["id"] for row in rows}

    async def _minutes_in_catalog(self, tasks: Sequence[Task]) -> dict[str, float]:
        """By the tasks' ids, what the catalog's templates saved when the tasks were started."""
        refs = {task.id: normalise_entity_ref(task.template, "template") for task in tasks if task.template is not None}
        asked = [(ref, task.created_at) for task in tasks if (ref := refs.get(task.id)) is not None]
        if not asked:
            return {}
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(SQL["minutes_saved"], *map(list, zip(*asked, strict=True)))
        known = {(row["ref"], row["at"]): row["minutes_saved"] for row in rows}
        found = {task.id: known.get((refs.get(task.id), task.created_at)) for task in tasks}
        return {id_: minutes for id_, minutes in found.items() if minutes is not None}

    def _refuse(self, id_: UUID, task: Task, detail: str) -> None:
        """Say once that a task cannot be stored."""
        log.warning("the outcome of a task cannot be stored", task=task.id[:64], reason=detail)
        if len(self._refused) < MOST_REFUSED:
            self._refused.add(id_)

    def _succeeded(self, now: datetime) -> None:
        if self.status.failing_since is not None:
            log.info("the outcomes of templates are read again", since=self.status.failing_since.isoformat())
        self.status = OutcomesStatus(True, read_at=now)
        read_at_s.set(now.timestamp())
        failing_since_s.set(0)

    def _failed(self, error: Exception) -> None:
        text = str(error) if isinstance(error, AnalyticsError) else repr(error)
        since = self.status.failing_since or datetime.now(UTC)
        if text != self.status.error:  # each reason once
            say = log.info if isinstance(error, NoPortalToken) else log.warning
            say("the outcomes of templates cannot be read", plugin=PLUGIN, error=text)
        self.status = msgspec.structs.replace(self.status, failing_since=since, error=text)
        failing_since_s.set(since.timestamp())
