"""The events of the measurements: those of one or several demo portals."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from operator import itemgetter
from random import Random
from typing import Any

from analytics_internal import demo

Event = dict[str, object]
UNTIL = datetime(2026, 11, 25, 15, tzinfo=UTC)
"""The end of `history`: fixed, so that two runs use the same events."""


def history(count: int, portals: int) -> Iterator[Event]:
    """A year of several merged demo portals, in time order: some 270 people and 6,000 items per portal."""
    each, rest = divmod(count, portals)
    streams = [_as_portal(number, each + (number < rest)) for number in range(portals)]
    return heapq.merge(*streams, key=itemgetter("occurredAt"))


def _as_portal(number: int, count: int) -> Iterator[Event]:
    """One portal's events; portals after the first have people and entities of their own."""
    for event in demo.events(count, seed=number + 1, until=UNTIL):
        if number:
            if "user" in event:
                event["user"] = f"{event['user']}-{number}"
            event["subject"] = str(event["subject"]).replace("/default/", f"/portal-{number}/")
            _move(event, "attributes", "to", "/default/", f"/portal-{number}/")
            _move(event, "context", "entityRef", ":default/", f":portal-{number}/")
        yield event


def _move(event: Event, part: str, name: str, namespace: str, other: str) -> None:
    """Name an entity of another portal. The demo shares parts between events, so they are copied."""
    found = event.get(part)
    if isinstance(found, dict) and namespace in found.get(name, ""):
        event[part] = {**found, name: found[name].replace(namespace, other)}


def catalog(portals: int) -> Iterator[dict[str, Any]]:
    """The catalogs of the same portals, merged: entities with the times from which and until which they held."""
    for number in range(portals):
        for entity in demo.catalog(seed=number + 1, until=UNTIL):
            yield _of_portal(entity, number) if number else entity


def _of_portal(entity: dict[str, Any], number: int) -> dict[str, Any]:
    moved: dict[str, Any] = json.loads(json.dumps(entity).replace(":default/", f":portal-{number}/"))
    if moved["kind"] == "User":
        moved["metadata"]["name"] += f"-{number}"
    else:
        moved["metadata"]["namespace"] = f"portal-{number}"
    return moved


def recent(count: int) -> list[Event]:
    """The last events of a busy portal, as browsers send them."""
    of_the_year = 6 * count
    return [event for event in demo.events(of_the_year) if "sessionId" in event][-count:]


def over_items(count: int, items: int) -> list[Event]:
    """Events of a portal with this many items, with realistic visits: the n-th item 1/n as often as the first."""
    random = Random(f"items {items}")
    drawn = random.choices(range(items), cum_weights=list(accumulate(1 / (n + 1) for n in range(items))), k=count)
    return [
        {**event, "action": "navigate", "subject": subject_of(number)}
        for event, number in zip(recent(count), drawn, strict=True)
    ]


def subject_of(number: int) -> str:
    return f"/docs/default/component/service-{number // 10}/page-{number % 10}"


def one_of_each(items: int) -> Iterator[Event]:
    """One event for each of the items that `over_items` draws from."""
    people = [event["user"] for event in recent(200)]
    for number in range(items):
        yield {"action": "navigate", "subject": subject_of(number), "user": people[number % len(people)]}
