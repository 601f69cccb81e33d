"""``demo``: send the made-up portal's events to a running service, or write them to a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from analytics_internal.client.importing import send_events
from analytics_internal.client.progress import meter
from analytics_internal.demo import Truth, catalog, events, portal, year
from analytics_internal.errors import WrongUse

SHOWN_EVERY = 1_000


class NotPossible(WrongUse):
    """No such events can be made; the message says why."""


class Invented(msgspec.Struct, frozen=True):
    """What is made up: so many events of the year that ends with ``until``."""

    count: int
    seed: int
    until: datetime
    truth: Path | None = None
    """Where to write what is true of the events, as JSON; a new file."""

    def events(self) -> Iterator[dict[str, object]]:
        """The events; what is true of them is written when all have been taken. Raises NotPossible, OSError."""
        try:
            truth = Truth(portal(self.seed), year(self.until))
            made = events(self.count, self.seed, self.until, truth if self.truth is not None else None)
        except ValueError as error:
            raise NotPossible(str(error)) from error
        return made if self.truth is None else _followed_by(made, truth, self.truth.open("xb"))


def _followed_by(made: Iterator[dict[str, object]], truth: Truth, file: BinaryIO) -> Iterator[dict[str, object]]:
    with file:
        yield from made
        file.write(msgspec.json.format(msgspec.json.encode(truth.written()), indent=1))


def send(invented: Invented, url: str, token: str | None) -> int:
    """Send the events to a service as imported ones. Returns the exit code.

    Raises:
        NotPossible: the count or the end is out of range.
        RemoteError: the service refuses or does not answer.
    """
    return send_events(invented.events(), invented.count, url, token, "demo")


def write(invented: Invented, output: Path) -> int:
    """Write the events as JSON lines to a new file, or to stdout for ``-``. Returns the exit code.

    Raises:
        NotPossible: the count or the end is out of range.
        OSError: the file already exists or cannot be written.
    """
    made, count = invented.events(), invented.count
    if str(output) == "-":
        for event in made:
            print(json.dumps(event))
        return 0
    with output.open("x") as file, meter(is_bytes=False) as screen:
        for number, event in enumerate(made, 1):
            file.write(json.dumps(event) + "\n")
            if number % SHOWN_EVERY == 0:
                screen.show(number, count, f"{number:,} events written")
        screen.say(f"{output}: {count:,} events written")
    return 0


def write_catalog(invented: Invented, output: Path) -> None:
    """Write the catalog with its history as JSON lines to a new file. Raises NotPossible, OSError."""
    try:
        entities = list(catalog(invented.seed, invented.until))
    except ValueError as error:
        raise NotPossible(str(error)) from error
    with output.open("x") as file:
        file.writelines(json.dumps(entity) + "\n" for entity in entities)
