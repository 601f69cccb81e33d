"""Servers of other versions than the embedded one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Debian's places; the embedded server, which all other tests use, is PostgreSQL 18.
INSTALLED = sorted(path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15)


@pytest.fixture(params=INSTALLED, ids=lambda path: str(path.parent.name))
def installed_dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new server of an installed version."""
    binaries: Path = request.param
    folder = Path(tempfile.mkdtemp(prefix="analytics-internal-"))
    folder.chmod(0o711)
    data = folder / "data"
    data.mkdir()
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    os.chown(data, user, -1)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([binaries / program, *arguments], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)

    run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
    run("pg_ctl", "-D", str(data), "-o", f"-c listen_addresses='' -k {data}", "-l", str(data / "log"), "-w", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={data}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)
