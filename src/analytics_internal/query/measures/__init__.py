"""How figures come about: each measure makes the stages of SQL for the metrics that it has (metrics.py).

A measure is a function of a scan and the metrics that are asked of it. Its last stage has the measure's name, and a row
a group: the keys, ``is_there`` (whether the group has anything in the period itself), the columns that are shown of
keys, and ``metrics.columns_of`` each metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from analytics_internal.query.measures.active import of_active
from analytics_internal.query.measures.catalog import of_catalog
from analytics_internal.query.measures.eligible import of_eligible
from analytics_internal.query.measures.newcomers import of_newcomers
from analytics_internal.query.measures.population import of_joined
from analytics_internal.query.measures.tables import (
    of_accesses,
    of_action_days,
    of_clicked,
    of_measurements,
    of_person_days,
)
from analytics_internal.query.scan import Scan

Measure = Callable[[Scan, Sequence[str]], dict[str, exp.Query]]
MEASURES: Mapping[str, Measure] = {
    "accesses": of_accesses,
    "person_days": of_person_days,
    "action_days": of_action_days,
    "searches": of_clicked,
    "newcomers": of_newcomers,
    "active": of_active,
    "eligible_people": of_eligible,
    "measurements": of_measurements,
    "joined": of_joined,
    "catalog": of_catalog,
}
MEASURE_OF_TABLE = {"event": "accesses", "person_day": "person_days", "action_day": "action_days"}
"""The same figures from the events, and from the day tables where these can answer (day_tables.py)."""
