"""The event contexts of Backstage's two frontend systems, as recorded from real portals."""

from dataclasses import dataclass
from typing import Protocol

Value = str | int


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A part of the portal under its names in the legacy system (`route`, `plugin`, `extension`) and the new one."""

    plugin: str
    route: str
    extension: str
    extension_id: str


ROOT = Place("root", "unknown", "App", "app/root")
SIDEBAR = Place("root", "unknown", "App", "app/nav")
CATALOG = Place("catalog", "catalog", "CatalogIndexPage", "page:catalog")
ENTITY = Place("catalog", "catalog:entity", "CatalogEntityPage", "entity-content:catalog/overview")
ABOUT_CARD = Place("catalog", "catalog:entity", "EntityAboutCard", "entity-card:catalog/about")
ENTITY_DOCS = Place("techdocs", "techdocs:catalog-reader-view", "EntityTechdocsContent", "entity-content:techdocs")
DOCS = Place("techdocs", "techdocs:index-page", "TechDocsIndexPage", "page:techdocs")
READER = Place("techdocs", "techdocs:reader-page", "TechDocsReaderPage", "page:techdocs/reader")
APIS = Place("api-docs", "api-docs", "ApiExplorerPage", "page:api-docs")
CREATE = Place("scaffolder", "scaffolder", "ScaffolderPage", "page:scaffolder")
SEARCH = Place("search", "search", "SearchPage", "page:search")
SEARCH_MODAL = Place("search", "unknown", "SidebarSearchModal", "app/nav")
SETTINGS = Place("user-settings", "user-settings", "UserSettingsPage", "page:user-settings")

FOUND_ENTITY = Place("catalog", "search", "CatalogSearchResultListItem", "search-result-list-item:catalog")
FOUND_PAGE = Place("techdocs", "search", "TechDocsSearchResultListItem", "search-result-list-item:techdocs")
FOUND_IN_MODAL = Place("search", "unknown", "SearchResult", "search-result-list-item:catalog")


class Frontend(Protocol):
    """A frontend system: makes the contexts of events, a new dict at each call."""

    is_new: bool

    def page(self, place: Place) -> dict[str, Value]:
        """The context of a navigation to a place."""
        ...

    def part(self, place: Place) -> dict[str, Value]:
        """The context of an action within a place."""
        ...

    def signed_in(self) -> dict[str, Value]:
        """The context of a sign-in."""
        ...


class Legacy:
    """The legacy frontend system: route refs and extension names."""

    is_new = False

    def page(self, place: Place) -> dict[str, Value]:
        return {"routeRef": place.route, "pluginId": place.plugin, "extension": "App"}

    def part(self, place: Place) -> dict[str, Value]:
        return {"routeRef": place.route, "pluginId": place.plugin, "extension": place.extension}

    def signed_in(self) -> dict[str, Value]:
        return self.part(ROOT)


class New:
    """The new frontend system: extension ids, no route refs; the app itself is plugin `app`."""

    is_new = True

    def page(self, place: Place) -> dict[str, Value]:
        return self.part(place)

    def part(self, place: Place) -> dict[str, Value]:
        plugin = "app" if place.extension_id.startswith("app/") else place.plugin
        return {"pluginId": plugin, "extensionId": place.extension_id}

    def signed_in(self) -> dict[str, Value]:
        return {"pluginId": "app", "extensionId": "sign-in-page:app"}
