"""Follow a catalog: read it every few minutes, and say how it is."""

from __future__ import annotations

import asyncio
import contextlib
import time

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from analytics_internal.catalog.history import READING_S, History, Taken
from analytics_internal.catalog.source import CatalogUnavailable, Found, Source
from analytics_internal.log import TRANSIENT_ERRORS, Pool

FIRST_RETRY_S = 5.0
SHOWN_REFUSALS = 10

log = structlog.get_logger(__name__)
reads_total = Counter(
    "analytics_internal_catalog_reads_total", "Reads of the portal's catalog by this service", ["outcome"]
)
entities_gauge = Gauge("analytics_internal_catalog_entities", "Entities in the catalog when this service last read it")


class Following:
    """Keeps one database's history up to date with a source, together with the other services."""

    def __init__(self, pool: Pool, source: Source, interval_s: float) -> None:
        """``interval_s``: how often the source is to be read, or to be found the same."""
        self._history = History(pool)
        self._source = source
        self._interval_s = interval_s
        self._failures = 0
        self._reason = ""
        self._refused: list[str] = []
        self._seen_at: float | None = None
        """When the source was last found to be, or to become, what is known."""

    async def follow(self) -> None:
        """For ever; logs failures. Cancelled, it lets another service read at once."""
        try:
            while True:
                pause_s = await self.round()
                await asyncio.sleep(pause_s)
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(asyncio.shield(self._history.release()), 2)

    async def round(self) -> float:
        """Read the source if it is this service's turn. Returns how many seconds to wait for the next time."""
        pause_s = self._pause_s()
        now = time.monotonic()
        if self._seen_at is not None and now < self._seen_at + self._interval_s and self._source.is_same():
            return pause_s
        try:
            # A service that has just started reads at once, almost: its settings may be others.
            if not await self._history.claim(0.9 * pause_s if self._seen_at is not None else FIRST_RETRY_S):
                return pause_s if self._seen_at is not None else min(pause_s, FIRST_RETRY_S)
            self._seen_at = now
            await self._read()
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            # What a server says may repeat rows; of a missing right it names the table alone.
            said = str(error) if isinstance(error, asyncpg.InsufficientPrivilegeError) else type(error).__name__
            log.warning("the catalog's history cannot be written", error=said)
            self._source.forget()
            self._failures += 1
        except Exception:  # the next round tries again
            log.exception("the catalog cannot be followed")
            self._source.forget()
            self._failures += 1
        return self._pause_s()

    def _pause_s(self) -> float:
        if self._failures == 0:
            return self._source.interval_s
        return min(FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10), self._interval_s)

    async def _read(self) -> None:
        source = self._source
        try:
            found = await self._found()
        except CatalogUnavailable as error:
            self._failed(str(error))
            await self._history.failed(source.name, str(error))
            return
        if found is None:
            await self._history.unchanged(source.name, self._interval_s)
            self._failures = 0
            return
        taken = await self._history.take(found, source.name)
        self._refusals(found.refused)
        if taken is None:
            source.forget()
            reads_total.labels("overtaken").inc()
        elif taken.doubt is not None:
            source.forget()
            self._failed(f"{source.name} {taken.doubt}")
        else:
            self._taken(taken)

    async def _found(self) -> Found | None:
        """What the source has, however long it takes to read."""
        holding = asyncio.create_task(self._hold())
        try:
            return await self._source.read()
        finally:
            holding.cancel()

    async def _hold(self) -> None:
        may_read = True
        while may_read:
            await asyncio.sleep(READING_S / 3)
            with contextlib.suppress(*TRANSIENT_ERRORS, asyncpg.PostgresError):  # the next time is early enough
                may_read = await self._history.hold()

    def _failed(self, reason: str) -> None:
        self._failures += 1
        reads_total.labels("failed").inc()
        if reason != self._reason:
            log.warning("the catalog was not read", reason=reason)
        self._reason = reason

    def _taken(self, taken: Taken) -> None:
        self._failures, self._reason = 0, ""
        reads_total.labels("taken").inc()
        entities_gauge.set(taken.entities)
        if taken.added or taken.closed:
            log.info("the catalog changed", entities=taken.entities, added=taken.added, closed=taken.closed)

    def _refusals(self, refused: list[str]) -> None:
        if refused != self._refused:
            self._refused = refused
            for reason in refused[:SHOWN_REFUSALS]:
                log.warning("not an entity", source=self._source.name, reason=reason)
            if len(refused) > SHOWN_REFUSALS:
                log.warning("not entities", source=self._source.name, more=len(refused) - SHOWN_REFUSALS)
