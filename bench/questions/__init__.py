"""The pages' questions, in the query language and in hand-written SQL.

They are those of the panels in `backstage/plugins/analytics-internal/src/components`, but with the curve's events and
people in one question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.dimensions import MEASUREMENTS
from analytics_internal.log.statements import load
from analytics_internal.query.parse import parse
from analytics_internal.query.period import Period, resolve
from analytics_internal.query.wire import Answer

ZONE = ZoneInfo("America/Sao_Paulo")
FOLDER = Path(__file__).parent
DUCKDB = load(FOLDER / "duckdb.sql")
POSTGRES = load(FOLDER / "postgres.sql")
# What people did: without measurements, which the reader keeps apart, and without what programs did.
ACCESS_IN_DUCKDB = "(SELECT * FROM event WHERE agent_id IS NULL) AS access"
ACCESS_IN_POSTGRES = f"""
CREATE VIEW access AS
SELECT *
FROM event
WHERE agent_id IS NULL
  AND item_id NOT IN (
      SELECT item_id FROM item JOIN action USING (action_id) WHERE name IN {MEASUREMENTS}
  )
"""
COMPARED: dict[str, object] = {"compare": "previous_period"}
_parameter = re.compile(r"\$([a-z_]+)")


def overview() -> dict[str, dict[str, object]]:
    """The questions of the metrics page."""
    log_metrics = ["events", "people", "first_access", "last_access"]
    return {
        "totals": {"metrics": ["events", "people", "items", "last_access"], **COMPARED},
        "curve": {"metrics": ["events", "people"], "dimensions": ["time:day"], "limit": 1000, **COMPARED},
        "busiest_people": {"metrics": ["events"], "dimensions": ["person"], "limit": 10},
        "most_visited_screens": {
            "metrics": ["events", "people"],
            "dimensions": ["item"],
            "filters": ["is", "action", ["navigate"]],
            "limit": 10,
        },
        "activity_log": {
            "metrics": log_metrics,
            "dimensions": ["item"],
            "order_by": [["events", "desc"]],
            "limit": 25,
        },
    }


def details(item: int) -> dict[str, dict[str, object]]:
    """The questions of one item's page."""
    of_item = {"filters": ["is", "item", [item]]}
    ever = ["first_access", "last_access"]
    return {
        "item_totals": {"metrics": ["events", "people"], **of_item, **COMPARED},
        "item_ever": {"metrics": ever, "dimensions": ["item"], "date_range": "all", "limit": 1, **of_item},
        "item_curve": {"metrics": ["events", "people"], "dimensions": ["time:day"], "limit": 1000, **of_item},
        "access_history": {"metrics": ["events", *ever], "dimensions": ["person"], "limit": 25, **of_item},
    }


def card(entity: str) -> dict[str, dict[str, object]]:
    """What the usage card of an entity asks: `components/usageCard/usage.ts` of the pages."""
    of_entity = ["is", "entity", [entity]]
    visits = ["and", of_entity, ["is", "action", ["navigate"]]]
    return {
        "card_totals": {"metrics": ["events", "people"], "filters": visits, **COMPARED},
        "card_curve": {"metrics": ["events"], "dimensions": ["time:day"], "filters": visits, "limit": 1000, **COMPARED},
        "read_pages": {
            "metrics": ["events"],
            "dimensions": ["doc_page"],
            "filters": ["and", visits, ["is_not", "doc_page", [None]]],
            "limit": 5,
        },
        "searches_leading_here": {
            "metrics": ["events"],
            "dimensions": ["search_term"],
            "filters": ["and", of_entity, ["is", "action", ["discover"]]],
            "limit": 5,
        },
    }


class Bounds(msgspec.Struct, frozen=True):
    """The periods of the questions, as values of the hand-written SQL's parameters."""

    period: Period
    previous: Period
    item: int

    def values(self) -> dict[str, object]:
        return {
            "start": self.period.start,
            "end": self.period.end,
            "previous_start": self.previous.start,
            "previous_end": self.previous.end,
            "first_day": self.period.first,
            "previous_first_day": self.previous.first,
            "item": self.item,
        }


def bounds(now: datetime, days: int, item: int) -> Bounds:
    query, _ = parse(msgspec.json.encode({"metrics": ["events"], "date_range": {"last": f"{days}d"}, **COMPARED}))
    period, previous = resolve(query, ZONE, now, None)
    assert previous is not None
    return Bounds(period, previous, item)


def for_duckdb(name: str, of: Bounds) -> tuple[str, dict[str, object]]:
    """A statement and its parameters, with times as naive UTC."""
    values = {
        parameter: value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
        for parameter, value in of.values().items()
    }
    sql = DUCKDB[name].replace("FROM access", f"FROM {ACCESS_IN_DUCKDB}")
    return sql, {parameter: values[parameter] for parameter in set(_parameter.findall(sql))}


def for_postgres(name: str, of: Bounds) -> tuple[str, list[object]]:
    """A statement with its parameters numbered."""
    used = list(dict.fromkeys(_parameter.findall(POSTGRES[name])))
    sql = _parameter.sub(lambda found: f"${used.index(found[1]) + 1}", POSTGRES[name])
    return sql, [of.values()[parameter] for parameter in used]


def rows_of_answer(answer: Answer) -> list[tuple[object, ...]]:
    """An answer's rows as flat tuples, to compare with SQL's."""
    return [tuple(cell for value in row.values() for cell in _cells(value)) for row in answer.results]


def _cells(value: object) -> Sequence[object]:
    if not isinstance(value, msgspec.Struct):
        return [value]
    return [cell for cell in msgspec.structs.astuple(value) if cell is not msgspec.UNSET]


def rows_of_sql(rows: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
    """SQL's rows with times as UTC text, as in answers."""
    return [tuple(_as_answered(cell) for cell in row) for row in rows]


def _as_answered(cell: object) -> object:
    if isinstance(cell, datetime):
        aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return str(cell) if isinstance(cell, date) else cell
