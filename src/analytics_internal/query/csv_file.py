"""Cells of CSV that a spreadsheet shows as they are: text in quotes, formulas disarmed. Pure."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Iterable, Sequence

import duckdb

from analytics_internal.query.answer import bucket_label, json_value
from analytics_internal.query.language import TIME_DIMENSIONS
from analytics_internal.query.run import Prepared, Row, ask_reader
from analytics_internal.query.spool import Spool, Spooled
from analytics_internal.reader import Replica

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""A spreadsheet that does not find it at a file's start takes the file for one of its country's old encoding."""
LINE_END = "\r\n"
GUARD = "'"

_FORMULA_STARTS = frozenset("=+-@\u2212")
"""What a formula may begin with, and all that is only another form of it (fullwidth, small, superscript)."""
_BREAKS = ("Cc", "Zl", "Zp")
_UNSEEN = ("Cf", "Zs", "Mn")
_QUOTES = frozenset("'\"")


def csv_rows(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as lines of CSV in UTF-8: every text quoted and guarded, numbers bare, nothing for None."""
    return "".join(_line(row) for row in rows).encode()


def guarded(text: str) -> str:
    """A text with ``'`` before it where a spreadsheet would run it, or drop what it begins with.

    It can be taken off again: a cell was guarded when it begins with ``'`` and the rest would be guarded.
    """
    return GUARD + text if _is_dangerous(text) else text


def _line(row: Sequence[object]) -> str:
    # A line without anything would be no row to most readers.
    return ",".join(map(_cell, row)) + LINE_END if len(row) > 1 or row[0] is not None else f'""{LINE_END}'


def _cell(value: object) -> str:
    if isinstance(value, str):
        return '"' + guarded(value).replace('"', '""') + '"'
    return "" if value is None else str(value)


def _is_dangerous(text: str) -> bool:
    # https://owasp.org/www-community/attacks/CSV_Injection. Spreadsheets trim cells, each in its own way, so whatever
    # cannot be seen is looked past; and quotes, so that a guard is told from a text that begins like one.
    for character in text:
        if character.isalnum() or character == "/":
            return False
        if not _FORMULA_STARTS.isdisjoint(unicodedata.normalize("NFKC", character)):
            return True
        kind = unicodedata.category(character)
        if kind in _BREAKS:
            return True
        if kind not in _UNSEEN and character not in _QUOTES:
            return False
    return False


CSV_ROWS = 5_000


async def csv_file(replica: Replica, prepared: Prepared, spool: Spool, start: bytes = b"") -> Spooled:
    """The answer as a file of CSV after ``start``, whole and ready to be read; the caller closes it.

    Raises:
        DownloadTooLarge, Busy, OutOfMemory: there is no room for it.
        Damaged, TooSlow: as ``Replica.query``.
    """
    file = spool.open()

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        file.empty()
        file.write(start + csv_rows([[*prepared.plan.labels, *prepared.plan.metrics]]))
        while rows := cursor.fetchmany(CSV_ROWS):
            file.write(csv_rows(_cells(row, prepared) for row in rows))
        file.rewind()

    try:
        await ask_reader(replica, prepared, write)
    except BaseException:
        file.close()
        raise
    return file


async def csv_lines(replica: Replica, prepared: Prepared) -> AsyncIterator[bytes]:
    """The answer as CSV in pieces. Nothing comes before all of it is there, so that what fails can still be said."""
    file = await csv_file(replica, prepared, Spool(replica.folder))
    try:
        while piece := await asyncio.to_thread(file.read):
            yield piece
    finally:
        file.close()


def _cells(row: Row, prepared: Prepared) -> list[object]:
    return [
        bucket_label(value, prepared.period, name) if name in TIME_DIMENSIONS else json_value(value)
        for name, value in zip((*prepared.plan.labels, *prepared.plan.metrics), row, strict=False)
    ]
