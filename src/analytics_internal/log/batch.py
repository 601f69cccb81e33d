"""The events of one commit: which are still to be stored, and the verdict on each of the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from prometheus_client import Counter as Metric

from analytics_internal.event import Event, Rejection, Verdict, wire_text

MAX_DETAIL = 500
events_total = Metric("analytics_internal_events_total", "Submitted events by status", ["status"])
rejected_total = Metric("analytics_internal_rejected_events_total", "Rejected events by reason", ["reason"])


class Submission:
    """The entries of one ``append`` and the verdicts it waits for."""

    __slots__ = ("entries", "failure", "future", "size", "verdicts")

    def __init__(self, entries: Sequence[Event | Rejection], size: int) -> None:
        self.entries = entries
        self.size = size
        self.verdicts: list[Verdict | None] = [None] * len(entries)
        self.failure: Exception | None = None
        self.future: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()

    def complete(self) -> list[Verdict]:
        """Count the verdicts and return them."""
        verdicts = [verdict for verdict in self.verdicts if verdict is not None]
        assert len(verdicts) == len(self.entries), "an event was left without a verdict"
        for status, events in Counter(verdict.status for verdict in verdicts).items():
            events_total.labels(status).inc(events)
        for verdict in verdicts:
            if verdict.reason is not None:
                rejected_total.labels(verdict.reason).inc()
        return verdicts


class Batch:
    """The submissions of one commit. Their events leave ``unsettled`` as soon as their verdict is known."""

    def __init__(self, submissions: list[Submission]) -> None:
        self.unsettled: dict[UUID, Event] = {}
        self.conflicts: list[Rejection] = []
        self.is_retried = False
        self._places: dict[UUID, list[tuple[Submission, int, Event]]] = {}
        self._rejections: list[tuple[Submission, int, Rejection]] = []
        for submission in submissions:
            for index, entry in enumerate(submission.entries):
                if isinstance(entry, Rejection):
                    self._rejections.append((submission, index, entry))
                else:
                    self.unsettled.setdefault(entry.id, entry)
                    self._places.setdefault(entry.id, []).append((submission, index, entry))

    def settle_stored_before(self, id_: UUID, content_hash: int) -> None:
        """The log already held this id."""
        event = self.unsettled.pop(id_)
        # The service made this id itself, so only an earlier attempt whose answer was lost can have stored it.
        is_ours = self.is_retried and not event.has_own_id
        self._settle(id_, content_hash, "stored" if is_ours else "duplicate")

    def settle_stored(self, events: list[Event]) -> None:
        """These events are committed."""
        for event in events:
            del self.unsettled[event.id]
            self._settle(event.id, event.content_hash, "stored")

    def _settle(self, id_: UUID, content_hash: int, first_status: Literal["stored", "duplicate"]) -> None:
        status = first_status
        for submission, index, event in self._places.pop(id_):
            if event.content_hash == content_hash:
                submission.verdicts[index] = Verdict(str(event.known_id), status)
                status = "duplicate"
            else:
                self._reject(submission, index, _conflict(event))

    def refuse(self, event: Event, cause: Exception) -> None:
        """PostgreSQL cannot store this event."""
        del self.unsettled[event.id]
        said = " ".join(str(cause).split())[:MAX_DETAIL]
        detail = _encodable(f"the database cannot store this event: {said}")
        for submission, index, each in self._places.pop(event.id):
            person = _encodable(each.person) if each.person is not None else None
            refused = Rejection("unstorable", detail, _kept(each), each.received_at, str(each.known_id), person)
            self._reject(submission, index, refused)

    def _reject(self, submission: Submission, index: int, rejection: Rejection) -> None:
        self.conflicts.append(rejection)
        self._rejections.append((submission, index, rejection))

    def settle_rejections(self) -> None:
        """The refused events are kept."""
        for submission, index, rejection in self._rejections:
            submission.verdicts[index] = Verdict(rejection.id, "rejected", rejection.reason, rejection.detail)


def _conflict(event: Event) -> Rejection:
    id_ = str(event.known_id)
    detail = f"the id {id_} is already taken by an event with other content"
    return Rejection("conflict", detail, wire_text(event), event.received_at, id_, event.person)


def _kept(event: Event) -> str:
    try:
        return wire_text(event)
    except (ValueError, RecursionError):
        return ascii(event.subject)


def _encodable(text: str) -> str:
    """The text with what UTF-8 or PostgreSQL cannot hold replaced."""
    return text.encode(errors="replace").decode().replace("\0", "�")
