"""Check the log's contents: compute their hashes and digests again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from analytics_internal.dimensions import TABLES
from analytics_internal.event import stored_fields, stored_hash, stored_text
from analytics_internal.log.connection import Connection
from analytics_internal.log.names import digest
from analytics_internal.log.statements import SQL

PREFETCHED = 2_000


async def changed_events(connection: Connection) -> AsyncIterator[UUID]:
    """The ids of events whose content differs from what was stored, because one of their names was changed.

    Events with missing names cannot be checked and are left out.
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
    """The ids of one naming table's rows whose text was changed since they were made."""
    sql = f"SELECT {table}_id, digest, {', '.join(TABLES[table].key)} FROM {table}"
    async with connection.transaction(readonly=True):
        async for number, key_digest, *key in connection.cursor(sql, prefetch=PREFETCHED):
            try:
                text = [str(stored_text(stored_fields(key[0])))] if table == "context" else map(str, key)
                is_same = digest(*text) == key_digest
            except msgspec.DecodeError:
                is_same = False
            if not is_same:
                yield number
