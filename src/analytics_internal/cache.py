"""Caches bounded by bytes. All caches of a process share the setting ``cache_bytes``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Generic, TypeVar

from cachetools import LRUCache, TTLCache

Key = TypeVar("Key")
Value = TypeVar("Value")

DEFAULT_BYTES = 192 << 20
# What an entry takes besides its key and value: its places in three dictionaries, which grow by doubling.
ENTRY_BYTES = 440
# A larger entry is worth less than what it would push out.
LARGEST_ENTRY_BYTES = 8_192
# Shares of `cache_bytes` in thousandths. What is looked up for every event has the most.
SHARES: Mapping[str, int] = {
    "events": 125,
    "rows": 300,
    "items": 150,
    "paths": 100,
    "contexts": 75,
    "people": 90,
    "agents": 5,
    "entities": 40,
    "plugins": 5,
    "actions": 5,
    "plans": 35,
    "callers": 40,
    "memberships": 15,
    "decisions": 15,
}
assert sum(SHARES.values()) == 1_000, "the caches hold all of `cache_bytes`"

_bytes = DEFAULT_BYTES


def allow(cache_bytes: int) -> None:
    """Set how many bytes all caches of this process may hold together."""
    global _bytes  # noqa: PLW0603 - some caches belong to functions, and all of them to one process
    _bytes = cache_bytes


def bound_of(name: str, cache_bytes: int | None = None) -> int:
    """The bytes that one cache may hold."""
    return (cache_bytes if cache_bytes is not None else _bytes) * SHARES[name] // 1_000


class Cache(Generic[Key, Value]):
    """Values by key: the last used ones, as many as fit. Not for use by several threads."""

    def __init__(
        self,
        name: str,
        size_of: Callable[[Key, Value], int],
        largest_bytes: int = LARGEST_ENTRY_BYTES,
        holds_for_s: float | None = None,
    ) -> None:
        """``name`` is one of ``SHARES``; ``size_of`` the bytes of a key and its value."""
        self.name = name
        self._size_of = size_of
        self._largest_bytes = largest_bytes
        self._holds_for_s = holds_for_s
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        size, bound = itemgetter(1), bound_of(self.name)
        self._entries: LRUCache[Key, tuple[Value, int]] | TTLCache[Key, tuple[Value, int]] = (
            LRUCache(bound, size)
            if self._holds_for_s is None
            else TTLCache(bound, self._holds_for_s, time.monotonic, size)
        )

    @property
    def bytes(self) -> int:
        """What is held now; never more than the bound."""
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        try:
            return self._entries[key][0]
        except KeyError:
            return None

    def put(self, key: Key, value: Value) -> None:
        """Remember a value, unless it is too large to be worth it."""
        if self._entries.maxsize != bound_of(self.name):  # some caches are made before the settings are read
            self.clear()
        size = ENTRY_BYTES + self._size_of(key, value)
        if size <= min(self._largest_bytes, self._entries.maxsize // 2):
            self._entries[key] = (value, size)


def size_of(*values: object) -> int:
    """The bytes of texts and numbers, and of tuples and sets of them."""
    size = 0
    for value in values:
        size += sys.getsizeof(value)
        if isinstance(value, tuple | frozenset):
            size += size_of(*value)
    return size
