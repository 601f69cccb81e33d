"""An answer as lines of JSON: the rows of the JSON answer, one a line."""

from __future__ import annotations

import duckdb
import msgspec

from analytics_internal.query.rows import named_row
from analytics_internal.query.run import Prepared
from analytics_internal.query.spool import Spooled

ROWS_AT_A_TIME = 5_000


def write_ndjson(cursor: duckdb.DuckDBPyConnection, prepared: Prepared, file: Spooled) -> None:
    """Ask, and write the rows."""
    cursor.execute(prepared.plan.sql, prepared.parameters)
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        file.write(b"".join(msgspec.json.encode(named_row(row, prepared)) + b"\n" for row in rows))
