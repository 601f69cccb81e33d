"""The two outcomes of validation: an event ready for the log, or a rejection."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from analytics_internal.cache import size_of
from analytics_internal.event.wire import Reason

# Bytes of an entry without its texts: ids, times, the verdict, places in queues.
ENTRY_WEIGHT = 1_024


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event ready for the log: validated, attributed to a person, scrubbed of secrets."""

    id: UUID
    content_hash: int
    """A 64-bit hash over content and person that tells a duplicate from a conflict.

    Times are left out because each attempt corrects them again; so exports can be imported.
    """
    occurred_at: datetime
    received_at: datetime
    person: str | None
    action: str
    subject: str
    """The subject that names the item; of an address, only its path."""
    original_subject: str | None
    """The scrubbed subject as sent, if it differs from ``subject``."""
    path: str | None
    plugin: str | None
    entity_ref: str | None
    value: float | None
    attributes: bytes | None
    context: bytes | None
    session_id: UUID | None
    is_imported: bool
    has_own_id: bool
    agent: str | None = None
    """The program that acted, for itself or for the person; None where a person acted."""
    sent_id: UUID | None = None
    """The id as sent, if it is stored under another one."""

    @property
    def known_id(self) -> UUID:
        """The id that its sender knows."""
        return self.sent_id or self.id


class Rejection(msgspec.Struct, frozen=True):
    """An event that cannot be stored, and why. The payload is its JSON text, scrubbed and cut to 32 KiB."""

    reason: Reason
    detail: str
    payload: str
    received_at: datetime
    id: str | None = None
    person: str | None = None
    clocks: Literal["", "ours", "differ"] = ""
    """Whether the service's clock may be wrong: it decided, or it differs from the sender's by more than a year."""


def weight_of(entry: Event | Rejection) -> int:
    """The memory of a waiting entry, in bytes."""
    if isinstance(entry, Rejection):
        return ENTRY_WEIGHT + size_of(entry.payload, entry.detail)
    return ENTRY_WEIGHT + size_of(
        entry.subject, entry.original_subject, entry.path, entry.attributes, entry.context, entry.entity_ref
    )


def wire_text(event: Event) -> str:
    """The event as JSON text in its wire form, with corrected times."""
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
        "agent": event.agent,
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None}).decode()
