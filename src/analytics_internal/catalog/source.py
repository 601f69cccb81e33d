"""Where the catalog comes from: what a source gives, and what it says when it cannot."""

from __future__ import annotations

from typing import Protocol

import msgspec

from analytics_internal.catalog.versions import Version
from analytics_internal.errors import AnalyticsError


class CatalogUnavailable(AnalyticsError):
    """The catalog could not be read; the message says why, and what to do."""


class Found(msgspec.Struct, frozen=True):
    """Everything that a source has."""

    versions: list[Version]
    is_whole_history: bool = False
    """The source says when everything held; otherwise it holds now."""
    refused: list[str] = []
    """What is no entity: where it is, and why it is none."""


class Source(Protocol):
    """A catalog that can be read as a whole."""

    @property
    def name(self) -> str:
        """What is read, for people. Without secrets."""
        ...

    @property
    def interval_s(self) -> float:
        """How often it is worth reading."""
        ...

    def is_same(self) -> bool:
        """Whether it is known, without reading, that nothing has changed since the last read."""
        ...

    async def read(self) -> Found | None:
        """Everything in it; None when it is what was read last. Raises CatalogUnavailable."""
        ...

    def forget(self) -> None:
        """What was read last was not taken: read it again."""
        ...

    async def close(self) -> None: ...


class NoSource:
    """Stands for a catalog that nobody has configured: says how to get one."""

    name = "none"

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s

    def is_same(self) -> bool:
        return False

    async def read(self) -> Found | None:
        """Raises CatalogUnavailable."""
        raise CatalogUnavailable(
            "no catalog is configured: set portal_url and portal_token (mode managed of the bridge sets both), or "
            "catalog_file"
        )

    def forget(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        """Nothing is open."""
