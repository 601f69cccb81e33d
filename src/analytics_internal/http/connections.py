"""All connections of one service: how many there may be, for how long, and which are closed to make room.

`http/connection.py` limits the memory of each connection. Both hold for every client, with or without a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import resource
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from analytics_internal.settings import Settings

# Open files that are not clients: the database's, the reader's, spooled results, requests to the portal.
RESERVED_FILES = 192
# Connections beyond `connections`, which only health checks may use.
SPARE = 32
MOST_FILES = 65_536
TICK_S = 0.5

log = structlog.get_logger(__name__)
open_connections = Gauge("analytics_internal_connections", "Open connections of clients")
dropped_total = Counter(
    "analytics_internal_dropped_connections_total", "Connections closed by us, by reason", ["reason"]
)


class Phase(enum.Enum):
    """What a connection is doing."""

    NEW = "new"
    """Nothing was received yet."""
    IDLE = "idle"
    """All requests are answered; no new one has begun."""
    READING = "reading"
    """A head or a body is being received."""
    ANSWERING = "answering"
    """The request is complete; its answer is being made or sent."""
    UNREAD = "unread"
    """The client does not read its answer."""
    LEAVING = "leaving"
    """A refusal was sent; the client has a moment to read it."""


GIVES_WAY = (Phase.NEW, Phase.IDLE, Phase.UNREAD, Phase.READING)


class Limits(msgspec.Struct, frozen=True):
    """Limits for clients; each is a setting or follows from one."""

    connections: int = 2_000
    head_bytes: int = 32_768
    head_timeout_s: float = 10
    idle_timeout_s: float = 75
    transfer_timeout_s: float = 30
    body_bytes: int = 1 << 20
    """Of one request."""
    bodies_bytes: int = 128 << 20
    """Of all unanswered requests together."""


class Watched(Protocol):
    """What this module needs of a connection."""

    @property
    def phase(self) -> Phase: ...

    @property
    def since(self) -> float:
        """Since when it waits."""

    def check(self, now: float) -> None:
        """Close the connection if the client has taken too long."""

    def cut(self) -> None:
        """Close at once; unsent bytes are lost."""


class Connections:
    """The open connections of one service. Used in its event loop only."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.now = 0.0
        """The loop's time at the last tick: exact to half a second, and costs a request nothing."""
        self.bodies_bytes = 0
        # Oldest first.
        self._open: dict[Watched, None] = {}

    @property
    def are_full(self) -> bool:
        """Whether a new connection may only ask for the service's health."""
        return len(self._open) > self.limits.connections

    def admit(self, connection: Watched) -> bool:
        """Add a connection; a waiting one is closed to make room. False when there is no room at all."""
        if len(self._open) >= self.limits.connections:
            self._make_room()
        if len(self._open) >= self.limits.connections + SPARE:
            dropped_total.labels("full").inc()
            return False
        self._open[connection] = None
        return True

    def forget(self, connection: Watched) -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Check every connection twice a second while the context lasts."""
        open_connections.set_function(lambda: len(self._open))
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.now = loop.time()
            for connection in list(self._open):
                try:
                    connection.check(self.now)
                except Exception:
                    log.exception("a connection could not be checked")
                    connection.cut()
            await asyncio.sleep(TICK_S)

    def _make_room(self) -> None:
        # New and idle connections go first: closing them loses least. Those that send a request go last, the oldest
        # first, so a flood of incomplete requests closes its own.
        waiting = [one for one in self._open if one.phase in GIVES_WAY]
        waiting.sort(key=lambda one: (GIVES_WAY.index(one.phase), one.since))
        # Several at a time, so that a flood does not sort all connections for each new one.
        for oldest in waiting[: 1 + len(waiting) // 64]:
            dropped_total.labels("room").inc()
            self.forget(oldest)
            oldest.cut()


def limits_of(settings: Settings) -> Limits:
    """The settings' limits, with no more connections than the process may have open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(files - RESERVED_FILES - SPARE, 16)
    if allowed < settings.max_connections:
        log.warning("fewer connections than max_connections: open files are limited", connections=allowed, files=files)
    return Limits(
        connections=min(settings.max_connections, allowed),
        head_bytes=settings.max_head_bytes,
        head_timeout_s=settings.head_timeout_seconds,
        idle_timeout_s=settings.idle_timeout_seconds,
        transfer_timeout_s=settings.transfer_timeout_seconds,
        body_bytes=settings.max_body_bytes,
        bodies_bytes=settings.bodies_bytes,
    )


def raise_file_limit() -> None:
    """Raise the limit of open files: the usual 1,024 are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS may refuse; the old limit stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
