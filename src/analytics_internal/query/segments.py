"""Segments: filters that were saved under a name. `["segment", "<id>"]` stands for one wherever a filter may. Pure.

A question is resolved before it is checked, so limits and permissions are about what a segment says. A segment names no
other segment: what it says changes only when it is changed itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from analytics_internal.errors import Problem
from analytics_internal.query.language import (
    CONNECTIVES,
    MAX_FILTER_DEPTH,
    MAX_SEGMENTS,
    SEGMENT,
    InvalidQuery,
    Segment,
)
from analytics_internal.query.wire import FILTER_FIELDS, FILTER_LIST_FIELDS

Wire = TypeVar("Wire", bound=msgspec.Struct)
"""A question of some kind."""


def ids_of_segments(wire: msgspec.Struct) -> list[UUID]:
    """The segments that a question names, each once. Raises InvalidQuery: an id is none, or they are too many."""
    found: dict[UUID, None] = {}
    for field, filter_ in _filters_of(wire):
        for place, named in _segments_in(filter_, field):
            id_ = _id_of(named)
            if id_ is None:
                raise InvalidQuery(Problem(place, 'a segment is ["segment", "<its id>"]'))
            found[id_] = None
    if len(found) > MAX_SEGMENTS:
        raise InvalidQuery(Problem("filters", f"{len(found):,} segments; a question may name {MAX_SEGMENTS}"))
    return list(found)


def resolved(wire: Wire, segments: Mapping[UUID, Segment]) -> Wire:
    """The question with what its segments say in their places.

    Raises:
        InvalidQuery: there is no such segment, or no longer.
    """
    problems: list[Problem] = []
    changes: dict[str, Any] = {}
    for field in FILTER_FIELDS:
        if (given := getattr(wire, field, None)) is not None:
            changes[field] = _resolved(given, field, segments, problems)
    for field in FILTER_LIST_FIELDS:
        if isinstance(given := getattr(wire, field, None), list):
            changes[field] = [_resolved(one, f"{field}[{n}]", segments, problems) for n, one in enumerate(given)]
    if problems:
        raise InvalidQuery(*problems)
    return msgspec.structs.replace(wire, **changes)


def require_no_segment(filters: object) -> None:
    """Raises InvalidQuery: a filter that is to be saved names a segment."""
    if any(_segments_in(filters, "filters")):
        raise InvalidQuery(Problem("filters", "a segment names no other segment: write its filters out"))


def _resolved(
    given: object, field: str, segments: Mapping[UUID, Segment], problems: list[Problem], depth: int = 1
) -> object:
    # What is nested deeper than is allowed is told when the question is checked.
    if not isinstance(given, list) or not given or depth > MAX_FILTER_DEPTH:
        return given
    operator, *rest = given
    if operator == SEGMENT:
        return _filters_of_segment(_id_of(given), segments, field, problems)
    if operator not in CONNECTIVES:
        return given
    parts = (_resolved(part, f"{field}[{n}]", segments, problems, depth + 1) for n, part in enumerate(rest, start=1))
    return [operator, *parts]


def _filters_of_segment(
    id_: UUID | None, segments: Mapping[UUID, Segment], field: str, problems: list[Problem]
) -> object:
    segment = segments.get(id_) if id_ is not None else None
    if segment is not None and segment.filters is not None:
        return segment.filters
    told = f"there is no segment with the id {id_}" if segment is None else f"the segment “{segment.name}” was deleted"
    problems.append(Problem(field, told))
    return None


def _filters_of(wire: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """Every filter of a question, and the field it is in."""
    for field in FILTER_FIELDS:
        yield field, getattr(wire, field, None)
    for field in FILTER_LIST_FIELDS:
        given = getattr(wire, field, None)
        if isinstance(given, list):
            yield from ((f"{field}[{n}]", one) for n, one in enumerate(given))


def _segments_in(filter_: object, field: str) -> Iterator[tuple[str, Sequence[object]]]:
    waiting: list[tuple[str, object]] = [(field, filter_)]
    while waiting:
        place, one = waiting.pop()
        if not isinstance(one, list) or not one:
            continue
        if one[0] == SEGMENT:
            yield place, one
        elif one[0] in CONNECTIVES:
            waiting += [(f"{place}[{n}]", part) for n, part in enumerate(one[1:], start=1)]


def _id_of(given: Sequence[object]) -> UUID | None:
    if len(given) != 2 or not isinstance(given[1], str):
        return None
    try:
        return UUID(given[1])
    except ValueError:
        return None
