"""How far a destination is behind the log, and what is logged about it."""

from __future__ import annotations

import time

import structlog

FAR_BEHIND = 10_000
"""From here on it is a backfill, whose progress is logged."""
EVERY_S = 10.0
GROWS_FOR_S = 2.0

log = structlog.get_logger(__name__)


class Progress:
    """The progress of one destination."""

    def __init__(self, name: str) -> None:
        self.is_behind = False
        """By more than what comes in between two looks."""
        self._log = log.bind(destination=name)
        self._head = -1
        self._grew_at = 0.0
        self._backfill: tuple[float, int] | None = None
        """When the newest line was logged, and the position then."""

    @property
    def is_growing(self) -> bool:
        """Whether others write to the log now."""
        return time.monotonic() - self._grew_at < GROWS_FOR_S

    def note(self, position: int, head: int) -> None:
        """Where it is now, and where the log ends."""
        now = time.monotonic()
        if self._head not in (-1, head):
            self._grew_at = now
        self._head = head
        lag = head - position
        self.is_behind = lag > FAR_BEHIND // 10
        if lag > FAR_BEHIND and self._backfill is None:
            self._log.info("backfilling", position=position, head=head)
            self._backfill = now, position
        elif self._backfill is not None and self._backfill[0] <= now - EVERY_S:
            logged_at, before = self._backfill
            speed = (position - before) / (now - logged_at)
            percent = round(100 * position / max(head, 1), 1)
            self._log.info("backfilling", position=position, head=head, percent=percent, per_second=round(speed))
            self._backfill = now, position
        if lag == 0 and self._backfill is not None:
            self._log.info("caught up", position=position)
            self._backfill = None
