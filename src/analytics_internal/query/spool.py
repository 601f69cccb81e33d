"""Files that are made ready before they are sent: how fast a client reads them is no matter of the reader's.

A file has no name: nobody else can open it, and it is gone when it is closed, also by a kill.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from pathlib import Path
from typing import IO

from analytics_internal.errors import HttpProblem
from analytics_internal.reader import Busy, OutOfMemory

PIECE_BYTES = 64 * 1024


class DownloadTooLarge(HttpProblem):
    kind, status, title = "download-too-large", 413, "The file would be too large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the file has more than the {limit:,} bytes that one may have; "
            "ask for a shorter period, fewer dimensions, or pages of it by `limit` and `cursor`"
        )


class Spool:
    """The folder of such files, and how much they may take: each, and all together."""

    def __init__(self, folder: Path, each_bytes: int = 512_000_000, all_bytes: int = 2_000_000_000) -> None:
        self.folder = folder
        self.each_bytes = each_bytes
        self.all_bytes = all_bytes
        self._lock = threading.Lock()
        self._used = 0

    def open(self) -> Spooled:
        """A new file; the caller closes it."""
        return Spooled(self)

    def take(self, size: int) -> None:
        """Count bytes that a file is going to have. Raises Busy when all files together would be too large."""
        with self._lock:
            if self._used + size > self.all_bytes:
                raise Busy("the files that are being sent take all the room there is for them; ask again later")
            self._used += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._used -= size


class Spooled:
    """One file: written once, then read once."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.size = 0
        # Without a name where the system can do that, else deleted at once; readable by us alone.
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=spool.folder, prefix="download-")  # noqa: SIM115

    def write(self, data: bytes) -> None:
        """Add to the file.

        Raises:
            DownloadTooLarge, Busy: it would be larger than one, or all together, may be.
            OutOfMemory: the disk is full.
        """
        if self.size + len(data) > self._spool.each_bytes:
            raise DownloadTooLarge(self._spool.each_bytes)
        self._spool.take(len(data))
        self.size += len(data)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutOfMemory("the disk has no room left for the file; ask again later") from error
            raise

    def empty(self) -> None:
        """Begin again: an answer that was interrupted is asked for once more."""
        self._file.seek(0)
        self._file.truncate()
        self._spool.give_back(self.size)
        self.size = 0

    def rewind(self) -> None:
        """From writing to reading."""
        self._file.seek(0)

    def read(self) -> bytes:
        """The next piece; nothing at the end."""
        return self._file.read(PIECE_BYTES)

    def close(self) -> None:
        """Give the room back. Does nothing the second time."""
        if not self._file.closed:
            self._file.close()
            self._spool.give_back(self.size)
