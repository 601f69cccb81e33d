"""When to try again, and how much at once. Pure."""

from __future__ import annotations

import random

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 300.0
LONGEST_RETRY_AFTER_S = 3_600.0
"""What a receiver may ask for at most: one that asks for a year has made a mistake."""
REFUSALS_THAT_OPEN = 100
FAILURES_THAT_SHRINK = 3
TAKEN_TO_GROW = 10


class Backoff:
    """The delays between attempts: each drawn from twice the range of the one before, until something is delivered.

    All of the range is used (full jitter): those who failed at the same moment do not come back at the same moment.
    """

    def __init__(
        self, first_s: float = FIRST_DELAY_S, longest_s: float = LONGEST_DELAY_S, chance: random.Random | None = None
    ) -> None:
        self.longest_s = longest_s
        self.failures = 0
        self._first_s = first_s
        self._chance = chance or random.Random()

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self, retry_after_s: float | None = None) -> float:
        """How long to wait after one more failure: at least as long as the receiver asks, within reason."""
        self.failures += 1
        # Beyond 2 ** 60 the number would not fit a float some day.
        ceiling = min(self.longest_s, self._first_s * 2.0 ** min(self.failures - 1, 60))
        delay = self._chance.uniform(ceiling / 100, ceiling)
        return max(delay, min(max(retry_after_s or 0.0, 0.0), LONGEST_RETRY_AFTER_S))


class Breaker:
    """Opens when a receiver refuses every event, so that a mistake in its configuration buries few of them."""

    def __init__(self, refusals: int = REFUSALS_THAT_OPEN) -> None:
        self.refused_in_a_row = 0
        self._refusals = refusals

    @property
    def is_open(self) -> bool:
        """Events are tried one by one now, with the longest delay between them."""
        return self.refused_in_a_row >= self._refusals

    def refused(self, events: int) -> None:
        self.refused_in_a_row += events

    def delivered(self) -> None:
        self.refused_in_a_row = 0


class BatchSize:
    """How many events one request may have: fewer for a receiver that refuses or fails at many, then slowly more."""

    def __init__(self, most: int) -> None:
        self.limit = most
        self._most = most
        self._trusted = most
        """The receiver has taken as many, as far as we know: up to here it grows fast."""
        self._taken = 0
        """Full batches since it grew the last time."""

    def refused_above(self, events: int) -> None:
        """A batch was refused for its size alone: its parts of this many events were taken."""
        self.limit = self._trusted = max(1, min(events, self._most))
        self._taken = 0

    def failed(self, failures: int) -> None:
        """The receiver did not answer, maybe because it takes too long for so many."""
        if failures >= FAILURES_THAT_SHRINK:
            self.limit = max(1, self.limit // 2)

    def delivered(self, events: int) -> None:
        """Grow after a full batch."""
        if events < self.limit:
            return
        self._taken += 1
        if self.limit < self._trusted:
            self.limit = min(self.limit * 2, self._trusted)
        elif self._taken >= TAKEN_TO_GROW:
            self.limit = self._trusted = min(self._most, self.limit + max(1, self.limit // 10))
            self._taken = 0
