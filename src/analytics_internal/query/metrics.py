"""Every metric, declared once: what it is, how it is computed, over which time, and what it costs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

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
    ignores_period: bool = False
    """It looks at all time, but in rows of time; so it has no previous value."""
    event_s: float = 0.0
    """Seconds for each event beyond looking at it: of a million on a small machine."""

    @property
    def figures(self) -> dict[str, str]:
        """The SQL of each figure by its name: ``numerator`` and ``denominator``, or nothing."""
        if self.form == "ratio":
            return {"numerator": self.numerator, "denominator": self.denominator}
        return {"": self.aggregate}


DECLARED = {
    "events": Metric(meaning="Events", formula="number of events", aggregate="count(*)"),
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
    "first_access": Metric(
        meaning="The first time ever",
        formula="earliest time of an event",
        form="moment",
        aggregate="min(occurred_at)",
        ignores_period=True,
    ),
    "last_access": Metric(
        meaning="The last time ever",
        formula="latest time of an event",
        form="moment",
        aggregate="max(occurred_at)",
        ignores_period=True,
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
