"""An event on its way out: read from the log, and shaped as its destination is configured. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

Scalar = str | bool | int | float | None


class Outgoing(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What a receiver may get of a stored event. Sent again, it carries the same ``id`` and ``position``.

    The names are those of exports (``GET /events``), with ``plugin``, ``entity`` and ``path`` as the query language
    has them. What the configuration drops is None.
    """

    position: int
    """Its place in the log: receivers get events in this order."""
    id: UUID
    occurred_at: datetime
    received_at: datetime | None = None
    action: str = ""
    subject: str = ""
    user: str | None = None
    """Who did it: an entity ref, a pseudonym, or None."""
    value: float | None = None
    attributes: dict[str, Scalar] | None = None
    context: dict[str, Scalar] | None = None
    session_id: UUID | None = None
    imported: bool = False
    plugin: str | None = None
    entity: str | None = None
    path: str | None = None
    agent: str | None = None
    """The program that acted, for itself or for ``user``; None where a person acted."""


_encoder = msgspec.json.Encoder()


def document(event: Outgoing, renamed: dict[str, str] | None = None) -> bytes:
    """The event as a JSON object. ``renamed``: other names for its top-level fields."""
    if not renamed:
        return _encoder.encode(event)
    built: dict[str, Any] = msgspec.to_builtins(event)
    return _encoder.encode({renamed.get(name, name): value for name, value in built.items()})
