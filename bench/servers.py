"""HTTP servers as processes of their own: started on a free loopback port, measured, stopped."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

import msgspec
import psutil

from bench.load import Result
from tests.service import COMMAND, started

EVENTS = "api/analytics-internal/events"


class Server(msgspec.Struct, frozen=True):
    """A running server."""

    url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[Server]:
    """A server that prints its address when it listens."""
    process, url = started(command, log)
    try:
        yield Server(f"{url}/", psutil.Process(process.pid))
    finally:
        process.terminate()
        process.communicate(timeout=60)


def service(
    dsn: str, folder: Path, destinations: Sequence[Mapping[str, object]] = ()
) -> contextlib.AbstractContextManager[Server]:
    """The real service on a database."""
    folder.mkdir(exist_ok=True)
    config = folder / "settings.yaml"
    config.write_bytes(msgspec.json.encode({"destinations": destinations}))  # JSON is YAML
    command = [*COMMAND, "serve", "--auth", "none", "--port", "0"]
    command += ["--database-url", dsn, "--data-dir", str(folder), "--timezone", "America/Sao_Paulo"]
    command += ["--config", str(config)]
    return running(command, folder / "service.log")


def baseline(way: str, folder: Path, dsn: str = "") -> contextlib.AbstractContextManager[Server]:
    """One of `bench.baseline`'s servers."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "bench.baseline", way, "--database-url", dsn]
    return running(command, folder / f"{way}.log")


def load(
    server: Server, events: Path, connections: int, batch: int, seconds: float, rate: float | None = None
) -> Result:
    """Put load on a server from another process."""
    command = [sys.executable, "-m", "bench.load", "--url", server.url + EVENTS, "--events", str(events)]
    command += ["--connections", str(connections), "--batch", str(batch), "--seconds", str(seconds)]
    if rate is not None:
        command += ["--rate", str(rate)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    return msgspec.json.decode(finished.stdout, type=Result)


def let_catch_up(service: Server) -> None:
    """Have the service's reader read all that is stored."""
    with urlopen(f"{service.url}api/analytics-internal/configuration") as response:
        response.read()


def postgres_cpu_s(database: str) -> float:
    """CPU seconds of the PostgreSQL processes that serve a database now."""
    seconds = 0.0
    for process in psutil.process_iter(["name", "cmdline"]):
        with contextlib.suppress(psutil.Error):
            title = " ".join(process.info["cmdline"] or [])
            if title.startswith("postgres:") and f" {database} " in title:
                times = process.cpu_times()
                seconds += times.user + times.system
    return seconds
