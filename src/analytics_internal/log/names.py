"""The naming tables: each gives a text the integer that stands for it in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

from analytics_internal.cache import Cache, size_of
from analytics_internal.dimensions import Table
from analytics_internal.errors import AnalyticsError
from analytics_internal.log import sequences
from analytics_internal.log.connection import Connection

Key = tuple[object, ...]


class LogChanged(AnalyticsError):
    """The database holds another log than before. Nothing of the batch was stored."""


def digest(*parts: str) -> UUID:
    """A 128-bit hash that stands for these texts in a unique index."""
    return UUID(bytes=hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest())


def digest_of(key: Key) -> UUID:
    """The digest of a row's key."""
    return digest(*map(str, key))


class Names:
    """The ids of one naming table's rows by key; known ones come from memory.

    Rows are made in a transaction of their own, before the events that use them: stored events always have their names,
    and no batch waits for another one's. Each batch must prove the ids it uses until one has committed them
    (``remember``): by then the connection may lead to another database.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        # The id; negative while the name is not proven.
        self._known: Cache[Key, int] = Cache(table.plural, size_of)
        self._find = f"SELECT digest, {table.id_column} FROM {table.name} WHERE digest = ANY($1::uuid[])"
        arrays = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(("uuid", *table.columns.values()), start=1))
        self._make = (
            f"INSERT INTO {table.name} (digest, {', '.join(table.columns)}) SELECT * FROM unnest({arrays}) "
            f"ON CONFLICT (digest) DO NOTHING"
        )

    async def resolve(self, connection: Connection, rows: Iterable[Key], new: dict[Key, int]) -> dict[Key, int]:
        """The id of each row's key: the row's first ``Table.key_columns`` columns.

        Ids still to be proven are also added to ``new``. Raises LogChanged.
        """
        ids: dict[Key, int] = {}
        missing: dict[Key, Key] = {}
        for row in rows:
            key = row[: self._table.key_columns]
            known = self._known.get(key)
            if known is None:
                missing.setdefault(key, row)
            elif known > 0:
                ids[key] = known
            else:
                ids[key] = new[key] = -known
        if missing:
            found = await self._find_or_make(connection, missing)
            for key, id_ in found.items():
                self._known.put(key, -id_)
            new |= found
            ids |= found
        return ids

    def remember(self, proven: dict[Key, int]) -> None:
        """Remember these names as proven: a committed batch has used them."""
        for key, id_ in proven.items():
            self._known.put(key, id_)

    async def _find_or_make(self, connection: Connection, missing: dict[Key, Key]) -> dict[Key, int]:
        keys = {digest_of(key): key for key in missing}
        found = await connection.fetch(self._find, list(keys))
        # In the order of digests, so that two writers with the same new names cannot deadlock.
        made = sorted(keys.keys() - {row[0] for row in found})
        if made:
            columns = zip(*(missing[keys[one]] for one in made), strict=True)
            arguments = (made, *map(list, columns))
            await sequences.retried(
                connection, self._table.name, self._table.id_column, lambda: connection.execute(self._make, *arguments)
            )
            found += await connection.fetch(self._find, made)
        if len(found) < len(keys):
            raise LogChanged("this database lacks names that were just made")
        return {keys[row[0]]: int(row[1]) for row in found}
