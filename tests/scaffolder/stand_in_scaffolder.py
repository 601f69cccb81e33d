"""The scaffolder's tasks as Backstage's backend keeps and lists them (plugin-scaffolder-backend 4.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

Json = dict[str, Any]
TASKS = "/api/scaffolder/v2/tasks"
ORDER_FIELDS = {"created_at": "createdAt", "status": "status", "created_by": "createdBy"}


class NoSuchTask(Exception):
    pass


class WrongQuestion(Exception):
    pass


def written(at: datetime) -> str:
    """A time as JavaScript writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ScaffolderStandIn:
    """Tasks that are started, end, and are tried again."""

    def __init__(self) -> None:
        self.tasks: dict[str, Json] = {}
        self.knows_pages = True
        """Portals before 1.32 list all tasks, whatever they are asked."""
        self.questions: list[str] = []

    def create(
        self,
        template: str = "template:default/service",
        *,
        by: str | None = "user:default/ana",
        annotations: Mapping[str, str] | None = None,
        has_metadata: bool = True,
        at: datetime | None = None,
    ) -> str:
        """A task that waits. Its spec has the template's metadata as of now, as newer portals keep it."""
        id_ = str(uuid4())
        name = template.rpartition("/")[2]
        template_info: Json = {"entityRef": template, "baseUrl": "https://git.example/"}
        if has_metadata:
            template_info["entity"] = {"metadata": {"name": name, "annotations": dict(annotations or {})}}
        self.tasks[id_] = {
            "id": id_,
            "spec": {
                "apiVersion": "scaffolder.backstage.io/v1beta3",
                "steps": [{"id": "fetch", "name": "Fetch", "action": "fetch:template"}],
                "parameters": {"name": "my-service"},
                "user": {"entity": None, "ref": by} if by is not None else {},
                "templateInfo": template_info,
            },
            "status": "open",
            "createdAt": written(at or datetime.now(UTC)),
            "lastHeartbeatAt": None,
            **({"createdBy": by} if by is not None else {}),
        }
        return id_

    def begin(self, id_: str, at: datetime | None = None) -> None:
        self._become(id_, {"open"}, "processing", at)

    def end(self, id_: str, status: str, at: datetime | None = None) -> None:
        """``status``: completed, failed or cancelled."""
        self._become(id_, {"open", "processing"} if status == "cancelled" else {"processing"}, status, at)

    def retry(self, id_: str, at: datetime | None = None) -> None:
        self._become(id_, {"completed", "failed", "cancelled"}, "open", at)

    def ran(self, status: str, at: datetime | None = None, ended_at: datetime | None = None, **task: Any) -> str:
        """A task that has run to its end."""
        id_ = self.create(at=at, **task)
        self.begin(id_, at)
        self.end(id_, status, ended_at or at)
        return id_

    def _become(self, id_: str, before: set[str], status: str, at: datetime | None) -> None:
        task = self.tasks[id_]
        assert task["status"] in before, (task["status"], status)
        task["status"] = status
        task["lastHeartbeatAt"] = written(at or datetime.now(UTC))

    def answer(self, address: str) -> Json:
        """What ``GET`` answers. Raises NoSuchTask, WrongQuestion."""
        self.questions.append(address)
        parts = urlsplit(address)
        if parts.path != TASKS:
            task = self.tasks.get(parts.path.removeprefix(f"{TASKS}/"))
            if task is None:
                raise NoSuchTask(f"Task with id {parts.path.rpartition('/')[2]} does not exist")
            return task
        return self._listed(parse_qs(parts.query))

    def _listed(self, query: Mapping[str, list[str]]) -> Json:
        tasks = list(self.tasks.values())
        if not self.knows_pages:
            return {"tasks": sorted(tasks, key=lambda task: str(task["createdAt"]), reverse=True)}
        if "status" in query:
            tasks = [task for task in tasks if task["status"] in query["status"]]
        total = len(tasks)
        for order in reversed(query.get("order", ["desc:created_at"])):
            direction, _, field = order.partition(":")
            if direction not in ("asc", "desc") or field not in ORDER_FIELDS:
                raise WrongQuestion(f'Invalid order parameter "{order}"')
            tasks.sort(key=lambda task: str(task.get(ORDER_FIELDS[field])), reverse=direction == "desc")
        offset = int(query.get("offset", ["0"])[0])
        limit = int(query.get("limit", [str(total)])[0])
        page: list[Json] = json.loads(json.dumps(tasks[offset : offset + limit]))
        return {"tasks": page, "totalTasks": total}
