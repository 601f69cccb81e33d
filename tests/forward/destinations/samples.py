"""Events for the tests of single types."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from analytics_internal.event import version_7
from analytics_internal.forward.destination import Batch, Destination
from analytics_internal.forward.outgoing import Outgoing

_numbers = itertools.count(1)
SESSION = UUID("0193f2b4-7c1e-7d4a-9b3a-2f6c8e1d5a70")


def outgoing(**fields: Any) -> Outgoing:
    """A page view by a person, with other fields as given. Each has a position and an id of its own."""
    number = next(_numbers)
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "position": number,
        "id": version_7(int(now.timestamp() * 1_000), number),
        "occurred_at": now - timedelta(seconds=5),
        "received_at": now,
        "action": "navigate",
        "subject": "/catalog",
        "user": "p-ana",
        "session_id": SESSION,
        "plugin": "catalog",
        "path": "/catalog",
    }
    return Outgoing(**{**usual, **fields})


def batch_of(destination: Destination[Any], *events: Outgoing) -> Batch:
    return Batch(events, [destination.encode(event) for event in events])


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=150)
_scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _texts
)
_fields = st.none() | st.dictionaries(_texts, _scalars, max_size=40)
any_event = st.builds(
    outgoing,
    action=_texts.filter(bool)
    | st.sampled_from(["navigate", "search", "click", "error", "session_start", "_x", "ga_y"]),
    subject=_texts,
    user=st.none() | _texts.filter(bool),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    attributes=_fields,
    context=_fields,
    session_id=st.none() | st.uuids(),
    plugin=st.none() | _texts.filter(bool),
    entity=st.none() | _texts.filter(bool),
    path=st.none() | _texts.map(lambda text: f"/{text}"),
)
"""Whatever the log may have."""
