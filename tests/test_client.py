"""Import and export against a real service."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from analytics_internal.client.recorded import UNTIMED, Recording, Unreadable
from tests.command import command, exported
from tests.service import COMMAND, ServiceProcess, running_service

EVENTS = Path(__file__).parent / "events"
RECORDED = sorted(EVENTS.glob("*.jsonl"))
RECORDED_LINES = 80


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for all: a test looks only at what came after it began, and its events are its own."""
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def before(service: ServiceProcess) -> int:
    """The newest position before the test."""
    return service.head


def lines_file(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def event(subject: str = "/catalog", **fields: object) -> dict[str, object]:
    return {"action": "navigate", "subject": subject, **fields}


def importer_of(file: Path, lines: int, service: ServiceProcess) -> subprocess.Popen[bytes]:
    """An import that has read so many lines of a file and waits for more: it cannot be done before it is stopped."""
    # In the background of a shell SIGINT is ignored, and a child inherits that; it does not inherit a handler.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    importer = subprocess.Popen(
        [*COMMAND, "import", "-", "--url", service.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    signal.signal(signal.SIGINT, ours)
    assert importer.stdin is not None
    importer.stdin.write(b"".join(file.read_bytes().splitlines(keepends=True)[:lines]))
    importer.stdin.flush()
    return importer


def test_recorded_events_imported_twice_are_stored_once(service: ServiceProcess, before: int) -> None:
    first = command("import", *RECORDED, "--url", service.url)
    second = command("import", *RECORDED, "--url", service.url)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "backstage-legacy-app.jsonl: 42 stored, 0 duplicate, 0 rejected, 0 unreadable" in first.stdout
    assert "backstage-legacy-app.jsonl: 0 stored, 42 duplicate, 0 rejected, 0 unreadable" in second.stdout
    assert len(exported(service, before)) == RECORDED_LINES


def test_an_import_that_was_killed_and_is_run_again_misses_and_doubles_nothing(
    service: ServiceProcess, before: int, tmp_path: Path
) -> None:
    moments = (f"2026-{month:02}-{day:02}T10:00:00Z" for month in range(1, 11) for day in range(1, 29))
    timed = [event(f"/docs/{n}", occurredAt=at) for at in moments for n in range(20)]
    untimed = [event("/same")] * 500
    file = lines_file(tmp_path / "history.jsonl", *timed, *untimed)

    importer = importer_of(file, 3_000, service)
    while service.head == before:
        time.sleep(0.002)
    importer.kill()
    importer.communicate()
    stored_before = service.head - before
    again = command("import", file, "--url", service.url)

    assert 0 < stored_before < len(timed) + len(untimed)
    assert again.returncode == 0, again.stderr
    events = exported(service, before)
    assert len({each["id"] for each in events}) == len(events) == len(timed) + len(untimed)
    assert [each["position"] for each in events] == list(range(before + 1, before + len(events) + 1))
    assert {each["subject"] for each in events} == {f"/docs/{n}" for n in range(20)} | {"/same"}


def test_ctrl_c_says_what_was_done_and_that_it_can_be_run_again(
    service: ServiceProcess, before: int, tmp_path: Path
) -> None:
    file = lines_file(tmp_path / "history.jsonl", *(event(f"/docs/{n}") for n in range(10_000)))

    importer = importer_of(file, 3_000, service)
    while service.head == before:
        time.sleep(0.002)
    importer.send_signal(signal.SIGINT)
    try:
        importer.wait(30)
    finally:
        importer.kill()
        output, errors = importer.communicate()

    assert importer.returncode == 130
    assert re.search(rb"^stdin: [1-9][\d,]* stored", output)
    assert b"interrupted; running the same command again is safe" in errors
    assert b"Traceback" not in errors


def test_lines_without_a_time_are_stored_once_and_identical_ones_are_different_events(
    service: ServiceProcess, before: int, tmp_path: Path
) -> None:
    file = lines_file(tmp_path / "untimed.jsonl", event(), event("/docs"), event(), event())

    command("import", file, "--url", service.url)
    again = command("import", file, "--url", service.url)

    assert "0 stored, 4 duplicate" in again.stdout
    assert [each["subject"] for each in exported(service, before)] == ["/catalog", "/docs", "/catalog", "/catalog"]


def test_the_user_option_applies_to_lines_without_a_user(service: ServiceProcess, before: int, tmp_path: Path) -> None:
    file = lines_file(tmp_path / "some.jsonl", event(), event(user="user:default/ana"))

    command("import", file, "--url", service.url, "--user", "user:default/guest")

    assert [each["user"] for each in exported(service, before)] == ["user:default/guest", "user:default/ana"]


def test_bad_lines_are_reported_by_file_and_line_and_do_not_stop_the_others(
    service: ServiceProcess, before: int, tmp_path: Path
) -> None:
    file = lines_file(
        tmp_path / "mixed.jsonl", event("/a"), "{nonsense", "", "[1]", '{"value": NaN}', event("/b", colour="red"),
        event("/c", occurredAt="1999-01-01T00:00:00Z"), event("/d"),
    )  # fmt: skip

    done = command("import", file, "--url", service.url)

    assert done.returncode == 1
    assert f"{file}: 2 stored, 0 duplicate, 2 rejected, 3 unreadable" in done.stdout
    reported = done.stderr.splitlines()
    assert [line.removeprefix(f"{file}:").split(":")[:2] for line in reported] == [
        ["2", " unreadable"], ["4", " unreadable"], ["5", " unreadable"], ["6", " rejected"], ["7", " rejected"],
    ]  # fmt: skip
    assert "not JSON" in reported[0]
    assert "not an object" in reported[1]
    assert "invalid_event" in reported[3]
    assert "too_old" in reported[4]
    assert [each["subject"] for each in exported(service, before)] == ["/a", "/d"]


def test_of_many_problems_the_first_twenty_are_printed(service: ServiceProcess, tmp_path: Path) -> None:
    file = lines_file(tmp_path / "bad.jsonl", *["nonsense"] * 50)

    done = command("import", file, "--url", service.url)

    assert len(done.stderr.splitlines()) == 21
    assert "30 more like these" in done.stderr.splitlines()[-1]
    assert "50 unreadable" in done.stdout


def test_compressed_files_and_stdin_are_read(service: ServiceProcess, tmp_path: Path) -> None:
    compressed = tmp_path / "legacy.jsonl.gz"
    compressed.write_bytes(gzip.compress(RECORDED[0].read_bytes()))

    flags = ("--url", service.url, "--user", "user:default/compressed")

    from_file = command("import", compressed, *flags)
    from_stdin = command("import", "-", *flags, stdin=RECORDED[0].read_bytes())
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(compressed.read_bytes()[:-40])
    from_broken = command("import", broken, *flags)

    assert "42 stored, 0 duplicate" in from_file.stdout
    assert "stdin: 0 stored, 42 duplicate" in from_stdin.stdout
    assert from_broken.returncode == 1
    assert "cannot be read on" in from_broken.stderr


def test_an_export_goes_on_where_its_file_ends(service: ServiceProcess, before: int, tmp_path: Path) -> None:
    command("import", *RECORDED[:2], "--url", service.url, "--user", "user:default/exported")
    whole, resumed = tmp_path / "whole.jsonl", tmp_path / "resumed.jsonl"
    flags = ("--url", service.url, "--after", str(before))

    command("export", *flags, "--output", whole)
    command("export", *flags, "--output", resumed, "--limit", "30")
    with resumed.open("ab") as file:
        file.write(b'{"position":31,"id":"torn')
    done = command("export", *flags, "--output", resumed)
    rest = command("export", "--url", service.url, "--after", str(before + 50))

    assert done.returncode == 0
    assert len(whole.read_text().splitlines()) == 64
    assert resumed.read_bytes() == whole.read_bytes()
    assert rest.stdout.splitlines() == whole.read_text().splitlines()[50:]


def test_an_export_does_not_touch_a_file_that_is_none(service: ServiceProcess, tmp_path: Path) -> None:
    file = lines_file(tmp_path / "mine.txt", "my notes")

    done = command("export", "--url", service.url, "--output", file)

    assert done.returncode == 2
    assert "cannot be continued" in done.stderr
    assert file.read_text() == "my notes\n"


def test_an_export_imported_elsewhere_gives_the_same_export(
    service: ServiceProcess, before: int, dsn: str, tmp_path: Path
) -> None:
    file, second_file = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    command("import", *RECORDED, "--url", service.url, "--user", "user:default/elsewhere")
    command("demo", "--events", "1500", "--until", "2026-10-01", "--url", service.url)
    further = tmp_path / "further.jsonl"
    further.write_text(
        '{"action": "mcp-call", "subject": "search", "agent": "claude-code", "user": "user:default/ana"}\n'
        '{"action": "engage", "subject": "/docs", "value": 12.5, "user": "user:default/ana"}\n'
        '{"action": "task-succeeded", "subject": "1", "value": 240, "agent": "scaffolder"}\n'
    )
    assert "3 stored" in command("import", further, "--url", service.url).stdout
    command("export", "--url", service.url, "--after", str(before), "--output", file)

    with running_service(tmp_path, database_url=dsn) as second:
        done = command("import", file, "--url", second.url)
        command("export", "--url", second.url, "--output", second_file)

    assert done.returncode == 0, done.stderr
    assert contents(second_file) == contents(file)


def contents(export: Path) -> list[dict[str, object]]:
    """What is the same wherever the events are stored."""
    lines = [json.loads(line) for line in export.read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in {"position", "batch", "receivedAt"}}
        for line in lines
    ]


def test_the_id_of_a_line_has_its_time_and_is_always_the_same() -> None:
    line = b'{"at": "2026-11-24T16:14:31.983Z", "event": {"action": "navigate", "subject": "/"}}'

    first, second = (json.loads(text) for text in (Recording().event(line), Recording().event(line)))
    plain = json.loads(
        Recording().event(b'{"subject": "/", "action": "navigate", "occurredAt": "2026-11-24T16:14:31.983Z"}')
    )

    assert first == second == plain
    id_ = UUID(first["id"])
    assert id_.version == 7
    assert datetime.fromtimestamp((id_.int >> 80) / 1000, UTC) == datetime(2026, 11, 24, 16, 14, 31, 983000, UTC)
    assert first["occurredAt"] == "2026-11-24T16:14:31.983Z"


def test_ids_differ_by_content_time_user_and_number() -> None:
    recording = Recording()
    lines: list[dict[str, object]] = [
        event(), event(), event("/docs"), event(user="user:default/ana"), event(occurredAt="2026-11-24T16:14:31Z"),
        event(occurredAt="2026-11-24T16:14:31.000001Z"),
    ]  # fmt: skip

    ids = [json.loads(recording.event(json.dumps(line).encode()))["id"] for line in lines]

    assert len(set(ids)) == len(ids)
    assert UUID(ids[0]).int >> 80 == UNTIMED.timestamp() * 1000


@pytest.mark.parametrize(
    "at", ["yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-11-24T16:14:31"]
)
def test_an_invalid_time_is_left_to_the_service(at: str) -> None:
    sent = json.loads(Recording().event(json.dumps(event(occurredAt=at)).encode()))

    assert UUID(sent["id"]).int >> 80 == UNTIMED.timestamp() * 1000
    assert sent["occurredAt"] == at


@pytest.mark.parametrize(
    "line",
    [
        b"", b"nonsense", b"[]", b'"text"', b'{"event": 1}', b"\xff\xfe", b"[" * 100_000, b'{"value": 1e999}',
        b'{"value": NaN}', b'{"value": 1' + b"0" * 5000 + b"}", b'{"subject": "' + b"x" * 1_000_000 + b'"}',
    ],
    ids=range(11),
)  # fmt: skip
def test_a_line_that_is_no_event_is_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable):
        Recording().event(line)


def test_a_line_keeps_its_id_and_loses_the_fields_of_exports() -> None:
    line = {"position": 3, "id": "mine", "receivedAt": "2026-11-24T16:14:31Z", "imported": True, "user": None} | event()

    sent = json.loads(Recording(user="user:default/guest").event(json.dumps(line).encode()))

    assert sent == event(id="mine", user="user:default/guest")
