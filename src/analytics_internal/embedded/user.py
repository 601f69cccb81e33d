"""The user of the embedded PostgreSQL: the service's own, or an unprivileged one if the service runs as root.

PostgreSQL refuses to run as root. It needs no account, only a user id, and its folders are opened to that id alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

# Below 65,536, where the id maps of unprivileged containers end, and outside the ranges of distributions and systemd.
FIRST_UID = 57_008

# struct posix_acl_xattr_header and posix_acl_xattr_entry of Linux: version, then (tag, permissions, id) sorted by tag.
_ACL = "system.posix_acl_access"
_ACL_HEADER = struct.Struct("<I")
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_VERSION, _NO_ID = 2, 0xFFFF_FFFF
_OWNER, _USER, _GROUP_OF_FILE, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_SEARCH = 0x1


def uid_for(folder: Path) -> int:
    """The id of the user who runs the server on a folder: its owner, or for root a free id."""
    if os.geteuid() != 0:
        return os.geteuid()
    owner = folder.stat().st_uid if folder.exists() else 0
    return owner or next(uid for uid in range(FIRST_UID, FIRST_UID + 1_000) if not has_name(uid))


def has_name(uid: int) -> bool:
    """Whether the system knows a user with this id."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def named_uid() -> int:
    """The id of a user with a name, which initdb needs: nobody, or any other but root; 0 if there is none."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next((user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0), 0)


def give_ownership(folder: Path, uid: int) -> None:
    """Make a user the owner of a folder and all that is in it. Only root can."""
    if os.geteuid() != 0:
        return
    os.chown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(os.path.join(parent, name), uid, uid, follow_symlinks=False)


def let_search_parents_of(uid: int, *paths: Path) -> None:
    """Let this user alone search the parent folders of these paths."""
    closed = _closed_parents(uid, paths)
    with _locked(closed):
        _open(uid, closed)


@contextlib.contextmanager
def searching_parents_of(uid: int, *paths: Path) -> Iterator[None]:
    """As ``let_search_parents_of``, until the end of the context."""
    closed = _closed_parents(uid, paths)
    # A concurrent setup for the same user below one of these folders has to wait: the end here would shut it out.
    with _locked(closed):
        opened = _open(uid, closed)
        try:
            yield
        finally:
            for folder in opened:
                _revoke_search(uid, folder)


@contextlib.contextmanager
def searching(uid: int, folder: Path) -> Iterator[None]:
    """Let a user search one folder of this service; close it to all others at the end of the context."""
    if uid == os.geteuid():
        yield
        return
    opened = _open(uid, [folder])
    try:
        yield
    finally:
        for closed in opened:
            _revoke_search(uid, closed)
        folder.chmod(0o700)


def let_read(folder: Path) -> None:
    """Let everyone read and run the files of an installation that a strict umask may have closed."""
    if os.geteuid() != 0 or (folder / "bin").stat().st_mode & stat.S_IXOTH:
        return
    for parent, _, files in os.walk(folder):
        os.chmod(parent, os.stat(parent).st_mode | 0o555)
        for name in files:
            path = os.path.join(parent, name)
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))


def _closed_parents(uid: int, paths: Sequence[Path]) -> list[Path]:
    """The parent folders that are closed to others and not the user's own."""
    if uid == os.geteuid():
        return []
    above = {folder for path in paths for folder in path.resolve().parents}
    stats = {folder: folder.stat() for folder in above}
    return sorted(folder for folder, found in stats.items() if found.st_uid != uid and not found.st_mode & stat.S_IXOTH)


@contextlib.contextmanager
def _locked(folders: Sequence[Path]) -> Iterator[None]:
    """Lock these folders, which must be sorted, against changes by other services."""
    with contextlib.ExitStack() as locks:
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            locks.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _open(uid: int, folders: Sequence[Path]) -> list[Path]:
    """Let a user search folders. Returns those that were closed to the user."""
    closed = [folder for folder in folders if not _may_search(folder, uid)]
    for folder in closed:
        _grant_search(folder, uid)
    return closed


def _revoke_search(uid: int, folder: Path) -> None:
    with contextlib.suppress(OSError, AttributeError, KeyError):
        entries = _acl_of(folder)
        del entries[_USER, uid]
        if not any(tag in {_USER, _GROUP} for tag, _ in entries):
            # No user or group is left: without the mask, the folder's mode says all.
            entries.pop((_MASK, _NO_ID), None)
        _write_acl(folder, entries)


def _may_search(folder: Path, uid: int) -> bool:
    try:
        entries = _acl_of(folder)
    except (OSError, AttributeError):
        return False
    return bool(entries.get((_USER, uid), 0) & entries.get((_MASK, _NO_ID), 0) & _SEARCH)


def _grant_search(folder: Path, uid: int) -> None:
    try:
        entries = _acl_of(folder)
        entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
        # The mask limits named users and groups: without search in it the entry has no effect.
        entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OF_FILE, _NO_ID]) | _SEARCH
        _write_acl(folder, entries)
    except (OSError, AttributeError):
        # Without access control lists (macOS, some file systems) everyone may search, but not list.
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)


def _write_acl(folder: Path, entries: dict[tuple[int, int], int]) -> None:
    packed = [_ACL_ENTRY.pack(tag, allowed, id_) for (tag, id_), allowed in sorted(entries.items())]
    os.setxattr(folder, _ACL, _ACL_HEADER.pack(_ACL_VERSION) + b"".join(packed))


def _acl_of(folder: Path) -> dict[tuple[int, int], int]:
    try:
        raw = os.getxattr(folder, _ACL)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        mode = folder.stat().st_mode
        return {(_OWNER, _NO_ID): mode >> 6 & 7, (_GROUP_OF_FILE, _NO_ID): mode >> 3 & 7, (_OTHERS, _NO_ID): mode & 7}
    return {(tag, id_): allowed for tag, allowed, id_ in _ACL_ENTRY.iter_unpack(raw[_ACL_HEADER.size :])}
