"""The real service in a process of its own: ``analytics-internal serve`` on a free port that it takes itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Self
from urllib.parse import urlsplit

import httpx

COMMAND = (str(Path(sys.executable).with_name("analytics-internal")),)
API = "/api/analytics-internal"
START_LIMIT_S = 90.0
STOP_LIMIT_S = 60.0
_address = re.compile(r"http://127\.0\.0\.1:\d+")


class DidNotStart(RuntimeError):
    """A server ended before it printed its address, or printed none in time; the message ends with its log."""


def started(
    command: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    umask: int = -1,
    environment: Mapping[str, str] | None = None,
) -> tuple[Popen[str], str]:
    """Start a server that prints its address when it listens. Returns its process and the address without a last slash.

    What it writes to standard error is appended to ``log``.

    Raises:
        DidNotStart: and it does not run any more.
    """
    with log.open("ab") as errors:
        process = Popen(command, stdout=PIPE, stderr=errors, text=True, cwd=cwd, umask=umask, env=environment)
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(START_LIMIT_S) else ""
    found = _address.search(line)
    if found is None:
        process.kill()
        process.communicate()
        raise DidNotStart(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-3000:]}")
    return process, found[0]


class ServiceProcess:
    """One service that is started, killed and stopped; its data folder stays.

    Without other settings it trusts everybody and reports in UTC. Started again, it listens where it did before.
    """

    def __init__(self, folder: Path, /, *flags: str, **settings: object) -> None:
        self.data_dir = folder / "data"
        self.log = folder / "service.log"
        self.url = ""
        self.port = 0
        self.umask = -1
        """With which it is started; -1 is the tests' own."""
        self._folder = folder
        self._flags = flags
        self._settings = {"auth": "none", "timezone": "UTC", **settings}
        self._process: Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def head(self) -> int:
        """The newest position."""
        return int(httpx.get(f"{self.url}{API}/events", params={"limit": 1}).headers["X-Log-Position"])

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the service and wait until it listens.

        Raises:
            DidNotStart: it ended instead.
        """
        command = [*COMMAND, "serve", "--port", str(self.port), "--data-dir", str(self.data_dir), *self._flags]
        self._process, self.url = started(
            command, self.log, cwd=self._folder, umask=self.umask, environment={**os.environ, **self._environment()}
        )
        self.port = urlsplit(self.url).port or 0

    def kill(self) -> None:
        """``kill -9`` of the service."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> int:
        """Ask the service to stop; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=STOP_LIMIT_S)
        return self._process.returncode

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Start the service, and stop it at the end of the context."""
        self.start()
        try:
            yield self
        finally:
            if self.is_alive():
                self.stop()

    def _environment(self) -> dict[str, str]:
        values = {
            f"ANALYTICS_INTERNAL_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self._settings.items()
        }
        return {**values, "NO_COLOR": "1"}


@contextlib.contextmanager
def running_service(folder: Path | None = None, /, *flags: str, **settings: object) -> Iterator[ServiceProcess]:
    """A service for as long as the context; on a folder of its own if none is given."""
    with contextlib.ExitStack() as parts:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="analytics-internal-", ignore_cleanup_errors=True)
            folder = Path(parts.enter_context(made))
        yield parts.enter_context(ServiceProcess(folder, *flags, **settings).running())
