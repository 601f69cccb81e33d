"""What is in the data folder says who did what: it is for the service's user alone, whatever the umask."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from analytics_internal.data_dir import DataDirLock
from analytics_internal.private import NoFolder, make_folder
from tests.command import command, exported
from tests.service import COMMAND, ServiceProcess, running_service

OPEN_TO_OTHERS = 0o077


def _open_in(folder: Path) -> dict[str, str]:
    """Everything in a folder, and the folder, that others may do anything with."""
    modes = {}
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a running service removes what it no longer needs
            modes[str(path)] = path.lstat().st_mode
    modes = {path: mode for path, mode in modes.items() if not stat.S_ISLNK(mode)}
    return {path: oct(stat.S_IMODE(mode)) for path, mode in modes.items() if mode & OPEN_TO_OTHERS}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everything_that_a_service_makes_is_closed_to_others(umask: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    service = ServiceProcess(tmp_path)
    service.umask = umask
    with service.running():
        assert command("demo", "--events", "200", "--url", service.url).returncode == 0
        assert len(exported(service)) == 200
        while_it_runs = _open_in(data)
    assert (while_it_runs, _open_in(data)) == ({}, {})
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "reader.duckdb").stat().st_mode & 0o777 == 0o600


def test_what_was_open_is_closed_at_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_service(tmp_path) as service:
        assert command("demo", "--events", "200", "--url", service.url).returncode == 0
    for path in (data, *data.glob("*"), data / "postgres" / "base", data / "postgres" / "postgresql.conf"):
        path.chmod(0o755 if path.is_dir() else 0o666)
    with running_service(tmp_path) as service:
        assert _open_in(data) == {}
        assert len(exported(service)) == 200


def test_other_modes_and_what_a_link_leads_to_stay(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    data = tmp_path / "data"
    (data / "folder").mkdir(parents=True)
    (data / "folder" / "read-only").write_text("x")
    (data / "folder" / "read-only").chmod(0o444)
    (data / "link").symlink_to(outside)
    with DataDirLock(data):
        assert _open_in(data) == {}
    assert outside.stat().st_mode & 0o777 == 0o644
    assert (data / "folder" / "read-only").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_what_is_written_for_a_user_is_the_users(umask: int, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    subprocess.run([*COMMAND, "demo", "--events", "5", "--output", file], check=True, umask=umask, timeout=120)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_a_user_may_not_write_is_named_with_what_to_set(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from analytics_internal.private import *; make_folder(Path('/proc/x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "cannot use /proc/x as data folder: No such file or directory; set data_dir (--data-dir)" in done.stderr
    with pytest.raises(NoFolder, match="set data_dir"):
        make_folder(Path("/proc/self/x"))
