"""What a task that has ended is in the log: one measurement, always the same. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from analytics_internal.catalog import minutes_of
from analytics_internal.event import (
    Acceptance,
    Batch,
    Event,
    Receipt,
    Rejection,
    measurements,
    normalise_entity_ref,
    validate,
    version_7,
)
from analytics_internal.scaffolder.tasks import ENDED, PLUGIN, Task


def id_of(task: Task, portal: str) -> UUID:
    """The id of what became of a task: the same in every reading, in every replica.

    A task that failed, was retried and succeeded has failed once and succeeded once: it has an id for each outcome.
    Backstage's task ids are UUIDs, so a portal that gets another address stores nothing twice.
    """
    try:
        key = str(UUID(task.id))
    except ValueError:
        key = f"{portal}\0{task.id}"
    digest = hashlib.blake2b(f"{ENDED[task.status]}\0{key}".encode(), digest_size=10).digest()
    return version_7(int(task.created_at.timestamp() * 1_000), int.from_bytes(digest, "big"))


def minutes_saved_by(task: Task, of_catalog: float | None = None) -> float | None:
    """The minutes that a task saved: what its template said when it was started, else what the catalog knows of then.

    Only a task that succeeded saved any.
    """
    if ENDED[task.status] != measurements.TASK_SUCCEEDED:
        return None
    return minutes_of(task.time_saved) if task.has_annotations else of_catalog


def measurement_of(
    task: Task, id_: UUID, minutes: float | None, rules: Acceptance, received_at: datetime
) -> Event | Rejection:
    """The measurement of a task that has ended. One that ended before live events are accepted is history."""
    ended_at = min(task.ended_at, received_at)  # the portal's clock may be ahead of ours
    fields = {
        "id": str(id_),
        "action": ENDED[task.status],
        "subject": task.id,
        "value": minutes,
        "user": task.person if task.person and normalise_entity_ref(task.person, "user") else None,
        "context": {"pluginId": PLUGIN, **({"entityRef": task.template} if task.template else {})},
        "occurredAt": ended_at,
    }
    is_history = min(task.created_at, ended_at) < received_at - rules.window + timedelta(minutes=1)
    # Who is no person is a program, of which the portal does not say the name.
    receipt = Receipt(received_at, None, may_name_person=True, rules=rules, is_own=True, agent=PLUGIN)
    return validate(msgspec.json.encode(fields), Batch([], is_imported=is_history), receipt)
