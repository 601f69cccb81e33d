"""The small tables that name things: from a text to the integer that stands for it in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import asyncpg

from analytics_internal.cache import Cache, size_of
from analytics_internal.log import sequences
from analytics_internal.log.connection import Connection

Key = tuple[object, ...]


class LogChanged(Exception):
    """The database is not the log that was remembered. Nothing of the batch was stored."""


def digest(*parts: str) -> UUID:
    """128 bits that stand for these texts in a unique index."""
    return UUID(bytes=hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest())


def digest_of(key: Key) -> UUID:
    """The digest of a row's key."""
    return digest(*map(str, key))


class Names:
    """Integer ids of one table's rows by key, known ones from memory.

    Rows are made in a transaction of their own, before the events that use them: what is in the log is always
    named, and no batch waits for another one's names. What is found or made has to be proven by each batch that uses
    it until the transaction of one has seen it (``remember``): the connection may lead to another database by then.
    """

    def __init__(self, table: str, columns: tuple[str, ...], types: tuple[str, ...], remembered_as: str) -> None:
        """``remembered_as`` is the share of the caches that the known names take."""
        self._table = table
        self._id_column = f"{table}_id"
        # The id, or below zero the id of a name that is not proven yet.
        self._known: Cache[Key, int] = Cache(remembered_as, size_of)
        self._find = f"SELECT digest, {self._id_column} FROM {table} WHERE digest = ANY($1::uuid[])"
        arrays = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(("uuid", *types), start=1))
        self._make = (
            f"INSERT INTO {table} (digest, {', '.join(columns)}) SELECT * FROM unnest({arrays}) "
            f"ON CONFLICT (digest) DO NOTHING"
        )

    async def resolve(
        self, connection: Connection, rows: Iterable[Key], new: dict[Key, int], key_columns: int = 1
    ) -> dict[Key, int]:
        """The id of every row's key. A row is (key…, further columns…); ``key_columns`` of them tell it from others.

        Those that are to be proven are added to ``new`` as well. Raises LogChanged.
        """
        ids: dict[Key, int] = {}
        missing: dict[Key, Key] = {}
        for row in rows:
            key = row[:key_columns]
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
        """Know these from now on: a committed batch has used them."""
        for key, id_ in proven.items():
            self._known.put(key, id_)

    async def _find_or_make(self, connection: Connection, missing: dict[Key, Key]) -> dict[Key, int]:
        keys = {digest_of(key): key for key in missing}
        found = await connection.fetch(self._find, list(keys))
        # In the order of their digests: two writers with the same new names wait for each other, never in a circle.
        made = sorted(keys.keys() - {row[0] for row in found})
        if made:
            columns = zip(*(missing[keys[one]] for one in made), strict=True)
            await self._make_rows(connection, made, *map(list, columns))
            found += await connection.fetch(self._find, made)
        if len(found) < len(keys):
            raise LogChanged("names that were made a moment ago are not in this database")
        return {keys[row[0]]: int(row[1]) for row in found}

    async def _make_rows(self, connection: Connection, *columns: list[object] | list[UUID]) -> None:
        try:
            await connection.execute(self._make, *columns)
        except asyncpg.UniqueViolationError as error:
            if not sequences.is_behind(error, self._table):
                raise
            await sequences.set_forward(connection, self._table, self._id_column)
            await connection.execute(self._make, *columns)
