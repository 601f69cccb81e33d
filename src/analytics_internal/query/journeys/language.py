"""The questions about people's ways: funnels, retention and paths. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal, TypeVar

import msgspec

from analytics_internal.query.language import Filter, Query

Cohort = Literal["week", "month"]
COHORTS: Mapping[Cohort, str] = {"week": "time:week", "month": "time:month"}
"""The time dimension of each kind of cohort."""
MAX_STEPS = 10
MAX_WITHIN = timedelta(days=90)
MAX_PLACES = 5
MAX_CELLS = 100_000
"""Of a retention: ten years of weeks are some 140,000 cells."""


class Funnel(Query, frozen=True, kw_only=True):
    """Who went through some steps in order, each later than the one before, all within a time of the first."""

    steps: tuple[Filter, ...]
    within: timedelta


class Retention(Query, frozen=True, kw_only=True):
    """Who came back so many weeks or months after the first time."""

    cohort: Cohort
    first: Filter | None
    """What the first time is of; None is any event."""
    returning: Filter | None

    @property
    def time_dimension(self) -> str:
        return COHORTS[self.cohort]


class Paths(Query, frozen=True, kw_only=True):
    """What came before and after some events in their sessions."""

    around: Filter
    before: int
    after: int


Journey = Funnel | Retention | Paths
Q = TypeVar("Q", bound=Query)


def with_each_filter(query: Q, change: Callable[[Filter], Filter]) -> Q:
    """The same question with every filter in it changed."""
    changed: dict[str, object] = {}
    for field in ("filter", "first", "returning", "around"):
        filter_ = getattr(query, field, None)
        if filter_ is not None:
            changed[field] = change(filter_)
    if isinstance(query, Funnel):
        changed["steps"] = tuple(map(change, query.steps))
    return msgspec.structs.replace(query, **changed)


def filters_of(query: Query) -> list[Filter]:
    """Every filter of a question."""
    found: list[Filter] = []

    def keep(filter_: Filter) -> Filter:
        found.append(filter_)
        return filter_

    with_each_filter(query, keep)
    return found
