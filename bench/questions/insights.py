"""The questions of docs/reference/questions.md with hand-written SQL for each, and answers in a form to compare."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from analytics_internal.days import day_of, number_of
from analytics_internal.log.statements import load
from analytics_internal.query.kinds import parse_question
from analytics_internal.query.period import resolve
from analytics_internal.query.wire import Ratio
from bench.questions import ZONE

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "reference" / "questions.md"
DUCKDB = load(FOLDER / "insights_duckdb.sql")
POSTGRES = DUCKDB | load(FOLDER / "insights_postgres.sql")
# Agents are left out, as in answers. The reader keeps measurements apart.
TABLES = {
    "access": "(SELECT * FROM event WHERE agent_id IS NULL) AS access",
    "any_access": "event AS any_access",
    "measurement": "(SELECT * FROM measurement WHERE agent_id IS NULL) AS measurement",
}
_table = re.compile(rf"\b(FROM|JOIN) ({'|'.join(TABLES)})\b")
_parameter = re.compile(r"\$([a-z_]+)")
_part = re.compile(r"^### (\d+)\.|```json\n(.*?)\n```", re.DOTALL | re.MULTILINE)
Question = dict[str, Any]
Cells = tuple[object, ...]


def of_page() -> dict[str, Question]:
    """The page's questions as `question_7`, or `question_13b` where there are several under one number."""
    found: list[tuple[str, Question]] = []
    number = ""
    for part in _part.finditer(PAGE.read_text()):
        if part[1]:
            number = part[1]
        elif number:
            found.append((number, json.loads(part[2])))
    several = Counter(number for number, _ in found)
    letters = {number: iter("abcdefgh") for number in several}
    return {
        f"question_{number}{next(letters[number]) if several[number] > 1 else ''}": question
        for number, question in found
    }


def literals(question: Question, now: datetime, is_postgres: bool) -> dict[str, str]:
    """The bounds of a question's periods as SQL, by the names that hand-written statements use."""
    query, _ = parse_question(msgspec.json.encode(question))
    # "all" begins before everything.
    period, previous = resolve(query, ZONE, now, datetime(2020, 1, 1, tzinfo=UTC))
    values: dict[str, datetime | date] = {
        "start": period.start, "end": period.end, "first_day": period.first, "last_day": period.last,
        "today": day_of(now, ZONE),
    }  # fmt: skip
    if previous is not None:
        values |= {
            "previous_start": previous.start, "previous_end": previous.end,
            "previous_first_day": previous.first, "previous_last_day": previous.last,
        }  # fmt: skip
    return {name: _literal(value, is_postgres) for name, value in values.items()}


def _literal(value: datetime | date, is_postgres: bool) -> str:
    if not isinstance(value, datetime):
        return str(number_of(value))
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return f"TIMESTAMPTZ '{text}+00'" if is_postgres else f"TIMESTAMP '{text}'"


def for_duckdb(sql: str, values: Mapping[str, str]) -> str:
    return _table.sub(lambda found: f"{found[1]} {TABLES[found[2]]}", _filled(sql, values))


def for_postgres(sql: str, values: Mapping[str, str]) -> str:
    return _filled(sql, values)


def _filled(sql: str, values: Mapping[str, str]) -> str:
    return _parameter.sub(lambda found: values[found[1]], sql)


def rows_of_answer(results: Iterable[object]) -> list[Cells]:
    """An answer's rows as flat tuples; of a ratio its numerator and denominator."""
    rows = []
    for row in results:
        values = row.values() if isinstance(row, dict) else msgspec.structs.astuple(row)  # type: ignore[arg-type]
        rows.append(tuple(cell for value in values for cell in _cells(value)))
    return rows


def _cells(value: object) -> Iterable[object]:
    if value is msgspec.UNSET:
        return []
    if not isinstance(value, msgspec.Struct):
        return [_plain(value)]
    left_out = ("value", "previous") if isinstance(value, Ratio) else ()
    fields = {name: getattr(value, name) for name in value.__struct_fields__ if name not in left_out}
    return [_plain(cell) for cell in fields.values() if cell is not msgspec.UNSET]


def rows_of_sql(rows: Sequence[Sequence[object]]) -> list[Cells]:
    """SQL's rows in the same form."""
    return [tuple(_plain(cell) for cell in row) for row in rows]


def _plain(cell: object) -> object:
    if isinstance(cell, bool) or cell is None:
        return cell
    if isinstance(cell, int | float | Decimal):
        # A median or a sum may differ in the last digit.
        return round(float(cell), 2)
    if isinstance(cell, datetime):
        aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return str(cell)


def difference(here: Sequence[Cells], other: Sequence[Cells]) -> str | None:
    """What tells two answers apart; None when nothing does. Rows of equal rank may come in any order."""
    if sorted(map(repr, here)) == sorted(map(repr, other)):
        return None
    only_here = sorted(set(map(repr, here)) - set(map(repr, other)))
    only_other = sorted(set(map(repr, other)) - set(map(repr, here)))
    return f"{len(here)} rows here, {len(other)} there; here {only_here[:2]}, there {only_other[:2]}"
