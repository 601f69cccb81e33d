"""Object stores as places for files: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

Needs the extra ``objectstore``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
import psutil
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from analytics_internal.forward.brokers import said
from analytics_internal.forward.destination import ReceiverUnavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

Store = S3Store | GCSStore | AzureStore
ONE_REQUEST_BYTES = 256 << 20
"""A smaller file is put by one request: what is killed leaves no parts behind, for which stores would charge."""
_FOLDER = "analytics-internal-objects-"
_ERRORS = (BaseError, OSError, ValueError)
_of_the_system = re.compile(r'message: "([^"]+)"')

# The worker tries again, and as long as it takes; a few attempts here spare it a batch that is only a little late.
RETRIES: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=45)}


class Address(NamedTuple):
    """A bucket or container, and what the names of all files begin with."""

    scheme: str
    """``s3``, ``gs`` or ``az``."""
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.prefix}"


class Objects:
    """One bucket or container, from a prefix on."""

    def __init__(self, address: Address, settings: Mapping[str, Any], secrets: Sequence[str] = ()) -> None:
        """``settings``: of the store, as obstore names them. ``secrets``: those among them that nobody may see."""
        self._address = address
        self._settings = settings
        self._secrets = secrets
        self._opened: Store | None = None
        self._scratch: Path | None = None

    @property
    def _store(self) -> Store:
        assert self._opened is not None, "not open"
        return self._opened

    async def open(self) -> None:
        with self._explained():
            self._opened = _connected(self._address, self._settings)
            if self._scratch is None:
                self._scratch = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))

    async def close(self) -> None:
        self._opened = None
        if self._scratch is not None:
            await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)
            self._scratch = None

    def prepare(self, name: str) -> Path:
        assert self._scratch is not None, "not open"
        return self._scratch / name.replace("/", "_")

    async def finish(self, written: Path, name: str) -> None:
        with self._explained():
            is_small = (await asyncio.to_thread(written.stat)).st_size <= ONE_REQUEST_BYTES
            await obstore.put_async(self._store, name, written, use_multipart=False if is_small else None)
        await self.discard(written)

    async def discard(self, written: Path) -> None:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(written.unlink)

    async def read(self, name: str) -> bytes | None:
        with self._explained():
            try:
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
            except (FileNotFoundError, PermissionDeniedError):
                return None

    async def names_like(self, pattern: re.Pattern[str]) -> list[str]:
        found: list[str] = []
        with self._explained(), contextlib.suppress(PermissionDeniedError):
            async for listed in obstore.list(self._store):
                found += [str(one["path"]) for one in listed if pattern.fullmatch(str(one["path"]))]
        return sorted(found)

    async def remove(self, name: str) -> None:
        with self._explained(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def remove_unfinished(self) -> None:
        await asyncio.to_thread(_remove_folders_of_the_dead)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raises ReceiverUnavailable in place of what the library raises."""
        try:
            yield
        except _ERRORS as error:
            raise ReceiverUnavailable(f"{self._address}: {_reason(error, self._secrets)}") from error


def _connected(address: Address, settings: Mapping[str, Any]) -> Store:
    client: ClientConfig = {**CLIENT, "allow_http": str(settings.get("endpoint", "")).startswith("http:")}
    more: dict[str, Any] = {
        "prefix": address.prefix or None,
        "config": dict(settings),
        "client_options": client,
        "retry_config": RETRIES,
    }
    kinds: dict[str, Callable[..., Store]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    return kinds[address.scheme](address.bucket, **more)


def _reason(error: Exception, secrets: Iterable[str]) -> str:
    # The library adds what it has in memory. Of that only the system's own words help anybody.
    text, _, debug = said(error, secrets).partition(" Debug source:")
    if (system := _of_the_system.search(debug)) is not None and system[1] not in text:
        text = f"{text}: {system[1]}"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return f"the credentials may not do this: {text}"
    if isinstance(error, FileNotFoundError):
        return f"there is no such bucket or container: {text}"
    return text


def _remove_folders_of_the_dead() -> None:
    """Remove what processes that are gone had in the folder for temporary files."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        process = folder.name.removeprefix(_FOLDER).partition("-")[0]
        with contextlib.suppress(OSError):
            is_ours = folder.lstat().st_uid == os.geteuid() and not folder.is_symlink()
            if is_ours and process.isdecimal() and not psutil.pid_exists(int(process)):
                shutil.rmtree(folder, ignore_errors=True)
