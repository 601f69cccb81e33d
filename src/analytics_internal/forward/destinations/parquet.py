"""Parquet files in a folder or in an object store: one for each day of a block of the log.

A file holds the events of one block of log positions that occurred on one day, and is named after the block. It is
written anew, as a whole, while its block fills, so whatever is delivered again replaces itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

import duckdb
import msgspec
from pydantic import Field, model_validator

from analytics_internal.forward.brokers import check_reachable
from analytics_internal.forward.destination import Batch, Destination, Limits, Options, ReceiverUnavailable, Refusal
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.places import Folder, Place
from analytics_internal.forward.reachable import is_refused_name
from analytics_internal.forward.secret import Secret

# Ids are texts: Spark refuses a whole file with Parquet's own type for them. Attributes and context are JSON, which
# keeps numbers and truth values apart from texts.
COLUMNS = {
    "position": "BIGINT",
    "id": "VARCHAR",
    "occurred_at": "TIMESTAMPTZ",
    "received_at": "TIMESTAMPTZ",
    "action": "VARCHAR",
    "subject": "VARCHAR",
    "user": "VARCHAR",
    "value": "DOUBLE",
    "attributes": "JSON",
    "context": "JSON",
    "session_id": "VARCHAR",
    "imported": "BOOLEAN",
    "plugin": "VARCHAR",
    "entity": "VARCHAR",
    "path": "VARCHAR",
    "agent": "VARCHAR",
}
"""The columns of every file, with DuckDB's types."""
MEMORY_LIMIT = "1GB"
REMEMBERED_BLOCKS = 4
AT_A_TIME = 4
"""How many files are written at a time: most of it is waiting for the disk or the store."""
_WRITE = """
COPY (
    SELECT unnest(from_json_strict(line, '{columns}'))
    FROM (SELECT unnest($1::VARCHAR[]) AS line)
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
_encoder = msgspec.json.Encoder()

OF_STORES = {
    "s3": ("endpoint", "region", "access_key_id", "secret_access_key", "session_token", "virtual_hosted"),
    "gs": ("service_account",),
    "az": ("endpoint", "account", "account_key", "sas_token"),
}
"""The options that only URLs of these schemes have."""


class ParquetOptions(Options):
    """Where the files go, and how many events each has."""

    url: str
    events_per_file: Annotated[int, Field(ge=1, le=200_000)] = 20_000
    linger_s: Annotated[float, Field(ge=0, le=3_600)] = 60
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    virtual_hosted: bool = False
    service_account: Secret | None = None
    account: str | None = None
    account_key: Secret | None = None
    sas_token: Secret | None = None

    @property
    def scheme(self) -> str:
        """``file``, ``s3``, ``gs`` or ``az``."""
        return urlsplit(self.url).scheme or "file"

    @property
    def folder(self) -> Path:
        parts = urlsplit(self.url)
        return Path(unquote(parts.path) if parts.scheme else self.url)

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        return unquote(urlsplit(self.url).path).strip("/")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("", "file", *OF_STORES):
            raise ValueError("url: must be a folder, or begin with file:///, s3://, gs:// or az://")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("url: has no user, `?` and `#`; credentials have options of their own")
        if self.scheme == "file" and (parts.netloc or not self.folder.is_absolute()):
            raise ValueError("url: the path of a folder must be absolute, like /data/events or file:///data/events")
        if self.scheme != "file":
            if not self.bucket:
                raise ValueError(f"url: needs the name of a bucket or container, like {self.scheme}://analytics/events")
            if find_spec("obstore") is None:
                raise ValueError(
                    "url: object stores need a library that is not installed: "
                    "pip install 'backstage-analytics-internal[objectstore]'"
                )
        self._check_options_of_stores()
        return self

    def _check_options_of_stores(self) -> None:
        own = OF_STORES.get(self.scheme, ())
        for name in sorted(self.model_fields_set & {name for names in OF_STORES.values() for name in names}):
            if name not in own:
                schemes = " or ".join(f"{scheme}://" for scheme, names in OF_STORES.items() if name in names)
                raise ValueError(f"{name}: is only for {schemes}")
        if self.scheme == "az" and not self.account:
            raise ValueError("account: is required for az://, the name of the storage account")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key: both are needed, or none of them")
        if self.endpoint is not None:
            endpoint = urlsplit(self.endpoint)
            if endpoint.scheme not in ("http", "https") or not endpoint.hostname or endpoint.username:
                raise ValueError("endpoint: must be a web address like https://minio.example:9000")
            if is_refused_name(endpoint.hostname):
                raise ValueError("endpoint: must not be a link-local or metadata address")

    def whereto(self) -> str:
        return self.url

    def secrets(self) -> dict[str, str]:
        """The secrets by the names of their options. Raises SecretMissing."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.read() for name, value in given.items() if isinstance(value, Secret)}


class _Day(msgspec.Struct):
    """The events of one day in a block."""

    rows: list[bytes]
    last_position: int

    def digest(self) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for row in self.rows:
            digest.update(row)
        return digest.digest()


class Row(msgspec.Struct, frozen=True):
    """An event as a row: every column is there, also those without a value."""

    position: int
    id: Any
    occurred_at: Any
    received_at: Any
    action: str
    subject: str
    user: str | None
    value: float | None
    attributes: Any
    context: Any
    session_id: Any
    imported: bool
    plugin: str | None
    entity: str | None
    path: str | None
    agent: str | None


assert Outgoing.__struct_fields__ == Row.__struct_fields__ == tuple(COLUMNS), "a field of events has no column"


class Parquet(Destination[ParquetOptions]):
    """Writes the events of each block of the log into one file for each day."""

    Options: ClassVar[type[Options]] = ParquetOptions

    def __init__(self, name: str, options: ParquetOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        size = options.events_per_file
        self.limits = Limits(events=size, bytes=256 << 20, block=size, linger_s=options.linger_s, send_s=300)
        self._place: Place | None = None
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._blocks: dict[int, dict[date, bytes]] = {}
        """What the files of the newest blocks hold, by first position and day: digests, empty if it is not known."""

    async def open(self) -> None:
        place = await self._made_place()
        await place.open()
        self._place = place
        if self._engine is None:
            self._engine = await asyncio.to_thread(_engine)
        self._blocks = {}
        await self._claim(place)

    async def close(self) -> None:
        # The engine is not closed: a file that is being written, and not wanted any more, still needs it.
        place, self._place, self._engine = self._place, None, None
        if place is not None:
            await place.close()

    def encode(self, event: Outgoing) -> bytes:
        """The event as a row in JSON."""
        return _encoder.encode(Row(*msgspec.structs.astuple(event)))

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        place = self._place
        assert place is not None, "not open"
        first = self._first_position_of(batch.events[0])
        days: dict[date, _Day] = {}
        for event, row in zip(batch.events, batch.encoded, strict=True):
            day = days.setdefault(event.occurred_at.astimezone(UTC).date(), _Day([], event.position))
            day.rows.append(row)
            day.last_position = event.position
        if first == 0:
            await self._write_all(place, first, days)
            return ()
        there = await self._known(place, first, batch)
        digests = {day: one.digest() for day, one in days.items()}
        # While a block fills, days without new events stay. What is delivered once more is written in any case.
        has_news = batch.events[-1].position > batch.fresh_after
        changed = {
            day: one
            for day, one in days.items()
            if not has_news or one.last_position > batch.fresh_after or there.get(day) != digests[day]
        }
        await self._write_all(place, first, changed)
        # What an earlier delivery wrote for a day that has no events of this block any more.
        for day_before in there.keys() - days.keys():
            await place.remove(self._name_of(day_before, first))
        self._blocks[first] = digests
        return ()

    async def _known(self, place: Place, first: int, batch: Batch) -> dict[date, bytes]:
        """What is known of a block's files."""
        if first not in self._blocks:
            if not self._blocks:
                await place.remove_unfinished()
            self._blocks[first] = dict.fromkeys(await self._days_written_before(place, first, batch), b"")
            # New events and a replay take turns: both of their blocks are remembered.
            self._blocks = dict(list(self._blocks.items())[-REMEMBERED_BLOCKS:])
        return self._blocks[first]

    async def _write_all(self, place: Place, first: int, days: Mapping[date, _Day]) -> None:
        """Write the files of some days, a few at a time."""
        engine = self._engine
        assert engine is not None, "not open"
        limit = asyncio.Semaphore(AT_A_TIME)

        async def write(day: date, rows: list[bytes]) -> None:
            async with limit:
                await self._write(place, engine, self._name_of(day, first), [row.decode() for row in rows])

        try:
            async with asyncio.TaskGroup() as group:
                for day, one in sorted(days.items()):
                    group.create_task(write(day, one.rows))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _write(self, place: Place, engine: duckdb.DuckDBPyConnection, name: str, lines: list[str]) -> None:
        """Write a file beside its place, and put it there when it is whole; a cancelled one never gets there."""
        written = await asyncio.to_thread(place.prepare, name)
        try:
            await asyncio.to_thread(_write, engine, written, lines)
        except BaseException:
            await asyncio.shield(place.discard(written))
            raise
        await place.finish(written, name)

    async def _made_place(self) -> Place:
        if self.options.scheme == "file":
            return Folder(self.options.folder, self.name)
        if self.options.endpoint is not None:
            endpoint = urlsplit(self.options.endpoint)
            await check_reachable(str(endpoint.hostname), endpoint.port or 443)
        # Imported here: a folder needs no library.
        from analytics_internal.forward.object_stores import Address, Objects

        address = Address(self.options.scheme, self.options.bucket, self.options.prefix)
        return Objects(address, _settings(self.options), list(self.options.secrets().values()))

    async def _claim(self, place: Place) -> None:
        """Make sure that nobody else writes files of these names there: they would replace each other's."""
        name = f"_analytics-internal-{self._log}.json"
        ours = {"destination": self.name, "events_per_file": self.options.events_per_file}
        found = await place.read(name)
        if found is None:
            written = await asyncio.to_thread(place.prepare, name)
            await asyncio.to_thread(_write_text, written, _encoder.encode(ours))
            await place.finish(written, name)
            return
        try:
            theirs = msgspec.json.decode(found, type=dict[str, Any])
        except msgspec.DecodeError:
            theirs = {}
        for field, value in ours.items():
            if theirs.get(field) != value:
                raise ReceiverUnavailable(
                    f"the files at {self.options.url} were written with {field} {theirs.get(field)!r}, and this is "
                    f"{value!r}: events would be there twice; use another folder, or remove them and {name}"
                )

    @property
    def _log(self) -> str:
        return self.log_id.hex[:8] if self.log_id is not None else "0" * 8

    def _first_position_of(self, event: Outgoing) -> int:
        """The first position of an event's block; 0 for a test event, which is in no block."""
        size = self.options.events_per_file
        return (event.position - 1) // size * size + 1 if event.position > 0 else 0

    def _name_of(self, day: date, first: int) -> str:
        what = f"events-{self._log}-{first:012d}" if first > 0 else f"test-{self._log}"
        return f"day={day}/{what}.parquet"

    async def _days_written_before(self, place: Place, first: int, batch: Batch) -> set[date]:
        """The days for which a block that is delivered again has files."""
        if batch.fresh_after < first:
            return set()
        pattern = re.compile(rf"day=(\d{{4}}-\d\d-\d\d)/events-{self._log}-{first:012d}\.parquet")
        return {date.fromisoformat(name[4:14]) for name in await place.names_like(pattern)}


def _settings(options: ParquetOptions) -> dict[str, Any]:
    """What an object store's client needs. The rest comes from the environment or the machine's role."""
    names = {
        "virtual_hosted": "virtual_hosted_style_request",
        "service_account": "service_account_key",
        "account": "account_name",
        "sas_token": "sas_key",
    }
    given = {name: getattr(options, name) for name in OF_STORES[options.scheme]} | options.secrets()
    return {names.get(name, name): value for name, value in given.items() if value not in (None, False)}


def _engine() -> duckdb.DuckDBPyConnection:
    # Nothing of it is on disk: what does not fit into the memory limit is an error.
    engine = duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def _write(engine: duckdb.DuckDBPyConnection, file: Path, lines: list[str]) -> None:
    path = str(file).replace("'", "''")
    columns = msgspec.json.encode(COLUMNS).decode()
    try:
        with engine.cursor() as cursor:
            cursor.execute(_WRITE.format(file=path, columns=columns), [lines])
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise ReceiverUnavailable(f"{file}: {error}") from error


def _write_text(file: Path, text: bytes) -> None:
    try:
        file.write_bytes(text)
    except OSError as error:
        raise ReceiverUnavailable(f"{file}: {error.strerror or error}") from error
