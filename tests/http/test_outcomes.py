"""What became of templates' tasks, through the whole service: from a portal's scaffolder to an answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from tests.http.stand_in_portal import IMPORT_TOKEN, STATIC_TOKEN, PortalStandIn
from tests.samples import ANA, BO
from tests.scaffolder.stand_in_scaffolder import TASKS
from tests.service import API, running_service

PATIENCE = 600
METRICS = ["tasks_succeeded", "tasks_failed", "tasks_cancelled", "minutes_saved"]


def answered(url: str, **question: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {IMPORT_TOKEN}"}
    asked = {"metrics": METRICS, "date_range": {"last": "28d"}, **question}
    answer: dict[str, Any] = httpx.post(f"{url}{API}/query", json=asked, headers=headers, timeout=30).json()
    assert "meta" in answer, answer
    return answer


def figures(row: dict[str, Any]) -> list[float]:
    return [row[metric]["value"] for metric in METRICS]


def notes(answer: dict[str, Any]) -> list[str]:
    return [note["code"] for note in answer["meta"]["notes"]]


def until(url: str, *codes: str) -> dict[str, Any]:
    """The answer when it has just these notes."""
    for _ in range(PATIENCE):
        if notes(answer := answered(url)) == list(codes):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer["meta"]["notes"])


def test_a_template_that_ran_is_in_the_answers_once(tmp_path: Path) -> None:
    with PortalStandIn() as portal:
        saved = {"backstage.io/time-saved": "PT4H"}
        portal.scaffolder.ran("completed", annotations=saved, by=ANA)
        portal.scaffolder.ran("completed", annotations=saved, by=BO)
        portal.scaffolder.ran("failed", template="template:default/library")
        portal.scaffolder.end(portal.scaffolder.create(), "cancelled")
        settings = {
            "backend_url": portal.url,
            "import_tokens": [IMPORT_TOKEN],
            "portal_token": STATIC_TOKEN,
            "scaffolder_interval_seconds": 0.2,
        }
        with running_service(tmp_path, auth="backstage", **settings) as service:
            (row,) = until(service.url)["results"]
            assert figures(row) == [2, 1, 1, 480]
            by_template = answered(service.url, dimensions=["template"])["results"]
            assert {row["template"]: figures(row)[:2] for row in by_template} == {
                "template:default/service": [2, 0],
                "template:default/library": [0, 1],
            }
            (accesses,) = answered(service.url, metrics=["events"])["results"]
            assert accesses["events"]["value"] == 0
            forged = {"action": "task-succeeded", "subject": "1", "value": 9_999}
            headers = {"authorization": f"Bearer {portal.token(ANA)}"}
            verdict = httpx.post(f"{service.url}{API}/events", json=forged, headers=headers).json()["results"][0]
            assert (verdict["status"], verdict["reason"]) == ("rejected", "reserved_action")
            portal.failing[TASKS] = 403
            until(service.url, "outcomes-failing")
            metrics = httpx.get(f"{service.url}/metrics").text
            assert "analytics_internal_scaffolder_failing_since_timestamp_seconds 0.0" not in metrics
            assert 'analytics_internal_tasks_total{outcome="task-succeeded"} 2.0' in metrics
        portal.failing.clear()
        service.start()
        try:
            (row,) = until(service.url)["results"]
            assert figures(row) == [2, 1, 1, 480]
        finally:
            service.stop()


def test_outcomes_that_nobody_reads_are_said_to_be_so() -> None:
    with running_service(scaffolder_interval_seconds=0) as service:
        assert notes(answered(service.url)) == ["outcomes-off"]
        assert notes(answered(service.url, metrics=["events"])) == []


def test_without_authentication_the_portals_tasks_are_read_all_the_same() -> None:
    with PortalStandIn() as portal:
        portal.scaffolder.ran("completed")
        settings = {"backend_url": portal.url, "portal_token": STATIC_TOKEN, "scaffolder_interval_seconds": 0.2}
        with running_service(**settings) as service:
            (row,) = until(service.url)["results"]
            assert figures(row)[:3] == [1, 0, 0]
