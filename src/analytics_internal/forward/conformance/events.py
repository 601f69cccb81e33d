"""Events to test with: recorded in a real Backstage, large ones, and nasty ones."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.event import version_7
from analytics_internal.forward.outgoing import Outgoing

_positions = itertools.count(1)


def recorded_events() -> list[Outgoing]:
    """Events that a real Backstage sent, with new ids and times of the last minutes."""
    lines = (files("analytics_internal.forward.conformance") / "recorded.jsonl").read_bytes().splitlines()
    return _renewed(msgspec.json.decode(line, type=Outgoing) for line in lines)


def ordinary_events(number: int) -> list[Outgoing]:
    """As many events as asked for, like the recorded ones."""
    recorded = recorded_events()
    return _renewed(itertools.islice(itertools.cycle(recorded), number))


def large_events(number: int) -> list[Outgoing]:
    """Events of nearly 32 KiB, the most that the service takes."""
    text = "größer & größer " * 1_700
    return _renewed(_event(subject=f"large {index}", attributes={"text": text}) for index in range(number))


def nasty_events() -> list[Outgoing]:
    """Events that are allowed, and that a receiver or its library may choke on."""
    return _renewed(
        [
            _event(),
            Outgoing(position=0, id=UUID(int=0), occurred_at=datetime.now(UTC)),
            _event(user=None, value=None, attributes=None, context=None, session_id=None, plugin=None),
            _event(attributes={}, context={}),
            _event(subject=""),
            _event(action="Ünï-cødé 🦆", subject="日本語 العربية 🧑‍💻 e\u0301", user="user:default/josé.müller"),
            _event(subject="\t line\r\nline \x01\x1b[31m\x7f\x85 \u2028 \u202e", attributes={"control": "\x02\x1f"}),
            _event(subject="\ufeff\ufffe\uffff \U0010ffff"),
            _event(subject="' \" \\ ; -- <script>& %00 %s {} ${x} `x` , \\u0000"),
            _event(subject="/catalog?filters[kind]=component&a=b#c d"),
            _event(attributes={"none": None, "yes": True, "no": False, "zero": 0, "empty": ""}),
            _event(attributes={"whole": 2**53, "large": 2**63 - 1, "small": -(2**63), "huge": 1e30, "tiny": 5e-324}),
            _event(attributes={"": "a name without letters", "a.b[0]": 1, "$set": "x", "_id": "y", "distinct id": "z"}),
            _event(attributes={f"attribute_{index}": index for index in range(300)}),
            _event(attributes={"n" * 2_000: "v"}),
            _event(attributes={"id": "x", "position": -1, "user": "somebody else", "occurredAt": "never", "time": "x"}),
            _event(context={"pluginId": None, "extension": "", "routeRef": "ünknown"}),
            _event(value=0.0),
            _event(value=-0.5),
            _event(value=1.7976931348623157e308),
            _event(user="user:default/" + "u" * 240),
            _event(agent="claude-code"),
            _event(user=None, agent="agent with spaces/and.dots*> 🦆"),
            _event(action="a" * 128, subject="s" * 2_048),
            _event(plugin="plugin with spaces/and.dots*>", entity="component:default/" + "e" * 200),
            _event(attributes={"text": "x" * 32_000}),
            _event(imported=True, occurred_at=datetime.now(UTC) - timedelta(days=400)),
            _event(imported=True, occurred_at=datetime(2000, 1, 1, tzinfo=UTC)),
            _event(occurred_at=datetime.now(UTC) + timedelta(minutes=4)),
            _event(occurred_at=datetime.now(UTC).replace(microsecond=0), received_at=None),
        ]
    )


def _event(**fields: Any) -> Outgoing:
    usual: dict[str, Any] = {
        "action": "click",
        "subject": "Create",
        "user": "user:default/ana",
        "value": 1.0,
        "attributes": {"to": "/create"},
        "context": {"pluginId": "scaffolder", "extension": "App", "routeRef": "root"},
        "session_id": UUID("0193f2b4-7c1e-7d4a-9b3a-2f6c8e1d5a70"),
        "plugin": "scaffolder",
        "path": "/create",
    }
    now = datetime.now(UTC)
    return Outgoing(**{"position": 0, "id": UUID(int=0), "occurred_at": now, "received_at": now, **usual, **fields})


def _renewed(events: Iterable[Outgoing]) -> list[Outgoing]:
    """With ids and positions of their own; recorded ones get times of today, as receivers take no old events."""
    now = datetime.now(UTC)
    found = []
    for event in events:
        was_recorded = event.position > 0
        at = now - timedelta(seconds=60) if was_recorded else event.occurred_at
        fields = {
            "position": next(_positions),
            "id": version_7(int(now.timestamp() * 1000), secrets.randbits(80)),
            "occurred_at": at,
            "received_at": at + timedelta(seconds=2) if was_recorded else event.received_at,
        }
        found.append(msgspec.structs.replace(event, **fields))
    return found
