"""When to begin again what has ended and should go on."""

from __future__ import annotations

import time
from random import uniform

FIRST_S = 0.5
LONGEST_S = 30.0
STEADY_S = 60.0


class Retries:
    """How long to wait: longer each time, until it has run for `STEADY_S`."""

    def __init__(self, first_s: float | None = None) -> None:
        self._first_s = self._longest_s = FIRST_S if first_s is None else first_s
        self._began = time.monotonic()

    def begin(self) -> None:
        """It runs again."""
        self._began = time.monotonic()

    def next_s(self) -> float:
        """It has ended: the seconds to wait, a part of them by chance."""
        if time.monotonic() - self._began > STEADY_S:
            self._longest_s = self._first_s
        wait_s = uniform(self._longest_s / 2, self._longest_s)
        self._longest_s = min(2 * self._longest_s, LONGEST_S)
        return wait_s
