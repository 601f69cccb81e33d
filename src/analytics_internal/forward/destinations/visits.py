"""What receivers of web analytics ask for and Backstage's events do not say: a visitor, a page, an address. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from analytics_internal.event import milliseconds_of
from analytics_internal.forward.outgoing import Outgoing, Scalar
from analytics_internal.web_address import NoWebAddress, public

NAVIGATE = "navigate"
SEARCH = "search"
NOBODY = "nobody"
"""The one visitor of all events that have neither a person nor a session."""
FIELDS = ("action", "subject", "plugin", "entity", "path", "value", "user", "session_id", "imported", "agent")


def _portal_url(text: str) -> str:
    try:
        return public(text)
    except NoWebAddress:
        raise PydanticCustomError("not_allowed", "must be a web address like https://backstage.example.com") from None


PortalUrl = Annotated[str, AfterValidator(_portal_url)]
"""The portal's ``app.baseUrl``."""


def _field(text: str) -> str:
    part, _, name = text.partition(".")
    if text not in FIELDS and not (part in ("attributes", "context") and name):
        raise PydanticCustomError(
            "not_allowed",
            "must be one of {fields}, attributes.<name> or context.<name>",
            {"fields": ", ".join(FIELDS)},
        )
    return text


Field = Annotated[str, AfterValidator(_field)]
"""The name of a field of an event, as ``fields`` has it."""


def visitor_of(event: Outgoing) -> str:
    """Who an event is counted for: its person, else its session, else NOBODY."""
    if event.user is not None:
        return event.user
    return str(event.session_id) if event.session_id is not None else NOBODY


def visitor_hash(event: Outgoing, digest_size: int) -> bytes:
    """A hash of the visitor, the same in every event of the visitor."""
    return hashlib.blake2b(visitor_of(event).encode(), digest_size=digest_size).digest()


def session_start_s(event: Outgoing) -> int:
    """When the event's session began, in seconds since 1970: its id of version 7 says so.

    Of a session with another id, and of an event without one, it is the beginning of the event's day in UTC.
    """
    if event.session_id is not None and event.session_id.version == 7:
        return milliseconds_of(event.session_id) // 1_000
    return int(event.occurred_at.timestamp()) // 86_400 * 86_400


def happened_at(event: Outgoing) -> datetime:
    """When it happened; where a clock was ahead, when the service got it. Receivers take no times to come."""
    return min(event.occurred_at, event.received_at) if event.received_at is not None else event.occurred_at


def is_page_view(event: Outgoing) -> bool:
    return event.action == NAVIGATE and event.path is not None


def address_of(event: Outgoing, portal_url: str | None) -> str | None:
    """The whole address of the event's page; None without a path, or without the portal's address."""
    if event.path is None or not event.path.startswith("/"):
        return event.path  # None, or a page outside of the portal
    return f"{portal_url}{event.path}" if portal_url is not None else None


def field_of(event: Outgoing, name: str) -> Scalar:
    """A field of an event by its name, None where it is not there."""
    part, _, rest = name.partition(".")
    if not rest:
        found: Scalar = getattr(event, name)
        return str(found) if name == "session_id" and found is not None else found
    return (getattr(event, part) or {}).get(rest)


def own_fields(event: Outgoing) -> Iterator[tuple[str, Scalar]]:
    """What every event has beside attributes and context, where it is there."""
    for name in ("subject", "plugin", "entity", "path", "value", "agent"):
        if (value := getattr(event, name)) not in (None, ""):
            yield name, value
