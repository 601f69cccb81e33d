"""The portal's template tasks, as its scaffolder lists them.

``GET /api/scaffolder/v2/tasks`` has tasks with their whole spec, in the order of their creation. It cannot be asked for
what has changed: neither the time of the end nor that of the last sign of life can be filtered or sorted by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import httpx
import msgspec

from analytics_internal.auth import PortalBackend, PortalTokens
from analytics_internal.errors import AnalyticsError

PLUGIN = "scaffolder"
PATH = "/api/scaffolder/v2/tasks"
PAGE_TASKS = 50
"""A task may be large: it has all parameters and the whole entity of its person."""
ENDED = {"completed": "task-succeeded", "failed": "task-failed", "cancelled": "task-cancelled"}
"""The states in which a task has ended, and the actions that say so."""
UNFINISHED = ("open", "processing")
TIME_SAVED = "backstage.io/time-saved"
MEANINGS = {
    401: "the portal does not accept the token",
    403: "the token may not read tasks: it needs the permission scaffolder.task.read",
    404: "the portal has no scaffolder",
}


class TasksNotRead(AnalyticsError):
    """The scaffolder answered, but not with tasks."""


class _Metadata(msgspec.Struct):
    annotations: dict[str, object] | None = None


class _Entity(msgspec.Struct):
    metadata: _Metadata | None = None


class _TemplateInfo(msgspec.Struct, rename="camel"):
    entity_ref: str | None = None
    entity: _Entity | None = None


class _User(msgspec.Struct):
    ref: str | None = None


class _Spec(msgspec.Struct, rename="camel"):
    template_info: _TemplateInfo | None = None
    user: _User | None = None


class _WireTask(msgspec.Struct, rename="camel"):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    status: str
    created_at: str
    last_heartbeat_at: str | None = None
    created_by: str | None = None
    spec: _Spec | None = None


class _Page(msgspec.Struct, rename="camel"):
    tasks: list[msgspec.Raw]
    total_tasks: int | None = None


class Task(msgspec.Struct, frozen=True):
    """One run of a template."""

    id: str
    status: str
    created_at: datetime
    ended_at: datetime
    """The last sign of life, one second before the end at most; the creation of a task that never began."""
    person: str | None = None
    """As the portal names whoever started it; None if a program did."""
    template: str | None = None
    has_annotations: bool = False
    """Whether the task has its template's annotations of the time when it was started."""
    time_saved: object = None
    """What the annotation says, if the task has them."""


class Tasks:
    """Lists one portal's tasks."""

    def __init__(self, backend: PortalBackend, tokens: PortalTokens) -> None:
        self._backend = backend
        self._tokens = tokens

    async def newest(self, since: datetime | None = None) -> AsyncIterator[list[Task]]:
        """All tasks that were created since then, in pages, the newest first.

        A task that is created meanwhile moves the others on: some then come twice, and none is left out.

        Raises:
            NoPortalToken, PortalUnavailable, TasksNotRead: also after some pages.
        """
        offset = 0
        while True:
            page = await self._page({"order": "desc:created_at", "limit": str(PAGE_TASKS), "offset": str(offset)})
            tasks = [task for raw in page.tasks if (task := task_of(raw)) is not None]
            yield [task for task in tasks if since is None or task.created_at >= since]
            offset += len(page.tasks)
            # Portals that know no pages, before 1.32, say no total and list everything.
            if page.total_tasks is None or not page.tasks or offset >= page.total_tasks:
                return
            if since is not None and tasks and min(task.created_at for task in tasks) < since:
                return

    async def unfinished(self) -> AsyncIterator[list[Task]]:
        """The tasks that wait or run, in pages. Raises as ``newest``."""
        for status in UNFINISHED:
            offset = 0
            while True:
                page = await self._page({"status": status, "limit": str(PAGE_TASKS), "offset": str(offset)})
                tasks = [task for raw in page.tasks if (task := task_of(raw)) is not None]
                yield [task for task in tasks if task.status in UNFINISHED]
                offset += len(page.tasks)
                if page.total_tasks is None or not page.tasks or offset >= page.total_tasks:
                    break

    async def one(self, task_id: str) -> Task | None:
        """One task; None if the portal does not have it any more. Raises as ``newest``."""
        response = await self._backend.get(f"{PATH}/{task_id}", self._tokens.token_for(PLUGIN))
        return None if response.status_code == 404 else task_of(_content(response))

    async def _page(self, query: Mapping[str, str]) -> _Page:
        response = await self._backend.get(PATH, self._tokens.token_for(PLUGIN), query)
        try:
            return msgspec.json.decode(_content(response), type=_Page)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise TasksNotRead(f"the portal's scaffolder did not answer with tasks: {error}") from error


def _content(response: httpx.Response) -> bytes:
    """Raises TasksNotRead: the answer is a refusal."""
    if response.status_code != 200:
        meaning = MEANINGS.get(response.status_code, "the portal's scaffolder refused to list its tasks")
        raise TasksNotRead(f"{meaning} ({response.status_code})")
    return response.content


def task_of(text: bytes | msgspec.Raw) -> Task | None:
    """A task from its JSON text; None if it does not say what every task does."""
    try:
        wire = msgspec.json.decode(text, type=_WireTask)
        created_at = _time(wire.created_at)
        last_seen_at = _time(wire.last_heartbeat_at) if wire.last_heartbeat_at else created_at
    except (msgspec.DecodeError, ValueError):
        return None
    spec = wire.spec or _Spec()
    template = spec.template_info or _TemplateInfo()
    metadata = template.entity.metadata if template.entity is not None else None
    return Task(
        id=wire.id,
        status=wire.status,
        created_at=created_at,
        ended_at=max(created_at, last_seen_at),
        person=wire.created_by or (spec.user.ref if spec.user is not None else None),
        template=template.entity_ref,
        has_annotations=metadata is not None,
        time_saved=((metadata.annotations or {}).get(TIME_SAVED) if metadata is not None else None),
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
