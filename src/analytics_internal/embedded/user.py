"""Who runs the embedded PostgreSQL: the service's own user, or an unprivileged one when the service runs as root.

PostgreSQL refuses to run as root. No account is made for it: the server needs a number only, and each of its
folders is opened for exactly that number.
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

# Below 65,536, where the maps of unprivileged containers end, and outside of what distributions and systemd give out.
FIRST_UID = 57_008

# struct posix_acl_xattr_header and posix_acl_xattr_entry of Linux: version, then (tag, permissions, id) sorted by tag.
_ACL = "system.posix_acl_access"
_ACL_HEADER = struct.Struct("<I")
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_VERSION, _NO_ID = 2, 0xFFFF_FFFF
_OWNER, _USER, _GROUP_OF_FILE, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_SEARCH = 0x1


def uid_for(folder: Path) -> int:
    """The user who runs the server on a folder: its owner if it has one, a free number for root's new one."""
    if os.geteuid() != 0:
        return os.geteuid()
    owner = folder.stat().st_uid if folder.exists() else 0
    return owner or next(uid for uid in range(FIRST_UID, FIRST_UID + 1_000) if not has_name(uid))


def has_name(uid: int) -> bool:
    """Whether the system knows a user by this number."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def named_uid() -> int:
    """A user that has a name, as initdb wants to know one: nobody, or any but root; 0 when there is no other."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next((user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0), 0)


def give(folder: Path, uid: int) -> None:
    """Make a user the owner of a folder with all that is in it."""
    if os.geteuid() != 0:
        return
    os.chown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(os.path.join(parent, name), uid, uid, follow_symlinks=False)


def let_reach(uid: int, *paths: Path) -> None:
    """Let a user search the folders above, nobody else and nothing more."""
    closed = _closed_above(uid, paths)
    with _held(closed):
        _open(uid, closed)


@contextlib.contextmanager
def reaching(uid: int, *paths: Path) -> Iterator[None]:
    """``let_reach``, taken back at the end of the context."""
    closed = _closed_above(uid, paths)
    # Another service that is being set up for the same user below one of the folders waits: it would be shut out by us.
    with _held(closed):
        opened = _open(uid, closed)
        try:
            yield
        finally:
            for folder in opened:
                _shut_out(uid, folder)


@contextlib.contextmanager
def entering(uid: int, folder: Path) -> Iterator[None]:
    """Let a user search one folder of this service alone, which is closed to everybody at the end of the context."""
    if uid == os.geteuid():
        yield
        return
    opened = _open(uid, [folder])
    try:
        yield
    finally:
        for closed in opened:
            _shut_out(uid, closed)
        folder.chmod(0o700)


def let_read(folder: Path) -> None:
    """Let everyone read and run what is in a folder of public files, as a strict umask may have installed it."""
    if os.geteuid() != 0 or (folder / "bin").stat().st_mode & stat.S_IXOTH:
        return
    for parent, _, files in os.walk(folder):
        os.chmod(parent, os.stat(parent).st_mode | 0o555)
        for name in files:
            path = os.path.join(parent, name)
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))


def _closed_above(uid: int, paths: Sequence[Path]) -> list[Path]:
    """The folders above that not everyone may search and that are not the user's own."""
    if uid == os.geteuid():
        return []
    above = {folder for path in paths for folder in path.resolve().parents}
    stats = {folder: folder.stat() for folder in above}
    return sorted(folder for folder, found in stats.items() if found.st_uid != uid and not found.st_mode & stat.S_IXOTH)


@contextlib.contextmanager
def _held(folders: Sequence[Path]) -> Iterator[None]:
    """Nobody else changes who may search these folders, which are in order, as long as the context."""
    with contextlib.ExitStack() as held:
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _open(uid: int, folders: Sequence[Path]) -> list[Path]:
    """Let a user search folders. Returns those that were closed to it."""
    closed = [folder for folder in folders if not _may_search(folder, uid)]
    for folder in closed:
        _let_search(folder, uid)
    return closed


def _shut_out(uid: int, folder: Path) -> None:
    with contextlib.suppress(OSError, AttributeError, KeyError):
        entries = _acl_of(folder)
        del entries[_USER, uid]
        if not any(tag in {_USER, _GROUP} for tag, _ in entries):
            # Nobody is named any more: without the mask it is no list, and the folder's mode says all.
            entries.pop((_MASK, _NO_ID), None)
        _write_acl(folder, entries)


def _may_search(folder: Path, uid: int) -> bool:
    try:
        entries = _acl_of(folder)
    except (OSError, AttributeError):
        return False
    return bool(entries.get((_USER, uid), 0) & entries.get((_MASK, _NO_ID), 0) & _SEARCH)


def _let_search(folder: Path, uid: int) -> None:
    try:
        entries = _acl_of(folder)
        entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
        # The mask bounds what users and groups named in the list have: without search in it the entry is void.
        entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OF_FILE, _NO_ID]) | _SEARCH
        _write_acl(folder, entries)
    except (OSError, AttributeError):
        # No access control lists here (macOS, some file systems): searching, not listing, is all that is added.
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
