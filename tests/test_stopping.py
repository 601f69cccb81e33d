"""A service that was started by another process ends with it, however that one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.service import COMMAND

STOP_LIMIT_S = 60.0
# What the bridge does: start the service, hold its standard input, and tell where it answers.
PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
child.wait()
"""


def command(data_dir: Path, *flags: str) -> list[str]:
    return [*COMMAND, "serve", "--auth", "none", "--port", "0", "--data-dir", str(data_dir), *flags]


def at_work_in(folder: Path) -> list[psutil.Process]:
    """The service on a data folder, and its PostgreSQL."""
    return [process for process in psutil.process_iter(["cmdline"]) if str(folder) in str(process.info["cmdline"])]


def wait_until_nobody_works_in(folder: Path) -> None:
    deadline = time.monotonic() + STOP_LIMIT_S
    while at_work_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert at_work_in(folder) == []


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    for process in at_work_in(tmp_path):
        process.kill()


def start(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(data_dir, "--stop-with-stdin"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_of(service: subprocess.Popen[str]) -> str:
    assert service.stdout is not None
    line = service.stdout.readline()
    assert line.startswith("analytics-internal: http://127.0.0.1:")
    return line.removeprefix("analytics-internal: ").strip()


def test_the_end_of_standard_input_stops_the_service_as_a_signal_does(data_dir: Path) -> None:
    service = start(data_dir)
    url = address_of(service)
    httpx.post(f"{url}api/analytics-internal/events", json={"action": "navigate", "subject": "/"}).raise_for_status()

    _, logs = service.communicate(timeout=STOP_LIMIT_S)

    assert service.returncode == 0
    assert [line["asked_by"] for line in map(json.loads, logs.splitlines()) if line["event"] == "stopping"] == [
        "end of standard input"
    ]
    assert at_work_in(data_dir) == []


def test_input_does_not_stop_the_service(data_dir: Path) -> None:
    service = start(data_dir)
    url = address_of(service)
    assert service.stdin is not None

    service.stdin.write("x" * 200_000)
    service.stdin.flush()

    assert httpx.get(f"{url}readyz").status_code == 200
    service.communicate(timeout=STOP_LIMIT_S)


def test_a_parent_that_is_killed_leaves_no_orphan(data_dir: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *command(data_dir, "--stop-with-stdin")], stdout=subprocess.PIPE, text=True
    )
    address_of(parent)
    assert len(at_work_in(data_dir)) > 2  # the parent, the service and its PostgreSQL

    parent.kill()

    wait_until_nobody_works_in(data_dir)
    parent.communicate()


@pytest.mark.parametrize("stop", [lambda service: service.stdin.close(), lambda service: service.terminate()])
def test_a_service_that_is_still_starting_stops_and_leaves_nothing(data_dir: Path, stop: object) -> None:
    service = start(data_dir)
    deadline = time.monotonic() + STOP_LIMIT_S
    # The database is being made: the first start's longest part.
    while not (data_dir / "postgres.new").exists() and time.monotonic() < deadline:
        time.sleep(0.005)

    assert callable(stop)
    stop(service)

    assert service.wait(STOP_LIMIT_S) == 0
    assert at_work_in(data_dir) == []
    assert service.stdout is not None
    assert service.stdout.read() == ""


def test_without_the_flag_standard_input_does_not_matter(data_dir: Path) -> None:
    service = subprocess.Popen(command(data_dir), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    url = address_of(service)

    assert httpx.get(f"{url}readyz").status_code == 200
    os.kill(service.pid, signal.SIGTERM)
    assert service.wait(STOP_LIMIT_S) == 0


def test_an_input_that_has_ended_already_stops_the_service_at_once(data_dir: Path) -> None:
    done = subprocess.run(
        command(data_dir, "--stop-with-stdin"), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, b"")
