"""The portal's catalog, read through its API.

``GET /api/catalog/entities/by-query`` gives pages in the order of the entities' ids, which never change: what is added
or removed while pages are read moves no other entity. The API does not tell what has changed since: it has no such
filter or order, and an entity's ``etag`` may be set by whoever provides it, without its relations. So the whole is read
each time, with those fields alone that are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import msgspec

from analytics_internal.auth import NoPortalToken, PortalBackend, PortalTokens, PortalUnavailable
from analytics_internal.catalog.entity import Entity, NotAnEntity, entity_of
from analytics_internal.catalog.source import CatalogUnavailable, Found
from analytics_internal.catalog.versions import Version

PATH = "/api/catalog/entities/by-query"
PLUGIN = "catalog"
PAGE_ENTITIES = 500
MAX_PAGES = 4_000
TIMEOUT_S = 30.0
PAGE_S = 120.0
"""What one page may take: a portal that sends a byte now and then would be read for ever."""
FIELDS = ",".join(
    [
        "kind", "metadata.namespace", "metadata.name", "metadata.title", "metadata.tags",
        "metadata.annotations.backstage.io/techdocs-ref", "metadata.annotations.backstage.io/techdocs-entity",
        "metadata.annotations.backstage.io/time-saved", "spec.type", "spec.lifecycle", "spec.profile.displayName",
        "relations",
    ]
)  # fmt: skip


class _PageInfo(msgspec.Struct, rename="camel"):
    next_cursor: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    items: list[msgspec.Raw]
    page_info: _PageInfo = msgspec.field(default_factory=_PageInfo)


class PortalCatalog:
    """The catalog of one portal."""

    def __init__(self, backend_url: str, tokens: PortalTokens, interval_s: float) -> None:
        # Pages take the portal longer than the requests that people wait for.
        client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        self._backend = PortalBackend(backend_url, client)
        self._tokens = tokens
        self.interval_s = interval_s
        self.name = self._backend.shown(PATH)

    async def read(self) -> Found:
        """Every entity of the catalog, page by page. Raises CatalogUnavailable."""
        entities: dict[str, Entity] = {}
        refused: list[str] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._page(cursor)
            # A page of large entities takes some milliseconds, in which events would wait.
            await asyncio.to_thread(_add, page.items, entities, refused)
            following = page.page_info.next_cursor
            if following is None:
                return Found([Version(entity) for entity in entities.values()], refused=refused)
            if following == cursor:
                raise CatalogUnavailable(f"{self.name} answers with the same page again and again")
            cursor = following
        raise CatalogUnavailable(f"{self.name} has more than {MAX_PAGES * PAGE_ENTITIES:,} entities")

    def is_same(self) -> bool:
        """Never known before it is read."""
        return False

    def forget(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        await self._backend.close()

    async def _page(self, cursor: str | None) -> _Page:
        query: Mapping[str, str] = {"fields": FIELDS, "limit": str(PAGE_ENTITIES)}
        try:
            async with asyncio.timeout(PAGE_S):
                response = await self._backend.get(
                    PATH, self._tokens.token_for(PLUGIN), {**query, "cursor": cursor} if cursor is not None else query
                )
        except TimeoutError:
            raise CatalogUnavailable(f"{self.name} did not answer with a page within {PAGE_S:g} seconds") from None
        except (NoPortalToken, PortalUnavailable) as error:
            raise CatalogUnavailable(str(error)) from error
        if response.status_code != 200:
            raise CatalogUnavailable(f"{self.name} answers {response.status_code}{_advice(response.status_code)}")
        try:
            return msgspec.json.decode(response.content, type=_Page)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise CatalogUnavailable(f"{self.name} does not answer with entities: {error}") from error


def _advice(status: int) -> str:
    if status == 401:
        return ": it does not accept the service's token (portal_token, or the bridge's)"
    if status == 403:
        return ": the service's token may not read entities (accessRestrictions of backend.auth.externalAccess)"
    if status == 404:
        return ": the portal is starting, or has no catalog there (or one from before 2023)"
    return ""


def _add(items: list[msgspec.Raw], entities: dict[str, Entity], refused: list[str]) -> None:
    """Add a page's entities. One that was made anew while pages were read comes twice; the later one counts."""
    for item in items:
        try:
            entity = entity_of(msgspec.json.decode(item))
        except (NotAnEntity, msgspec.DecodeError, UnicodeError) as error:
            refused.append(f"entity {len(entities) + len(refused) + 1} {error}")
        else:
            entities[entity.ref] = entity
