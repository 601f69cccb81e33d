"""What the destinations of this process have read of the log lately: those that keep up read each event only once."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

import msgspec

from analytics_internal.forward.reading import LogEvent

MOST_BYTES = 16 << 20
KEPT_S = 5.0


class _Section(msgspec.Struct, frozen=True):
    after: int
    up_to: int
    events: Sequence[LogEvent]
    size: int
    read_at: float


class Recent:
    """Sections of the log that were read in the last seconds. The threads of all destinations use it."""

    def __init__(self, most_bytes: int = MOST_BYTES, kept_s: float = KEPT_S) -> None:
        self._most_bytes = most_bytes
        self._kept_s = kept_s
        self._sections: deque[_Section] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, after: int, up_to: int) -> tuple[Sequence[LogEvent], int] | None:
        """The first events after a position, and up to where these are all, at most ``up_to``; None: none are kept."""
        with self._lock:
            self._drop_old()
            section = next((one for one in reversed(self._sections) if one.after <= after < one.up_to), None)
        if section is None:
            return None
        end = min(up_to, section.up_to)
        begin, stop = (bisect_right(section.events, edge, key=lambda event: event.position) for edge in (after, end))
        return section.events[begin:stop], end

    def keep(self, after: int, up_to: int, events: Sequence[LogEvent], size: int) -> None:
        """These are all events after one position up to another; ``size``: their bytes."""
        with self._lock:
            self._sections.append(_Section(after, up_to, events, size, time.monotonic()))
            self._size += size
            self._drop_old()

    def forget(self) -> None:
        """The database may hold another log than before."""
        with self._lock:
            self._sections.clear()
            self._size = 0

    def _drop_old(self) -> None:
        oldest = time.monotonic() - self._kept_s
        while self._sections and (self._size > self._most_bytes or self._sections[0].read_at <= oldest):
            self._size -= self._sections.popleft().size
