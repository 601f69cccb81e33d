"""The data folder knows its service: while it listens, and not a moment longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_internal.data_dir import DataDirLock
from analytics_internal.whereabouts import FILE, NotRunning, announced, forget, service_of
from tests.command import command, command_process
from tests.service import ServiceProcess, running_service

URL = "http://127.0.0.1:4711/"
HOLDER = """
import sys
from pathlib import Path
from analytics_internal.data_dir import DataDirLock
from analytics_internal.whereabouts import announced
with DataDirLock(Path(sys.argv[1])), announced(Path(sys.argv[1]), [sys.argv[2]]):
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("whereabouts"), "--host", "127.0.0.1", "--host", "::1") as running:
        yield running


def test_a_service_is_known_as_long_as_it_is_announced(tmp_path: Path) -> None:
    with DataDirLock(tmp_path):
        with announced(tmp_path, [URL, "http://[::1]:4711/"]):
            assert service_of(tmp_path) == URL.rstrip("/")
            assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
        with pytest.raises(NotRunning, match="is in use, but no service listens"):
            service_of(tmp_path)
    with pytest.raises(NotRunning, match="no service runs on"):
        service_of(tmp_path)


def test_what_a_killed_service_left_names_no_service(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path, URL], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert service_of(tmp_path) == URL.rstrip("/")
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()

    assert (tmp_path / FILE).exists()
    with pytest.raises(NotRunning, match="no service runs on"):
        service_of(tmp_path)
    with DataDirLock(tmp_path):
        with pytest.raises(NotRunning, match="is in use, but no service listens"):
            service_of(tmp_path)
        forget(tmp_path)
        assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "urls": []}', "\x00"])
def test_a_damaged_file_names_no_service(tmp_path: Path, text: str) -> None:
    with DataDirLock(tmp_path):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(NotRunning):
            service_of(tmp_path)


def test_looking_does_not_keep_a_service_from_starting(tmp_path: Path) -> None:
    for _ in range(50):
        with pytest.raises(NotRunning):
            service_of(tmp_path)
        with DataDirLock(tmp_path):
            pass


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="there is no folder"):
        service_of(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_doctor_asks_the_service_of_its_folder(service: ServiceProcess) -> None:
    done = command("doctor", "--data-dir", service.data_dir)
    assert done.stdout.endswith("All is well.\n")
    assert done.returncode == 0
    assert service_of(service.data_dir) == service.url


def test_days_are_compared_where_the_service_has_them_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_service(tmp_path, timezone="Pacific/Kiritimati") as running:
        assert command("demo", "--events", "300", "--url", running.url).returncode == 0
        monkeypatch.setenv("ANALYTICS_INTERNAL_TIMEZONE", "Pacific/Pago_Pago")
        done = command("doctor", "--data-dir", running.data_dir)
    assert done.stdout.endswith("All is well.\n"), done.stdout


def test_import_export_and_demo_find_the_service_of_a_folder(service: ServiceProcess) -> None:
    place = ("--data-dir", service.data_dir)
    before = service.head
    sent = command("demo", "--events", "20", *place)
    assert sent.returncode == 0, sent.stderr
    assert service.head > before
    exported = command("export", *place)
    assert len(exported.stdout.splitlines()) == service.head
    again = command("import", "-", *place, stdin=exported.stdout.encode())
    assert again.returncode == 0, again.stderr


def test_a_folder_without_a_service_says_so(tmp_path: Path) -> None:
    done = command("export", "--data-dir", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"analytics-internal: no service runs on {tmp_path}; start it, or say --url\n"


def test_doctor_compares_nothing_when_the_folder_is_in_use_without_a_service(tmp_path: Path, dsn: str) -> None:
    with DataDirLock(tmp_path):
        done = command("doctor", "--data-dir", tmp_path, "--database-url", dsn)
    assert "-     the reader was not compared with the log: " in done.stdout
    assert done.stdout.endswith("All that was checked is well.\n")
    assert done.returncode == 0


def test_doctor_without_a_service_opens_the_reader_itself(tmp_path: Path, dsn: str) -> None:
    done = command("doctor", "--data-dir", tmp_path, "--database-url", dsn)
    assert done.stdout.endswith("All is well.\n")
    assert done.returncode == 0


def test_serve_and_migrate_start_in_a_pod_of_a_service_of_our_name(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP": "tcp://10.0.0.1:80",
        "PORT_80_TCP_PROTO": "tcp",
        "PORT_80_TCP_PORT": "80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
        "DB_SERVICE_HOST": "10.0.0.2",
        "DB_PORT": "tcp://10.0.0.2:5432",
        "TIMEZON": "UTC",
    }.items():
        monkeypatch.setenv(f"ANALYTICS_INTERNAL_{name}", value)
    done = command_process("migrate", "--database-url", dsn)
    assert done.returncode == 0, done.stderr
    with running_service(tmp_path, database_url=dsn) as running:
        assert running.head == 0
    for said in (done.stderr, (tmp_path / "service.log").read_text()):
        ours = [line for line in said.splitlines() if line.startswith("analytics-internal: ANALYTICS_INTERNAL_")]
        assert [line.split()[1] for line in ours] == [
            "ANALYTICS_INTERNAL_PORT=tcp://10.0.0.1:80",
            "ANALYTICS_INTERNAL_TIMEZON:",
        ]
        assert ours[1].endswith("did you mean timezone?")
