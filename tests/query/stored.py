"""A reader that has caught up with made-up events, and the questions that are put to it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.event.addresses import doc_page_of
from analytics_internal.event.attribution import LOCATIONS, plugin_of, plugin_of_context, plugin_of_path
from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.answer import answer
from analytics_internal.query.download import FORMATS, pieces_of
from analytics_internal.query.kinds import parse_question
from analytics_internal.query.run import prepare
from analytics_internal.reader.replica import Replica
from tests.catalog.known import KnownEntity, KnownMembership, know
from tests.query import model
from tests.query.model import Access, Question, Rows
from tests.query.model_catalog import KnownCatalog, as_of_their_days
from tests.query.model_metrics import MEASUREMENTS
from tests.samples import Json, event

# In these weeks the clocks of all these zones but Kathmandu's changed.
NOW = datetime(2018, 11, 20, 15, 30, tzinfo=UTC)
PAGES = ["/docs/default/api/Orders", "/catalog/default/component/web", "/catalog/default/component/web/docs/A"]
SUBJECTS = [
    "/a",
    *PAGES,
    "How?",
    "hOW? ",
    "=1+1",
    "@cmd",
    "-2",
    "How  to",
    " HOW TO",
    " ",
    "Übersicht",
    "uber",
    "Zoë",
    "zoo",
    "Øre",
    "Ñandú",
    "NANDA",
]
ACTIONS, PLUGINS = ["navigate", "click", "search", "discover"], [None, "catalog", "techdocs"]
PLACES: list[Json] = [
    {},
    {"extension": "App", "routeRef": "unknown"},
    {"extension": "EntityAboutCard", "routeRef": "catalog:entity"},
    {"extensionId": "page:catalog"},
    {"extensionId": "page:techdocs/reader", "extension": "App"},
]
ATTRIBUTES: list[Json] = [{}, {"steps": 3}, {"steps": 0.5, "tab": "Overview"}, {"late": True, "a/b~c": "é"}]
GROUPS = [f"group:default/{name}" for name in ("web", "api", "all", "org")]
AGENTS = [None, None, None, "claude", "CLI"]
PEOPLE = [None, *(f"user:default/{name}" for name in ("ana", "bo", "cy"))]


class Stored(NamedTuple):
    """A reader that has caught up, and its events as the model sees them."""

    replica: Replica
    accesses: list[Access]
    writer: LogWriter
    pool: Pool
    catalogs: list[KnownCatalog]
    """The last one is the portal's."""

    async def store(self, events: list[Event]) -> None:
        await self.writer.append(events)
        rows = await self.pool.fetch("SELECT i.item_id, a.name, i.subject FROM item i JOIN action a USING (action_id)")
        items = {(row[1], row[2]): row[0] for row in rows}
        self.accesses.extend(
            Access(
                one.occurred_at, one.action, one.subject, one.path, _plugin_of(one), one.entity_ref, one.person,
                items[one.action, one.subject], one.session_id, one.path and doc_page_of(one.path), *_place_of(one),
                one.value,
                agent=one.agent, attributes=_attributes_of(one),
            )
            for one in events
        )  # fmt: skip

    async def know(self, catalog: KnownCatalog) -> None:
        """Let the portal's catalog be this one."""
        await know(self.pool, *catalog)
        self.catalogs.append(catalog)

    def modelled(self, question: Question, zone: ZoneInfo, now: datetime = NOW) -> Rows:
        """The right answer to a question."""
        return model.answer(as_of_their_days(self.accesses, self.catalogs[-1], zone), question, zone, now)

    async def ask(self, question: Question, zone: str = "UTC", now: datetime = NOW) -> dict[str, Any]:
        answered = await answer(self.replica, *parse_question(json.dumps(question).encode()), ZoneInfo(zone), now)
        return msgspec.json.decode(msgspec.json.encode(answered))  # type: ignore[no-any-return]

    async def ask_all(self, question: Question, zone: str = "UTC", now: datetime = NOW) -> tuple[Rows, list[int]]:
        """The rows of every page, and the total that each page claims."""
        rows: Rows = []
        totals = []
        cursor = None
        while True:
            page = await self.ask({**question, "cursor": cursor}, zone, now)
            rows += page["results"]
            totals.append(page["meta"]["total_rows"])
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                return rows, totals

    async def csv(self, question: Question, zone: str = "UTC") -> list[list[str]]:
        text = (await self.file(question, "csv", zone)).decode()
        return list(csv.reader(io.StringIO(text, newline="")))

    async def file(self, question: Question, format_: str, zone: str = "UTC") -> bytes:
        """The answer as a file."""
        query, wire = parse_question(json.dumps(question).encode(), allow_no_limit=True)
        prepared = await prepare(self.replica, query, wire, ZoneInfo(zone), NOW)
        return b"".join([piece async for piece in pieces_of(self.replica, prepared, FORMATS[format_])])


@asynccontextmanager
async def reading(pool: Pool, path: Path) -> AsyncIterator[Stored]:
    """A log and a reader of it, with nothing in them yet."""
    writer = LogWriter(pool)
    writer.start()
    replica = Replica(pool, path, "128MB", 1)
    yield Stored(replica, [], writer, pool, [KnownCatalog()])
    await replica.close()
    await writer.close()


def _plugin_of(one: Event) -> str | None:
    """The plugin that an event counts for, which may not be the one that its sender named."""
    context = json.loads(one.context or b"{}")
    texts = [context.get(name) for name in ("extensionId", "routeRef")]
    of_context = plugin_of_context(*(text if isinstance(text, str) else None for text in texts))
    is_there = one.path is not None and one.action in LOCATIONS
    return plugin_of(one.plugin, of_context, plugin_of_path(one.path) if is_there else None)  # type: ignore[arg-type]


def _place_of(one: Event) -> tuple[str | None, str | None]:
    """Extension and route as the sender named them."""
    context = json.loads(one.context or b"{}")
    route = context.get("routeRef")
    return context.get("extensionId") or context.get("extension"), route if route != "unknown" else None


def _attributes_of(one: Event) -> tuple[tuple[str, str], ...]:
    attributes: Json = json.loads(one.attributes or b"{}")
    return tuple((name, value if isinstance(value, str) else json.dumps(value)) for name, value in attributes.items())


def random_catalog(chance: random.Random) -> KnownCatalog:
    """Entities and memberships that changed a few times, not at the turns of days alone."""
    owners = [None, "group:default/web", "group:default/all", "user:default/ana"]
    entities = [
        KnownEntity(
            ref, start, end, title=ref.upper(), type=chance.choice([None, "service", "Website"]),
            lifecycle=chance.choice([None, "production"]), owner=chance.choice(owners),
            system=chance.choice([None, "system:default/shop"]), domain=chance.choice([None, "domain:default/trade"]),
        )
        for ref in ("component:default/web", "api:default/orders", "template:default/web")
        for start, end in random_times(chance)
    ]  # fmt: skip
    people = [person for person in PEOPLE if person is not None]
    pairs = {(chance.choice([*people, *GROUPS]), chance.choice(GROUPS)) for _ in range(10)}
    memberships = [
        KnownMembership(member, team, start, end)
        for member, team in sorted(pairs)
        for start, end in random_times(chance)
    ]
    return KnownCatalog(entities, memberships)


def random_times(chance: random.Random) -> list[tuple[datetime | None, datetime | None]]:
    """Stretches of time of which none overlaps another."""
    turns = sorted(
        {NOW - timedelta(hours=chance.randint(0, 24 * 75), seconds=chance.choice([0, 1, 1799])) for _ in range(3)}
    )
    bounds = [None, *turns, None]
    return [pair for pair in itertools.pairwise(bounds) if chance.random() < 0.7]


def random_events(count: int, chance: random.Random) -> list[Event]:
    return [random_event(chance) for _ in range(count)]


def random_event(chance: random.Random) -> Event:
    # Many near the turns of days and hours, where an offset that is wrong by an hour shows; and many near each other,
    # or at the same instant, where it matters which search came before which click.
    at = NOW - timedelta(hours=chance.randint(0, 24 * 75), seconds=chance.choice([0, 1, 1799, -1]))
    if chance.random() < 0.5:
        at = NOW - timedelta(days=chance.choice([2, 30]), minutes=chance.choice([0, 1, 29, 30, 31, 45]))
    plugin, action, subject = chance.choice(PLUGINS), chance.choice(ACTIONS), chance.randrange(len(SUBJECTS))
    if chance.random() < 0.2:
        action = chance.choice(MEASUREMENTS)
    # Of clicks the place of the result, of searches how many there were.
    value: Json = {"value": 12.5} if action in MEASUREMENTS else chance.choice([{}, {"value": 0}, {"value": 2.5}])
    context = {"pluginId": plugin, **chance.choice(PLACES)}
    more: Json = {"context": {name: value for name, value in context.items() if value}}
    attributes = dict(chance.choice(ATTRIBUTES))
    if action in ("click", "discover"):
        attributes |= {"to": PAGES[subject % len(PAGES)]}
    agent: Json = {"agent": name} if (name := chance.choice(AGENTS)) is not None else {}
    return event(
        SUBJECTS[subject],
        action=action,
        person=chance.choice(PEOPLE),
        occurred_at=min(at, NOW),
        more=more | {"sessionId": chance.choice([None, "one", "two"]), "attributes": attributes} | agent | value,
    )
