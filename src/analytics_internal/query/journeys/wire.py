"""The wire form of funnels, retention and paths: questions as clients send them, and their answers. Pure."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypedDict

import msgspec

from analytics_internal.query import language
from analytics_internal.query.journeys.language import MAX_PLACES, MAX_STEPS, Cohort
from analytics_internal.query.wire import (
    COLUMNS,
    AnswerMeta,
    AnyFilter,
    Count,
    DateRange,
    Dimension,
    Item,
    Ratio,
    allowed,
    default_range,
)

WITHIN = r"^([1-9][0-9]{0,5})([mhdw])$"
Comparison = Annotated[str, allowed(enum=list(language.COMPARISONS))]
Limit = Annotated[int, allowed(minimum=1, maximum=language.MAX_LIMIT)]
Position = Annotated[int, allowed(minimum=0, maximum=language.MAX_POSITION)]
Places = Annotated[int, allowed(minimum=0, maximum=MAX_PLACES)]


class WireFunnel(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many people went through some steps in order."""

    kind: Literal["funnel"]
    steps: Annotated[list[AnyFilter], allowed(minItems=1, maxItems=MAX_STEPS)]
    within: Annotated[
        str,
        msgspec.Meta(
            description="At most so long after the first step: minutes (`30m`), hours, days or weeks, up to 90 days"
        ),
        allowed(pattern=WITHIN),
    ] = "1d"
    dimensions: Annotated[
        list[Dimension], msgspec.Meta(description="Of the first step's event"), allowed(uniqueItems=True)
    ] = []
    filters: AnyFilter | None = None
    date_range: DateRange = msgspec.field(default_factory=default_range)
    compare: Comparison | None = None
    limit: Limit | None = language.DEFAULT_LIMIT
    cursor: str | None = None
    position: Position | None = None


class WireRetention(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many people came back so many weeks or months after the first time."""

    kind: Literal["retention"]
    cohort: Cohort = "week"
    first: Annotated[AnyFilter | None, msgspec.Meta(description="What the first time is of; null is any event")] = None
    returning: Annotated[AnyFilter | None, msgspec.Meta(description="What counts as a return; null is any event")] = (
        None
    )
    filters: AnyFilter | None = None
    date_range: DateRange = msgspec.field(default_factory=default_range)
    limit: Limit | None = language.DEFAULT_LIMIT
    cursor: str | None = None
    position: Position | None = None


class WirePaths(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What came before and after some events in their sessions."""

    kind: Literal["paths"]
    around: AnyFilter
    before: Places = 2
    after: Places = 2
    filters: AnyFilter | None = None
    date_range: DateRange = msgspec.field(default_factory=default_range)
    limit: Limit | None = language.DEFAULT_LIMIT
    cursor: str | None = None
    position: Position | None = None


WireJourney = WireFunnel | WireRetention | WirePaths


class Median(msgspec.Struct):
    """The middle one of some numbers, or the mean of the two in the middle; null where there are none."""

    value: float | None
    previous: float | msgspec.UnsetType | None = msgspec.UNSET


FUNNEL_COLUMNS: dict[str, object] = {
    **{name: column for name, column in COLUMNS.items() if name not in language.METRICS},
    "step": int,
    "people": Count,
    "events": Count,
    "share_of_step_before": Ratio,
    "share_of_first_step": Ratio,
    "median_seconds": Median,
}
# No struct: a row has the dimensions that were asked for, and no others.
FunnelRow = TypedDict("FunnelRow", FUNNEL_COLUMNS, total=False)  # type: ignore[misc]


class RetentionRow(msgspec.Struct):
    """The people of one cohort who came back so many weeks or months later."""

    cohort: Annotated[date, msgspec.Meta(description="The Monday of a week, or the first day of a month")]
    offset: int
    people: Count
    size: Annotated[Count, msgspec.Meta(description="All people of the cohort")]
    share: Ratio
    is_complete: Annotated[bool, msgspec.Meta(description="Whether the week or month of the return is over")]


class PathsRow(msgspec.Struct):
    """What was so many places after (before: less than 0) the events that were asked for."""

    step: int
    item: Item | None
    edge: Annotated[
        Literal["start", "end"] | None,
        msgspec.Meta(description="Instead of an item: the session had not begun yet, or was over"),
    ]
    people: Count
    sessions: Count
    share: Annotated[Ratio, msgspec.Meta(description="Of the sessions that had such an event")]


class FunnelMeta(AnswerMeta, kw_only=True):
    """What the rows are about, and how many people began."""

    people: Annotated[
        Count | None, msgspec.Meta(description="Who did the first step; null on a page behind the last row")
    ]


class RetentionMeta(AnswerMeta, kw_only=True):
    """What the rows are about, and how many people there are in all cohorts."""

    people: Annotated[Count | None, msgspec.Meta(description="Of all cohorts; null on a page behind the last row")]


class PathsMeta(AnswerMeta, kw_only=True):
    """What the rows are about, and how many people and sessions had such an event."""

    people: Annotated[Count | None, msgspec.Meta(description="null on a page behind the last row")]
    sessions: Annotated[Count | None, msgspec.Meta(description="null on a page behind the last row")]


class FunnelAnswer(msgspec.Struct):
    """The answer to a question of the kind `funnel`."""

    results: list[FunnelRow]
    meta: FunnelMeta
    query: Annotated[WireFunnel, msgspec.Meta(description="The question as it was answered, defaults filled in")]


class RetentionAnswer(msgspec.Struct):
    """The answer to a question of the kind `retention`."""

    results: list[RetentionRow]
    meta: RetentionMeta
    query: Annotated[WireRetention, msgspec.Meta(description="The question as it was answered, defaults filled in")]


class PathsAnswer(msgspec.Struct):
    """The answer to a question of the kind `paths`."""

    results: list[PathsRow]
    meta: PathsMeta
    query: Annotated[WirePaths, msgspec.Meta(description="The question as it was answered, defaults filled in")]


JourneyAnswer = FunnelAnswer | RetentionAnswer | PathsAnswer
