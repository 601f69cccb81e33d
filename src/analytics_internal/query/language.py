"""The question: its parts, what is allowed, and clear words for what is not. Pure: knows no database.

The reference is docs/reference/query.md.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

import msgspec

from analytics_internal import dimensions
from analytics_internal.errors import HttpProblem, Problem
from analytics_internal.query import metrics

Direction = Literal["asc", "desc"]
Compare = Literal["previous_period", "same_weeks_last_year"]
Unused = Literal["leave_out", "include", "only"]
DAYS_OF_52_WEEKS = 364
"""The same weeks of last year begin so many days earlier, on the same day of the week."""

METRICS = tuple(metrics.DECLARED)
METRICS_OF_EVENTS = tuple(name for name, one in metrics.DECLARED.items() if one.dimensions is None)
"""Those that can be grouped and filtered by everything."""
TIME_DIMENSIONS = tuple(dimensions.BUCKET_DAYS)
DIMENSIONS = (
    *(name for name, one in dimensions.DECLARED.items() if one.can_be_grouped),
    dimensions.ANY_ATTRIBUTE,
    *TIME_DIMENSIONS,
)
FILTER_DIMENSIONS = (
    *(name for name, one in dimensions.DECLARED.items() if one.can_be_filtered),
    dimensions.ANY_ATTRIBUTE,
)
OPERATORS = ("is", "is_not", "contains")
COMPARISONS: tuple[Compare, ...] = get_args(Compare)
UNUSED: tuple[Unused, ...] = get_args(Unused)
UNUSED_DIMENSIONS = tuple(name for name, one in dimensions.DECLARED.items() if one.known_in)
"""The dimensions whose values the catalog knows, used or not."""
CONNECTIVES = ("and", "or", "not")
SEGMENT = "segment"
MAX_SEGMENTS = 20
"""Different ones in one question."""
DEFAULT_RANGE: dict[str, object] = {"last": "28d"}
MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100
# What a question may hold: with these, making its SQL takes some hundredths of a second at most.
MAX_DIMENSIONS = 32
MAX_FILTERS = 100
MAX_FILTER_DEPTH = 8
MAX_FILTER_VALUES = 1_000
MAX_FILTER_CHARACTERS = 32_768
MAX_VALUE_LENGTH = 2_048
MAX_DAYS = 366 * 50
MAX_POSITION = 2**62
MAX_PROBLEMS = 10


def is_allowed(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a name is one of those; where one attribute is allowed, any is."""
    return name in allowed or (dimensions.ANY_ATTRIBUTE in allowed and dimensions.is_attribute(name))


class InvalidQuery(HttpProblem):
    """Of many problems the first ones are named."""

    kind, status, title = "invalid-query", 400, "The question cannot be answered as it is asked"

    def __init__(self, *problems: Problem) -> None:
        named = list(problems[:MAX_PROBLEMS])
        if len(problems) > MAX_PROBLEMS:
            named.append(Problem("", f"and {len(problems) - MAX_PROBLEMS:,} more problems"))
        super().__init__("; ".join(f"{p.field}: {p.detail}" if p.field else p.detail for p in named))
        self.errors: list[Problem] = named


class Segment(msgspec.Struct, frozen=True):
    """A filter that was saved under a name."""

    id: UUID
    name: str
    changed_at: datetime
    filters: list[object] | None
    """As it was written; None of a deleted one."""


class Last(msgspec.Struct, frozen=True):
    """So many days, weeks or months that end with today."""

    count: int
    unit: Literal["d", "w", "m"]


class Between(msgspec.Struct, frozen=True):
    """From one day to another, both included, in the reporting time zone."""

    first: date
    last: date


class Is(msgspec.Struct, frozen=True):
    """A dimension has (or, negated, has not) one of some values; ``None`` stands for no value at all."""

    dimension: str
    values: tuple[str | int | None, ...]
    is_negated: bool = False


class Contains(msgspec.Struct, frozen=True):
    """A dimension's text contains one of some texts, whatever their case."""

    dimension: str
    values: tuple[str, ...]


class All(msgspec.Struct, frozen=True):
    """Every one of these filters holds."""

    filters: tuple[Filter, ...]


class Any(msgspec.Struct, frozen=True):
    """At least one of these filters holds."""

    filters: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True):
    """The filter does not hold."""

    filter: Filter


Filter = Is | Contains | All | Any | Not


class Query(msgspec.Struct, frozen=True):
    """A checked question with its defaults filled in."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filter: Filter | None = None
    date_range: Last | Between | None = Last(28, "d")
    """None is all time."""
    compare: Compare | None = None
    order_by: tuple[tuple[str, Direction], ...] = ()
    limit: int | None = DEFAULT_LIMIT
    cursor: str | None = None
    position: int | None = None
    """Answer as of this position of the log; None is its head."""
    unused: Unused = "leave_out"
    segments: tuple[Segment, ...] = ()
    """Those that the filters came from."""
    hides_people: bool = False
    """Who asks may not read who did what: attributes do not tell it, and people have no titles."""

    @property
    def time_dimension(self) -> str | None:
        return next((name for name in self.dimensions if name in TIME_DIMENSIONS), None)
