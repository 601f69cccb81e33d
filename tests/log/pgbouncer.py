"""The real pgbouncer before a database: the program of Debian's package."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
START_LIMIT_S = 30.0
RunPgbouncer = Callable[..., contextlib.AbstractContextManager[str]]


@contextlib.contextmanager
def running_pgbouncer(dsn: str, pool_mode: str = "transaction", **further: str) -> Iterator[str]:
    """A pgbouncer before a server on a Unix socket, with few connections to it; the URL that leads through it."""
    assert PROGRAM is not None, "this test needs pgbouncer: `make test` installs Debian's package"
    url = urlsplit(dsn)
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp"))
    options = {
        "unix_socket_dir": str(folder),
        "listen_addr": "",
        "listen_port": "6432",
        "auth_type": "any",
        "pool_mode": pool_mode,
        "default_pool_size": "4",
        "max_client_conn": "100",
        "pidfile": str(folder / "pid"),
        "logfile": str(folder / "log"),
        **further,
    }
    host = parse_qs(url.query)["host"][0]
    lines = ["[databases]", f"* = host={host} port=5432 user=postgres", "[pgbouncer]"]
    (folder / "pgbouncer.ini").write_text("\n".join([*lines, *(f"{n} = {v}" for n, v in options.items())]) + "\n")
    if os.geteuid() == 0:  # the way to the server's socket is open to the server's user alone
        for path in (Path(host), *Path(host).parents[:-2]):
            path.chmod(path.stat().st_mode | 0o111)
        Path(host, ".s.PGSQL.5432").chmod(0o777)
    # It refuses to run as root.
    uid = os.stat(f"{host}/.s.PGSQL.5432").st_uid if os.geteuid() == 0 else os.geteuid()
    if uid == 0:
        uid = pwd.getpwnam("nobody").pw_uid
    for path in (folder, folder / "pgbouncer.ini"):
        os.chown(path, uid, -1)
    # As the server's user in all: its socket's folder may be open to nobody else.
    other = {"user": uid, "group": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen([PROGRAM, "-q", str(folder / "pgbouncer.ini")], **other)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not (folder / ".s.PGSQL.6432").exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield f"postgresql://postgres@{url.path}?host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)
        shutil.rmtree(folder, ignore_errors=True)
