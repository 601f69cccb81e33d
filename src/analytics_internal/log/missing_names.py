"""What is shown of a name that the log has lost: `unknown`, with the number that the events still have.

The refs are such that an export can be imported again, and one lost name is never taken for another one.
"""

from __future__ import annotations

import msgspec
import structlog
from prometheus_client import Counter

log = structlog.get_logger(__name__)
missing_names_total = Counter(
    "analytics_internal_missing_names_total", "Names that were met in events and are not in the log", ["kind"]
)
NO_ACTION = 0
"""Stands for the action of an item that is missing itself: identity columns begin with 1."""
MAX_SAID = 10_000
_said: set[tuple[str, int]] = set()


def unknown(kind: str, number: int) -> str:
    """The text that stands for a missing name."""
    if kind == "person":
        return f"user:unknown/{number}"
    if kind == "entity":
        return f"unknown:unknown/{number}"
    return f"unknown {kind} {number}" if number != NO_ACTION else f"unknown {kind}"


def unknown_context(number: int) -> msgspec.Raw:
    """The JSON that stands for a missing context."""
    return msgspec.Raw(msgspec.json.encode({"unknown": unknown("context", number)}))


def report(kind: str, number: int) -> None:
    """Count a missing name and log it, once in this process."""
    if (kind, number) in _said or len(_said) >= MAX_SAID:
        return
    _said.add((kind, number))
    missing_names_total.labels(kind).inc()
    log.error("a name is missing in the log and shown as unknown; doctor says more", kind=kind, number=number)
