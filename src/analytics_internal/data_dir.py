"""The data folder belongs to one service at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from analytics_internal.errors import CommandError
from analytics_internal.private import make_folder, narrow, opener

LOCK_FILE = "lock"
LOCK_ATTEMPTS = 5
LOCK_PAUSE_S = 0.05


class DataDirInUse(CommandError):
    """Another service runs on the data folder; the message names its process."""


class DataDirLock:
    """Locks a data folder for one service while the context lasts; the lock ends with the process at the latest."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        """Raises DataDirInUse, NoFolder."""
        make_folder(self._path.parent)
        self._file = open(self._path, "a+", opener=opener)
        try:
            self._take(self._file)
        except BlockingIOError:
            self._file.seek(0)
            pid = self._file.read().strip()
            self._file.close()
            owner = f"process {pid}" if pid else "another process"
            raise DataDirInUse(f"{self._path.parent} is in use by {owner}: stop it, or use another data_dir") from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        # Only under the lock: another owner may be opening the folder to its server.
        narrow(self._path.parent)

    @staticmethod
    def _take(file: IO[str]) -> None:
        """Raises BlockingIOError when somebody holds it longer than `owner_of` does."""
        for _ in range(LOCK_ATTEMPTS - 1):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(LOCK_PAUSE_S)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._file is not None
        # Emptied, not removed: after a removal two services could lock two files of the same name.
        self._file.truncate(0)
        self._file.close()


def owner_of(data_dir: Path) -> int | None:
    """Id of the process that holds a data folder, 0 when unknown; None when nobody holds it."""
    try:
        with (data_dir / LOCK_FILE).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = file.read().strip()
                return int(pid) if pid.isdecimal() else 0
    except FileNotFoundError:
        pass
    return None
