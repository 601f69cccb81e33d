"""All connections of one service: how many there may be, who makes room for others, and who has been waited for enough.

The limits hold whatever clients send, with or without a token: what a connection holds in memory is bounded by
`http/connection.py`, how many there are and for how long by this.
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

# Open files that are not connections: the database's, the reader's with its spooled results, requests to the portal.
RESERVED_FILES = 192
# Beyond `connections`: so many more are taken to hear whether they ask for the service's health.
SPARE = 32
MOST_FILES = 65_536
TICK_S = 0.5

log = structlog.get_logger(__name__)
open_connections = Gauge("analytics_internal_connections", "Open connections of clients")
dropped_total = Counter("analytics_internal_dropped_connections_total", "Connections closed by us, by why", ["reason"])


class Phase(enum.Enum):
    """What a connection is doing."""

    NEW = "new"
    """Nothing has come yet."""
    IDLE = "idle"
    """All was answered; the next request has not begun."""
    READING = "reading"
    """A request is on its way: its head or its body."""
    ANSWERING = "answering"
    """The request is here; its answer is being made or sent."""
    UNREAD = "unread"
    """The answer is there, and the client does not read it."""
    LEAVING = "leaving"
    """A refusal was sent; the client may read it before the connection is cut."""


GIVES_WAY = (Phase.NEW, Phase.IDLE, Phase.UNREAD, Phase.READING)


class Limits(msgspec.Struct, frozen=True):
    """What clients may use; each is a setting or follows from one."""

    connections: int = 2_000
    head_bytes: int = 32_768
    head_timeout_s: float = 10
    idle_timeout_s: float = 75
    transfer_timeout_s: float = 30
    body_bytes: int = 1 << 20
    """Of one request."""
    bodies_bytes: int = 128 << 20
    """Of all requests that are not answered yet."""


class Watched(Protocol):
    """One connection as it is seen from here."""

    @property
    def phase(self) -> Phase: ...

    @property
    def since(self) -> float:
        """When it came to wait."""

    def check(self, now: float) -> None:
        """Give the client up if it has been waited for long enough."""

    def cut(self) -> None:
        """Close at once; what was not sent is lost."""


class Connections:
    """The open connections of one service. Used in its event loop only."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.now = 0.0
        """The loop's time at the last tick: exact enough for waits of seconds, and free for every request."""
        self.bodies_bytes = 0
        # In the order in which they came.
        self._open: dict[Watched, None] = {}

    @property
    def are_full(self) -> bool:
        """Whether there are more than may do anything but ask for the service's health."""
        return len(self._open) > self.limits.connections

    def admit(self, connection: Watched) -> bool:
        """Count a new connection in; one that only waits makes room for it. False: there is no room at all."""
        if len(self._open) >= self.limits.connections:
            self._make_room()
        if len(self._open) >= self.limits.connections + SPARE:
            dropped_total.labels("full").inc()
            return False
        self._open[connection] = None
        return True

    def forget(self, connection: Watched) -> None:
        """A connection is closed."""
        self._open.pop(connection, None)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look at every connection from time to time, as long as the context lasts."""
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
                    log.exception("a connection could not be looked at")
                    connection.cut()
            await asyncio.sleep(TICK_S)

    def _make_room(self) -> None:
        # Nothing is lost with a connection that has said nothing, little with one that is kept for later. One that is
        # sending a request comes last: a flood of half requests pushes out its own oldest first.
        waiting = [one for one in self._open if one.phase in GIVES_WAY]
        waiting.sort(key=lambda one: (GIVES_WAY.index(one.phase), one.since))
        # Some at a time: a flood must not make us look at all of them for each of its connections.
        for oldest in waiting[: 1 + len(waiting) // 64]:
            dropped_total.labels("room").inc()
            self.forget(oldest)
            oldest.cut()


def limits_of(settings: Settings) -> Limits:
    """The settings' limits, with no more connections than this process may open files for."""
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
    """Let this process open as many files as it may: the usual 1,024 are there for programs of another time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says: the old limit goes on to hold
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
