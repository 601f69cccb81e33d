"""A real RabbitMQ on loopback, as an ordinary process in a folder of its own, where Debian's package is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Self

from tests.ports import reserved_port
from tests.service import DidNotStart

START_LIMIT_S = 240.0
MAX_MESSAGE_BYTES = 200_000
# Debian's own command changes to the user of the system's service, and writes into its folders.
_SCRIPTS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/opt/homebrew/sbin/rabbitmq-server"))


def rabbitmq_program() -> str | None:
    """The command that starts a node, if RabbitMQ is installed."""
    found = next((str(path) for path in _SCRIPTS if path.exists()), shutil.which("rabbitmq-server"))
    return found if shutil.which("epmd") else None


class RabbitServer:
    """One node, which keeps its port and its messages when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._node: Popen[bytes] | None = None
        self._names: Popen[bytes] | None = None
        self.port = reserved_port()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")},
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(reserved_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(reserved_port()),
            "ERL_CRASH_DUMP": "/dev/null",
        }

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Return when it takes connections. Raises DidNotStart."""
        program = rabbitmq_program()
        assert program is not None, "RabbitMQ is not installed"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "rabbitmq.conf").write_text(
            f"disk_free_limit.absolute = 1MB\nmax_message_size = {MAX_MESSAGE_BYTES}\n"
        )
        if self._names is None:
            self._names = Popen(["epmd"], env=self._environment, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        output = self._folder / "output.log"
        with output.open("ab") as log:
            self._node = Popen(
                [program], env=self._environment, stdin=DEVNULL, stdout=log, stderr=STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not self._listens():
            if self._node.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise DidNotStart(f"rabbitmq-server did not start:\n{output.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(1))
        return False

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._node is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait()
            self._node = None

    def end(self) -> None:
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()
