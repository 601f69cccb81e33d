"""The columns of funnels, retention and paths, and their rows as named objects. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from analytics_internal.query.columns import Column, Type
from analytics_internal.query.journeys.wire import Median
from analytics_internal.query.wire import Count, Ratio

Form = Literal["plain", "count", "ratio", "median"]
FIGURES: Mapping[Form, type[Count | Ratio | Median]] = {"count": Count, "ratio": Ratio, "median": Median}


class Figure(msgspec.Struct, frozen=True):
    """What a row has under one name: a bare value, or an object of some numbers."""

    name: str
    form: Form
    type: Type


FUNNEL = (
    Figure("step", "plain", "whole"),
    Figure("people", "count", "whole"),
    Figure("events", "count", "whole"),
    Figure("share_of_step_before", "ratio", "number"),
    Figure("share_of_first_step", "ratio", "number"),
    Figure("median_seconds", "median", "number"),
)
RETENTION = (
    Figure("cohort", "plain", "day"),
    Figure("offset", "plain", "whole"),
    Figure("people", "count", "whole"),
    Figure("size", "count", "whole"),
    Figure("share", "ratio", "number"),
    Figure("is_complete", "plain", "flag"),
)
PATHS = (
    Figure("step", "plain", "whole"),
    Figure("edge", "plain", "text"),
    Figure("people", "count", "whole"),
    Figure("sessions", "count", "whole"),
    Figure("share", "ratio", "number"),
)


def columns_of(figures: tuple[Figure, ...], is_compared: bool) -> tuple[Column, ...]:
    """The flat columns of some figures: `people`, `people.previous`, `share.numerator`, …"""
    return tuple(Column(name, figure.type) for figure in figures for name in _columns_of(figure, is_compared))


def _columns_of(figure: Figure, is_compared: bool) -> Iterator[str]:
    name = figure.name
    parts = ("numerator", "denominator") if figure.form == "ratio" else ()
    yield name
    yield from (f"{name}.{part}" for part in parts)
    if is_compared and figure.form != "plain":
        yield f"{name}.previous"
        yield from (f"{name}.previous_{part}" for part in parts)


def named_figures(values: Iterator[Any], figures: tuple[Figure, ...], is_compared: bool) -> dict[str, Any]:
    """The next values of a row as objects under their names."""
    named: dict[str, Any] = {}
    for figure in figures:
        if figure.form == "plain":
            named[figure.name] = next(values)
            continue
        columns = _columns_of(figure, is_compared)
        parts = {column.partition(".")[2] or "value": next(values) for column in columns}
        named[figure.name] = FIGURES[figure.form](**parts)
    return named
