"""A real service in a process of its own, and the command beside it."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from analytics_internal.cli import run

COMMAND = (str(Path(sys.executable).with_name("analytics-internal")),)
START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    process: subprocess.Popen[bytes]
    data_dir: Path

    @property
    def head(self) -> int:
        """The newest position."""
        events = f"{self.url}/api/analytics-internal/events"
        return int(httpx.get(events, params={"limit": 1}).headers["X-Log-Position"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_service(folder: Path, *flags: str, umask: int = -1) -> Iterator[Running]:
    """``analytics-internal serve`` without authentication on a free port, stopped with SIGTERM."""
    port = free_port()
    arguments = ("serve", "--auth", "none", "--port", str(port), "--data-dir", str(folder / "data"), *flags)
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=output, stderr=output, cwd=folder, umask=umask)
    try:
        yield Running(_answering(f"http://127.0.0.1:{port}", process, log), process, folder / "data")
    finally:
        process.terminate()
        process.wait(60)


def _answering(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").status_code == 200:
                return url
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def command(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run ``analytics-internal`` to its end, in this process: starting Python takes longer than most commands."""
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    before = sys.stdin, sys.stdout, sys.stderr
    # A pipe's bytes can be peeked at, a BytesIO's cannot.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)), "utf-8")
    sys.stdout, sys.stderr = output, errors
    try:
        code = run([str(argument) for argument in arguments])
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    return subprocess.CompletedProcess(arguments, code, _written(output), _written(errors))


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def command_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``analytics-internal`` to its end in a process of its own."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)


def exported(service: Running, after: int = 0) -> list[dict[str, object]]:
    """The stored events after a position, in the log's order."""
    done = command("export", "--url", service.url, "--after", str(after))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
