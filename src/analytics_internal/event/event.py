"""An event that is ready for the log, and one that is not."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from analytics_internal.cache import size_of
from analytics_internal.event.wire import Reason

# Of an entry without its texts: ids, times, its verdict and its places in the lists that it waits in.
ENTRY_WEIGHT = 1_024


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event ready for the log: checked, attributed to a person, scrubbed of secrets."""

    id: UUID
    content_hash: int
    """64 bits over what is stored and who did it, without the times: tells a repetition from a conflict.

    The times are left out because they are corrected anew with every attempt; what is exported can be imported again.
    """
    occurred_at: datetime
    received_at: datetime
    person: str | None
    action: str
    subject: str
    """The subject that names the item: the path alone where it is a path."""
    original_subject: str | None
    """The scrubbed subject as sent, where it differs from ``subject``."""
    path: str | None
    plugin: str | None
    entity_ref: str | None
    value: float | None
    attributes: bytes | None
    context: bytes | None
    session_id: UUID | None
    is_imported: bool
    has_own_id: bool
    sent_id: UUID | None = None
    """The id it was sent with, where it is stored under another one."""

    @property
    def known_id(self) -> UUID:
        """The id its sender knows it by."""
        return self.sent_id or self.id


class Rejection(msgspec.Struct, frozen=True):
    """An event that cannot be stored, with why; the payload is its JSON text, scrubbed and cut to 32 KiB."""

    reason: Reason
    detail: str
    payload: str
    received_at: datetime
    id: str | None = None
    person: str | None = None
    clocks: Literal["", "ours", "differ"] = ""
    """Whether our own clock may be what is wrong: it was judged by it, or the sender's is more than a year away."""


def weight_of(entry: Event | Rejection) -> int:
    """The bytes that an entry holds in memory while it waits."""
    if isinstance(entry, Rejection):
        return ENTRY_WEIGHT + size_of(entry.payload, entry.detail)
    return ENTRY_WEIGHT + size_of(
        entry.subject, entry.original_subject, entry.path, entry.attributes, entry.context, entry.entity_ref
    )


def wire_text(event: Event) -> str:
    """The event as JSON text in the form clients send; times are the corrected ones."""
    fields = {
        "id": event.known_id,
        "occurredAt": event.occurred_at,
        "user": event.person,
        "action": event.action,
        "subject": event.original_subject or event.subject,
        "value": event.value,
        "attributes": msgspec.Raw(event.attributes) if event.attributes else None,
        "context": msgspec.Raw(event.context) if event.context else None,
        "sessionId": event.session_id,
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None}).decode()
