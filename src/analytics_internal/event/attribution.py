"""Whose plugin an event happened in, where its context names only the frame around that plugin. Pure.

Backstage reports the plugin of the innermost extension that it knows. On an entity's tabs, and before a page is
mounted, that is often a frame: the catalog (new frontend system), or the app itself (`root` in the legacy system, `app`
in the new one). The plugin then follows from what else the event says, the most certain first:

1. the extension, whose id has its plugin's: `entity-content:techdocs`, `page:catalog-graph/graph`;
2. the route, whose reference has it: `techdocs:catalog-reader-view`;
3. for an event about the page that is open: the path, by the addresses that Backstage's own plugins have by default.

Where none of them names a plugin (`/catalog/…/ci-cd` may be anybody's), the frame stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from analytics_internal.event.entity_refs import entity_at

CATALOG = "catalog"
OUTER_FRAMES = frozenset({"app", "root"})
FRAMES = OUTER_FRAMES | {CATALOG}
"""Plugins that show pages and tabs of others. An event without a plugin counts as one of the outer frames'."""
LOCATIONS = frozenset({"navigate", "not-found", "engage"})
"""Actions whose path is where they happened. That of others is where they lead."""
PAGES = {
    "api-docs": "api-docs",
    "catalog": CATALOG,
    "catalog-graph": "catalog-graph",
    "catalog-import": "catalog-import",
    "create": "scaffolder",
    "docs": "techdocs",
    "explore": "explore",
    "notifications": "notifications",
    "search": "search",
    "settings": "user-settings",
    "tech-radar": "tech-radar",
}
"""By the first segment of a path."""
TABS = {"api": "api-docs", "definition": "api-docs", "docs": "techdocs", "kubernetes": "kubernetes"}
"""By the segment that follows an entity in the catalog."""


def plugin_of(sent: str | None, of_context: str | None, of_path: str | None) -> str | None:
    """The plugin that an event counts for. ``sent`` is the one that its context names.

    The others are those of ``plugin_of_context`` and ``plugin_of_path``, the latter only for LOCATIONS.
    """
    if sent is not None and sent not in FRAMES:
        return sent
    for derived in (of_context, of_path):
        if derived is not None and derived != CATALOG:
            return derived
    return sent if sent == CATALOG else of_context or of_path or sent


def plugin_of_context(extension: str | None, route: str | None) -> str | None:
    """The plugin of an extension or, if that is a frame, of a route. Never an outer frame."""
    named = [name for name in (_plugin_of_extension(extension), _plugin_of_route(route)) if name]
    inner = [name for name in named if name not in FRAMES]
    return inner[0] if inner else CATALOG if CATALOG in named else None


def plugin_of_path(path: str) -> str | None:
    """The plugin whose page or tab has a path by default."""
    page, *rest = path.removeprefix("/").split("/")
    if not path.startswith("/"):
        return None
    if page == "catalog" and len(rest) > 3 and entity_at(path) is not None:
        return TABS.get(rest[3], CATALOG)
    return PAGES.get(page)


def plugin_of_stored_context(context: Mapping[str, str | None]) -> str | None:
    """As ``plugin_of_context``, of the texts of a stored context."""
    return plugin_of_context(context["extensionId"], context["routeRef"])


def _plugin_of_extension(extension: str | None) -> str | None:
    """Ids of extensions are `kind:plugin/name`, with the name or the kind left out where there is none."""
    if extension is None:
        return None
    return extension.rpartition(":")[2].partition("/")[0]


def _plugin_of_route(route: str | None) -> str | None:
    """References to routes are `plugin:name`, or the plugin alone for its first page. `unknown` stands for none."""
    return route.partition(":")[0] if route is not None and route != "unknown" else None
