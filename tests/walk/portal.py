"""The portal as `make portal` starts it, and what a person or a program asks of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from analytics_internal.dimensions import MEASUREMENTS
from tests.ports import reserved_port
from tests.walk.counted import Item, item_of

ROOT = Path(__file__).parents[2]
STOP_LIMIT_S = 60.0


class Portal:
    """A portal that runs, and the ledger of all that was done in it."""

    def __init__(self, system: str, url: str, api: str, data: Path, auditor: str | None = None) -> None:
        self.system = system
        self.guest_file = data / "guest.yaml"
        self.url = url
        self.api = api
        self._auditor = auditor
        self.done: Counter[Item] = Counter()
        """What visits that are over have done, counted at ``captureEvent``."""

    def token(self) -> str:
        """A fresh token of whoever is the guest."""
        answer = httpx.get(f"{self.url}/api/auth/guest/refresh", headers={"X-Requested-With": "XMLHttpRequest"})
        answer.raise_for_status()
        token: str = answer.json()["backstageIdentity"]["token"]
        return token

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Ask our service with a token, or as the guest."""
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return httpx.request(method, f"{self.api}/{path}", headers=headers, timeout=60, **more)

    def stored(self) -> list[dict[str, Any]]:
        """Every event the service has stored, as the auditor is told, or the guest where there is none."""
        answer = self.ask("GET", "events?after=0", self._auditor)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]

    def counted(self) -> Counter[Item]:
        """The same by item, each event once."""
        events = self.stored()
        assert len({event["id"] for event in events}) == len(events), "an event is stored twice"
        return Counter(
            item_of(event["action"], event["subject"]) for event in events if event["action"] not in MEASUREMENTS
        )

    def answer(self, **question: Any) -> list[dict[str, Any]]:
        """The rows that answer a question about the last week, asked as the guest."""
        answer = self.ask("POST", "query", json={"date_range": {"last": "7d"}, **question})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["results"]
        return rows

    def move_guest(self, before: str, after: str) -> None:
        """Let the guest change teams: in the file that the catalog reads, and let it be read again."""
        entry = self.guest_file.read_text()
        assert before in entry
        self.guest_file.write_text(entry.replace(before, after))
        token = {"Authorization": f"Bearer {self.token()}"}
        refreshed = {"entityRef": "user:default/guest"}
        httpx.post(f"{self.url}/api/catalog/refresh", json=refreshed, headers=token).raise_for_status()


@contextlib.contextmanager
def running_portal(system: str, auditor: str | None = None, **options: str) -> Iterator[Portal]:
    """Start the portal, and stop it with Ctrl-C's signal; nothing of it may be left running then.

    ``auditor`` is the token of a machine that may read every event, for a guest who may not.
    """
    folder = Path(tempfile.mkdtemp(prefix="portal-"))
    port = options.get("PORTAL_PORT") or str(reserved_port())
    data = options.get("PORTAL_DATA") or str(folder / "data")
    environment = {"PORTAL_SYSTEM": system, "PORTAL_PORT": port, **options, "PORTAL_DATA": data}
    process = subprocess.Popen(
        ["sh", "scripts/portal"], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        url = _address(process)
        service = options.get("PORTAL_SERVICE") or url
        yield Portal(system, url, f"{service}/api/analytics-internal", Path(data), auditor)
    finally:
        left = _stop(process)
        shutil.rmtree(folder, ignore_errors=True)
    assert process.returncode == 0
    assert left == [], "Ctrl-C leaves something running"


def _address(process: subprocess.Popen[str]) -> str:
    """Where the portal says it is, once it is there."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("portal: http"):
            return line.split()[1].rstrip("/")
    raise RuntimeError(f"the portal did not start (exit code {process.wait()}): its reason is above")


def _stop(process: subprocess.Popen[str]) -> list[str]:
    """Stop the portal and name what of it is still running."""
    everything = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGINT)
    process.wait(STOP_LIMIT_S)
    _, alive = psutil.wait_procs(everything, timeout=5)
    names = [f"{left.pid} {left.name()}" for left in alive]
    for left in alive:
        left.kill()
    return names
