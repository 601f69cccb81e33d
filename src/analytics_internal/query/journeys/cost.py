"""What funnels, retention and paths are going to cost, before they run. Pure.

The figures are seconds of one core of a small machine, as in query/cost.py.
"""

from __future__ import annotations

from analytics_internal.query.conditions import conditions_on_events, searched_texts
from analytics_internal.query.cost import CONDITION_S, MAX_COST_S, SCAN_S, TEXT_S, Sizes, TooCostly, share_of
from analytics_internal.query.journeys.language import Funnel, Journey, Retention, filters_of
from analytics_internal.query.language import Filter
from analytics_internal.query.period import Period

PASSING = 0.2
"""How much of the events passes a filter, about: nobody knows before."""
CHAIN_S = 1e-6
"""To let one chain go on to its next step."""
PERSON_DAY_S = 4e-8
"""To find out in which bucket an event's person came back."""
PLACE_S = 2e-6
"""To find the place of one event in its session."""


def cost_of_journey(query: Journey, sizes: Sizes, period: Period, previous: Period | None) -> float:
    """The seconds that a question is expected to take. Raises TooCostly."""
    start = previous.start if previous is not None else period.start
    of_period = sizes.events * share_of(sizes, start, period.end)
    if isinstance(query, Funnel):
        scanned = of_period * len(query.steps)
        passing = of_period * PASSING
        cost_s = scanned * SCAN_S + passing * len(query.steps) * CHAIN_S * (1 + len(query.dimensions) / 2)
    elif isinstance(query, Retention):
        scanned = sizes.events * (1 if query.first == query.returning else 2)
        cost_s = scanned * (SCAN_S + PERSON_DAY_S)
    else:
        scanned = sizes.events + of_period
        cost_s = scanned * SCAN_S + of_period * PASSING * PLACE_S * (query.before + query.after)
    cost_s += scanned * CONDITION_S * (conditions_on_events(query.filter) if query.filter is not None else 0)
    for filter_ in filters_of(query):
        cost_s += _texts_s(filter_, sizes)
        if filter_ is not query.filter:
            cost_s += of_period * CONDITION_S * conditions_on_events(filter_)
    if cost_s > MAX_COST_S:
        raise TooCostly(cost_s)
    return cost_s


def _texts_s(filter_: Filter, sizes: Sizes) -> float:
    return sum(count * sizes.names.get(table, 0) * TEXT_S for table, count in searched_texts(filter_).items())
