"""Pseudonyms: what a person is called outside of the company."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac

import structlog

from analytics_internal.event import composed, normalise_entity_ref
from analytics_internal.forward.reading import SQL
from analytics_internal.log import Connection

log = structlog.get_logger(__name__)
PREFIX = "p-"
REMEMBERED = 8_192


class Pseudonyms:
    """The pseudonyms of one installation: the same person has the same one in every destination."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = functools.lru_cache(REMEMBERED)(self._of)
        """The pseudonym of a person, by ref: like ``p-`` and 26 letters and digits. Nobody finds it without the key."""

    def __repr__(self) -> str:
        return "Pseudonyms(…)"  # the key is never shown

    def _of(self, ref: str) -> str:
        normalised = normalise_entity_ref(ref, "user") or ref
        digest = hmac.digest(self._key, composed(normalised).encode("utf-8", "surrogatepass"), hashlib.sha256)
        return PREFIX + base64.b32encode(digest[:16]).decode().rstrip("=").lower()


async def key_in(connection: Connection) -> bytes:
    """The installation's key. Where its row is missing a new one is made: from then on people have other pseudonyms."""
    found = await connection.fetchval(SQL["pseudonym_key"])
    if found is None:
        await connection.execute(SQL["make_pseudonym_key"])
        log.warning("there was no key for pseudonyms; a new one was made, and people have other pseudonyms now")
        found = await connection.fetchval(SQL["pseudonym_key"])
    assert isinstance(found, bytes), "the key was deleted while it was read"
    return found
