"""Places for files: a folder, into which a file comes whole or not at all."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from analytics_internal.forward.destination import ReceiverUnavailable

_UNFINISHED = ".unfinished"


class Place(Protocol):
    """Where a destination keeps files. Their names have slashes between folders.

    All but ``close`` raise ReceiverUnavailable, which says why the place cannot be used.
    """

    async def open(self) -> None:
        """Make sure that the place is there."""

    async def close(self) -> None:
        """Release what ``open`` took."""

    def prepare(self, name: str) -> Path:
        """A local path at which a file is written before it is put into its place. Blocking."""

    async def finish(self, written: Path, name: str) -> None:
        """Put a written file into its place, durably, where it replaces the one of the same name."""

    async def discard(self, written: Path) -> None:
        """Remove a written file that is not wanted."""

    async def read(self, name: str) -> bytes | None:
        """The content of a small file; None if it is not there, or may not be read."""

    async def names_like(self, pattern: re.Pattern[str]) -> list[str]:
        """The names of the files whose whole name matches; of a place that may not be listed, none."""

    async def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    async def remove_unfinished(self) -> None:
        """Remove what a process that was killed has left of its unfinished files."""


class Folder:
    """A folder of this machine, or one that is mounted here."""

    def __init__(self, root: Path, owner: str) -> None:
        """``owner``: whose unfinished files these are; several may write into one folder."""
        self._root = root
        self._owner = owner

    async def open(self) -> None:
        await asyncio.to_thread(self._make_folder, self._root)

    async def close(self) -> None:
        """There is nothing to release."""

    def prepare(self, name: str) -> Path:
        # In the same folder: a file can be renamed within one file system only. Readers leave out names with a dot.
        place = self._root / name
        self._make_folder(place.parent)
        return place.with_name(f".{place.name}.{self._owner}.{secrets.token_hex(4)}{_UNFINISHED}")

    async def finish(self, written: Path, name: str) -> None:
        await asyncio.to_thread(self._finish, written, self._root / name)

    def _finish(self, written: Path, place: Path) -> None:
        with _explained(place):
            _sync(written)
            os.replace(written, place)
            _sync(place.parent)

    async def discard(self, written: Path) -> None:
        with _explained(written):
            await asyncio.to_thread(written.unlink, missing_ok=True)

    async def read(self, name: str) -> bytes | None:
        def content() -> bytes | None:
            with _explained(self._root / name):
                try:
                    return (self._root / name).read_bytes()
                except FileNotFoundError:
                    return None

        return await asyncio.to_thread(content)

    async def names_like(self, pattern: re.Pattern[str]) -> list[str]:
        def names() -> list[str]:
            with _explained(self._root):
                found = (path.relative_to(self._root).as_posix() for path in self._root.glob("*/*"))
                return sorted(name for name in found if pattern.fullmatch(name))

        return await asyncio.to_thread(names)

    async def remove(self, name: str) -> None:
        def remove() -> None:
            place = self._root / name
            with _explained(place):
                place.unlink(missing_ok=True)
                _sync(place.parent)

        await asyncio.to_thread(remove)

    async def remove_unfinished(self) -> None:
        def remove() -> None:
            with _explained(self._root):
                for path in list(self._root.rglob(f".*.{self._owner}.*{_UNFINISHED}")):
                    path.unlink(missing_ok=True)

        await asyncio.to_thread(remove)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder with those above it, each of them durably."""
        with _explained(folder):
            missing = [one for one in (folder, *folder.parents) if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            for one in reversed(missing):
                _sync(one.parent)


def _sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raises ReceiverUnavailable in place of OSError."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else path
        raise ReceiverUnavailable(f"{place}: {error.strerror or error}") from error
