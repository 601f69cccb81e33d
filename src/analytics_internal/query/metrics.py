"""Every metric, declared once: what it is, how it is computed, over which time, and what it costs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

import msgspec

from analytics_internal.dimensions import (
    DAY,
    DISCOVER,
    ENGAGE,
    HOUR,
    MONTH,
    NAVIGATE,
    PERSON_TEAM,
    SEARCH,
    TASK_CANCELLED,
    TASK_FAILED,
    TASK_SUCCEEDED,
    TEMPLATE,
    WEEK,
)
from analytics_internal.dimensions import DECLARED as BY_NAME

PERSON, TEAM = (
    next(name for name, one in BY_NAME.items() if one.names_people),
    next(name for name, one in BY_NAME.items() if one.table is PERSON_TEAM),
)
POPULATION = (TEAM, PERSON)
"""The dimensions of people, whatever they did."""
OWNED_KINDS = ("api", "component", "domain", "resource", "system", TEMPLATE)
"""The kinds of entities that have owners and documentation."""
_DAYS = (DAY, WEEK, MONTH)
_REF = "ref"
_OF_CATALOG = tuple(name for name, one in BY_NAME.items() if one.in_catalog not in (None, _REF))
"""What the catalog says of each of its entities."""
_ENTITY = next(name for name, one in BY_NAME.items() if one.in_catalog == _REF and one.has_one_id)
Form = Literal["count", "number", "ratio", "moment"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A figure about the events of a group.

    A ratio has two figures, its numerator and its denominator; any other metric has one.
    """

    meaning: str
    """One sentence."""
    formula: str
    form: Form = "count"
    measure: str = "accesses"
    """The one of measures/ that computes it."""
    aggregate: str = ""
    """SQL over the columns of the measure's table; empty where the measure knows itself."""
    numerator: str = ""
    denominator: str = ""
    """As ``aggregate``."""
    not_by: tuple[str, ...] = ()
    """The dimensions that it has no meaning for."""
    looks_back: bool = False
    """It looks at events before the period, too."""
    action: str | None = None
    """It counts the rows of this action alone."""
    ignores_period: bool = False
    """It looks at all time, but in rows of time; so it has no previous value."""
    dimensions: Collection[str] | None = None
    """What it can be grouped by; None: everything."""
    filters: Collection[str] | None = None
    """What can be filtered by beside it; None: everything."""
    event_s: float = 0.0
    """Seconds for each event beyond looking at it: of a million on a small machine."""

    @property
    def figures(self) -> dict[str, str]:
        """The SQL of each figure by its name: ``numerator`` and ``denominator``, or nothing."""
        if self.form == "ratio":
            return {"numerator": self.numerator, "denominator": self.denominator}
        return {"": self.aggregate}


# A sum of doubles depends on their order, a sum of decimals does not. What no decimal can hold is no rank and no time.
EXACT = "TRY_CAST(value AS DECIMAL(18, 6))"
EXACT_SUM = f"CAST(coalesce(sum({EXACT}), 0) AS DOUBLE)"

DECLARED = {
    "events": Metric(
        meaning="Accesses: events that are no measurements", formula="number of accesses", aggregate="count(*)"
    ),
    "people": Metric(
        meaning="Distinct known people",
        formula="number of distinct people",
        aggregate="count(DISTINCT person_id)",
        event_s=4e-8,
    ),
    "items": Metric(
        meaning="Distinct items",
        formula="number of distinct pairs of action and subject",
        aggregate="count(DISTINCT item_id)",
        event_s=4e-8,
    ),
    "sessions": Metric(
        meaning="Distinct sessions that browsers named; an event without one is in none",
        formula="number of distinct pairs of session and person",
        # Two people who share a browser have two sessions.
        aggregate="count(DISTINCT session::BIGINT * 4294967296 + coalesce(person_id, 0))",
        event_s=6e-8,
    ),
    "views": Metric(
        meaning="Pages that were opened",
        formula="number of accesses with the action `navigate`",
        aggregate="count(*)",
        action=NAVIGATE,
    ),
    "searches": Metric(
        meaning="Searches",
        formula="number of accesses with the action `search`",
        aggregate="count(*)",
        action=SEARCH,
    ),
    "zero_result_rate": Metric(
        meaning="The part of the searches that found nothing",
        formula="searches with the value 0 / searches with a value, which is how many results they had",
        form="ratio",
        numerator="count(CASE WHEN value = 0 THEN 1 END)",
        denominator="count(value)",
        action=SEARCH,
    ),
    "click_through_rate": Metric(
        meaning="The part of the searches that led to a click on a result",
        formula="searches that an access with the action `discover` came from, at any time after / searches",
        form="ratio",
        measure="searches",
        numerator="count(CASE WHEN is_clicked THEN 1 END)",
        denominator="count(*)",
        action=SEARCH,
    ),
    "mean_rank": Metric(
        meaning="The mean place among the results of those that were clicked",
        formula="sum of the values of accesses with the action `discover` / number of those that have a value",
        form="ratio",
        numerator=EXACT_SUM,
        denominator=f"count({EXACT})",
        action=DISCOVER,
    ),
    "engaged_seconds": Metric(
        meaning="How long pages were visible and their readers active",
        formula="sum of the values of measurements with the action `engage`",
        form="number",
        measure="measurements",
        aggregate=EXACT_SUM,
        action=ENGAGE,
    ),
    "minutes_saved": Metric(
        meaning="The minutes that templates saved, as their entities say, once a task that succeeded",
        formula="sum of the values of measurements with the action `task-succeeded`",
        form="number",
        measure="measurements",
        aggregate=EXACT_SUM,
        action=TASK_SUCCEEDED,
    ),
    "tasks_succeeded": Metric(
        meaning="Tasks of templates that succeeded",
        formula="number of measurements with the action `task-succeeded`",
        measure="measurements",
        aggregate="count(*)",
        action=TASK_SUCCEEDED,
    ),
    "tasks_failed": Metric(
        meaning="Tasks of templates that failed",
        formula="number of measurements with the action `task-failed`",
        measure="measurements",
        aggregate="count(*)",
        action=TASK_FAILED,
    ),
    "tasks_cancelled": Metric(
        meaning="Tasks of templates that somebody cancelled",
        formula="number of measurements with the action `task-cancelled`",
        measure="measurements",
        aggregate="count(*)",
        action=TASK_CANCELLED,
    ),
    "new_people": Metric(
        meaning="People whose first access ever was then",
        formula="number of people whose first access of all time, under the filters and in the row's group, is in the "
        "row's bucket or period",
        measure="newcomers",
        looks_back=True,
        event_s=6e-8,
    ),
    "returning_people": Metric(
        meaning="People who had been there before",
        formula="people - new_people",
        measure="newcomers",
        looks_back=True,
        event_s=6e-8,
    ),
    "active_7d": Metric(
        meaning="People who were active in a week",
        formula="number of distinct people in the 7 days that end with the last day of the row's bucket or period, or "
        "today",
        measure="active",
        aggregate="people_of_7_days",
        looks_back=True,
        not_by=(HOUR,),
        event_s=8e-8,
    ),
    "active_28d": Metric(
        meaning="People who were active in four weeks",
        formula="number of distinct people in the 28 days that end with the last day of the row's bucket or period, or "
        "today",
        measure="active",
        aggregate="people_of_28_days",
        looks_back=True,
        not_by=(HOUR,),
        event_s=8e-8,
    ),
    "stickiness": Metric(
        meaning="How much of its people of four weeks a day has on average",
        formula="days of people in these 28 days / 28 / active_28d",
        form="ratio",
        measure="active",
        numerator="person_days / 28.0",
        denominator="people_of_28_days",
        looks_back=True,
        not_by=(HOUR,),
        event_s=8e-8,
    ),
    "eligible_people": Metric(
        meaning="People who were expected to use the portal",
        formula="number of distinct people who were eligible at the end of at least one day of the row's bucket or "
        "period, as far as it has come",
        measure="eligible_people",
        aggregate="eligible",
        dimensions=(*_DAYS, *POPULATION),
    ),
    "adoption_rate": Metric(
        meaning="The part of the people who were expected to use the portal who did",
        formula="eligible people with an access on a day on which they were eligible (and in the row's team) / "
        "eligible_people",
        form="ratio",
        measure="eligible_people",
        numerator="adopted",
        denominator="eligible",
        dimensions=(*_DAYS, *POPULATION),
        event_s=4e-8,
    ),
    "first_access": Metric(
        meaning="The first time ever",
        formula="earliest time of an access, whatever the period",
        form="moment",
        aggregate="min(occurred_at)",
        ignores_period=True,
    ),
    "last_access": Metric(
        meaning="The last time ever",
        formula="latest time of an access, whatever the period",
        form="moment",
        aggregate="max(occurred_at)",
        ignores_period=True,
    ),
}

DECLARED |= {
    "joined_people": Metric(
        meaning="People whose first day in the catalog was then",
        formula="number of people who became eligible for the first time; not those whom the first reading found",
        measure="joined",
        aggregate="count(joined_on)",
        dimensions=_DAYS,
    ),
    "arrival_rate": Metric(
        meaning="The part of those who joined then that have come since",
        formula="joined_people with an access on their first day or later, up to now / joined_people",
        form="ratio",
        measure="joined",
        numerator="count(arrived_on)",
        denominator="count(joined_on)",
        dimensions=_DAYS,
    ),
    "days_to_arrival": Metric(
        meaning="Days from joining to the first access, of those who have come",
        formula="sum of the days from the first day in the catalog to the first access since / people who have come",
        form="ratio",
        measure="joined",
        numerator="coalesce(sum(arrived_on - joined_on), 0)",
        denominator="count(arrived_on)",
        dimensions=_DAYS,
    ),
    "entities": Metric(
        meaning="Entities in the catalog at the end of the bucket or period",
        formula="number of entities",
        measure="catalog",
        aggregate="count(CASE WHEN NOT is_new AND is_entity THEN 1 END)",
        dimensions=(*_DAYS, *_OF_CATALOG),
        filters=(_ENTITY, *_OF_CATALOG),
    ),
    "new_entities": Metric(
        meaning="Entities whose first day in the catalog was then",
        formula="number of entities; not those that the first reading found",
        measure="catalog",
        aggregate="count(CASE WHEN is_new THEN 1 END)",
        dimensions=(*_DAYS, *_OF_CATALOG),
        filters=(_ENTITY, *_OF_CATALOG),
    ),
    "ownership_rate": Metric(
        meaning="The part of the catalog that has an owner",
        formula=f"entities with an owner / entities, both of the kinds {', '.join(OWNED_KINDS)}",
        form="ratio",
        measure="catalog",
        numerator="count(CASE WHEN NOT is_new AND has_kind AND has_owner THEN 1 END)",
        denominator="count(CASE WHEN NOT is_new AND has_kind THEN 1 END)",
        dimensions=(*_DAYS, *_OF_CATALOG),
        filters=(_ENTITY, *_OF_CATALOG),
    ),
    "documentation_rate": Metric(
        meaning="The part of the catalog that has documentation",
        formula=f"entities with TechDocs / entities, both of the kinds {', '.join(OWNED_KINDS)}",
        form="ratio",
        measure="catalog",
        numerator="count(CASE WHEN NOT is_new AND has_kind AND has_docs THEN 1 END)",
        denominator="count(CASE WHEN NOT is_new AND has_kind THEN 1 END)",
        dimensions=(*_DAYS, *_OF_CATALOG),
        filters=(_ENTITY, *_OF_CATALOG),
    ),
}


def columns_of(metric: str, is_compared: bool) -> Iterator[tuple[str, str, bool]]:
    """The columns of a metric's figures in its measure: name, SQL, and whether it is of the period itself.

    `events`, `events.previous`, `adoption_rate.numerator`, `adoption_rate.previous_numerator`, …
    """
    declared = DECLARED[metric]
    for figure, sql in declared.figures.items():
        yield f"{metric}.{figure}" if figure else metric, sql, True
    if is_compared and not declared.ignores_period:
        for figure, sql in declared.figures.items():
            yield f"{metric}.previous_{figure}" if figure else f"{metric}.previous", sql, False


def shown_columns_of(metric: str, is_compared: bool) -> Iterator[str]:
    """The columns of a metric in an answer: those of its figures, and before them what a ratio is."""
    is_ratio = DECLARED[metric].form == "ratio"
    columns = list(columns_of(metric, is_compared))
    for wanted in (True, False):
        of_period = [name for name, _, is_current in columns if is_current == wanted]
        if is_ratio and of_period:
            yield metric if wanted else f"{metric}.previous"
        yield from of_period
