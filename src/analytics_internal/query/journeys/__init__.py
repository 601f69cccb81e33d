"""People's ways: funnels, retention, and what came before and after. Each is answered by one statement.

``language`` has the questions, ``wire`` their form and that of the answers, ``parse`` leads from one to the other.
``funnel``, ``retention`` and ``paths`` make their SQL.
"""

from analytics_internal.query.journeys.answer import journey_answer, named_journey_row
from analytics_internal.query.journeys.cost import cost_of_journey
from analytics_internal.query.journeys.language import Journey, filters_of, with_each_filter
from analytics_internal.query.journeys.parse import KINDS, check_journey, decode_journey
from analytics_internal.query.journeys.trees import JourneyTree, parameters_of, tree_of
from analytics_internal.query.journeys.wire import JourneyAnswer, WireJourney
