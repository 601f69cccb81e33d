"""What is written of an error says where it came from, not about whom it was."""

from __future__ import annotations

import sys

import asyncpg
import duckdb
import pytest

from analytics_internal.log.connection import Pool
from analytics_internal.logs import traceback_of
from analytics_internal.masking import without_values


def written(error: BaseException) -> str:
    try:
        raise error
    except type(error):
        exc_info = sys.exc_info()
        assert exc_info[1] is not None
        return traceback_of(exc_info)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'user:default/ana'::INTEGER",
        "SELECT error('user:default/ana')",
        "SELECT 1 WHERE ref = 'user:default/ana'",
        "SELECT 'it''s user:default/ana' FORM x",
    ],
)
def test_an_error_of_the_reader_names_nobody(sql: str) -> None:
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect().execute(sql).fetchall()

    text = written(RuntimeError("a question failed").with_traceback(None)) + written(caught.value)

    assert "user:default/ana" not in text
    assert "test_logs.py" in text
    assert type(caught.value).__name__ in text


async def test_an_error_of_the_database_shows_no_row(pool: Pool) -> None:
    ana = "user:default/ana"
    async with pool.acquire() as connection:
        await connection.execute("CREATE TEMP TABLE one (ref TEXT UNIQUE)")
        await connection.execute("INSERT INTO one VALUES ($1)", ana)
        with pytest.raises(asyncpg.UniqueViolationError) as caught:
            await connection.execute("INSERT INTO one VALUES ($1)", ana)

    assert "user:default/ana" in str(caught.value)
    assert "user:default/ana" not in written(caught.value)
    assert "UniqueViolationError" in written(caught.value)


def test_what_came_before_an_error_is_written_without_values_too() -> None:
    try:
        try:
            raise KeyError("user:default/ana")
        except KeyError as error:
            raise RuntimeError("the outer one") from error
    except RuntimeError as error:
        text = written(error)

    assert "KeyError" in text
    assert "the outer one" in text
    assert "user:default/ana" not in text.replace('raise KeyError("user:default/ana")', "")


def test_a_message_keeps_what_it_does_not_quote() -> None:
    assert without_values(ValueError("no column 'a' here\nLINE 1: …")) == "builtins.ValueError: no column … here"
