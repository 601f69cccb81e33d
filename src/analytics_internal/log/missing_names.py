"""Stand-ins for names that the log has lost: ``unknown`` with the number that the events still have.

The number keeps lost names apart. The refs are valid, so that an export can be imported again.
"""

from __future__ import annotations

import structlog
from prometheus_client import Counter

log = structlog.get_logger(__name__)
missing_names_total = Counter(
    "analytics_internal_missing_names_total", "Names that events refer to and the log lacks", ["kind"]
)
NO_ACTION = 0
"""The action of an item that is itself missing. Real ids begin with 1."""
MAX_SAID = 10_000
_said: set[tuple[str, int]] = set()


def unknown(kind: str, number: int) -> str:
    """The text shown for a missing name; for a context, its JSON."""
    if kind == "context":
        return f'{{"unknown":"context {number}"}}'
    if kind == "person":
        return f"user:unknown/{number}"
    if kind == "entity":
        return f"unknown:unknown/{number}"
    return f"unknown {kind} {number}" if number != NO_ACTION else f"unknown {kind}"


def report(kind: str, number: int) -> None:
    """Count and log a missing name, once per process."""
    if (kind, number) in _said or len(_said) >= MAX_SAID:
        return
    _said.add((kind, number))
    missing_names_total.labels(kind).inc()
    log.error("the log lacks a name, which is shown as unknown; run doctor for details", kind=kind, number=number)
