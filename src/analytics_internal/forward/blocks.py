"""Blocks of the log, for types that replace what they wrote of a block by all that there is of it (`Limits.block`)."""

from __future__ import annotations

from collections.abc import Sequence

from analytics_internal.forward import state
from analytics_internal.forward.destination import Refusal
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.source import Source
from analytics_internal.forward.steps import Step


class Blocks:
    """Where blocks begin and end, and which events of the newest one were delivered before."""

    def __init__(self, source: Source, name: str) -> None:
        self.earliest = 0
        """No block has events up to this position: nobody ever asked for them."""
        self._source = source
        self._name = name
        self._base: list[Outgoing] = []
        self._bounds: tuple[int, int] | None = None
        """The positions between which the base is, if it is known."""

    def begin(self, position: int, block: int) -> int:
        """The position after which the block of the next position begins."""
        return max(position // block * block, self.earliest)

    def end(self, position: int, block: int) -> int:
        """The last position of the block of the next position."""
        return (position // block + 1) * block

    async def base(self, after: int, block: int) -> list[Outgoing]:
        """The events up to a position that were delivered before in the same block, without dead letters."""
        bounds = (self.begin(after, block), after)
        if bounds[0] >= after:
            self._base, self._bounds = [], bounds
        elif self._bounds != bounds:
            dead = await self._source.run(state.dead_positions, self._name, *bounds)
            self._base = [event for event in await self._source.shaped(*bounds) if event.position not in dead]
            self._bounds = bounds
        return self._base

    def delivered(self, step: Step, refusals: Sequence[Refusal]) -> None:
        """A step after the base was delivered, apart from some of its events."""
        if self._bounds is not None and self._bounds[1] == step.after:
            refused = {one.index for one in refusals}
            new = [event for index, event in enumerate(step.events) if index not in refused]
            self._base = [*self._base, *new]
            self._bounds = self._bounds[0], step.up_to

    def forget(self) -> None:
        """What was delivered of the newest block has changed."""
        self._bounds = None
