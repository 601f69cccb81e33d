"""From the JSON of a funnel, a retention or paths to a checked question. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.errors import Problem
from analytics_internal.query.journeys.language import (
    MAX_PLACES,
    MAX_STEPS,
    MAX_WITHIN,
    Funnel,
    Journey,
    Paths,
    Retention,
)
from analytics_internal.query.journeys.wire import WITHIN, WireFunnel, WireJourney, WirePaths, WireRetention
from analytics_internal.query.language import (
    DIMENSIONS,
    MAX_DIMENSIONS,
    TIME_DIMENSIONS,
    All,
    Filter,
    InvalidQuery,
    Segment,
)
from analytics_internal.query.parse import (
    are_within_limits,
    check_limit,
    check_position,
    checked_compare,
    checked_date_range,
    checked_filter,
    checked_names,
    decoded,
    shortened,
)
from analytics_internal.query.segments import resolved
from analytics_internal.query.wire import FILTER_FIELDS, FILTER_LIST_FIELDS

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def decode_journey(body: bytes, kind: str) -> WireJourney:
    """The wire form of a question of one of ``KINDS``. Raises InvalidQuery."""
    decoder, _ = _KINDS[kind]
    wire: WireJourney = decoded(body, decoder)
    return wire


def check_journey(
    wire: WireJourney, allow_no_limit: bool = False, segments: Mapping[UUID, Segment] | None = None
) -> Journey:
    """Check a question.

    Raises:
        InvalidQuery: with every problem found, what is allowed named.
    """
    asked = resolved(wire, segments or {})
    problems: list[Problem] = []
    _, checked = _KINDS[asked.kind]
    query = checked(asked, _Filters(asked, problems), problems)
    date_range = checked_date_range(asked.date_range, problems)
    compare = checked_compare(getattr(asked, "compare", None), date_range, problems)
    check_limit(asked.limit, allow_no_limit, problems)
    check_position(asked.position, problems)
    if problems:
        raise InvalidQuery(*problems)
    return msgspec.structs.replace(
        query,
        date_range=date_range,
        compare=compare,
        limit=asked.limit,
        cursor=asked.cursor,
        position=asked.position,
        segments=tuple((segments or {}).values()),
    )


class _Filters:
    """Reads the filters of one question; those that are wrong become problems, and pass everything."""

    def __init__(self, wire: WireJourney, problems: list[Problem]) -> None:
        self._problems = problems
        given = [getattr(wire, field, None) for field in FILTER_FIELDS]
        lists = [getattr(wire, field, ()) for field in FILTER_LIST_FIELDS]
        every = [*(one for one in given if one is not None), *(one for some in lists for one in some)]
        # Together: they are all looked at in one statement.
        self._are_few = not every or are_within_limits(["and", *every], problems)

    def read(self, given: list[object] | None, field: str) -> Filter | None:
        if given is None or not self._are_few:
            return None
        return checked_filter(given, field, 1, self._problems)

    def required(self, given: list[object], field: str) -> Filter:
        return self.read(given, field) or _NOTHING


_NOTHING: Filter = All(())
"""In place of a filter that is wrong: the question is refused then."""


def _funnel(wire: WireFunnel, filters: _Filters, problems: list[Problem]) -> Funnel:
    if not 1 <= len(wire.steps) <= MAX_STEPS:
        problems.append(Problem("steps", f"1 to {MAX_STEPS} filters, one a step"))
    dimensions = checked_names(wire.dimensions, "dimensions", DIMENSIONS, problems)
    if len(dimensions) > MAX_DIMENSIONS:
        problems.append(Problem("dimensions", f"at most {MAX_DIMENSIONS}"))
    if len([name for name in dimensions if name in TIME_DIMENSIONS]) > 1:
        problems.append(Problem("dimensions", "at most one time dimension", list(TIME_DIMENSIONS)))
    return Funnel(
        metrics=(),
        dimensions=dimensions,
        filter=filters.read(wire.filters, "filters"),
        steps=tuple(filters.required(step, f"steps[{number}]") for number, step in enumerate(wire.steps)),
        within=_within(wire.within, problems),
    )


def _within(given: str, problems: list[Problem]) -> timedelta:
    match = re.fullmatch(WITHIN, given)
    within = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None
    if within is None or within > MAX_WITHIN:
        detail = f"a number of minutes, hours, days or weeks, up to {MAX_WITHIN.days} days; not {shortened(given)}"
        problems.append(Problem("within", detail, ["30m", "12h", "1d", "2w"]))
        return MAX_WITHIN
    return within


def _retention(wire: WireRetention, filters: _Filters, problems: list[Problem]) -> Retention:
    return Retention(
        metrics=(),
        filter=filters.read(wire.filters, "filters"),
        cohort=wire.cohort,
        first=filters.read(wire.first, "first"),
        returning=filters.read(wire.returning, "returning"),
    )


def _paths(wire: WirePaths, filters: _Filters, problems: list[Problem]) -> Paths:
    for name, places in (("before", wire.before), ("after", wire.after)):
        if not 0 <= places <= MAX_PLACES:
            problems.append(Problem(name, f"{places} is not in 0 to {MAX_PLACES}"))
    if wire.before == wire.after == 0:
        problems.append(Problem("after", "at least one place before or after"))
    return Paths(
        metrics=(),
        filter=filters.read(wire.filters, "filters"),
        around=filters.required(wire.around, "around"),
        before=wire.before,
        after=wire.after,
    )


_Checked = Callable[[Any, _Filters, list[Problem]], Journey]
_KINDS: Mapping[str, tuple[msgspec.json.Decoder[Any], _Checked]] = {
    "funnel": (msgspec.json.Decoder(WireFunnel), _funnel),
    "retention": (msgspec.json.Decoder(WireRetention), _retention),
    "paths": (msgspec.json.Decoder(WirePaths), _paths),
}
KINDS = tuple(_KINDS)
