"""What a reader of an answer has to know beside its figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from analytics_internal.dimensions import DECLARED, DayTable
from analytics_internal.log import CatalogState
from analytics_internal.query.conditions import comparisons
from analytics_internal.query.journeys import filters_of
from analytics_internal.query.language import Query
from analytics_internal.query.metrics import DECLARED as METRICS
from analytics_internal.query.period import Period
from analytics_internal.query.wire import NOTES, Note
from analytics_internal.scaffolder import OutcomesStatus

OF_CATALOG = {name for name, one in DECLARED.items() if isinstance(one.table, DayTable)}
"""The dimensions that the catalog alone knows."""
MEASURES = {"eligible", "joined", "catalog"}
"""Those of metrics that are about the catalog."""


OF_OUTCOMES = {"tasks_succeeded", "tasks_failed", "tasks_cancelled", "minutes_saved"}


def notes_of(
    query: Query, period: Period, catalog: CatalogState | None, outcomes: OutcomesStatus | None = None
) -> list[Note]:
    """The notes of one answer, each code once."""
    notes = [Note(code, NOTES[code]) for code in _codes(query, period, catalog)]
    if outcomes is not None and outcomes.note is not None and not OF_OUTCOMES.isdisjoint(query.metrics):
        notes.append(Note(*outcomes.note))
    return notes


def _codes(query: Query, period: Period, catalog: CatalogState | None) -> Iterator[str]:
    if "team" in query.dimensions:
        yield "team-parts-overlap"
    if not _asks_the_catalog(query):
        return
    if catalog is None or catalog.known_since is None:
        yield "catalog-unknown"
        return
    if period.start < catalog.known_since:
        yield "catalog-assumed"
    if catalog.failing_since is not None:
        yield "catalog-failing"


def _asks_the_catalog(query: Query) -> bool:
    filtered = {one.dimension for filter_ in filters_of(query) for one in comparisons(filter_)}
    named = {*query.dimensions, *filtered}
    is_of_catalog = any(METRICS[metric].measure in MEASURES for metric in query.metrics)
    return query.unused != "leave_out" or not OF_CATALOG.isdisjoint(named) or is_of_catalog
