"""Split a request's body, one event or a batch, into its events without validating them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime

import msgspec

from analytics_internal.errors import HttpProblem
from analytics_internal.event.spans import elements, members
from analytics_internal.event.wire import WireBatch


class Batch(msgspec.Struct, frozen=True):
    """A decoded request body: each entry is one event's JSON text, not yet validated."""

    events: Sequence[msgspec.Raw | bytes]
    sent_at: datetime | None = None
    is_imported: bool = False


class NotABatch(HttpProblem):
    kind, status, title = "not-a-batch", 400, "The body is neither an event nor a batch of events"


class _Envelope(msgspec.Struct, rename="camel"):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    sent_at: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    imported: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_wire_batch = msgspec.json.Decoder(WireBatch)


def decode_body(body: bytes, max_events: int) -> Batch:
    """Split a request body into its events without validating them.

    Raises:
        NotABatch: the body is not JSON, is neither an event nor a batch, or has more than ``max_events`` events.
    """
    try:
        envelope = _envelope.decode(body)
        batch = _wire_batch.decode(body) if envelope.events is not msgspec.UNSET else Batch([body])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _decode_leniently(body, max_events, error)
    if isinstance(batch, WireBatch):
        batch = Batch(batch.events, batch.sent_at, batch.imported)
    return _limited(batch, max_events)


def _decode_leniently(body: bytes, max_events: int, error: Exception) -> Batch:
    """Split a body that msgspec rejects, so that a faulty event does not fail the others."""
    if isinstance(error, msgspec.ValidationError):
        raise NotABatch(f'{error}; allowed is one event object or {{"events": [event, …], "sentAt"?, "imported"?}}')
    body = _as_utf8(body)
    try:
        surrounding = members(body)
        events = elements(surrounding.pop("events"), max_events + 1) if "events" in surrounding else None
        if events is not None and len(events) > max_events:
            raise NotABatch(f"a batch has at most {max_events:,} events; this one has more")
        for text in events if events is not None else [body]:
            _check(text)
    except ValueError as fault:
        raise NotABatch(f"the body is not JSON, or neither an event nor a batch: {fault}") from fault
    if events is None:
        return Batch([body])
    # msgspec checks the surrounding fields as always.
    fields = [f"{json.dumps(name)}:".encode() + text for name, text in surrounding.items()]
    try:
        rest = _wire_batch.decode(b"{" + b",".join([*fields, b'"events":[]']) + b"}")
    except RecursionError as fault:
        raise NotABatch("what surrounds `events` is nested too deep") from fault
    except (msgspec.DecodeError, ValueError) as fault:
        raise NotABatch(str(fault)) from fault
    return _limited(Batch(events, rest.sent_at, rest.imported), max_events)


def _as_utf8(body: bytes) -> bytes:
    """The body in UTF-8 without a byte order mark, also from the other encodings that JSON once had."""
    try:
        return body.decode(json.detect_encoding(body), "surrogatepass").encode("utf-8", "surrogatepass")
    except UnicodeError:
        return body


def _check(text: bytes) -> None:
    """Raise ValueError if an event's text is no JSON at all: then the next event cannot be found.

    Deep nesting, large numbers and invalid Unicode are still JSON: such an event gets its own verdict.
    """
    with contextlib.suppress(RecursionError):
        _form.decode(text.decode("utf-8", "replace").strip())


# Numbers are not converted: int() refuses those with thousands of digits.
_form = json.JSONDecoder(parse_int=len, parse_float=len)


def _limited(batch: Batch, max_events: int) -> Batch:
    if len(batch.events) > max_events:
        raise NotABatch(f"a batch has at most {max_events:,} events; this one has {len(batch.events):,}")
    return batch
