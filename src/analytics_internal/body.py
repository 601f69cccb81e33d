"""A request's body: one event or a batch, taken apart without judging the events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec


class Batch(msgspec.Struct, frozen=True):
    """A decoded request body: each entry is one event's JSON text, still to be judged."""

    events: Sequence[msgspec.Raw | bytes]
    sent_at: datetime | None = None
    is_imported: bool = False


class NotABatch(ValueError):
    """The body as a whole is neither an event nor a batch; the message says why and what is allowed."""


class _Envelope(msgspec.Struct, rename="camel"):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    sent_at: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    imported: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _StrictBatch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    events: list[msgspec.Raw]
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    imported: bool = False


_envelope = msgspec.json.Decoder(_Envelope)
_strict_batch = msgspec.json.Decoder(_StrictBatch)


def decode_body(body: bytes, max_events: int) -> Batch:
    """Split a request body into its events without judging them.

    Raises:
        NotABatch: it is no JSON, neither an object nor a batch, or has more than ``max_events`` events.
    """
    try:
        envelope = _envelope.decode(body)
        batch = _strict_batch.decode(body) if envelope.events is not msgspec.UNSET else Batch([body])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _decode_leniently(body, max_events, error)
    if isinstance(batch, _StrictBatch):
        batch = Batch(batch.events, batch.sent_at, batch.imported)
    return _limited(batch, max_events)


def _decode_leniently(body: bytes, max_events: int, error: Exception) -> Batch:
    """Take apart what msgspec refuses whole: one lone surrogate must not fail the events around it."""
    if isinstance(error, msgspec.ValidationError):
        raise NotABatch(f'{error}; allowed is one event object or {{"events": [event, …], "sentAt"?, "imported"?}}')
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as parse_error:
        raise NotABatch(f"the body is not JSON: {error}") from parse_error
    if not isinstance(parsed, dict):
        raise NotABatch('the body must be one event object or {"events": [event, …]}')
    if "events" not in parsed:
        return Batch([body])
    events = parsed.pop("events")
    if not isinstance(events, list):
        raise NotABatch("`events` must be a list of event objects")
    # Only the surrounding fields are left: msgspec checks them as always.
    try:
        rest = _strict_batch.decode(json.dumps({**parsed, "events": []}).encode())
    except (msgspec.DecodeError, ValueError) as rest_error:
        raise NotABatch(str(rest_error)) from rest_error
    texts = [json.dumps(event).encode() for event in events]
    return _limited(Batch(texts, rest.sent_at, rest.imported), max_events)


def _limited(batch: Batch, max_events: int) -> Batch:
    if len(batch.events) > max_events:
        raise NotABatch(f"a batch has at most {max_events:,} events; this one has {len(batch.events):,}")
    return batch
