"""Rows of an answer's SQL as named objects: each dimension and each metric of the question under its name. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any, cast

from analytics_internal.dimensions import BUCKET_DAYS, DECLARED, HOUR, MONTH
from analytics_internal.query import metrics
from analytics_internal.query.hours import hours_of
from analytics_internal.query.journeys import Journey, named_journey_row
from analytics_internal.query.period import bucket_of, buckets
from analytics_internal.query.run import Prepared
from analytics_internal.query.wire import Count, Item, Moment, Number, Ratio, Row

FIGURES: dict[str, type[Count | Number | Ratio]] = {"count": Count, "number": Number, "ratio": Ratio}


def named_row(row: tuple[Any, ...], prepared: Prepared) -> Row:
    """A row as JSON answers have it."""
    values = iter(row)
    named: dict[str, Any] = {}
    for dimension in prepared.query.dimensions:
        if dimension in BUCKET_DAYS:
            named[dimension] = bucket_label(next(values), prepared, dimension)
        elif parts := DECLARED[dimension].parts:
            named[dimension] = Item(*islice(values, len(parts)))
        else:
            named[dimension] = next(values)
    if isinstance(prepared.query, Journey):
        is_compared = prepared.previous is not None
        return cast("Row", named | named_journey_row(values, prepared.query, is_compared))
    for metric in prepared.query.metrics:
        form = metrics.DECLARED[metric].form
        columns = metrics.shown_columns_of(metric, prepared.previous is not None)
        figures: dict[str, Any] = {column.partition(".")[2] or "value": next(values) for column in columns}
        named[metric] = Moment(json_value(figures["value"])) if form == "moment" else FIGURES[form](**figures)
    return cast("Row", named)


def flat_row(row: tuple[Any, ...], prepared: Prepared) -> list[Any]:
    """A row as CSV has it: a cell for each of the plan's columns."""
    return [
        bucket_label(value, prepared, column.name) if column.type == "bucket" else json_value(value)
        for column, value in zip(prepared.plan.columns, row, strict=False)
    ]


def bucket_label(index: object, prepared: Prepared, dimension: str) -> str:
    """The label of a bucket by its number in the period."""
    assert isinstance(index, int)
    period = prepared.period
    if dimension == HOUR:
        return hours_of(period.first, period.last, prepared.zone)[index].label
    first = bucket_of(period.first, dimension)
    if dimension == MONTH:
        year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
        return f"{year:04}-{month + 1:02}-01"
    return str(first.fromordinal(first.toordinal() + index * BUCKET_DAYS[dimension]))


def bucket_labels(prepared: Prepared, dimension: str) -> list[str]:
    """The labels of all buckets of the period, in order."""
    if dimension == HOUR:
        return [hour.label for hour in hours_of(prepared.period.first, prepared.period.last, prepared.zone)]
    return [str(bucket) for bucket in buckets(prepared.period, dimension)]


def json_value(value: Any) -> Any:
    """A value of DuckDB's as JSON has it."""
    return instant(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value


def instant(at: datetime) -> str:
    """A time as JSON has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
