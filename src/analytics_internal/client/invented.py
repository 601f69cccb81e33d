"""``demo``: send the made-up portal's events to a running service, or write them to a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from analytics_internal.client.importing import send_events
from analytics_internal.client.progress import meter
from analytics_internal.demo import events
from analytics_internal.errors import WrongUse

SHOWN_EVERY = 1_000


class NotPossible(WrongUse):
    """No such events can be made; the message says why."""


def send(count: int, seed: int, until: datetime | None, url: str, token: str | None) -> int:
    """Send the events to a service as imported ones. Returns the exit code.

    Raises:
        NotPossible: ``count`` or ``until`` is out of range.
        RemoteError: the service refuses or does not answer.
    """
    return send_events(_events(count, seed, until), count, url, token, "demo")


def write(count: int, seed: int, until: datetime | None, output: Path) -> int:
    """Write the events as JSON lines to a new file, or to stdout for ``-``. Returns the exit code.

    Raises:
        NotPossible: ``count`` or ``until`` is out of range.
        OSError: the file already exists or cannot be written.
    """
    invented = _events(count, seed, until)
    if str(output) == "-":
        for event in invented:
            print(json.dumps(event))
        return 0
    with output.open("x") as file, meter(is_bytes=False) as screen:
        for number, event in enumerate(invented, 1):
            file.write(json.dumps(event) + "\n")
            if number % SHOWN_EVERY == 0:
                screen.show(number, count, f"{number:,} events written")
        screen.say(f"{output}: {count:,} events written")
    return 0


def _events(count: int, seed: int, until: datetime | None) -> Iterator[dict[str, object]]:
    try:
        return events(count, seed, until)
    except ValueError as error:
        raise NotPossible(str(error)) from error
