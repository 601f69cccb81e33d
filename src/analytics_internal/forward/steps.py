"""A way through the log in steps: each has the events of one request, and counts the positions it passes. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import msgspec

from analytics_internal.forward.destination import Limits, Refusal, Undeliverable
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.state import Counts, DeadLetter, Seen

MAX_DEAD_LETTERS = 1_000
"""Of one step, so that one statement keeps them."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event that was read, as the destination may have it; None if it is filtered out."""

    position: int
    batch_id: int
    event: Outgoing | None
    read_at: float
    """By the monotonic clock."""
    size: int = 0
    """About how many bytes it has."""


class Step(msgspec.Struct, frozen=True):
    """From one position to another: the events to send, and what cannot be sent."""

    after: int
    up_to: int
    positions: Sequence[int]
    """Of the entries that are passed; the other positions are missing from the log."""
    events: Sequence[Outgoing]
    encoded: Sequence[bytes]
    undeliverable: Sequence[DeadLetter]
    filtered: int
    seen: Seen | None
    is_full: bool
    """It would not grow by waiting."""

    def outcome(self, refusals: Sequence[Refusal]) -> tuple[Counts, list[DeadLetter]]:
        """What became of its positions when the receiver took all but these."""
        letters = [*self.undeliverable, *(dead_letter(self.events[one.index], one) for one in refusals)]
        letters.sort(key=lambda letter: letter.position)
        delivered = len(self.events) - len(refusals)
        missing = self.up_to - self.after - len(self.positions)
        return Counts(delivered, self.filtered, len(letters), missing), letters


def dead_letter(event: Outgoing, refusal: Refusal) -> DeadLetter:
    """What is kept of a refused event."""
    return DeadLetter(event.position, event.id, refusal.reason, refusal.detail, refusal.status, refusal.answer or None)


class Course:
    """Positions that are to be delivered in order: what was read of them, and up to where they are confirmed."""

    def __init__(self, position: int) -> None:
        self.position = position
        """Up to here it is confirmed."""
        self.covered = position
        """Up to here it was read."""
        self._entries: list[Entry] = []
        self._ends: list[int] = []
        """Where steps have to end while a refused batch is halved, the nearest one last."""

    @property
    def is_halving(self) -> bool:
        return bool(self._ends)

    @property
    def size(self) -> int:
        """How many bytes the entries have that wait."""
        return sum(entry.size for entry in self._entries)

    @property
    def read(self) -> int:
        """How many entries wait."""
        return len(self._entries)

    def add(self, entries: Sequence[Entry], covered: int) -> None:
        """What was read after ``covered``, up to this new one."""
        self._entries += entries
        self.covered = covered

    def forget(self) -> None:
        """Read again what is not confirmed."""
        self._entries.clear()
        self.covered = self.position

    def passing(self, after: int | None = None) -> int:
        """How many events wait that are not filtered out, of those after a position."""
        begin = 0 if after is None else self._index_after(after)
        return sum(entry.event is not None for entry in self._entries[begin:])

    @property
    def oldest_read_at(self) -> float | None:
        """When the first event that waits was read."""
        return next((entry.read_at for entry in self._entries if entry.event is not None), None)

    def step(
        self,
        encode: Callable[[Outgoing], bytes],
        limits: Limits,
        most_events: int,
        end: int | None = None,
        after: int | None = None,
    ) -> Step:
        """The next step, at most to ``end``. ``after``: where it begins if steps before it are not yet confirmed."""
        begin = self.position if after is None else after
        last = min([self.covered, *([end] if end is not None else []), *self._ends[-1:]])
        filling = _Filling(encode, limits, most_events)
        taken = 0
        entries = self._entries[self._index_after(begin) :]
        for entry in entries:
            if entry.position > last or not filling.takes(entry):
                break
            taken += 1
        up_to = entries[taken - 1].position if filling.is_full and taken else begin if filling.is_full else last
        newest = entries[taken - 1] if taken else None
        return Step(
            begin,
            up_to,
            [entry.position for entry in entries[:taken]],
            filling.events,
            filling.encoded,
            filling.undeliverable,
            filling.filtered,
            Seen(newest.position, newest.batch_id) if newest is not None else None,
            filling.is_full or len(filling.events) >= most_events or last == end or self.is_halving,
        )

    def leading(self) -> Step | None:
        """The positions before the first event that is to be sent; None if there are none."""
        count = next((n for n, entry in enumerate(self._entries) if entry.event is not None), len(self._entries))
        up_to = self._entries[count].position - 1 if count < len(self._entries) else self.covered
        if up_to <= self.position:
            return None
        passed = self._entries[:count]
        seen = Seen(passed[-1].position, passed[-1].batch_id) if passed else None
        return Step(self.position, up_to, [one.position for one in passed], [], [], [], count, seen, False)

    def confirmed(self, step: Step) -> None:
        """A step is done: go on after it."""
        assert step.after == self.position, "a step is missing"
        del self._entries[: self._index_after(step.up_to)]
        self.position = step.up_to
        while self._ends and self._ends[-1] <= self.position:
            self._ends.pop()

    def halve(self, step: Step) -> None:
        """A step was refused as a whole: the next ones have half of its events each."""
        assert len(step.events) > 1, "a single event cannot be halved"
        if not self._ends or self._ends[-1] != step.up_to:
            self._ends.append(step.up_to)
        self._ends.append(step.events[len(step.events) // 2 - 1].position)

    def _index_after(self, position: int) -> int:
        return bisect_right(self._entries, position, key=lambda entry: entry.position)


class _Filling:
    """Fills one request."""

    def __init__(self, encode: Callable[[Outgoing], bytes], limits: Limits, most_events: int) -> None:
        self.events: list[Outgoing] = []
        self.encoded: list[bytes] = []
        self.undeliverable: list[DeadLetter] = []
        self.filtered = 0
        self.is_full = False
        self._encode = encode
        self._limits = limits
        self._most_events = most_events
        self._bytes = 0

    def takes(self, entry: Entry) -> bool:
        """Whether this entry is passed with this request; if not, it is full."""
        if len(self.events) >= self._most_events or len(self.undeliverable) >= MAX_DEAD_LETTERS:
            self.is_full = True
            return False
        if entry.event is None:
            self.filtered += 1
            return True
        try:
            encoded = self._encode(entry.event)
            self._refuse_large(encoded)
        except Undeliverable as error:
            letter = DeadLetter(entry.position, entry.event.id, error.reason, str(error))
            self.undeliverable.append(letter)
            return True
        size = len(encoded) + self._limits.bytes_between
        if self._limits.block is None and self.events and self._bytes + size > self._limits.bytes:
            self.is_full = True
            return False
        self._bytes += size
        self.events.append(entry.event)
        self.encoded.append(encoded)
        return True

    def _refuse_large(self, encoded: bytes) -> None:
        limits = self._limits
        most = limits.event_bytes
        if limits.block is None:  # a request has one event at least
            most = min(limits.bytes - limits.bytes_between, most if most is not None else limits.bytes)
        if most is not None and len(encoded) > most:
            raise Undeliverable("too_large", f"the event has {len(encoded):,} bytes; the receiver takes {most:,}")
