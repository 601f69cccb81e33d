"""What is remembered to be fast, bounded by bytes: all caches of one process share the setting ``cache_bytes``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

DEFAULT_BYTES = 192 << 20
# What an entry takes besides its key and value: its places in a dictionary that grows by doubling.
ENTRY_BYTES = 160
# A larger entry is worth less than what it would push out.
LARGEST_ENTRY_BYTES = 8_192
# Of `cache_bytes`, in thousandths: what is looked up for every event has most.
SHARES: Mapping[str, int] = {
    "events": 125,
    "rows": 300,
    "items": 150,
    "paths": 100,
    "contexts": 75,
    "people": 75,
    "entities": 40,
    "plugins": 5,
    "actions": 5,
    "entity refs": 20,
    "plans": 35,
    "callers": 40,
    "memberships": 15,
    "decisions": 15,
}
assert sum(SHARES.values()) == 1_000, "the caches hold all of `cache_bytes`"

_bytes = DEFAULT_BYTES


def allow(cache_bytes: int) -> None:
    """How much all caches of this process may hold together, from now on."""
    global _bytes  # noqa: PLW0603 - some caches belong to functions, and all of them to one process
    _bytes = cache_bytes


def bound_of(name: str, cache_bytes: int | None = None) -> int:
    """The bytes that one cache may hold."""
    return (cache_bytes if cache_bytes is not None else _bytes) * SHARES[name] // 1_000


class Cache(Generic[Key, Value]):
    """Values by key, as many as fit. A hit costs one look-up: there is no order that it would change.

    Instead there are two generations. What is used moves to the younger one; when that holds half of the bytes, the
    older one is forgotten and the younger one takes its place.
    """

    def __init__(
        self, name: str, size_of: Callable[[Key, Value], int], largest_bytes: int = LARGEST_ENTRY_BYTES
    ) -> None:
        """``name`` is one of ``SHARES``; ``size_of`` the bytes of a key and its value."""
        assert name in SHARES, "a cache without a bound"
        self.name = name
        self._size_of = size_of
        self._largest_bytes = largest_bytes
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._young_bytes = 0
        self._old_bytes = 0

    @property
    def bytes(self) -> int:
        """What is held now; never more than the bound."""
        return self._young_bytes + self._old_bytes

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Value | None:
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self._old_bytes -= ENTRY_BYTES + self._size_of(key, found)
                self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> None:
        """Remember a value, unless it is too large to be worth it."""
        size = ENTRY_BYTES + self._size_of(key, value)
        half = bound_of(self.name) // 2
        if size > min(self._largest_bytes, half):
            return
        self.forget(key)
        if self._young_bytes + size > half:
            self._old, self._old_bytes = self._young, self._young_bytes
            self._young, self._young_bytes = {}, 0
        self._young[key] = value
        self._young_bytes += size

    def forget(self, key: Key) -> None:
        if (value := self._young.pop(key, None)) is not None:
            self._young_bytes -= ENTRY_BYTES + self._size_of(key, value)
        elif (value := self._old.pop(key, None)) is not None:
            self._old_bytes -= ENTRY_BYTES + self._size_of(key, value)

    def clear(self) -> None:
        self._young, self._old = {}, {}
        self._young_bytes = self._old_bytes = 0


def size_of(*values: object) -> int:
    """The bytes of texts and numbers, and of tuples and sets of them."""
    size = 0
    for value in values:
        size += sys.getsizeof(value)
        if isinstance(value, tuple | frozenset):
            size += size_of(*value)
    return size
