"""Answers about journeys: rows as named objects, and what is said about all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from analytics_internal.query.journeys.figures import FUNNEL, PATHS, RETENTION, named_figures
from analytics_internal.query.journeys.language import Funnel, Journey, Retention
from analytics_internal.query.journeys.wire import (
    FunnelAnswer,
    FunnelMeta,
    JourneyAnswer,
    PathsAnswer,
    PathsMeta,
    RetentionAnswer,
    RetentionMeta,
    WireFunnel,
    WireJourney,
    WireRetention,
)
from analytics_internal.query.wire import AnswerMeta, Count, Item


def named_journey_row(values: Iterator[Any], query: Journey, is_compared: bool) -> dict[str, Any]:
    """What a row has beside its dimensions."""
    if isinstance(query, Funnel):
        return named_figures(values, FUNNEL, is_compared)
    if isinstance(query, Retention):
        return named_figures(values, RETENTION, is_compared)
    step = named_figures(values, PATHS[:1], is_compared)
    item = Item(*(next(values) for _ in msgspec.structs.fields(Item)))
    return {**step, "item": item if item.id is not None else None, **named_figures(values, PATHS[1:], is_compared)}


def journey_answer(
    rows: list[Any], totals: Sequence[int], meta: AnswerMeta, wire: WireJourney, is_compared: bool
) -> JourneyAnswer:
    """The answer of some rows; ``totals`` are the values of the tree's ``totals``, none where there is no row."""
    shared = {field.name: getattr(meta, field.name) for field in msgspec.structs.fields(AnswerMeta)}
    # Behind the last row nobody knows; without any row there is nobody.
    is_known = bool(totals) or meta.total_rows is not None
    previous = (totals[1] if totals else 0) if is_compared else msgspec.UNSET
    people = Count(totals[0] if totals else 0, previous) if is_known else None
    if isinstance(wire, WireFunnel):
        return FunnelAnswer(rows, FunnelMeta(**shared, people=people), wire)
    if isinstance(wire, WireRetention):
        return RetentionAnswer(rows, RetentionMeta(**shared, people=people), wire)
    sessions = Count(totals[1] if totals else 0) if is_known else None
    return PathsAnswer(rows, PathsMeta(**shared, people=people, sessions=sessions), wire)
