"""The real service as a subprocess: ``python -m tests.service '{"port": …}'`` with settings as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import httpx

from analytics_internal.process.serve import run
from analytics_internal.settings.model import Settings

ROOT = Path(__file__).parents[1]
START_LIMIT_S = 90.0
STOP_LIMIT_S = 60.0
API = "/api/analytics-internal"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Serving:
    """One service that is started, killed and stopped; its data folder stays."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self._settings = {"auth": "none", "timezone": "UTC", **settings, "port": self.port, "data_dir": str(data_dir)}
        self._process: Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the service and wait until it is ready."""
        command = [sys.executable, "-m", "tests.service", json.dumps(self._settings)]
        with self.log.open("ab") as log:
            self._process = Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"})
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if not self.is_alive():
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the service did not become ready:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """``kill -9`` of the service."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask the service to stop; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_LIMIT_S)


@contextlib.contextmanager
def serving(**settings: object) -> Iterator[Serving]:
    """A service on a data folder of its own, for as long as the context."""
    with tempfile.TemporaryDirectory(prefix="analytics-internal-", ignore_cleanup_errors=True) as folder:
        service = Serving(Path(folder) / "data", **settings)
        service.start()
        try:
            yield service
        finally:
            if service.is_alive():
                service.stop()


if __name__ == "__main__":
    sys.exit(run(Settings(**json.loads(sys.argv[1]))))
