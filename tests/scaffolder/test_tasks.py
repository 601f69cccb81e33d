"""How a task of the scaffolder is understood, and what it becomes in the log."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from analytics_internal.event import Acceptance
from analytics_internal.event.event import Event
from analytics_internal.scaffolder.measurements import id_of, measurement_of, minutes_saved_by
from analytics_internal.scaffolder.tasks import Task, task_of
from tests.samples import ANA, NOON
from tests.scaffolder.stand_in_scaffolder import ScaffolderStandIn

SAVES_4_HOURS = {"backstage.io/time-saved": "PT4H"}
PORTAL = "https://portal.example"


def understood(**changes: Any) -> Task:
    """A task that succeeded an hour before noon."""
    scaffolder = ScaffolderStandIn()
    id_ = scaffolder.ran("completed", NOON - timedelta(hours=1), annotations=SAVES_4_HOURS)
    task = task_of(json.dumps({**scaffolder.tasks[id_], **changes}).encode())
    assert task is not None
    return task


def measured(task: Task, minutes: float | None = None) -> Event:
    found = measurement_of(task, id_of(task, PORTAL), minutes, Acceptance(), NOON)
    assert isinstance(found, Event), found
    return found


def test_a_task_becomes_one_measurement_of_its_person_and_template() -> None:
    task = understood(lastHeartbeatAt="2026-11-24T11:20:00.250Z")

    event = measured(task, minutes_saved_by(task))

    assert (event.action, event.subject, event.value) == ("task-succeeded", task.id, 240)
    assert (event.person, event.agent) == (ANA, None)
    assert (event.entity_ref, event.plugin) == ("template:default/service", "scaffolder")
    assert event.occurred_at == datetime(2026, 11, 24, 11, 20, 0, 250_000, UTC)
    assert not event.is_imported


def test_an_outcome_has_one_id_however_often_it_is_read() -> None:
    task = understood()

    assert id_of(task, PORTAL) == id_of(msgspec.structs.replace(task, ended_at=NOON), "https://moved.example")
    assert id_of(task, PORTAL) != id_of(msgspec.structs.replace(task, status="failed"), PORTAL)
    assert id_of(task, PORTAL).int >> 80 == int((NOON - timedelta(hours=1)).timestamp() * 1_000)


def test_ids_that_are_no_uuids_belong_to_their_portal() -> None:
    task = understood(id="7")

    assert id_of(task, PORTAL) == id_of(understood(id="7"), PORTAL) != id_of(task, "https://other.example")


@pytest.mark.parametrize(("status", "action"), [("failed", "task-failed"), ("cancelled", "task-cancelled")])
def test_only_a_task_that_succeeded_saves_time(status: str, action: str) -> None:
    task = understood(status=status)

    assert minutes_saved_by(task) is None
    assert measured(task).action == action


def test_what_the_task_knows_of_its_template_counts_more_than_the_catalog() -> None:
    scaffolder = ScaffolderStandIn()
    without = task_of(json.dumps(scaffolder.tasks[scaffolder.ran("completed")]).encode())
    older = task_of(json.dumps(scaffolder.tasks[scaffolder.ran("completed", has_metadata=False)]).encode())

    assert without is not None
    assert minutes_saved_by(without, 60) is None
    assert older is not None
    assert minutes_saved_by(older, 60) == 60


def test_what_no_person_started_a_program_did() -> None:
    event = measured(understood(createdBy=None, spec={}))

    assert (event.person, event.agent, event.entity_ref) == (None, "scaffolder", None)


def test_a_task_that_ended_long_ago_is_history() -> None:
    created = {"createdAt": "2024-02-01T10:00:00.000Z", "lastHeartbeatAt": "2024-02-01T10:05:00.000Z"}

    event = measured(understood(**created))

    assert event.is_imported
    assert event.occurred_at == datetime(2024, 2, 1, 10, 5, tzinfo=UTC)
    assert measured(understood(createdAt=created["createdAt"])).occurred_at == NOON - timedelta(hours=1)


def test_a_portal_whose_clock_is_ahead_loses_no_task() -> None:
    ahead = "2026-11-24T18:00:00.000Z"

    assert measured(understood(createdAt=ahead, lastHeartbeatAt=ahead)).occurred_at == NOON


@pytest.mark.parametrize("wrong", [b"{}", b"[]", b'{"id":"","status":"open","createdAt":"now"}', b'"x"'])
def test_what_is_no_task_is_left_out(wrong: bytes) -> None:
    assert task_of(wrong) is None


@pytest.mark.parametrize("at", ["2026-11-24T10:00:00Z", "2026-11-24 10:00:00", "2026-11-24T11:00:00.000+01:00"])
def test_times_of_all_databases_are_understood(at: str) -> None:
    assert understood(createdAt=at, lastHeartbeatAt=None).ended_at == datetime(2026, 11, 24, 10, tzinfo=UTC)
