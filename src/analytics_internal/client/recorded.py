"""Turn recorded lines into events to send, with the same id at every import. Pure."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from analytics_internal.errors import AnalyticsError
from analytics_internal.event import version_7

# The time in ids of lines without a time: the earliest that the service accepts.
UNTIMED = datetime(2000, 1, 1, tzinfo=UTC)
# An event further in the future is rejected anyway; its id must not be the reason given.
MAX_AHEAD = timedelta(days=2)
# The service's limit for one request is 1 MiB.
MAX_EVENT_BYTES = 900_000
OF_EXPORT = frozenset({"position", "batch", "receivedAt", "imported"})


class Unreadable(AnalyticsError):
    """A line is not an event; the message says why."""


class Recording:
    """The lines of one file, in order.

    Identical lines are different events: people do the same thing twice. Their ordinal among identical lines is part of
    their id, which costs some 100 bytes of memory per line without an id.
    """

    def __init__(self, user: str | None = None) -> None:
        """``user``: the person for events that name no user."""
        self._user = user
        self._seen: dict[int, int] = {}

    def event(self, line: bytes) -> str:
        """The line as JSON text of an event with an id. Raises Unreadable."""
        fields = _fields(line)
        if self._user is not None:
            fields.setdefault("user", self._user)
        try:
            text = _encoder.encode(fields)
        except ValueError as error:
            raise Unreadable("not JSON: a number is too large") from error
        if len(text) > MAX_EVENT_BYTES:
            raise Unreadable(f"an event of {len(text):,} bytes is too large for one request")
        if "id" in fields:
            return text
        return f'{{"id":"{self._id(text, fields.get("occurredAt"))}"' + ("," if fields else "") + text[1:]

    def _id(self, text: str, occurred_at: object) -> UUID:
        content = text.encode()
        key = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
        ordinal = self._seen.get(key, 0)
        self._seen[key] = ordinal + 1
        return derived_id(content, ordinal, _time(occurred_at))


def derived_id(content: bytes, ordinal: int, at: datetime) -> UUID:
    """The UUIDv7 with the time ``at`` that the ``ordinal``-th event with this content always gets."""
    digest = hashlib.blake2b(b"%d\0%b" % (ordinal, content), digest_size=10).digest()
    return version_7(int(at.timestamp() * 1000), int.from_bytes(digest, "big"))


def _fields(line: bytes) -> dict[str, object]:
    """A line's fields, under their ingest names. Raises Unreadable."""
    try:
        found = _decoder.decode(line.decode())
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error.reason} at byte {error.start + 1}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error or 'nested too deep'}") from error
    if not isinstance(found, dict):
        raise Unreadable("not an object")
    event = found.pop("event", None)
    if isinstance(event, dict):
        found = {_INGEST_NAMES.get(name, name): value for name, value in found.items()} | event
    elif event is not None:
        raise Unreadable("`event` is not an object")
    return {name: value for name, value in found.items() if value is not None and name not in OF_EXPORT}


def _time(occurred_at: object) -> datetime:
    """The time for the id. The service reports invalid times itself."""
    try:
        at = msgspec.convert(occurred_at, datetime)
    except msgspec.ValidationError:
        return UNTIMED
    is_possible = at.tzinfo is not None and UNTIMED <= at <= datetime.now(UTC) + MAX_AHEAD
    return at if is_possible else UNTIMED


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


_INGEST_NAMES = {"at": "occurredAt"}
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
