"""Whose plugin an event happened in, for both frontend systems."""

from typing import Any

import pytest

from analytics_internal.event.attribution import LOCATIONS, plugin_of, plugin_of_context, plugin_of_path
from tests.samples import navigation, recorded

ENTITY = "/catalog/default/component/web"


def counted_for(event: dict[str, Any]) -> str | None:
    """The plugin of a recorded event."""
    context = event["context"]
    of_context = plugin_of_context(context.get("extensionId"), context.get("routeRef"))
    path = event["subject"].partition("?")[0]
    of_path = plugin_of_path(path) if event["action"] in LOCATIONS else None
    return plugin_of(context.get("pluginId"), of_context, of_path)


def new(subject: str, extension: str | None, plugin: str | None = "catalog") -> dict[str, Any]:
    return navigation(subject, context={"pluginId": plugin, "extensionId": extension})


def legacy(subject: str, route: str, plugin: str | None = "root") -> dict[str, Any]:
    return navigation(subject, context={"pluginId": plugin, "routeRef": route, "extension": "App"})


@pytest.mark.parametrize("name", ["backstage-legacy-app.jsonl", "backstage-new-app.jsonl"])
def test_pages_of_the_recorded_portals_count_for_the_plugin_that_they_are_of(name: str) -> None:
    walked = [event for event in recorded(name) if event["action"] == "navigate"]

    counted = {str(event["subject"]).partition("?")[0]: counted_for(event) for event in walked}

    expected = {
        "/catalog": "catalog", f"{ENTITY}": "catalog", "/docs": "techdocs", "/docs/default/component/x": "techdocs",
        "/api-docs": "api-docs", "/create": "scaffolder", "/search": "search", "/settings": "user-settings",
    }  # fmt: skip
    known = [(path, plugin) for path, plugin in counted.items() if path in expected]
    assert len(known) >= 4
    assert [plugin for _, plugin in known] == [expected[path] for path, _ in known]


def test_the_recorded_tab_of_docs_is_techdocs_and_the_frame_stays_where_nobody_knows() -> None:
    counted = {
        e["subject"]: counted_for(e) for e in recorded("backstage-legacy-app.jsonl") if e["action"] == "navigate"
    }

    entity = "/catalog/default/component/example-website"
    assert counted[f"{entity}/docs"] == "techdocs"
    assert counted[f"{entity}/ci-cd"] == counted[f"{entity}/dependencies"] == "catalog"


def test_what_the_recorded_portals_said_of_a_plugin_stays() -> None:
    events = [*recorded("backstage-legacy-app.jsonl"), *recorded("backstage-new-app.jsonl")]
    inner = [event for event in events if event["context"]["pluginId"] not in ("catalog", "root", "app")]  # type: ignore[index]

    assert inner
    assert all(counted_for(event) == event["context"]["pluginId"] for event in inner)  # type: ignore[index]


def test_a_page_load_that_only_the_root_has_seen_counts_for_the_page() -> None:
    events = [event for event in recorded("backstage-new-app.jsonl") if event["context"]["extensionId"] == "app/root"]  # type: ignore[index]

    assert {counted_for(event) for event in events} == {"catalog", "api-docs", "techdocs", "search"}


@pytest.mark.parametrize(
    ("event", "plugin"),
    [
        # The new frontend system reports the catalog on all tabs (backstage#34770) ...
        (new(f"{ENTITY}/docs", "page:catalog/entity"), "techdocs"),
        (new(f"{ENTITY}/docs/setup", "page:catalog/entity"), "techdocs"),
        (new(f"{ENTITY}/kubernetes", "page:catalog/entity"), "kubernetes"),
        (new(f"{ENTITY}/docs-of-mine", "page:catalog/entity"), "catalog"),
        (new(f"{ENTITY}/ci-cd", "page:catalog/entity"), "catalog"),
        # ... or names the extension that fills them.
        (new(f"{ENTITY}/ci-cd", "entity-content:github-actions"), "github-actions"),
        (new(f"{ENTITY}/ci-cd", "entity-content:jenkins/builds"), "jenkins"),
        (new(ENTITY, "entity-content:catalog/overview"), "catalog"),
        (new("/tech-radar", "app/root", "app"), "tech-radar"),
        (new("/", "app/root", "app"), "app"),
        (new("/of-a-plugin", None, None), None),
        (new("/catalog", None, None), "catalog"),
        # The legacy one reports the root on gathered routes (backstage#17998).
        (legacy(f"{ENTITY}/docs", "unknown"), "techdocs"),
        (legacy(f"{ENTITY}/ci-cd", "unknown"), "catalog"),
        (legacy(f"{ENTITY}/ci-cd", "jenkins:builds"), "jenkins"),
        (legacy(f"{ENTITY}/ci-cd", "catalog:entity", "catalog"), "catalog"),
        (legacy("/create/templates/default/web", "unknown"), "scaffolder"),
        (legacy("/", "unknown"), "root"),
        # Links say where they lead, not where they are.
        ({"action": "click", "subject": "/docs", "context": {"pluginId": "root", "routeRef": "unknown"}}, "root"),
        ({"action": "click", "subject": "Docs", "context": {"pluginId": "catalog"}}, "catalog"),
        ({"action": "not-found", "subject": "/docs/default/component/x", "context": {"pluginId": "app"}}, "techdocs"),
        # A plugin of their own is never taken away.
        (new(f"{ENTITY}/docs", "page:catalog/entity", "of-mine"), "of-mine"),
    ],
)
def test_a_frame_gives_way_to_the_plugin_within(event: dict[str, Any], plugin: str | None) -> None:
    assert counted_for(event) == plugin


@pytest.mark.parametrize("path", ["https://example.com/docs", "", "docs", "/documents", "/catalog-of-mine"])
def test_other_addresses_are_of_no_plugin(path: str) -> None:
    assert plugin_of_path(path) is None
