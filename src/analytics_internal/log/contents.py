"""Whether the log still says what was stored: hashes and digests computed again from what it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from analytics_internal.event import stored_fields, stored_hash, stored_text
from analytics_internal.log.connection import Connection
from analytics_internal.log.names import digest
from analytics_internal.log.statements import SQL

PREFETCHED = 2_000
NAMES = ("action", "item", "person", "plugin", "entity", "path", "context")


async def changed_events(connection: Connection) -> AsyncIterator[UUID]:
    """The ids of events that say something else than when they were stored: a name of theirs changed hands.

    Events whose names are missing cannot be judged and are left out.
    """
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(SQL["stored_contents"], prefetch=PREFETCHED):
            id_, content_hash, *content = row
            try:
                is_same = stored_hash(*content) == content_hash
            except msgspec.DecodeError:
                is_same = False
            if not is_same:
                yield id_


async def changed_names(connection: Connection, table: str) -> AsyncIterator[int]:
    """The numbers of one naming table's rows whose text is not the one that they were made for."""
    async with connection.transaction(readonly=True):
        async for number, key_digest, *key in connection.cursor(SQL[f"stored_{table}"], prefetch=PREFETCHED):
            try:
                text = [str(stored_text(stored_fields(key[0])))] if table == "context" else map(str, key)
                is_same = digest(*text) == key_digest
            except msgspec.DecodeError:
                is_same = False
            if not is_same:
                yield number
