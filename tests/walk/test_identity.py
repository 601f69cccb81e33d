"""Whose an event is, is what the token says."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.walk.portal import Portal

# In one frontend system: the bridge and the service know nothing of it.
pytestmark = pytest.mark.parametrize("portal", ["new"], indirect=True)


def test_a_forged_user_counts_for_the_owner_of_the_token(walked: Portal) -> None:
    forged = {
        "action": "click",
        "subject": "Forged",
        "user": "user:default/ana",
        "context": {"pluginId": "catalog", "userEntityRef": "user:default/ana"},
        "attributes": {},
        "occurredAt": datetime.now(UTC).isoformat(),
    }
    answer = walked.ask("POST", "events", json=forged)
    assert [result["status"] for result in answer.json()["results"]] == ["stored"]
    walked.done["click", "Forged"] += 1
    assert [event["user"] for event in walked.stored() if event["subject"] == "Forged"] == ["user:default/guest"]


def test_nothing_is_taken_or_told_without_a_token(walked: Portal) -> None:
    event = {"action": "click", "subject": "Nobody", "context": {}}
    question = {"metrics": ["events"]}
    assert httpx.post(f"{walked.api}/events", json=event).status_code == 401
    assert httpx.post(f"{walked.api}/query", json=question).status_code == 401
    for path in ("analytics", "analytics/1", "top-users", "events", "configuration"):
        assert httpx.get(f"{walked.api}/{path}").status_code == 401, path


def test_a_token_of_another_portal_is_refused(walked: Portal) -> None:
    header, claims, signature = walked.token().split(".")
    foreign = f"{header}.{claims}.{signature[::-1]}"
    answer = httpx.get(f"{walked.api}/configuration", headers={"Authorization": f"Bearer {foreign}"})
    assert answer.status_code == 401
