"""An answer as a file: whole before its first byte is sent, in one of the formats that there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import duckdb
import msgspec

from analytics_internal.query.csv_file import write_csv
from analytics_internal.query.ndjson_file import write_ndjson
from analytics_internal.query.parquet_file import write_parquet
from analytics_internal.query.run import Prepared, with_reader
from analytics_internal.query.spool import Spool, Spooled
from analytics_internal.reader import Replica


class Format(msgspec.Struct, frozen=True):
    """One kind of file."""

    media_type: str
    write: Callable[[duckdb.DuckDBPyConnection, Prepared, Spooled], None]
    """Asks the question on a cursor of the reader and writes its rows into an empty file."""


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv", write_csv),
    "ndjson": Format("application/x-ndjson", write_ndjson),
    "parquet": Format("application/vnd.apache.parquet", write_parquet),
}


async def file_of(replica: Replica, prepared: Prepared, spool: Spool, format_: Format, start: bytes = b"") -> Spooled:
    """The answer as a file, after ``start``, whole and ready to be read; the caller closes it.

    Raises:
        DownloadTooLarge, Busy, OutOfMemory: there is no room for it.
        Damaged, TooSlow: as ``Replica.query``.
    """
    file = spool.open()

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        file.empty()
        file.write(start)
        format_.write(cursor, prepared, file)
        file.rewind()

    try:
        await with_reader(replica, prepared, write)
    except BaseException:
        file.close()
        raise
    return file


async def pieces_of(replica: Replica, prepared: Prepared, format_: Format) -> AsyncIterator[bytes]:
    """The answer in pieces. Nothing comes before all of it is there, so that what fails can still be said."""
    file = await file_of(replica, prepared, Spool(replica.folder), format_)
    try:
        while piece := await asyncio.to_thread(file.read):
            yield piece
    finally:
        file.close()
