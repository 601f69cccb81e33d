"""A real primary with a real standby that follows it, and falls behind when it is told to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from analytics_internal.embedded import user as server_user
from analytics_internal.embedded.server import SOCKET, _installation

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "wal_keep_size": "64MB",
    "jit": "off",
    "io_method": "sync",
}
COMMAND_LIMIT_S = 120.0


class Servers:
    """A primary and its standby in one folder. ``dsn`` leads to whichever is the primary, as a company's name does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uid = server_user.named_uid() if os.geteuid() == 0 else os.geteuid()
        self._bin = _installation() / "bin"
        self._address = folder / "current"
        self._made = 0
        server_user.let_read(_installation())
        server_user.give_ownership(folder, self._uid)
        server_user.let_search_parents_of(self._uid, self._bin, folder / "any")
        self.primary = self._new_folder()
        self._run("initdb", "-D", self.primary, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
        self._start(self.primary)
        self._point_at(self.primary)
        self.standby = self._follow()

    @property
    def dsn(self) -> str:
        """The address of the primary."""
        return _dsn(self._address)

    @property
    def standby_dsn(self) -> str:
        return _dsn(self.standby)

    def fail_over(self) -> None:
        """The primary is lost at once; the standby takes its place, and gets a standby of its own."""
        lost = self.primary
        self._run("pg_ctl", "-D", lost, "-m", "immediate", "stop")
        self._run("pg_ctl", "-D", self.standby, "-w", "promote")
        self.primary = self.standby
        self._point_at(self.primary)
        shutil.rmtree(lost)

    def add_standby(self) -> None:
        self.standby = self._follow()

    def stop(self) -> None:
        for folder in (self.standby, self.primary):
            if (folder / "postmaster.pid").exists():
                self._run("pg_ctl", "-D", folder, "-m", "immediate", "stop")

    def _follow(self) -> Path:
        folder = self._new_folder()
        folder.rmdir()
        self._run(
            "pg_basebackup", "-D", folder, "-h", self.primary, "-U", "postgres", "-R", "-X", "stream", "-c", "fast"
        )
        (folder / f"{SOCKET}.lock").unlink()  # the primary's
        self._start(folder)
        return folder

    def _start(self, folder: Path) -> None:
        settings = {**SETTINGS, "unix_socket_directories": str(folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "-D", folder, "-w", "-l", folder.with_suffix(".log"), "-o", options, "start")

    def _new_folder(self) -> Path:
        self._made += 1
        folder = self._folder / f"server-{self._made}"
        folder.mkdir(mode=0o700)
        server_user.give_ownership(folder, self._uid)
        return folder

    def _point_at(self, folder: Path) -> None:
        """From now on the address leads here: one rename, as a name service or a floating address does it."""
        following = self._folder / "following"
        following.mkdir(mode=0o755)
        (following / SOCKET).symlink_to(folder / SOCKET)
        if self._address.exists():
            shutil.rmtree(self._address)
        following.rename(self._address)

    def _run(self, program: str, *arguments: str | Path) -> None:
        other = self._uid if self._uid != os.geteuid() else None
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if program != "pg_ctl" else subprocess.DEVNULL,
            user=other,
            group=other,
            extra_groups=None if other is None else [],
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        if done.returncode:
            logs = b"".join(log.read_bytes()[-500:] for log in self._folder.glob("server-*.log"))
            said = ((done.stdout or b"") + logs).decode(errors="replace")
            raise RuntimeError(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}: {said}")


def _dsn(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(folder))}"
