"""The wire form: events as clients send them, and the verdicts they get."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

Scalar = str | bool | int | float | None
Reason = Literal[
    "invalid_event",
    "invalid_text",
    "invalid_id",
    "invalid_user",
    "invalid_value",
    "reserved_action",
    "too_large",
    "too_old",
    "in_the_future",
    "conflict",
    "unstorable",
]


class WireEvent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One event as a client sends it: Backstage's ``AnalyticsEvent`` and our module's fields."""

    action: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    subject: Annotated[str, msgspec.Meta(description="Up to 2,048 characters of what is kept of it")]
    value: float | None = None
    attributes: dict[str, Scalar] | None = None
    context: dict[str, Scalar] | None = None
    id: Annotated[str | None, msgspec.Meta(description="A UUID of version 7; without one the server makes it")] = None
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    session_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class WireBatch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Events of one request, each of them left undecoded."""

    events: list[msgspec.Raw]
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    imported: bool = False


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The outcome of one submitted event."""

    id: str | None
    status: Literal["stored", "duplicate", "rejected"]
    reason: Reason | None = None
    detail: str | None = None


class Verdicts(msgspec.Struct, frozen=True, gc=False):
    """What became of a request's events, in their order."""

    success: Literal[True]
    results: list[Verdict]


class SentEvent(WireEvent, gc=False):
    """A wire event whose attributes and context stay undecoded: most contents are cached."""

    attributes: msgspec.Raw = msgspec.Raw(b"null")  # type: ignore[assignment]
    context: msgspec.Raw = msgspec.Raw(b"null")  # type: ignore[assignment]
