"""Positions of the log without an event: what was stored there was taken out of the database since.

A month's partition that somebody dropped leaves its events' positions empty. The others keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

SHOWN = 20


class Missing(msgspec.Struct, frozen=True):
    """How many events are missing, and between which positions; of many stretches the first ones."""

    events: int
    positions: list[tuple[int, int]]


class Holes:
    """Stretches of positions, in order, both ends included."""

    def __init__(self, stretches: Iterable[tuple[int, int]] = ()) -> None:
        self._stretches = _joined(stretches)

    def with_more(self, later: Sequence[tuple[int, int]]) -> Holes:
        """These and stretches behind them."""
        return Holes([*self._stretches, *later])

    def up_to(self, position: int) -> Missing | None:
        """What is missing up to a position; None when nothing is."""
        events = 0
        shown: list[tuple[int, int]] = []
        for first, last in self._stretches:
            if first > position:
                break
            end = min(last, position)
            events += end - first + 1
            if len(shown) < SHOWN:
                shown.append((first, end))
        return Missing(events, shown) if events else None


def _joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in stretches:
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
