"""Fast, repeatable weighted random choice."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Lottery(Generic[T]):
    """Draws items with probabilities by weight; weight 0 is never drawn."""

    __slots__ = ("_items", "_limits", "weight")

    def __init__(self, items: Sequence[T], weights: Iterable[float]) -> None:
        chances = [pair for pair in zip(items, weights, strict=True) if pair[1] > 0]
        assert chances, "nothing to draw from"
        self._items = [item for item, _ in chances]
        self._limits = list(accumulate(weight for _, weight in chances))
        self.weight = self._limits[-1]

    def draw(self, random: Random) -> T:
        """One item; takes one number from `random`."""
        return self._items[bisect(self._limits, random.random() * self.weight)]


def power_law(count: int, exponent: float = 1.05, flat: float = 2.0) -> list[float]:
    """Weights of `count` things by rank: a few popular ones and a long tail."""
    return [1 / (rank + flat) ** exponent for rank in range(count)]
