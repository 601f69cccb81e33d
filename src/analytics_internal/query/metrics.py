"""Every metric, declared once: how it is computed, over which time, and what it costs. Pure."""

from __future__ import annotations

import msgspec


class Metric(msgspec.Struct, frozen=True):
    """A figure about the events of a group."""

    meaning: str
    aggregate: str
    """SQL over the columns of ``event``."""
    is_time: bool = False
    """Its values are instants, not numbers."""
    ignores_period: bool = False
    """It looks at all time, but in rows of time; so it has no previous value."""
    event_s: float = 0.0
    """Seconds for each event beyond looking at it: of a million on a small machine."""


DECLARED = {
    "events": Metric("Events", "count(*)"),
    "people": Metric("Distinct known people", "count(DISTINCT person_id)", event_s=4e-8),
    "items": Metric("Distinct items", "count(DISTINCT item_id)", event_s=4e-8),
    "first_access": Metric("The first time ever", "min(occurred_at)", is_time=True, ignores_period=True),
    "last_access": Metric("The last time ever", "max(occurred_at)", is_time=True, ignores_period=True),
}
