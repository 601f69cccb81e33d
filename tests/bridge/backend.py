"""A real Backstage backend with the bridge, run by the tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.ports import reserved_port

BACKSTAGE = Path(__file__).parents[2] / "backstage"
PLUGIN = BACKSTAGE / "plugins/analytics-internal-backend"
START_LIMIT_S = 300.0
STOP_LIMIT_S = 60.0
Json = dict[str, Any]


class Backend:
    """One backend process with its own files, isolated from the rest of the machine."""

    def __init__(self, folder: Path, config: Json) -> None:
        folder.mkdir()
        self.port = reserved_port()
        self.url = f"http://localhost:{self.port}"
        self.api = f"{self.url}/api/analytics-internal"
        self.data = folder / "data"
        self._log = folder / "backend.log"
        self._config = folder / "app-config.json"
        self._config.write_text(json.dumps(_merged(self._base(), config)))
        # XDG_DATA_HOME: the default place for a program's data.
        environment = {**os.environ, "NODE_ENV": "production", "XDG_DATA_HOME": str(self.data)}
        tools = [str(BACKSTAGE / "tools/node_modules/.bin"), str(Path(sys.executable).parent)]
        environment["PATH"] = os.pathsep.join([*tools, os.environ["PATH"]])
        command = ["node", "--require", "@backstage/cli/config/nodeTransform.cjs", "dev/index.ts"]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--config", str(self._config)],
                cwd=PLUGIN,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _base(self) -> Json:
        guest = {"dangerouslyAllowOutsideDevelopment": True, "userEntityRef": "user:default/guest"}
        return {
            "app": {"baseUrl": self.url},
            "backend": {"baseUrl": self.url, "listen": {"host": "127.0.0.1", "port": self.port}},
            "auth": {"providers": {"guest": guest}},
            "analyticsInternal": {"peopleReaders": ["user:default/guest"]},
        }

    @property
    def log(self) -> str:
        return self._log.read_text()

    def services(self) -> list[psutil.Process]:
        """The service's processes among the backend's children: one, or none during a restart."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self.process.pid).children() if _is_service(child)]
        return []

    def family(self) -> list[psutil.Process]:
        """All descendants of the backend's process."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_until_it_answers(self) -> None:
        """Wait until the service answers through the bridge: with 401, because there is no token."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.api}/configuration", timeout=10).status_code == 401:
                    return
            assert self.process.poll() is None, self.log
            time.sleep(0.1)
        raise AssertionError(self.log)

    def client(self) -> httpx.Client:
        """A client that is signed in as the guest."""
        answer = httpx.get(f"{self.url}/api/auth/guest/refresh", timeout=30)
        answer.raise_for_status()
        token = answer.json()["backstageIdentity"]["token"]
        return httpx.Client(base_url=f"{self.url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def stop(self) -> int:
        """Ask the backend to stop. Returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)


@contextlib.contextmanager
def running_backend(folder: Path, config: Json) -> Iterator[Backend]:
    """Start a backend without waiting for it. Kill it at the end if it still runs."""
    backend = Backend(folder, config)
    try:
        yield backend
    finally:
        if backend.process.poll() is None:
            backend.process.kill()
            backend.process.wait()


def _is_service(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[-1:] == ["serve"]
    except psutil.NoSuchProcess:
        return False


def _merged(base: Json, more: Json) -> Json:
    """Both configurations merged. The second one wins."""
    merged = {**base, **more}
    for name in base.keys() & more.keys():
        if isinstance(base[name], dict) and isinstance(more[name], dict):
            merged[name] = _merged(base[name], more[name])
    return merged
