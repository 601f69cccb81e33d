"""The names that people know for the entities, groups and people in an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from analytics_internal.days import number_of
from analytics_internal.log import load
from analytics_internal.query.language import UNUSED_DIMENSIONS
from analytics_internal.query.period import Period

TITLED = UNUSED_DIMENSIONS
"""The dimensions whose values are refs of the catalog."""
OF_PEOPLE = "user:"
_SQL = load(Path(__file__).with_name("titles.sql"))


def titles_of(
    cursor: duckdb.DuckDBPyConnection,
    dimensions: Sequence[str],
    rows: Sequence[Mapping[str, object]],
    period: Period,
    names_people: bool,
) -> dict[str, str]:
    """The titles of the refs in some rows, as far as the catalog knows them, as of the end of a period."""
    titled = [name for name in dimensions if name in TITLED]
    refs = {str(row[name]) for row in rows for name in titled if row[name] is not None}
    if not names_people:
        refs = {ref for ref in refs if not ref.startswith(OF_PEOPLE)}
    if not refs:
        return {}
    found = cursor.execute(_SQL["titles"], {"refs": sorted(refs), "day": number_of(period.last)}).fetchall()
    return dict(found)
