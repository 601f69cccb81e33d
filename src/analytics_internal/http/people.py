"""What names people, and is kept from those who may not read who did what."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request

from analytics_internal.auth import PERMISSIONS, Caller, NotAllowed
from analytics_internal.dimensions import DECLARED
from analytics_internal.event import normalise_entity_ref
from analytics_internal.http.requests import service_of
from analytics_internal.query import CONNECTIVES, FILTER_FIELDS, FILTER_LIST_FIELDS, WireQuestion

PERMISSION = PERMISSIONS["people"].name


def names_people(dimension: object) -> bool:
    """Whether values of a dimension name people: of `person`, and of attributes whose name says so (`attr:userRef`)."""
    return isinstance(dimension, str) and dimension in DECLARED and DECLARED[dimension].names_people


async def require_for(request: Request, caller: Caller, question: WireQuestion) -> None:
    """Let a question pass that names nobody but the caller, or whose caller may read who did what.

    ``question`` has its segments resolved.

    Counts of people are figures like others. An order by person needs the dimension, and a cursor belongs to the
    question it was made for: neither gets around this.

    Raises:
        NotAllowed: with every part that has to be left out.
        PortalUnavailable, Unauthenticated: as ``Permissions.allow``.
    """
    await _require(request, caller, list(_naming_parts(question, caller.person)))


async def require_for_filters(request: Request, caller: Caller, filters: list[object]) -> None:
    """As ``require_for``, for a filter that is to be saved or changed."""
    await _require(request, caller, list(_naming_filters(filters, "filters", caller.person)))


async def _require(request: Request, caller: Caller, naming: list[tuple[str, str]]) -> None:
    if naming and not await service_of(request).permissions.allow(caller, "people"):
        raise NotAllowed(f"who did what is told to those with the permission `{PERMISSION}`", naming)


def _naming_parts(question: WireQuestion, own_ref: str | None) -> Iterator[tuple[str, str]]:
    for name in getattr(question, "dimensions", ()):
        if names_people(name):
            yield "dimensions", f"leave out `{name}`; the metric `people` counts them"
    for field in FILTER_FIELDS:
        if (filter_ := getattr(question, field, None)) is not None:
            yield from _naming_filters(filter_, field, own_ref)
    for field in FILTER_LIST_FIELDS:
        for number, filter_ in enumerate(getattr(question, field, None) or ()):
            yield from _naming_filters(filter_, f"{field}[{number}]", own_ref)


async def may_name(request: Request, caller: Caller, filters: list[object]) -> bool:
    """Whether a caller may be told what a filter says. Raises as ``require_for``."""
    names = any(_naming_filters(filters, "filters", caller.person))
    return not names or await service_of(request).permissions.allow(caller, "people")


def _naming_filters(filter_: list[object], field: str, own_ref: str | None) -> Iterator[tuple[str, str]]:
    if not filter_:
        return
    operator, *rest = filter_
    if operator in CONNECTIVES:
        for number, inner in enumerate(rest, start=1):
            assert isinstance(inner, list), "a question that was not checked"
            yield from _naming_filters(inner, f"{field}[{number}]", own_ref)
    elif names_people(rest[0]) and not _is_about_oneself(operator, rest[1], own_ref):
        yield field, f"leave out the filter on `{rest[0]}`, or let it be or not be yourself alone"


def _is_about_oneself(operator: object, values: object, own_ref: str | None) -> bool:
    """Whether a filter on people names the caller only: that says nothing about anybody else."""
    assert isinstance(values, list), "a question that was not checked"
    return (
        own_ref is not None
        and operator in ("is", "is_not")
        and all(isinstance(value, str) and normalise_entity_ref(value, "user") == own_ref for value in values)
    )
