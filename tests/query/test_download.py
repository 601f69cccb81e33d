"""Answers as files say what JSON says, whole or not at all."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from analytics_internal.http.query import Download
from analytics_internal.log.connection import Pool
from analytics_internal.query.columns import Column
from analytics_internal.query.download import FORMATS, file_of
from analytics_internal.query.parse import parse
from analytics_internal.query.run import Prepared, prepare
from analytics_internal.query.spool import DownloadTooLarge, Spool
from tests.query.model import Question
from tests.query.stored import NOW, Stored, random_events, reading
from tests.query.test_answer import ZONES, questions

Rows = list[dict[str, Any]]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(200, random.Random(11)))
        yield stored


def flat(row: dict[str, Any]) -> dict[str, object]:
    """A row of a JSON answer by the columns that a file has."""
    found: dict[str, object] = {}
    for name, value in row.items():
        parts = value if isinstance(value, dict) else {"value": value}
        found |= {name if part == "value" else f"{name}.{part}": one for part, one in parts.items()}
    return found


def rows_of_parquet(content: bytes, folder: Path) -> tuple[dict[str, str], Rows]:
    """The types of a file's columns, and its rows with times as JSON has them."""
    path = folder / "answer.parquet"
    path.write_bytes(content)
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE FROM read_parquet(?)", [str(path)]).fetchall()
        types = {name: type_ for name, type_, *_ in described}
        found = connection.execute("FROM read_parquet(?)", [str(path)]).fetchall()
    return types, [dict(zip(types, map(as_json, row), strict=True)) for row in found]


def as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, date) else value


@pytest.mark.slow
@settings(max_examples=25)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_parquet_and_ndjson_say_what_json_says(
    stored: Stored, question: Question, zone: str, tmp_path: Path
) -> None:
    rows = (await stored.ask({**question, "limit": 10_000}, zone))["results"]
    whole = {**question, "limit": None}

    lines = (await stored.file(whole, "ndjson", zone)).splitlines()
    _, read_back = rows_of_parquet(await stored.file(whole, "parquet", zone), tmp_path)

    assert [json.loads(line) for line in lines] == rows
    assert read_back == list(map(flat, rows))


async def test_the_columns_of_parquet_have_types(stored: Stored, tmp_path: Path) -> None:
    question = {
        "metrics": ["events", "first_access"],
        "dimensions": ["time:month", "item"],
        "compare": "previous_period",
        "limit": None,
    }

    types, _ = rows_of_parquet(await stored.file(question, "parquet"), tmp_path)

    assert types == {
        "time:month": "DATE",
        "item.id": "BIGINT",
        "item.action": "VARCHAR",
        "item.subject": "VARCHAR",
        "item.path": "VARCHAR",
        "events": "BIGINT",
        "events.previous": "BIGINT",
        "first_access": "TIMESTAMP WITH TIME ZONE",
    }


async def many_rows(stored: Stored, number: int) -> Prepared:
    """A question with as many rows, from the highest number to the lowest."""
    question = json.dumps({"metrics": ["events"], "limit": None}).encode()
    prepared = await prepare(stored.replica, *parse(question, allow_no_limit=True), ZoneInfo("UTC"), NOW)
    sql = f"SELECT i AS events FROM range({number}) AS t(i) ORDER BY i DESC"
    plan = msgspec.structs.replace(prepared.plan, sql=sql, columns=(Column("events", "whole"),), parameters=frozenset())
    return msgspec.structs.replace(prepared, plan=plan, parameters={})


async def test_many_rows_of_parquet_keep_their_order(stored: Stored, tmp_path: Path) -> None:
    prepared = await many_rows(stored, 400_000)
    file = await file_of(stored.replica, prepared, Spool(tmp_path), FORMATS["parquet"])

    content = b"".join(iter(file.read, b""))
    file.close()
    _, rows = rows_of_parquet(content, tmp_path)

    assert [row["events"] for row in rows] == list(reversed(range(400_000)))


@pytest.fixture
def small_spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, each_bytes=10_000)
    yield spool
    spool.take(spool.all_bytes)  # all of it was given back


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_client_that_leaves_frees_the_room_of_its_file(
    stored: Stored, small_spool: Spool, format_: str
) -> None:
    prepared = await many_rows(stored, 100)
    file = await file_of(stored.replica, prepared, small_spool, FORMATS[format_])
    assert file.size > 0

    async def gone(_: object) -> None:
        raise OSError("the client has left")

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(ClientDisconnect):
        await Download(file, FORMATS[format_], {})(scope, receive, gone)

    small_spool.take(small_spool.all_bytes)  # all of it was given back
    small_spool.give_back(small_spool.all_bytes)


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_file_that_grows_too_large_is_refused_and_the_reader_stays(
    stored: Stored, small_spool: Spool, format_: str
) -> None:
    question = {"metrics": ["events"], "date_range": "all"}
    before = (await stored.ask(question))["results"]
    prepared = await many_rows(stored, 1_000_000)

    with pytest.raises(DownloadTooLarge, match="10,000 bytes"):
        await file_of(stored.replica, prepared, small_spool, FORMATS[format_])

    assert (await stored.ask(question))["results"] == before
