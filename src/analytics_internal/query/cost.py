"""What a question is going to cost, before it runs. Pure.

The figures are seconds of one core of a small machine, measured over a million events (docs/benchmarks.md). They need
not be right: by them light questions are told from heavy ones, and what nobody could wait for is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from analytics_internal import dimensions
from analytics_internal.errors import Problem
from analytics_internal.query import metrics
from analytics_internal.query.conditions import conditions_on_events, searched_texts
from analytics_internal.query.language import InvalidQuery, Query
from analytics_internal.query.period import Period

MAX_COST_S = 120.0
"""What is expected to take longer is refused."""

SCAN_S = 2e-8
"""To look at one event."""
CONDITION_S = 4.5e-8
"""To look whether an event's name is among those that a filter found."""
TEXT_S = 3e-8
"""To look for one text in one name."""
GROUP_S = 1e-6
"""To make one group, and half of it more for each dimension."""
TIME_BUCKETS = 400


class TooCostly(InvalidQuery):
    """Nobody could wait for the answer; nothing was asked."""

    def __init__(self, cost_s: float) -> None:
        super().__init__(
            Problem(
                "",
                f"the answer is expected to take {cost_s:,.0f} seconds of a core, and a question may take "
                f"{MAX_COST_S:,.0f}: ask for a shorter period, fewer dimensions, or fewer filters and texts in them",
            )
        )


class Sizes(msgspec.Struct, frozen=True):
    """How much there is to look at."""

    events: int
    names: Mapping[str, int]
    """Rows by table of names."""
    first_event_at: datetime | None = None


def cost_of(query: Query, sizes: Sizes, period: Period, previous: Period | None) -> float:
    """The seconds that a question is expected to take. Raises TooCostly."""
    asked = [metrics.DECLARED[metric] for metric in query.metrics]
    # What looks back a few weeks costs less than it is taken for.
    of_all_time = any(one.looks_back or (one.ignores_period and query.time_dimension is None) for one in asked)
    start = previous.start if previous is not None else period.start
    events = sizes.events * share_of(sizes, start, period.end)
    scanned = sizes.events + events if of_all_time else events
    groups = _groups(query, sizes, events)
    cost_s = scanned * (SCAN_S + sum(_per_event(query))) + groups * GROUP_S * (1 + len(query.dimensions) / 2)
    if query.filter is not None:
        scans = 2 if of_all_time else 1
        cost_s += scans * sum(
            count * sizes.names.get(table, 0) * TEXT_S for table, count in searched_texts(query.filter).items()
        )
    if cost_s > MAX_COST_S:
        raise TooCostly(cost_s)
    return cost_s


def _per_event(query: Query) -> Iterator[float]:
    declared = dimensions.DECLARED
    yield from (declared[name].key_s if name in declared else SCAN_S for name in query.dimensions)
    yield from (metrics.DECLARED[metric].event_s for metric in query.metrics)
    if query.filter is not None:
        yield CONDITION_S * conditions_on_events(query.filter)


def share_of(sizes: Sizes, start: datetime, end: datetime) -> float:
    """How many of all events are in a period, taken as if they were spread evenly."""
    if sizes.first_event_at is None:
        return 1.0
    # Nothing is said of a last event: it is about now, and most periods end about now.
    all_s = max((end - sizes.first_event_at).total_seconds(), 1.0)
    return min(max((end - max(start, sizes.first_event_at)).total_seconds() / all_s, 0.0), 1.0)


def _groups(query: Query, sizes: Sizes, events: float) -> float:
    groups = 1.0
    for name in query.dimensions:
        if name in dimensions.BUCKET_DAYS:
            groups *= TIME_BUCKETS
        else:
            declared = dimensions.DECLARED[name]
            texts = max(sizes.names.get(declared.table.name, 0), 1)
            groups *= min(texts, declared.most_texts or texts)
    return min(groups, events)
