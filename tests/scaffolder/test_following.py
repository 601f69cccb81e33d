"""Tasks are read from a portal, and each outcome is in the log once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.auth import NoPortalToken, PortalBackend, PortalTokens
from analytics_internal.event import Acceptance
from analytics_internal.log import LogWriter, Pool
from analytics_internal.scaffolder import Outcomes, Tasks
from analytics_internal.scaffolder.tasks import PAGE_TASKS, TasksNotRead
from tests.http.stand_in_portal import STATIC_TOKEN, PortalStandIn
from tests.log.model import emptied, whole_log
from tests.samples import ANA, BO
from tests.scaffolder.stand_in_scaffolder import TASKS, ScaffolderStandIn

SAVES_4_HOURS = {"backstage.io/time-saved": "PT4H"}


@pytest.fixture(scope="module")
def running_portal() -> Iterator[PortalStandIn]:
    with PortalStandIn() as portal:
        yield portal


@pytest.fixture
def portal(running_portal: PortalStandIn) -> PortalStandIn:
    running_portal.scaffolder = ScaffolderStandIn()
    running_portal.failing = {}
    return running_portal


@pytest.fixture
async def writer(pool: Pool) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool)
    writer.start()
    yield writer
    await writer.close()


_clients: list[httpx.AsyncClient] = []


@pytest.fixture(autouse=True)
async def client() -> AsyncIterator[None]:
    """One for all replicas of a test, patient: clients that stay open take a thread of the stand-in each."""
    async with httpx.AsyncClient(timeout=60) as client:
        _clients.append(client)
        yield
        _clients.remove(client)


def follower(portal: PortalStandIn, pool: Pool, writer: LogWriter, token: str | None = STATIC_TOKEN) -> Outcomes:
    """One replica, started anew."""
    tasks = Tasks(PortalBackend(portal.url, _clients[-1]), PortalTokens(token=token))
    return Outcomes(pool, writer, tasks, Acceptance(), portal.url, interval_s=0.01)


async def outcomes_in(pool: Pool) -> Counter[tuple[str, str]]:
    """How often the log has each task's outcome."""
    return Counter((event.subject, event.action) for event in await whole_log(pool))


async def test_what_became_of_every_task_is_in_the_log(portal: PortalStandIn, pool: Pool, writer: LogWriter) -> None:
    succeeded = portal.scaffolder.ran("completed", annotations=SAVES_4_HOURS)
    failed = portal.scaffolder.ran("failed", by=BO)
    cancelled = portal.scaffolder.create()
    portal.scaffolder.end(cancelled, "cancelled")
    portal.scaffolder.begin(portal.scaffolder.create())

    await follower(portal, pool, writer).read()

    found = {event.subject: (event.action, event.user, event.value) for event in await whole_log(pool)}
    assert found == {
        succeeded: ("task-succeeded", ANA, 240),
        failed: ("task-failed", BO, None),
        cancelled: ("task-cancelled", ANA, None),
    }


async def test_several_pages_and_replicas_and_restarts_store_each_outcome_once(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    now = datetime.now(UTC)
    number = 2 * PAGE_TASKS + 7
    for age in range(number):
        portal.scaffolder.ran("completed", now - timedelta(days=3 * age))

    await asyncio.gather(*(follower(portal, pool, writer).read() for _ in range(2)))
    await follower(portal, pool, writer).read()

    assert set((await outcomes_in(pool)).values()) == {1}
    assert len(await whole_log(pool)) == number
    assert await pool.fetchval("SELECT count(*) FROM rejected_event") == 0


async def test_only_the_first_round_reads_what_is_long_over(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    now = datetime.now(UTC)
    for age in range(3 * PAGE_TASKS):
        portal.scaffolder.ran("completed", now - timedelta(hours=age))
    outcomes = follower(portal, pool, writer)
    await outcomes.read(now)
    first = len(portal.scaffolder.questions)
    await outcomes.read(now + timedelta(minutes=1))
    second = len(portal.scaffolder.questions) - first

    assert (first, second) == (3, 3)  # the newest tasks, and those that wait or run
    await outcomes.read(now + timedelta(days=1, minutes=1))
    assert len(portal.scaffolder.questions) - first - second == 3


async def test_a_task_that_runs_for_days_is_counted_when_it_ends(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    now = datetime.now(UTC)
    slow = portal.scaffolder.create(at=now - timedelta(days=3))
    portal.scaffolder.begin(slow)
    outcomes = follower(portal, pool, writer)
    await outcomes.read(now)
    await outcomes.read(now + timedelta(minutes=1))
    assert not await outcomes_in(pool)

    portal.scaffolder.end(slow, "completed")
    await outcomes.read(now + timedelta(minutes=2))

    assert await outcomes_in(pool) == {(slow, "task-succeeded"): 1}


async def test_a_task_that_is_tried_again_has_failed_once_and_succeeded_once(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    task = portal.scaffolder.ran("failed")
    outcomes = follower(portal, pool, writer)
    for status in ("failed", "completed", "completed"):
        await outcomes.read()
        portal.scaffolder.retry(task)
        portal.scaffolder.begin(task)
        portal.scaffolder.end(task, status)
    await outcomes.read()

    assert await outcomes_in(pool) == {(task, "task-failed"): 1, (task, "task-succeeded"): 1}


async def test_a_portal_that_knows_no_pages_is_read_as_a_whole(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    portal.scaffolder.knows_pages = False
    for _ in range(PAGE_TASKS + 1):
        portal.scaffolder.ran("completed")
    outcomes = follower(portal, pool, writer)
    await outcomes.read()
    await outcomes.read()

    assert sum((await outcomes_in(pool)).values()) == PAGE_TASKS + 1


async def test_what_an_older_portals_tasks_saved_the_catalog_says_as_of_then(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    now = datetime.now(UTC)
    changed_at = now - timedelta(days=2)
    for valid_from, valid_to, minutes in [(None, changed_at, 60.0), (changed_at, None, 90.0)]:
        await pool.execute(
            "INSERT INTO catalog_entity (ref, shown_ref, kind, valid_from, valid_to, minutes_saved) VALUES "
            "('template:default/service', 'template:default/service', 'template', "
            "coalesce($1, '-infinity'::timestamptz), coalesce($2, 'infinity'::timestamptz), $3)",
            valid_from,
            valid_to,
            minutes,
        )
    before = portal.scaffolder.ran("completed", now - timedelta(days=3), has_metadata=False)
    after = portal.scaffolder.ran("completed", now, has_metadata=False)
    unknown = portal.scaffolder.ran("completed", now, template="template:default/gone", has_metadata=False)

    await follower(portal, pool, writer).read()

    found = {event.subject: event.value for event in await whole_log(pool)}
    assert found == {before: 60, after: 90, unknown: None}


async def test_a_portal_that_does_not_answer_is_said_since_when_and_nothing_is_lost(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    outcomes = follower(portal, pool, writer, token="another token")
    task = portal.scaffolder.ran("completed")
    with pytest.raises(TasksNotRead, match=r"does not accept the token \(401\)"):
        await outcomes.read()
    async with outcomes.followed():
        while outcomes.status.failing_since is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    code, note = outcomes.status.note or ("", "")
    assert code == "outcomes-failing"
    assert "does not accept the token" in note

    again = follower(portal, pool, writer)
    async with again.followed():
        while again.status.read_at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert again.status.note is None
    assert await outcomes_in(pool) == {(task, "task-succeeded"): 1}


async def test_without_a_token_the_status_says_how_to_get_one(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    with pytest.raises(NoPortalToken, match="set portal_token"):
        await follower(portal, pool, writer, token=None).read()
    assert "scaffolder_interval_seconds is 0" in str(
        Outcomes(pool, writer, None, Acceptance(), portal.url, interval_s=0).status.note
    )
    assert "there is no portal" in str(
        Outcomes(pool, writer, None, Acceptance(), portal.url, interval_s=60).status.note
    )


async def test_a_task_that_cannot_be_stored_does_not_keep_the_others(
    portal: PortalStandIn, pool: Pool, writer: LogWriter
) -> None:
    broken = portal.scaffolder.ran("completed", datetime(1999, 1, 1, tzinfo=UTC))
    portal.scaffolder.tasks["no task"] = {"id": "x", "status": "completed", "createdAt": "never"}
    fine = portal.scaffolder.ran("completed", by="not a ref at all / x")
    outcomes = follower(portal, pool, writer)
    await outcomes.read()
    await outcomes.read()

    assert set(await outcomes_in(pool)) == {(fine, "task-succeeded")}
    assert broken in portal.scaffolder.tasks
    assert await pool.fetchval("SELECT count(*) FROM rejected_event") == 0


STEPS = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 96)),
    st.tuples(st.sampled_from(["begin", "completed", "failed", "cancelled", "retry"]), st.integers(0, 20)),
    st.tuples(st.sampled_from(["read", "other reads", "restart", "portal down"]), st.just(0)),
)


@settings(max_examples=15)
@given(steps=st.lists(STEPS, max_size=40))
async def test_any_history_of_tasks_leaves_each_outcome_that_could_be_seen_once(
    portal: PortalStandIn, pool: Pool, writer: LogWriter, steps: list[tuple[str, int]]
) -> None:
    await emptied(pool)
    scaffolder = portal.scaffolder = ScaffolderStandIn()
    now = datetime.now(UTC)
    replicas = [follower(portal, pool, writer), follower(portal, pool, writer)]
    happened: set[tuple[str, str]] = set()
    for step, number in steps:
        now += timedelta(minutes=1)
        task = list(scaffolder.tasks)[number % len(scaffolder.tasks)] if scaffolder.tasks else None
        match step:
            case "create":
                scaffolder.create(at=now - timedelta(hours=number))
            case "read" | "other reads":
                await replicas[step != "read"].read(now)
            case "restart":
                replicas[0] = follower(portal, pool, writer)
            case "portal down":
                portal.failing = {TASKS: 403}
                with pytest.raises(TasksNotRead):
                    await replicas[0].read(now)
                portal.failing = {}
            case _ if task is not None:
                happened |= _advanced(scaffolder, task, step, now)
    # A reading of everything sees how each task has ended, whatever was missed before.
    await follower(portal, pool, writer).read(now)

    found = await outcomes_in(pool)
    assert set(found.values()) <= {1}
    last = {(id_, ACTIONS[task["status"]]) for id_, task in scaffolder.tasks.items() if task["status"] in ACTIONS}
    assert last <= set(found) <= happened


ACTIONS = {"completed": "task-succeeded", "failed": "task-failed", "cancelled": "task-cancelled"}


def _advanced(scaffolder: ScaffolderStandIn, id_: str, step: str, now: datetime) -> set[tuple[str, str]]:
    """Take a step that is possible; the outcome that it has, if any."""
    status: Any = scaffolder.tasks[id_]["status"]
    if step == "begin" and status == "open":
        scaffolder.begin(id_, now)
    elif step == "retry" and status in ACTIONS:
        scaffolder.retry(id_, now)
    elif step in ACTIONS and (status == "processing" or (step, status) == ("cancelled", "open")):
        scaffolder.end(id_, step, now)
        return {(id_, ACTIONS[step])}
    return set()
