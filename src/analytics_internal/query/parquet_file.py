"""An answer as a Parquet file: DuckDB writes it from the question's own statement, so its columns have types.

It comes through a pipe, piece by piece: so a file that becomes too large is stopped, and it has no name on the disk.
"""

from __future__ import annotations

import os
import select
import threading

import duckdb
from sqlglot import exp

from analytics_internal.dimensions import HOUR
from analytics_internal.query.columns import Column
from analytics_internal.query.conditions import column_of
from analytics_internal.query.rows import bucket_labels
from analytics_internal.query.run import Prepared
from analytics_internal.query.scan import parameter
from analytics_internal.query.spool import PIECE_BYTES, Spooled

LABELS = "bucket_labels"
"""The parameter with the label of each bucket by its number."""
LOOK_INTERVAL_S = 0.1
TYPES = {"text": "TEXT", "whole": "BIGINT", "number": "DOUBLE", "day": "DATE", "flag": "BOOLEAN"}


def write_parquet(cursor: duckdb.DuckDBPyConnection, prepared: Prepared, file: Spooled) -> None:
    """Ask, and write the rows."""
    parameters = dict(prepared.parameters)
    dimension = prepared.query.time_dimension
    if any(column.type == "bucket" for column in prepared.plan.columns):
        assert dimension is not None
        parameters[LABELS] = bucket_labels(prepared, dimension)
    reading, writing = os.pipe()
    pipe = _Pipe(reading, file, cursor)
    try:
        cursor.execute(_copy(prepared, f"/dev/fd/{writing}"), parameters)
    except duckdb.InterruptException:
        if pipe.error is None:
            raise
    finally:
        os.close(writing)
        pipe.finish()
    if pipe.error is not None:
        raise pipe.error


def _copy(prepared: Prepared, path: str) -> str:
    """The statement that writes the answer's columns, in the answer's order."""
    answer = exp.Subquery(this=exp.Var(this=prepared.plan.sql), alias=exp.to_identifier("answer"))
    select = exp.select(*map(_typed, prepared.plan.columns)).from_(answer)
    options = {"FORMAT": "parquet", "COMPRESSION": "zstd", "USE_TMP_FILE": "false"}
    copy = exp.Copy(
        this=exp.Subquery(this=select),
        kind=False,
        files=[exp.Literal.string(path)],
        params=[
            exp.CopyParameter(this=exp.Var(this=name), expression=exp.Var(this=value))
            for name, value in options.items()
        ],
    )
    return copy.sql(dialect="duckdb")


def _typed(column: Column) -> exp.Expr:
    value: exp.Expr = column_of(column.name, "answer")
    if column.type == "bucket":
        number = exp.Add(this=value, expression=exp.Literal.number(1))
        label = exp.func("list_extract", exp.cast(parameter(LABELS), "TEXT[]"), number)
        # An hour's label has its offset, which no type of time keeps.
        value = label if column.name == HOUR else exp.cast(label, "DATE")
    elif column.type == "moment":
        value = exp.func("timezone", exp.Literal.string("UTC"), value)
    else:
        value = exp.cast(value, TYPES[column.type])
    return exp.alias_(value, column.name, quoted=True)


class _Pipe:
    """Takes what comes out of a pipe into a file, in a thread of its own."""

    def __init__(self, reading: int, file: Spooled, cursor: duckdb.DuckDBPyConnection) -> None:
        self._reading = reading
        self._file = file
        self._cursor = cursor
        self._is_written = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._take, name="parquet", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the rest: nothing more is written."""
        self._is_written.set()
        self._thread.join()
        os.close(self._reading)

    def _take(self) -> None:
        while True:
            is_last_look = self._is_written.is_set()
            if not select.select([self._reading], [], [], LOOK_INTERVAL_S)[0]:
                if is_last_look:
                    return
                continue
            piece = os.read(self._reading, PIECE_BYTES)
            if not piece:
                return
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        # After an error the pipe is emptied all the same: DuckDB would take a pipe that nobody reads for a bad disk.
        if self.error is None:
            try:
                self._file.write(piece)
            except Exception as error:
                self.error = error
        if self.error is not None:
            self._cursor.interrupt()
