"""The flat columns of an answer, as files have them: CSV, NDJSON and Parquet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from analytics_internal.dimensions import BUCKET_DAYS, DECLARED
from analytics_internal.query import metrics
from analytics_internal.query.language import Query

Type = Literal["text", "whole", "number", "moment", "bucket", "day", "flag"]
"""What is in a column of the answer's SQL. A bucket is its number in the period; a moment is UTC without saying so;
a day is its text."""


class Column(msgspec.Struct, frozen=True):
    """`time:day`, `item.subject`, `events`, `events.previous`, `adoption_rate.numerator`, …"""

    name: str
    type: Type


TYPES: dict[metrics.Form, Type] = {"count": "whole", "number": "number", "ratio": "number", "moment": "moment"}


def columns_of(query: Query, is_compared: bool) -> tuple[Column, ...]:
    """The columns of a breakdown, in the order of its SQL."""
    labels = labels_of(query.dimensions)
    figures = [
        Column(column, TYPES[metrics.DECLARED[metric].form])
        for metric in query.metrics
        for column in metrics.shown_columns_of(metric, is_compared)
    ]
    return (*labels, *figures)


def labels_of(dimensions: Iterable[str]) -> tuple[Column, ...]:
    """The columns of some dimensions."""
    return tuple(column for dimension in dimensions for column in _labels_of(dimension))


def _labels_of(dimension: str) -> Iterator[Column]:
    if dimension in BUCKET_DAYS:
        yield Column(dimension, "bucket")
        return
    declared = DECLARED[dimension]
    if not declared.parts:
        yield Column(dimension, "text")
    for part, column in declared.parts.items():
        yield Column(f"{dimension}.{part}", "whole" if column == declared.table.id_column else "text")
