"""In the reader events count for the plugin within a frame, whenever the log comes to name that plugin."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from analytics_internal.event.attribution import LOCATIONS, plugin_of, plugin_of_context, plugin_of_path
from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from tests.query.stored import NOW, Stored, reading
from tests.samples import Json, event

DOCS = "/catalog/default/component/web/docs"
PLUGINS = [None, "root", "app", "catalog", "techdocs", "of-mine"]
EXTENSIONS = [None, "app/root", "entity-content:catalog/overview", "entity-content:jenkins", "page:techdocs/reader"]
ROUTES = [None, "unknown", "catalog:entity", "techdocs:catalog-reader-view"]
PATHS = ["/", "/catalog", DOCS, "/create", "/of-mine"]
ACTIONS = ["navigate", "click"]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        yield stored


def visit(path: str, plugin: str | None, extension: str | None, route: str | None, action: str = "navigate") -> Event:
    context = {"pluginId": plugin, "extensionId": extension, "routeRef": route}
    more: Json = {"context": {name: value for name, value in context.items() if value is not None}}
    return event(path, action=action, occurred_at=NOW, more=more)


async def counts(stored: Stored) -> dict[str | None, int]:
    rows = (await stored.ask({"metrics": ["events"], "dimensions": ["plugin"]}))["results"]
    return {row["plugin"]: row["events"]["value"] for row in rows}


async def test_the_reader_decides_as_the_rule_does(stored: Stored) -> None:
    all_of = [*itertools.product(PATHS, PLUGINS, EXTENSIONS, ROUTES, ACTIONS)]
    events = [visit(*one) for one in all_of]
    expected: dict[str | None, int] = {}
    for (path, _, extension, route, action), one in zip(all_of, events, strict=True):
        of_path = plugin_of_path(path) if action in LOCATIONS else None
        plugin = plugin_of(one.plugin, plugin_of_context(extension, route), of_path)
        expected[plugin] = expected.get(plugin, 0) + 1
    await stored.store(events)

    assert await counts(stored) == expected


@pytest.mark.parametrize("is_read_between", [True, False])
async def test_a_plugin_that_the_log_names_later_is_the_one_that_was_derived(
    stored: Stored, is_read_between: bool
) -> None:
    for sent in ("catalog", "techdocs", "catalog", "techdocs"):
        await stored.store([visit(DOCS, sent, None, None)])
        if is_read_between:
            await stored.replica.catch_up()

    assert await counts(stored) == {"techdocs": 4}


async def test_it_stays_so_when_the_file_is_opened_again(pool: Pool, tmp_path: Path) -> None:
    for sent in ("catalog", "techdocs", "techdocs"):
        async with reading(pool, tmp_path / "reader.duckdb") as stored:
            await stored.store([visit(DOCS, sent, None, None)])
            await stored.replica.catch_up()

    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        assert await counts(stored) == {"techdocs": 3}


async def test_an_export_has_the_plugin_as_it_was_sent(stored: Stored, pool: Pool) -> None:
    await stored.store([visit(DOCS, "catalog", None, None)])

    assert await pool.fetchval("SELECT name FROM event JOIN plugin USING (plugin_id)") == "catalog"
