"""Which metrics have a meaning for which dimensions and filters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from analytics_internal.errors import Problem
from analytics_internal.query import language
from analytics_internal.query.conditions import comparisons
from analytics_internal.query.metrics import DECLARED, POPULATION

ASKED_OF_POPULATION = ("eligible_people", "adoption_rate")


def require_meaning(query: language.Query) -> None:
    """Raises InvalidQuery: a metric says nothing of some dimension, or of a filter; the allowed ones are named."""
    problems = [*_of_dimensions(query), *_of_filters(query)]
    if problems:
        raise language.InvalidQuery(*problems)


def has_meaning(metric: str, dimensions: Sequence[str]) -> bool:
    """Whether a metric can be asked for by some dimensions."""
    return not any(_is_refused(metric, dimension) for dimension in dimensions)


def population_parts(filter_: language.Filter | None) -> list[language.Filter]:
    """What a filter demands of people, whatever they did: each part of it that names teams and people alone."""
    if filter_ is None:
        return []
    if _is_of_population(filter_):
        return [filter_]
    return [part for one in filter_.filters for part in population_parts(one)] if _is_all(filter_) else []  # type: ignore[union-attr]


def _of_dimensions(query: language.Query) -> list[Problem]:
    found = []
    for metric in query.metrics:
        refused = [name for name in query.dimensions if _is_refused(metric, name)]
        if refused:
            allowed = [name for name in language.DIMENSIONS if not _is_refused(metric, name)]
            found.append(Problem("dimensions", f"`{metric}` has no meaning by {', '.join(refused)}", allowed))
    return found


def _is_refused(metric: str, dimension: str) -> bool:
    declared = DECLARED[metric]
    return dimension in declared.not_by or (declared.dimensions is not None and dimension not in declared.dimensions)


def _of_filters(query: language.Query) -> list[Problem]:
    asked = [metric for metric in query.metrics if metric in ASKED_OF_POPULATION]
    if not asked or query.filter is None or _is_separable(query.filter):
        return []
    detail = (
        f"`{asked[0]}` is about people, whatever they did: a filter on {' or '.join(POPULATION)} cannot be one of "
        "alternatives to a filter on what they did; combine them by `and`"
    )
    return [Problem("filters", detail, list(POPULATION))]


def _is_separable(filter_: language.Filter) -> bool:
    names = {comparison.dimension in POPULATION for comparison in comparisons(filter_)}
    if len(names) < 2:
        return True
    return _is_all(filter_) and all(map(_is_separable, filter_.filters))  # type: ignore[union-attr]


def _is_all(filter_: language.Filter) -> bool:
    return isinstance(filter_, language.All)


def _is_of_population(filter_: language.Filter) -> bool:
    return all(comparison.dimension in POPULATION for comparison in comparisons(filter_))
