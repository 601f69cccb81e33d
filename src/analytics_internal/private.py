"""Files and folders that only this user can read: they say who did what."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import structlog

from analytics_internal.errors import CommandError

UMASK = 0o077
FOLDER_MODE, FILE_MODE = 0o700, 0o600

log = structlog.get_logger(__name__)


class NoFolder(CommandError):
    """The data folder cannot be made or used; the message says what to set."""


@contextlib.contextmanager
def umask() -> Iterator[None]:
    """Files made while the context lasts can be read by this user only."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def opener(path: str, flags: int) -> int:
    """For ``open``: the file can be read by this user only, whatever the umask."""
    descriptor = os.open(path, flags, FILE_MODE)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder that only this user can read, if it does not exist. Raises NoFolder when it cannot be used."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise NoFolder(
            f"user {os.geteuid()} cannot use {folder} as data folder: {error.strerror}; "
            "set data_dir (--data-dir) to a folder that this user may write"
        ) from error


def narrow(folder: Path) -> None:
    """Take all rights on a folder and its content from other users.

    Files of another user (in a container's volume, say) stay as they are; a warning names one.
    """
    still_open = [path for path in _all_in(folder) if not _narrow(path)]
    if still_open:
        log.warning(
            "others may look into the data folder, which belongs to another user",
            path=str(still_open[0]),
            mode=f"{stat.S_IMODE(still_open[0].stat().st_mode):04o}",
            paths=len(still_open),
        )


def _all_in(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            yield Path(parent, name)


def _narrow(path: Path) -> bool:
    """Take other users' rights on one path. Returns False when it belongs to another user and is open."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & UMASK:
            return True
        if found.st_uid != os.geteuid() and os.geteuid() != 0:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & (FOLDER_MODE if stat.S_ISDIR(found.st_mode) else FILE_MODE))
    except FileNotFoundError:  # a temporary file of a server that outlived its killed service
        pass
    return True
