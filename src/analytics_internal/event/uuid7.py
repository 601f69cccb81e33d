"""UUIDs of version 7 (RFC 9562): 48 bits of time in milliseconds since 1970, the rest free."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import datetime
from uuid import UUID


def version_7(milliseconds: int, rest: int) -> UUID:
    """The UUID of this time and the low 80 bits of ``rest``, of which version and variant replace six."""
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | rest & (1 << 80) - 1
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def milliseconds_of(id_: UUID) -> int:
    """The time in a UUID of version 7, in milliseconds since 1970."""
    return id_.int >> 80


def key_of(sender: str, log_key: bytes) -> bytes:
    """The key that one sender's ids are derived with."""
    return hashlib.blake2b(sender.encode(), key=log_key, digest_size=32).digest()


def stored_id(sent_id: UUID, key: bytes) -> UUID:
    """The id that one sender's event is stored under: it has the same time, and no other sender can get it.

    The same sent id always gives the same stored id. Without the key it cannot be guessed.
    """
    digest = hashlib.blake2b(sent_id.bytes, key=key, digest_size=10).digest()
    return version_7(milliseconds_of(sent_id), int.from_bytes(digest, "big"))


def uuid7(at: datetime | None = None) -> UUID:
    """A random UUID of version 7 with the time ``at``, by default now."""
    milliseconds = int((at.timestamp() if at is not None else time.time()) * 1000)
    return version_7(milliseconds, secrets.randbits(80))
