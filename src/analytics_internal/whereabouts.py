"""Where the service of a data folder listens: the service writes it there, other commands read it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from analytics_internal.data_dir import owner_of
from analytics_internal.errors import WrongUse

FILE = "service.json"


class NotRunning(WrongUse):
    """No service of this folder is known to answer."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.lines = (f"{why}; start it, or say --url",)


class Whereabouts(msgspec.Struct, frozen=True):
    """One running service: its process, and its addresses as this machine reaches them."""

    pid: int
    urls: list[str]


@contextlib.contextmanager
def announced(data_dir: Path, urls: Sequence[str]) -> Iterator[None]:
    """Let others find this process's service while the context lasts. The caller holds the folder's lock."""
    file, new = data_dir / FILE, data_dir / f"{FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(msgspec.json.encode(Whereabouts(os.getpid(), list(urls))) + b"\n")
    new.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def forget(data_dir: Path) -> None:
    """Remove what a killed service has left. The caller holds the folder's lock."""
    (data_dir / FILE).unlink(missing_ok=True)


def service_of(data_dir: Path) -> str:
    """The address of a data folder's service, without a last slash. Raises NotRunning when none listens (yet)."""
    if not data_dir.is_dir():
        raise NotRunning(f"there is no folder {data_dir}")
    owner = owner_of(data_dir)
    if owner is None:
        raise NotRunning(f"no service runs on {data_dir}")
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        found = msgspec.json.decode((data_dir / FILE).read_bytes(), type=Whereabouts)
        # A killed service leaves its file until the next service takes the folder.
        if found.pid == owner and found.urls:
            return found.urls[0].rstrip("/")
    raise NotRunning(f"{data_dir} is in use, but no service listens for it (yet)")
