"""What the portal does not say by itself is in the answers: time, vain searches, outcomes, and the teams of a day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.walk.portal import Portal
from tests.walk.visit import SETTLE_LIMIT_S, Visit
from tests.walk.walker import Walker

QUESTIONS = "/catalog/default/component/payments/docs/questions"
PLATFORM, ONBOARDING, RELIABILITY, ENGINEERING = (
    f"group:default/{name}" for name in ("platform-team", "onboarding-team", "reliability-team", "engineering")
)
# In the legacy system's portal `/` leads to the catalog. In the new one it is the catalog.
HOME = {"new": set[str](), "legacy": {"/"}}
GUEST = ["is", "person", ["user:default/guest"]]
Rows = list[dict[str, Any]]


async def rows_when(portal: Portal, is_so: Callable[[Rows], bool], **question: Any) -> Rows:
    """The answer as soon as it is so: the service reads the portal every five seconds."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        rows = await asyncio.to_thread(portal.answer, **question)
        if is_so(rows):
            return rows
        assert time.monotonic() < deadline, rows
        await asyncio.sleep(0.5)


async def test_a_docs_page_that_was_read_for_a_minute_was_read_for_a_minute(tab: Walker, visit: Visit) -> None:
    question = {"metrics": ["engaged_seconds"], "filters": ["is", "subject", [QUESTIONS]]}
    before = visit.portal.answer(**question)[0]["engaged_seconds"]["value"]
    await tab.page.goto(f"{tab.url}{QUESTIONS}")
    await tab.see_docs("Questions")
    await tab.page.clock.install()
    article = tab.page.get_by_role("article").get_by_role("heading", name="Questions").first
    for _ in range(6):
        await article.hover()
        await tab.page.mouse.move(600, 500)
        await tab.page.clock.fast_forward(10_000)
    await tab.choose("Settings")
    rows = await rows_when(visit.portal, lambda rows: rows[0]["engaged_seconds"]["value"] >= before + 60, **question)
    # The clock also runs by itself.
    assert rows[0]["engaged_seconds"]["value"] < before + 100


async def test_a_search_without_a_result_is_named(tab: Walker, visit: Visit) -> None:
    await tab.search_in_vain("xylophone")
    await visit.until_captured({"search"})
    await visit.settle()
    rows = visit.portal.answer(
        metrics=["searches", "zero_result_rate"],
        dimensions=["search_term"],
        filters=["is", "search_term", ["xylophone"]],
    )
    rate = rows[0]["zero_result_rate"]
    assert rows[0]["searches"]["value"] == 1
    assert (rate["value"], rate["numerator"], rate["denominator"]) == (1, 1, 1)


async def test_templates_that_succeed_and_that_fail_are_told_apart(tab: Walker, visit: Visit) -> None:
    await tab.use_failing_template()
    await visit.settle()
    rows = await rows_when(
        visit.portal,
        lambda rows: len(rows) == 2,
        metrics=["tasks_succeeded", "tasks_failed", "minutes_saved"],
        dimensions=["template"],
    )
    told = {
        row["template"]: [row[name]["value"] for name in ("tasks_succeeded", "tasks_failed", "minutes_saved")]
        for row in rows
    }
    assert told == {
        "template:default/new-service": [1, 0, 240],
        "template:default/failing-service": [0, 1, 0],
    }


async def test_a_page_that_leads_to_another_is_not_counted(tab: Walker, visit: Visit) -> None:
    await tab.choose("Settings")
    await tab.choose("Create")
    counted = await visit.settle()
    captured = {call.event["subject"] for call in await visit.captured() if call.event["action"] == "navigate"}
    redirected = {path for path in ("/settings", "/create") if any(other.startswith(f"{path}/") for other in captured)}
    assert (redirected | HOME[tab.system]).isdisjoint(subject for action, subject in counted if action == "navigate")


async def test_who_changes_teams_counts_for_the_team_of_each_day(walked: Portal) -> None:
    click(walked, "Yesterday", datetime.now(UTC) - timedelta(days=1))
    before, after = {PLATFORM, ONBOARDING, ENGINEERING}, {PLATFORM, RELIABILITY, ENGINEERING}
    assert teams_of(walked.answer(metrics=["events"], dimensions=["team"], filters=GUEST)) == before
    walked.move_guest("onboarding-team", "reliability-team")
    eligible = {"metrics": ["eligible_people"], "dimensions": ["team"], "filters": GUEST}
    await rows_when(walked, lambda rows: RELIABILITY in teams_of(rows), **eligible)
    # Midnight may have passed since the walk. Only now is it sure that the change holds at the end of a click's day.
    click(walked, "Today", datetime.now(UTC))
    question = {"metrics": ["events"], "dimensions": ["time:day", "team"], "filters": GUEST}
    rows = await rows_when(walked, lambda rows: RELIABILITY in teams_of(rows), **question)
    first, *between, last = [teams for _, teams in sorted(teams_by_day(rows).items())]
    assert (first, last) == (before, after)
    assert between in ([], [before], [after])


def click(portal: Portal, subject: str, at: datetime) -> None:
    """Let the guest have done something at that time."""
    event = {"action": "click", "subject": subject, "context": {"pluginId": "catalog"}, "occurredAt": at.isoformat()}
    answer = portal.ask("POST", "events", json=event)
    assert answer.json()["results"][0]["status"] == "stored"
    portal.done["click", subject] += 1


def teams_of(rows: Rows) -> set[str]:
    return {row["team"] for row in rows}


def teams_by_day(rows: Rows) -> dict[str, set[str]]:
    by_day: dict[str, set[str]] = {}
    for row in rows:
        by_day.setdefault(row["time:day"], set()).add(row["team"])
    return by_day
