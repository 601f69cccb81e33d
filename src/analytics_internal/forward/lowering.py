"""Small letters as DuckDB has them: filters of destinations find what the same filters of questions find."""

from __future__ import annotations

import functools
import sys

import duckdb


def lowered(text: str) -> str:
    """The text in small letters, each character by itself, as ``lower`` does in the reader."""
    return text.lower() if text.isascii() else text.translate(_small_letters())


@functools.cache
def _small_letters() -> dict[int, str]:
    """The characters that have another small one. Asked of DuckDB: Python follows another edition of Unicode, and
    makes two letters of some."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT code, lower(chr(code)) FROM (SELECT unnest(range(1, ?))::INTEGER AS code) "
            "WHERE code NOT BETWEEN 55296 AND 57343 AND lower(chr(code)) <> chr(code)",
            [sys.maxunicode + 1],
        )
        return dict(found.fetchall())
