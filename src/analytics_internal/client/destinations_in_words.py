"""Destinations and dead letters for readers: tables and sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 240
"""Columns of a table that goes to a file or a pipe: nothing is cut there that a terminal has no room for."""
LONGEST_ANSWER = 500
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class LastError(msgspec.Struct, frozen=True):
    at: datetime
    detail: str
    attempts: int
    status: int | None = None
    answer: str | None = None
    next_attempt_at: datetime | None = None


class Replay(msgspec.Struct, frozen=True):
    after: int
    up_to: int
    position: int


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a destination."""

    name: str
    type: str
    to: str
    state: str
    stopped_because: str | None
    start_position: int
    position: int
    head: int
    stored: int
    delivered: int
    filtered: int
    dead_letters: int
    queued_dead_letters: int
    missing: int
    lag_events: int
    lag_seconds: float
    last_error: LastError | None
    replays: list[Replay]


class Destinations(msgspec.Struct, frozen=True):
    destinations: list[Destination]


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    is_delivered: bool
    error: str | None
    status: int | None
    answer: str | None
    seconds: float


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    dead_letters: int
    after: int | None
    up_to: int | None
    events: int


class Cancelled(msgspec.Struct, frozen=True):
    replays: int


class Discarded(msgspec.Struct, frozen=True):
    dead_letters: int


class DeadEvent(msgspec.Struct, frozen=True):
    action: str
    subject: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    position: int
    reason: str
    detail: str
    status: int | None
    answer: str | None
    died_at: datetime
    is_queued: bool
    event: DeadEvent | None


class Letters(msgspec.Struct, frozen=True):
    dead_letters: list[Any]
    next_cursor: int | None


def table_of(destinations: Sequence[Destination]) -> str:
    """A table, and below it what is wrong or under way."""
    if not destinations:
        return "no destinations: the setting `destinations` says where events are forwarded to"
    table = _table("name", "type", "to", "state")
    for title in ("stored", "filtered", "delivered", "dead", "lag"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in destinations:
        counts = (one.stored, one.filtered, one.delivered, one.dead_letters)
        table.add_row(
            *(Text(printable(text)) for text in (one.name, one.type, one.to or "-", _state(one))),
            *(f"{count:,}" for count in counts),
            _lag(one),
        )
    return "\n".join([_text_of(table), *(line for one in destinations for line in _remarks(one))])


def table_of_letters(name: str, letters: Sequence[Letter]) -> str:
    """Each dead letter with what the receiver said."""
    if not letters:
        return f"{name} has no dead letters"
    table = _table("position", "died at", "event", "reason", "status", "what the receiver said")
    for letter in letters:
        event = f"{letter.event.action} {letter.event.subject}" if letter.event is not None else "(not in the log)"
        said = ": ".join(filter(None, (letter.detail, letter.answer)))
        cells = (
            f"{letter.position:,}",
            f"{letter.died_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}",
            event,
            f"{letter.reason}{' (queued)' if letter.is_queued else ''}",
            str(letter.status or "-"),
            said,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return _text_of(table)


def of_state(name: str, one: Destination) -> str:
    """A destination in one sentence."""
    return f"{name}: {_state(one)}, at position {one.position:,} of {one.head:,}"


def of_test(name: str, result: TestResult) -> str:
    """What became of a test event."""
    if result.is_delivered:
        return f"{name}: the receiver took the test event in {result.seconds:.2f} s"
    status = f" (status {result.status})" if result.status is not None else ""
    answer = f": {printable(result.answer)}" if result.answer else ""
    return f"{name}: the test event was not delivered: {printable(result.error or 'refused')}{status}{answer}"


def of_queued(name: str, queued: Queued) -> str:
    """What is sent again."""
    if queued.after is None:
        return f"{name}: {counted(queued.dead_letters, 'dead letter')} will be sent again"
    positions = f"positions {queued.after + 1:,} to {queued.up_to or 0:,}"
    events = counted(queued.events, "event")
    return f"{name}: {events} will be sent again ({positions}), but for what its filters keep back"


def of_cancelled(name: str, cancelled: Cancelled) -> str:
    return f"{name}: {counted(cancelled.replays, 'replay')} cancelled"


def of_discarded(name: str, discarded: Discarded) -> str:
    return f"{name}: {counted(discarded.dead_letters, 'dead letter')} discarded"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """A receiver's text in one line, without what would steer a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text[: LONGEST_ANSWER + 1])
    return line if len(line) <= LONGEST_ANSWER else f"{line[: LONGEST_ANSWER - 1]}…"


def duration(seconds: float) -> str:
    """A time span in its two largest units."""
    left = round(max(seconds, 0))
    parts: list[str] = []
    for name, length in _UNITS:
        if left >= length and len(parts) < 2:
            parts.append(f"{left // length} {name}")
            left %= length
        elif parts:
            break
    return " ".join(parts) or "0 s"


def _state(one: Destination) -> str:
    if one.state == "backfilling" and one.head > one.start_position:
        return f"backfilling, {(one.position - one.start_position) / (one.head - one.start_position):.0%}"
    return one.state.replace("_", " ")


def _lag(one: Destination) -> str:
    if one.lag_events == 0:
        return "0"
    return f"{counted(one.lag_events, 'event')}, {duration(one.lag_seconds)}"


def _remarks(one: Destination) -> list[str]:
    lines = []
    error = one.last_error
    if one.stopped_because is not None:
        lines.append(
            f"stopped until `destinations resume {one.name}`: the receiver wants no more events: {one.stopped_because}"
        )
    elif error is not None and error.attempts > 0:
        again = ""
        if error.next_attempt_at is not None:
            wait = (error.next_attempt_at - datetime.now(UTC)).total_seconds()
            again = f", tried again in {duration(wait)}" if wait > 0.5 else ", tried again now"
        answer = f": {error.answer}" if error.answer else ""
        lines.append(f"{counted(error.attempts, 'failed attempt')}{again}: {error.detail}{answer}")
    if one.missing:
        lines.append(f"{counted(one.missing, 'event')} had been deleted from the log before their turn")
    if one.queued_dead_letters:
        lines.append(f"{counted(one.queued_dead_letters, 'dead letter')} will be sent again")
    for replay in one.replays:
        done, whole = replay.position - replay.after, replay.up_to - replay.after
        lines.append(f"replay of positions {replay.after + 1:,} to {replay.up_to:,}: {done / max(whole, 1):.0%}")
    return [f"{one.name}: {printable(line)}" for line in lines]


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _text_of(table: Table) -> str:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDE, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
