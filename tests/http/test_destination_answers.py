"""What a receiver said is told without people to those who may not read who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from analytics_internal.forward.state import KeptDeadLetter
from analytics_internal.http.destination_answers import dead_letter


def _letter(answer: str) -> KeptDeadLetter:
    return KeptDeadLetter(
        position=1,
        event_id=UUID(int=7),
        reason="refused",
        detail=f"HTTP 422: {answer}",
        status=422,
        answer=answer,
        died_at=datetime(2026, 11, 1, tzinfo=UTC),
        is_queued=False,
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"bad": "user:default/ana"}', '{"bad": "user:…"}'),
        ('{"bad": "User:Team-A/Ana.Maria"}', '{"bad": "user:…"}'),
        (r'{"bad": "user:default\/ana"}', '{"bad": "user:…"}'),
        ("/track?uid=user%3Adefault%2Fana&x=1", "/track?uid=user:…&x=1"),
        ("uid=user%253Adefault%252Fana&x=1", "uid=user%253Adefault%252F…&x=1"),
        ("no page /catalog/team-a/user/ana.maria?tab=x", "no page /catalog/default/user/…?tab=x"),
        ("unknown: ana.maria@corp.example", "unknown: …"),
        ("no user: nobody/here", "no user: nobody/here"),
        ("component:default/site", "component:default/site"),
    ],
)
def test_people_are_left_out(answer: str, told: str) -> None:
    hidden = dead_letter(_letter(answer), None, hides_people=True)
    shown = dead_letter(_letter(answer), None, hides_people=False)

    assert (hidden.answer, hidden.detail) == (told, f"HTTP 422: {told}")
    assert (shown.answer, shown.detail) == (answer, f"HTTP 422: {answer}")
