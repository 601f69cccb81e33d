"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_internal import __version__, demo
from analytics_internal.cli import run
from tests.command import command, command_process, exported
from tests.ports import closed_port
from tests.service import COMMAND, ServiceProcess, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for all."""
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


def test_help_names_every_command_and_loads_no_service() -> None:
    program = (
        "import sys; from analytics_internal.cli import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('asyncpg', 'duckdb', 'starlette', 'httpx', 'pydantic')))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    for name in ("serve", "import", "export", "demo", "destinations", "doctor", "migrate", "--version"):
        assert name in done.stdout


def test_the_version_is_printed() -> None:
    done = command("--version")

    assert (done.returncode, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--port", "many"],
        ["serve", "--auth", "none", "--port", "70000"],
        ["serve", "--auth", "none", "--timezone", "Mars/Olympus"],
        ["serve", "--auth", "none", "--host", "0.0.0.0"],
        ["serve", "--config", "nowhere.toml"],
        ["import"],
        ["import", "--nonsense"],
        ["import", "nowhere.jsonl"],
        ["import", "nowhere.jsonl", "--url", "nowhere"],
        ["export", "--after", "-1"],
        ["export", "--limit", "0"],
        ["export", "--output", "nowhere/file.jsonl"],
        ["export", "--url", "nowhere"],
        ["demo", "--events", "-1"],
        ["demo", "--until", "tomorrow"],
        ["demo", "--url", "http://127.0.0.1:1", "--output", "file.jsonl"],
    ],
    ids=" ".join,
)
def test_a_wrong_use_ends_in_one_line_and_exit_code_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run(arguments)

    assert code == 2
    output, errors = capsys.readouterr()
    assert errors.startswith("analytics-internal: ")
    assert len(errors.splitlines()) == 1
    assert output == ""


@pytest.mark.parametrize("arguments", [["export"], ["demo", "--events", "3"]], ids=" ".join)
@pytest.mark.slow
def test_a_service_that_is_not_there_is_one_line_and_exit_code_2(arguments: list[str]) -> None:
    with closed_port() as port:
        done = command(*arguments, "--url", f"http://127.0.0.1:{port}")

    assert done.returncode == 2
    assert "is not reachable" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_settings_in_force_are_printed_with_their_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    done = command("serve", "--auth", "none", "--port", "7010", "--print-config")

    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "7010" in lines["port"]
    assert lines["port"].endswith("# flag --port")
    assert lines["host"].endswith("# default")
    assert not list(tmp_path.iterdir())


def test_a_second_service_on_one_data_folder_says_so_and_exits(service: ServiceProcess) -> None:
    second = command_process("serve", "--auth", "none", "--port", "0", "--data-dir", service.data_dir)

    assert second.returncode == 1
    assert str(service.pid) in second.stderr
    assert "Traceback" not in second.stderr


def test_a_database_that_is_not_there_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with closed_port() as port:
        done = command_process("migrate", "--database-url", f"postgresql://127.0.0.1:{port}/x", "--data-dir", tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("analytics-internal: ")
    assert "Traceback" not in done.stderr


def test_migrate_needs_no_authentication_to_be_configured(dsn: str, tmp_path: Path) -> None:
    done = command_process("migrate", "--database-url", dsn, "--data-dir", tmp_path)

    assert done.returncode == 0, done.stderr


def test_the_demo_is_sent_to_the_service(service: ServiceProcess) -> None:
    before = service.head

    done = command("demo", "--events", "1200", "--seed", "3", "--until", "2026-11-01", "--url", service.url)
    again = command("demo", "--events", "1200", "--seed", "3", "--until", "2026-11-01", "--url", service.url)

    assert "demo: 1,200 stored, 0 duplicate" in done.stdout, done.stderr
    assert "demo: 0 stored, 1,200 duplicate" in again.stdout
    events = exported(service, before)
    assert len(events) == 1200
    assert all(event["imported"] for event in events)


def test_the_demo_is_written_as_lines(tmp_path: Path) -> None:
    file = tmp_path / "demo.jsonl"
    expected = list(demo.events(50, 2, datetime(2026, 11, 1, tzinfo=UTC)))
    arguments = ("demo", "--events", "50", "--seed", "2", "--until", "2026-11-01", "--output")

    to_file = command(*arguments, file)
    to_stdout = command(*arguments, "-")
    onto_the_file = command(*arguments, file)

    assert to_file.returncode == to_stdout.returncode == 0
    assert file.read_text() == to_stdout.stdout
    assert [json.loads(line) for line in to_stdout.stdout.splitlines()] == expected
    assert onto_the_file.returncode == 2


def test_an_export_into_a_pipe_that_closes_ends_quietly(service: ServiceProcess) -> None:
    command("demo", "--events", "3000", "--url", service.url)
    reading, writing = os.pipe()

    exporting = subprocess.Popen(
        [*COMMAND, "export", "--url", service.url],
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    os.read(reading, 100)
    os.close(reading)
    _, errors = exporting.communicate(timeout=30)

    assert errors == b""
