"""Actions that say something about an access and are none themselves, and who may send them. Pure."""

from __future__ import annotations

import math

ENGAGE = "engage"
"""The seconds that somebody was engaged with a page."""
TASK_SUCCEEDED, TASK_FAILED, TASK_CANCELLED = "task-succeeded", "task-failed", "task-cancelled"
"""What became of a template's task; of one that succeeded with the minutes that it saved."""
OUTCOMES = (TASK_SUCCEEDED, TASK_FAILED, TASK_CANCELLED)
"""Only the service itself, which asks the portal, and imports may say these."""
ACTIONS = (ENGAGE, *OUTCOMES)
MOST_ENGAGED_S = 86_400


def problem_of(action: str, value: float | None) -> str | None:
    """What is wrong with the value of a measurement; None if nothing is, or if the action is another one."""
    if action == ENGAGE:
        if value is None or not math.isfinite(value) or not 0 < value <= MOST_ENGAGED_S:
            return f"`value` of `{ENGAGE}` must be seconds, more than 0 and at most {MOST_ENGAGED_S:,}"
    elif action in OUTCOMES and value is not None and not (math.isfinite(value) and value >= 0):
        return f"`value` of `{action}` must be minutes, 0 or more"
    return None
