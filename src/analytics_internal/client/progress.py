"""Progress on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

PLAIN_INTERVAL_S = 10.0


class Meter(Protocol):
    """Shows progress, and prints messages meanwhile. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, done: int, total: int | None, text: str) -> None:
        """Show ``done`` of ``total``; ``text`` says it in words."""

    def say(self, text: str) -> None:
        """Print a line that stays."""


def meter(is_bytes: bool) -> Meter:
    """The meter for stderr: a bar if it is a terminal."""
    return Bar(is_bytes) if sys.stderr.isatty() else PlainLines()


class Bar:
    """A bar on a terminal."""

    def __init__(self, is_bytes: bool) -> None:
        amount: ProgressColumn = DownloadColumn() if is_bytes else MofNCompleteColumn()
        self._progress = Progress(
            BarColumn(),
            amount,
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, done: int, total: int | None, text: str) -> None:
        self._progress.update(self._task, completed=done, total=total, description=text)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


class PlainLines:
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, done: int, total: int | None, text: str) -> None:
        if time.monotonic() - self._said_at >= PLAIN_INTERVAL_S:
            self._said_at = time.monotonic()
            share = f" ({done / total:.0%})" if total else ""
            self.say(f"{text}{share}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
