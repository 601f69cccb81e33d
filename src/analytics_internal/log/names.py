"""The small tables that name things: from a text to the integer that stands for it in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

from analytics_internal.cache import Cache, size_of
from analytics_internal.log.connection import Connection


def digest(*parts: str) -> UUID:
    """128 bits that stand for these texts in a unique index."""
    return UUID(bytes=hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest())


class Names:
    """Integer ids of one table's rows by key, known ones from memory.

    Rows are made in a transaction of their own, before the events that use them: what is in the log is always
    named, and no batch waits for another one's names.
    """

    def __init__(self, table: str, columns: tuple[str, ...], types: tuple[str, ...], remembered_as: str) -> None:
        """``remembered_as`` is the share of the caches that the known names take."""
        id_column = f"{table}_id"
        self._known: Cache[tuple[object, ...], int] = Cache(remembered_as, size_of)
        self._find = f"SELECT digest, {id_column} FROM {table} WHERE digest = ANY($1::uuid[])"
        arrays = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(("uuid", *types), start=1))
        self._make = (
            f"INSERT INTO {table} (digest, {', '.join(columns)}) SELECT * FROM unnest({arrays}) "
            f"ON CONFLICT (digest) DO NOTHING"
        )

    async def resolve(
        self, connection: Connection, rows: Iterable[tuple[object, ...]], key_columns: int = 1
    ) -> dict[tuple[object, ...], int]:
        """The id of every row's key. A row is (key…, further columns…); ``key_columns`` of them tell it from others."""
        ids: dict[tuple[object, ...], int] = {}
        missing: dict[tuple[object, ...], tuple[object, ...]] = {}
        for row in rows:
            key = row[:key_columns]
            known = self._known.get(key)
            if known is None:
                missing.setdefault(key, row)
            else:
                ids[key] = known
        if missing:
            ids |= await self._find_or_make(connection, missing)
        return ids

    async def _find_or_make(
        self, connection: Connection, missing: dict[tuple[object, ...], tuple[object, ...]]
    ) -> dict[tuple[object, ...], int]:
        keys = {digest(*map(str, key)): key for key in missing}
        found = await connection.fetch(self._find, list(keys))
        # In the order of their digests: two writers with the same new names wait for each other, never in a circle.
        made = sorted(keys.keys() - {row[0] for row in found})
        if made:
            columns = zip(*(missing[keys[one]] for one in made), strict=True)
            await connection.execute(self._make, made, *map(list, columns))
            found += await connection.fetch(self._find, made)
        ids = {keys[row[0]]: int(row[1]) for row in found}
        for key, id_ in ids.items():
            self._known.put(key, id_)
        return ids
