"""``import`` and ``demo``: send events in batches, and print problems, progress and totals."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analytics_internal.client.files import MAX_LINE_BYTES, BrokenFile, Lines
from analytics_internal.client.progress import Meter, meter
from analytics_internal.client.recorded import Recording, Unreadable
from analytics_internal.client.remote import Remote, RemoteError, Verdict

BATCH_EVENTS = 1_000
# The service's limit for one request is 1 MiB.
BATCH_BYTES = 900_000
PRINTED_PROBLEMS = 20
WITH_PROBLEMS, STOPPED, INTERRUPTED = 1, 2, 130
AGAIN_IS_SAFE = "running the same command again is safe: nothing is stored twice"


@dataclass
class Tally:
    """Counts of one source's events by outcome, and of problems that were too many to print."""

    name: str
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    unreadable: int = 0
    unprinted: int = field(default=0, repr=False)

    @property
    def problems(self) -> int:
        return self.rejected + self.unreadable

    @property
    def so_far(self) -> str:
        problems = f", {self.problems:,} problems" if self.problems else ""
        return f"{Path(self.name).name}: {self.stored + self.duplicate:,} events{problems}"

    def __str__(self) -> str:
        counts = f"{self.stored:,} stored, {self.duplicate:,} duplicate"
        return f"{self.name}: {counts}, {self.rejected:,} rejected, {self.unreadable:,} unreadable"


class Sending:
    """Sends one source's events to a service, with at most one batch in memory."""

    def __init__(self, remote: Remote, screen: Meter, tally: Tally) -> None:
        self._remote = remote
        self._screen = screen
        self._tally = tally
        self._batch: list[tuple[str, str]] = []
        self._bytes = 0

    def add(self, place: str, event: str) -> bool:
        """Add one event's JSON text from ``place``. True if a full batch was sent first. Raises RemoteError."""
        was_sent = len(self._batch) == BATCH_EVENTS or self._bytes + len(event) > BATCH_BYTES
        if was_sent:
            self.flush()
        self._batch.append((place, event))
        self._bytes += len(event) + 1
        return was_sent

    def flush(self) -> None:
        """Send the waiting events and count their verdicts. Raises RemoteError."""
        if not self._batch:
            return
        verdicts = self._remote.post([event for _, event in self._batch])
        for (place, _), verdict in zip(self._batch, verdicts, strict=True):
            self._count(place, verdict)
        self._batch, self._bytes = [], 0

    def unreadable(self, place: str, reason: str) -> None:
        """Count a line at ``place`` that is no event."""
        self._tally.unreadable += 1
        self._problem(f"{place}: unreadable: {reason}")

    def _count(self, place: str, verdict: Verdict) -> None:
        match verdict.status:
            case "stored":
                self._tally.stored += 1
            case "duplicate":
                self._tally.duplicate += 1
            case _:
                self._tally.rejected += 1
                self._problem(f"{place}: {verdict.status}: {verdict.reason}: {verdict.detail}")

    def _problem(self, text: str) -> None:
        if self._tally.problems <= PRINTED_PROBLEMS:
            self._screen.say(text)
        else:
            self._tally.unprinted += 1


def import_files(names: Sequence[str], url: str, token: str | None, user: str | None) -> int:
    """Import files of JSON lines into a running service and print the outcome. Returns the exit code.

    Raises:
        RemoteError: ``url`` is no web address.
        OSError: a file cannot be opened; nothing was sent.
    """
    files = [Lines(name) for name in names]
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    tallies = [Tally(file.name) for file in files]

    def work(remote: Remote, screen: Meter) -> None:
        before = 0
        for file, tally in zip(files, tallies, strict=True):
            with file:
                _send_file(file, Recording(user), Sending(remote, screen, tally), tally, screen, before, total)
                before += file.bytes_read
            _conclude(tally, screen)

    return _run(work, meter(is_bytes=True), url, token, tallies)


def _send_file(
    file: Lines, recording: Recording, sending: Sending, tally: Tally, screen: Meter, before: int, total: int | None
) -> None:
    try:
        for number, line in file:
            place = f"{file.name}:{number}"
            try:
                if line is None:
                    raise Unreadable(f"a line of more than {MAX_LINE_BYTES:,} bytes")
                was_sent = sending.add(place, recording.event(line))
            except Unreadable as error:
                sending.unreadable(place, str(error))
                continue
            if was_sent:
                screen.show(before + file.bytes_read, total, tally.so_far)
    except BrokenFile as error:
        sending.unreadable(file.name, f"cannot be read on: {error}")
    sending.flush()
    screen.show(before + file.bytes_read, total, tally.so_far)


def send_events(events: Iterator[dict[str, object]], count: int, url: str, token: str | None, name: str) -> int:
    """Import ``count`` events from an iterator. Returns the exit code. Raises RemoteError."""
    tally = Tally(name)

    def work(remote: Remote, screen: Meter) -> None:
        sending = Sending(remote, screen, tally)
        for number, event in enumerate(events, 1):
            if sending.add(f"{name}:{number}", json.dumps(event, separators=(",", ":"))):
                screen.show(number - 1, count, tally.so_far)
        sending.flush()
        _conclude(tally, screen)

    return _run(work, meter(is_bytes=False), url, token, [tally])


def _conclude(tally: Tally, screen: Meter) -> None:
    if tally.unprinted:
        screen.say(f"{tally.name}: {tally.unprinted:,} more like these")


def _run(
    work: Callable[[Remote, Meter], None], screen: Meter, url: str, token: str | None, tallies: Sequence[Tally]
) -> int:
    """Do the work and print the tallies, also after an interruption. Raises RemoteError: the service never answered."""
    stopped: tuple[str, int] | None = None
    with Remote(url, token, screen.say) as remote:
        try:
            with screen:
                work(remote, screen)
        except RemoteError as error:
            if not remote.has_answered:
                raise
            stopped = f"analytics-internal: {error}", STOPPED
        except KeyboardInterrupt:
            stopped = "analytics-internal: interrupted", INTERRUPTED
    for tally in tallies:
        print(tally)
    if stopped is not None:
        print(f"{stopped[0]}; {AGAIN_IS_SAFE}", file=sys.stderr)
        return stopped[1]
    return WITH_PROBLEMS if any(tally.problems for tally in tallies) else 0
