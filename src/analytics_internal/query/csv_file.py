"""An answer as CSV, with cells that a spreadsheet shows as they are: text in quotes, formulas disarmed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import duckdb

from analytics_internal.query.rows import flat_row
from analytics_internal.query.run import Prepared
from analytics_internal.query.spool import Spooled

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
    if isinstance(value, bool):
        return "true" if value else "false"
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


ROWS_AT_A_TIME = 5_000


def write_csv(cursor: duckdb.DuckDBPyConnection, prepared: Prepared, file: Spooled) -> None:
    """Ask, and write a header and the rows."""
    cursor.execute(prepared.plan.sql, prepared.parameters)
    file.write(csv_rows([[column.name for column in prepared.plan.columns]]))
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        file.write(csv_rows(flat_row(row, prepared) for row in rows))
