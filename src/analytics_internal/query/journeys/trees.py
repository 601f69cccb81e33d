"""The SQL of each kind of journey, and the values of its parameters. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analytics_internal.days import day_of, number_of
from analytics_internal.errors import Problem
from analytics_internal.query.journeys.funnel import FunnelTree
from analytics_internal.query.journeys.language import MAX_CELLS, Funnel, Journey, Retention
from analytics_internal.query.journeys.paths import PathsTree
from analytics_internal.query.journeys.retention import RetentionTree
from analytics_internal.query.language import InvalidQuery
from analytics_internal.query.period import Period, Previous, bucket_of
from analytics_internal.query.scan import bucket_number

JourneyTree = FunnelTree | RetentionTree | PathsTree


def tree_of(query: Journey, is_compared: bool, is_by_month: bool) -> JourneyTree:
    """What makes the SQL of a question."""
    if isinstance(query, Funnel):
        return FunnelTree(query, is_compared, is_by_month)
    return RetentionTree(query) if isinstance(query, Retention) else PathsTree(query)


def parameters_of(
    query: Journey, period: Period, previous: Previous | None, zone: ZoneInfo, now: datetime
) -> dict[str, object]:
    """The values of a tree's parameters beyond those that all plans have.

    Raises:
        InvalidQuery: the retention would have too many rows.
    """
    if isinstance(query, Funnel):
        values = _steps_of(query, period, "")
        if previous is not None:
            # As much time after the previous period as there has been after this one.
            so_far = min(max(now - period.end, timedelta()), query.within)
            values |= _steps_of(query, previous, "previous_")
            values["previous_steps_end"] = (previous.end + so_far).replace(tzinfo=None)
        return values
    if not isinstance(query, Retention):
        return {}
    last_bucket = bucket_number(day_of(now, zone), query.time_dimension)
    _require_few_cells(query, period, last_bucket)
    cohorts_day = number_of(bucket_of(period.first, query.time_dimension))
    return {"last_bucket": last_bucket, "cohorts_day": cohorts_day}


def _steps_of(query: Funnel, period: Period, prefix: str) -> dict[str, object]:
    """When the events of later steps may have been."""
    return {
        f"{prefix}steps_start": period.start.replace(tzinfo=None),
        f"{prefix}steps_end": (period.end + query.within).replace(tzinfo=None),
    }


def _require_few_cells(query: Retention, period: Period, last_bucket: int) -> None:
    first, last = (bucket_number(day, query.time_dimension) for day in (period.first, period.last))
    cohorts = max(min(last, last_bucket) - first + 1, 0)
    # The newest cohort has one offset fewer than the one before it.
    oldest = last_bucket - first + 1
    cells = cohorts * (2 * oldest - cohorts + 1) // 2
    if cells > MAX_CELLS:
        detail = (
            f"{cells:,} rows of cohorts and offsets; a retention may have {MAX_CELLS:,}: "
            "ask for a shorter period, or for months"
        )
        raise InvalidQuery(Problem("date_range", detail))
