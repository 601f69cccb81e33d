"""The state and the configuration of a destination, as they are answered. Pure."""

from __future__ import annotations

import re

from analytics_internal.forward import Described, People, state
from analytics_internal.http import destination_wire as wire

FAR_BEHIND_EVENTS = 10_000
# Entity refs of people, as receivers quote them: in JSON of PHP, and in addresses.
_person = re.compile(r"(?i)\buser(?::|%3a)[\w.-]+(?:\\?/|%2f)[\w.-]+")
# Addresses of their pages, e-mail addresses, and refs in further spellings.
_people = People(lambda _: "…", keeps_user=False)


def destination(row: state.Overview, described: Described | None, hides_people: bool) -> wire.Destination:
    """One destination; without a description it is not configured any more."""
    configured = described.configured if described is not None else None
    return wire.Destination(
        name=row.name,
        type=configured.type if configured is not None else row.type,
        to=described.to if described is not None else "",
        is_configured=configured is not None,
        filters=configured.filters if configured is not None else None,
        people=configured.people if configured is not None else None,
        state=_state_of(row, configured is not None),
        stopped_because=_said(row.stopped_because, hides_people),
        start_position=row.start_position,
        position=row.position,
        head=row.head,
        stored=max(row.head - row.start_position, 0),
        delivered=row.delivered,
        filtered=row.filtered,
        dead=row.dead,
        missing=row.missing,
        redelivered=row.redelivered,
        failed_attempts=row.failed_attempts,
        dead_letters=row.dead_letters,
        queued_dead_letters=row.queued,
        lag_events=max(row.lag_events, 0),
        lag_seconds=round(row.lag_seconds, 3),
        delivered_at=row.delivered_at,
        last_error=_last_error(row, hides_people),
        replays=[
            wire.Replay(
                after=one.after_position, up_to=one.up_to_position, position=one.position, asked_at=one.asked_at
            )
            for one in row.replays
            if one.ended_at is None and one.asked_at is not None
        ],
    )


def dead_letter(letter: state.KeptDeadLetter, event: wire.DeadEvent | None, hides_people: bool) -> wire.DeadLetter:
    """One dead letter with what the log says about its event."""
    return wire.DeadLetter(
        position=letter.position,
        event_id=letter.event_id,
        reason=letter.reason,
        detail=_said(letter.detail, hides_people) or "",
        status=letter.status,
        answer=_said(letter.answer, hides_people),
        died_at=letter.died_at,
        is_queued=letter.is_queued,
        event=event,
    )


def _state_of(row: state.Overview, is_configured: bool) -> wire.State:
    if not is_configured:
        return "not_configured"
    if row.stopped_because is not None:
        return "stopped"
    if row.is_paused:
        return "paused"
    if not row.is_held:
        return "not_running"
    if row.failures > 0:
        return "failing"
    if row.lag_events <= 0:
        return "up_to_date"
    return "backfilling" if row.lag_events > FAR_BEHIND_EVENTS else "delivering"


def _last_error(row: state.Overview, hides_people: bool) -> wire.LastError | None:
    if row.failed_at is None:
        return None
    return wire.LastError(
        at=row.failed_at,
        detail=_said(row.error, hides_people) or "",
        status=row.error_status,
        answer=_said(row.error_answer, hides_people),
        attempts=row.failures,
        next_attempt_at=None if row.is_paused or row.stopped_because is not None else row.next_attempt_at,
    )


def _said(text: str | None, hides_people: bool) -> str | None:
    """What a receiver said. It may quote what it was sent, and so say who did what."""
    return _people.text(_person.sub("user:…", text)) if text is not None and hides_people else text
