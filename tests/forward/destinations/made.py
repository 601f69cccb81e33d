"""Events on their way out, and batches of them, as the worker makes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from analytics_internal.event.uuid7 import uuid7
from analytics_internal.forward.destination import Batch, Destination
from analytics_internal.forward.outgoing import Outgoing
from tests.samples import NOON


def outgoing(position: int, **fields: Any) -> Outgoing:
    """An event of the log as it leaves the company."""
    at = NOON + timedelta(milliseconds=position)
    values: dict[str, Any] = {
        "occurred_at": at,
        "received_at": at,
        "action": "navigate",
        "subject": f"/docs/default/component/site/{position}",
        "user": f"person-{position % 7}",
        "attributes": {"number": position, "text": "Grüße, 世界"},
        "context": {"pluginId": "techdocs"},
        "plugin": "techdocs",
        "path": "/docs",
    }
    return Outgoing(position=position, id=uuid7(at), **{**values, **fields})


def made(first: int, last: int, **fields: Any) -> list[Outgoing]:
    """Events of the positions from ``first`` to ``last``."""
    return [outgoing(position, **fields) for position in range(first, last + 1)]


def batch_of(destination: Destination[Any], events: Sequence[Outgoing]) -> Batch:
    return Batch(events, [destination.encode(event) for event in events])
