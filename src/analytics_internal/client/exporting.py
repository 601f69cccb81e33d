"""``export``: write the stored events as JSON lines, continuing an earlier export."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from analytics_internal.client.files import MAX_LINE_BYTES
from analytics_internal.client.progress import Meter, meter
from analytics_internal.client.remote import OtherLog, Remote, RemoteError, place_of
from analytics_internal.errors import WrongUse

SHOWN_EVERY = 500
INTERRUPTED, PIPE_CLOSED = 130, 141


class NotAnExport(WrongUse):
    """The output file cannot be continued; the message says why."""


def export(url: str, token: str | None, after: int, limit: int | None, output: Path | None) -> int:
    """Write the events after a position to a file or to stdout. Returns the exit code.

    An existing file is continued after its last complete line, if it comes from the service's current log.

    Raises:
        RemoteError: the service refuses or does not answer; complete lines stay written.
        NotAnExport: the file is no export or from another log, or continuing it would leave a gap.
        OSError: the file cannot be written.
    """
    screen = meter(is_bytes=False) if output is not None or not sys.stdout.isatty() else None
    with Remote(url, token, screen.say if screen is not None else None) as remote:
        if output is not None:
            with _continued(output) as (file, last):
                if last is not None and last[0] < after:
                    raise NotAnExport(f"{output} ends at position {last[0]}; --after {after} would leave a gap")
                try:
                    return _copy(remote, file, last or (after, None), limit, screen, is_continued=last is not None)
                except OtherLog as error:
                    raise NotAnExport(f"{output} cannot be continued: {error}; export to another file") from error
        try:
            return _copy(remote, sys.stdout.buffer, (after, None), limit, screen, is_continued=False)
        except BrokenPipeError:
            # The reader of the pipe has ended. Without this Python would complain when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED


def _copy(
    remote: Remote,
    file: BinaryIO,
    place: tuple[int, str | None],
    limit: int | None,
    screen: Meter | None,
    is_continued: bool,
) -> int:
    start, batch = place
    written, position, missing = 0, start, 0
    try:
        with screen if screen is not None else contextlib.nullcontext():
            for head, line in remote.lines(start, limit, batch):
                file.write(line)
                before, (position, _) = position, place_of(line)
                written, missing = written + 1, missing + position - before - 1
                if screen is not None and written % SHOWN_EVERY == 0:
                    total = head - start if limit is None else min(limit, head - start)
                    screen.show(written, total, f"{written:,} events exported")
            file.flush()
    except KeyboardInterrupt:
        _say(f"interrupted after {written:,} events; go on with --after {position}", screen)
        return INTERRUPTED
    if screen is not None:
        _say(f"{written:,} events {'added' if is_continued else 'exported'}, up to position {position}", screen)
        if missing:
            _say(f"{missing:,} events between them are missing from the log; run doctor for details", screen)
    return 0


def _say(text: str, screen: Meter | None) -> None:
    if screen is not None:
        screen.say(f"analytics-internal: {text}")


@contextlib.contextmanager
def _continued(path: Path) -> Iterator[tuple[BinaryIO, tuple[int, str | None] | None]]:
    """The file, opened after its last complete line, and that line's place; synced to disk at the end."""
    with path.open("r+b" if path.exists() else "x+b") as file:
        end, line = _last_line(file)
        try:
            last = place_of(line) if line else None
        except RemoteError as error:
            raise NotAnExport(f"{path} cannot be continued: its last line is {error}") from error
        file.truncate(end)
        file.seek(end)
        try:
            yield file, last
        finally:
            file.flush()
            os.fsync(file.fileno())


def _last_line(file: BinaryIO) -> tuple[int, bytes]:
    """Where the last complete line ends, and the line; empty if there is none."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - 2 * MAX_LINE_BYTES)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"\n") + 1
    begin = tail.rfind(b"\n", 0, max(end - 1, 0)) + 1
    return (start + end, tail[begin:end]) if end else (0, b"")
