"""Read lines from files, plain or compressed, or from stdin."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from analytics_internal.errors import AnalyticsError

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
# Far more than an event. Without a limit, a file without line ends would be read into memory as a whole.
MAX_LINE_BYTES = 4 << 20


class BrokenFile(AnalyticsError, OSError):
    """A file cannot be read to its end; the message says why."""


class Lines:
    """The lines of one file, read once, one at a time."""

    def __init__(self, name: str) -> None:
        """Raises OSError: it cannot be opened."""
        self.name = "stdin" if name == STDIN else name
        file = sys.stdin.buffer if name == STDIN else Path(name).open("rb")  # noqa: SIM115
        assert isinstance(file, io.BufferedReader)
        self._file = file
        self.size = None if name == STDIN else os.fstat(file.fileno()).st_size
        self._passed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not sys.stdin.buffer:
            self._file.close()

    @property
    def bytes_read(self) -> int:
        """The bytes of the file, as compressed, that are read so far."""
        return self._passed if self.size is None else self._file.tell()

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        """Each line that is not blank, with its number; None in place of a line that is too long. Raises BrokenFile."""
        try:
            yield from self._numbered(self._plain())
        except (OSError, EOFError, zlib.error) as error:
            raise BrokenFile(str(error)) from error

    def _plain(self) -> BinaryIO:
        is_compressed = self._file.peek(2)[:2] == GZIP_MAGIC
        return io.BufferedReader(gzip.GzipFile(fileobj=self._file)) if is_compressed else self._file

    def _numbered(self, plain: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
        number = 0
        while line := plain.readline(MAX_LINE_BYTES):
            number += 1
            is_too_long = len(line) == MAX_LINE_BYTES and not line.endswith(b"\n")
            if number == 1:
                line = line.removeprefix(BOM)
            while is_too_long and (rest := plain.readline(MAX_LINE_BYTES)):
                self._passed += len(rest)
                if rest.endswith(b"\n"):
                    break
            self._passed += len(line)
            if is_too_long:
                yield number, None
            elif not line.isspace() and line:
                yield number, line
