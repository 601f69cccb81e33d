"""Forwarding is a process of its own: the service starts it, keeps it running, and ends it however it ends itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import structlog

from analytics_internal.forward import child
from analytics_internal.log.connection import Pool
from tests.forward.http_receiver import HttpReceiver, running
from tests.forward.test_holds import eventually
from tests.samples import ANA
from tests.service import API, ServiceProcess, running_service

LIMIT_S = 300.0
"""Forwarding has a low priority: beside other tests it may wait long."""


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with running(HttpReceiver()) as receiver:
        yield receiver


def webhook(receiver: HttpReceiver, **further: object) -> dict[str, object]:
    return {"name": "audit", "type": "webhook", "url": receiver.url, "start": "beginning", **further}


def wait_until(is_so: Callable[[], object]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.02)


def forwarding_of(service: ServiceProcess) -> list[psutil.Process]:
    """The processes that forward for a service."""
    found = []
    for process in psutil.Process(service.pid).children():
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            if "analytics_internal.forward" in process.cmdline():
                found.append(process)
    return found


def the_one_of(service: ServiceProcess, other_than: int = 0) -> psutil.Process:
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = [one for one in forwarding_of(service) if one.pid != other_than]
        return bool(found)

    wait_until(is_there)
    return found[0]


def store(service: ServiceProcess, *subjects: str) -> None:
    events = [{"action": "navigate", "subject": subject, "user": ANA} for subject in subjects]
    httpx.post(f"{service.url}{API}/events", json={"events": events}).raise_for_status()


def arrived(receiver: HttpReceiver) -> list[str]:
    """The subjects of what has arrived, in order."""
    bodies = [json.loads(request.body) for request in list(receiver.requests)]
    return [event["subject"] for body in bodies for event in body["events"]]


def log_lines(service: ServiceProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]


def test_what_is_stored_arrives(receiver: HttpReceiver) -> None:
    with running_service(destinations=[webhook(receiver)]) as service:
        store(service, "/a", "/b")
        wait_until(lambda: arrived(receiver) == ["/a", "/b"])

        process = the_one_of(service)
        assert process.nice() == 10
        assert all(receiver.url not in part for part in process.cmdline())
    assert not process.is_running()


def test_without_destinations_there_is_no_process() -> None:
    with running_service() as service:
        store(service, "/a")
        assert forwarding_of(service) == []
        assert "destination" not in httpx.get(f"{service.url}/metrics").text


def test_it_is_started_again_however_it_ends(receiver: HttpReceiver, tmp_path: Path) -> None:
    with running_service(tmp_path, destinations=[webhook(receiver)]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])
        first = the_one_of(service)

        first.kill()

        store(service, "/b")
        wait_until(lambda: "/b" in arrived(receiver))
        second = the_one_of(service, other_than=first.pid)

        second.terminate()

        store(service, "/c")
        wait_until(lambda: "/c" in arrived(receiver))
    # Once more what was not confirmed when it was killed, and nothing else.
    assert list(dict.fromkeys(arrived(receiver))) == ["/a", "/b", "/c"]
    ends = [line["exit_code"] for line in log_lines(service) if line["event"] == "forwarding ended"]
    assert ends == [-signal.SIGKILL, 0]


def test_it_ends_with_a_service_that_is_killed(receiver: HttpReceiver) -> None:
    with running_service(destinations=[webhook(receiver)]) as service:
        process = the_one_of(service)

        service.kill()

        wait_until(lambda: not process.is_running())


def third_party(folder: Path, send: str) -> Path:
    """A folder for PYTHONPATH with the type `blocking`, whose ``send`` does this."""
    blocking = folder / "blocking"
    (blocking / "blocking-1.dist-info").mkdir(parents=True)
    (blocking / "blocking-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: blocking\nVersion: 1\n")
    (blocking / "blocking-1.dist-info" / "entry_points.txt").write_text(
        "[analytics_internal.destinations]\nblocking = blocking_type:Blocking\n"
    )
    (blocking / "blocking_type.py").write_text(
        "import threading\n"
        "from analytics_internal.forward.destination import Destination\n"
        "class Blocking(Destination):\n"
        "    async def send(self, batch):\n" + send
    )
    return blocking


def test_a_type_that_is_uninstalled_meanwhile_fails_alone(
    receiver: HttpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = third_party(tmp_path, "        return []\n")
    monkeypatch.setenv("PYTHONPATH", os.fspath(installed))
    gone = {"name": "gone", "type": "blocking", "start": "beginning"}

    with running_service(destinations=[gone, webhook(receiver)]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])
        (installed / "blocking_type.py").unlink()
        shutil.rmtree(installed / "__pycache__", ignore_errors=True)
        the_one_of(service).kill()
        store(service, "/b")
        wait_until(lambda: arrived(receiver)[-1] == "/b")

        def says_why() -> bool:
            rows = httpx.get(f"{service.url}{API}/destinations").json()["destinations"]
            return "cannot be loaded" in json.dumps([row["last_error"] for row in rows if row["name"] == "gone"])

        wait_until(says_why)


def test_a_type_that_blocks_for_ever_keeps_the_service_from_stopping_only_for_a_while(
    receiver: HttpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocking = third_party(tmp_path, "        threading.Event().wait()\n")
    monkeypatch.setenv("PYTHONPATH", os.fspath(blocking))
    blocks = {"name": "blocks", "type": "blocking", "start": "beginning"}

    with running_service(destinations=[blocks, webhook(receiver)]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])
        store(service, "/b")
        wait_until(lambda: arrived(receiver) == ["/a", "/b"])
        process = the_one_of(service)
        assert service.stop() == 0

    assert not process.is_running()


def test_a_name_that_is_gone_keeps_its_position_and_goes_on_when_it_returns(
    receiver: HttpReceiver, tmp_path: Path
) -> None:
    with running_service(tmp_path, destinations=[webhook(receiver)]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])
    with running_service(tmp_path) as service:
        store(service, "/b")
    lines = [line for line in log_lines(service) if "not configured any more" in str(line["event"])]
    assert [(line["destination"], line["position"]) for line in lines] == [("audit", 1)]

    with running_service(tmp_path, destinations=[webhook(receiver, start="now")]):
        wait_until(lambda: len(arrived(receiver)) == 2)

    assert arrived(receiver) == ["/a", "/b"]


def test_a_missing_secret_is_said_at_the_start_before_there_is_an_event(receiver: HttpReceiver, tmp_path: Path) -> None:
    lacking = {"secret": [{"env": "NOT_SET"}], "headers": {"x-key": {"file": str(tmp_path / "none")}}}
    unknown = {"name": "unknown", "type": "webhook", "url": {"env": "NOT_SET_EITHER"}}
    with running_service(destinations=[webhook(receiver, **lacking), unknown]) as service:
        lines = [line for line in log_lines(service) if "lacks a secret" in str(line["event"])]

    assert [(line["destination"], line["reason"]) for line in lines] == [
        ("audit", f"{tmp_path / 'none'}: No such file or directory"),
        ("audit", "the environment variable NOT_SET is not set"),
        ("unknown", "the environment variable NOT_SET_EITHER is not set"),
    ]


def test_a_new_destination_gets_what_is_stored_after_the_service_listens(receiver: HttpReceiver) -> None:
    with running_service(destinations=[webhook(receiver, start="now")]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])


def test_it_goes_on_when_postgresql_is_killed(receiver: HttpReceiver) -> None:
    with running_service(destinations=[webhook(receiver)]) as service:
        store(service, "/a")
        wait_until(lambda: arrived(receiver) == ["/a"])
        first = the_one_of(service)
        postmaster = int((service.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])

        psutil.Process(postmaster).kill()

        def stored_again() -> bool:
            sent = {"action": "navigate", "subject": "/b"}
            return httpx.post(f"{service.url}{API}/events", json=sent, timeout=60).status_code == 200

        wait_until(stored_again)
        wait_until(lambda: "/b" in arrived(receiver))
        assert the_one_of(service).pid == first.pid


def test_prometheus_gets_the_figures(receiver: HttpReceiver) -> None:
    def figures(service: ServiceProcess) -> dict[str, float]:
        lines = httpx.get(f"{service.url}/metrics").text.splitlines()
        found = [line for line in lines if line.startswith("analytics_internal_destination_")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in found}

    prefix, label = "analytics_internal_destination", '{destination="audit"}'
    with running_service(destinations=[webhook(receiver, filters=["is", "subject", ["/a"]])]) as service:
        store(service, "/a", "/b")
        wait_until(lambda: figures(service).get(f"{prefix}_delivered_total{label}") == 1)

        found = figures(service)
        assert found[f"{prefix}_filtered_total{label}"] == 1
        assert found[f"{prefix}_lag_events{label}"] == 0
        assert found[f"{prefix}_lag_seconds{label}"] == 0
        assert found[f"{prefix}_dead_letters{label}"] == found[f"{prefix}_dead_total{label}"] == 0
        assert found[f"{prefix}_paused{label}"] == found[f"{prefix}_stopped{label}"] == 0
        assert f"{prefix}_failed_attempts_total{label}" in found
        assert httpx.get(f"{service.url}/readyz").status_code == 200


async def test_a_process_that_cannot_be_started_is_tried_again(
    dsn: str, pool: Pool, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_COMMAND", ("/nowhere/python",))
    monkeypatch.setattr("analytics_internal.forward.again.FIRST_S", 0.01)

    with structlog.testing.capture_logs() as lines:
        async with child.forwarding(child.Order(dsn, [webhook(receiver)]), pool):

            async def tried_again() -> bool:
                return [line["event"] for line in lines].count("forwarding ended") >= 2

            await eventually(tried_again)

    assert all("/nowhere/python" in line["reason"] for line in lines if line["event"] == "forwarding ended")
