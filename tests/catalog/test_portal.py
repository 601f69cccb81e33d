"""The catalog read through the portal's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from analytics_internal.auth import PortalTokens
from analytics_internal.catalog import portal as portal_module
from analytics_internal.catalog.portal import PortalCatalog
from analytics_internal.catalog.source import CatalogUnavailable
from analytics_internal.catalog.versions import rows_of
from tests.catalog.kept import Json, entity, user
from tests.http.stand_in_portal import BY_QUERY, STATIC_TOKEN, PortalStandIn


@pytest.fixture
def portal() -> Iterator[PortalStandIn]:
    with PortalStandIn() as portal:
        portal.catalog.tokens[STATIC_TOKEN] = 200
        yield portal


@pytest.fixture
async def catalog(portal: PortalStandIn) -> AsyncIterator[PortalCatalog]:
    catalog = PortalCatalog(portal.url, PortalTokens(token=STATIC_TOKEN), 300)
    yield catalog
    await catalog.close()


def many(count: int) -> list[Json]:
    return [entity("Component", f"c{number}") for number in range(count)]


async def refs(catalog: PortalCatalog) -> set[str]:
    return {version.entity.ref for version in (await catalog.read()).versions}


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 30])
async def test_every_page_is_read(
    portal: PortalStandIn, catalog: PortalCatalog, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(portal_module, "PAGE_ENTITIES", 8)
    portal.catalog.put(*many(count))
    assert await refs(catalog) == {f"component:default/c{number}" for number in range(count)}
    assert portal.asked[BY_QUERY] == max(-(-count // 8), 1)


async def test_the_fields_that_are_asked_for_are_those_that_are_kept(
    portal: PortalStandIn, catalog: PortalCatalog
) -> None:
    template = entity("Template", "new-service", title="New service", type="service", owner="nobody")
    template["metadata"] |= {
        "tags": ["java", "aws"], "description": "long",
        "annotations": {"backstage.io/techdocs-ref": "dir:.", "backstage.io/time-saved": "PT2H", "other.io/x": "y"},
    }  # fmt: skip
    template["relations"] = [{"type": "ownedBy", "targetRef": "group:default/core"}]
    ana = user("Ana")
    ana["spec"] |= {"profile": {"displayName": "Ana Souza", "picture": "data:…"}}
    ana["relations"] = [{"type": "memberOf", "targetRef": "group:default/core"}]
    portal.catalog.put(template, ana)
    found = await catalog.read()
    rows = rows_of(found.versions)
    made, person = rows.entities
    assert (made.ref, made.title, made.type, made.owner) == (
        "template:default/new-service", "New service", "service", "group:default/core",
    )  # fmt: skip
    assert (made.tags, made.has_docs, made.minutes_saved) == (("aws", "java"), True, 120)
    assert (person.shown_ref, person.title) == ("user:default/Ana", "Ana Souza")
    assert [row[:2] for row in rows.memberships] == [("user:default/ana", "group:default/core")]


async def test_what_changes_while_pages_are_read_moves_nothing_else(
    portal: PortalStandIn, catalog: PortalCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_module, "PAGE_ENTITIES", 5)
    portal.catalog.put(*many(40))
    numbers = iter(range(100))

    def change() -> None:
        number = next(numbers)
        portal.catalog.remove(f"component:default/c{number}")
        portal.catalog.put(entity("Component", f"new{number}"), entity("Component", "c39", owner=f"o{number}"))

    portal.catalog.between_pages = change
    found = await refs(catalog)
    assert {f"component:default/c{number}" for number in range(20, 40)} <= found


async def test_the_bridges_token_is_read_for_each_page(portal: PortalStandIn, tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    portal.catalog.tokens = {"renewed": 200}
    portal.catalog.put(*many(3))
    file.write_text(json.dumps({"catalog": "expired"}))
    catalog = PortalCatalog(portal.url, PortalTokens(file), 300)
    with pytest.raises(CatalogUnavailable, match="answers 401: it does not accept the service's token"):
        await catalog.read()
    file.write_text(json.dumps({"catalog": "renewed"}))
    assert len(await refs(catalog)) == 3
    await catalog.close()


async def test_without_a_token_nothing_is_asked_and_it_is_said_how_to_get_one(portal: PortalStandIn) -> None:
    catalog = PortalCatalog(portal.url, PortalTokens(), 300)
    with pytest.raises(CatalogUnavailable, match="set portal_token"):
        await catalog.read()
    assert portal.asked[BY_QUERY] == 0
    await catalog.close()


@pytest.mark.parametrize(("status", "why"), [(403, "may not read entities"), (404, "is starting, or has no catalog")])
async def test_a_refusal_is_explained(portal: PortalStandIn, catalog: PortalCatalog, status: int, why: str) -> None:
    portal.catalog.tokens[STATIC_TOKEN] = status
    with pytest.raises(CatalogUnavailable, match=f"answers {status}: .*{why}"):
        await catalog.read()


async def test_a_portal_in_trouble_is_said_to_be_so(portal: PortalStandIn, catalog: PortalCatalog) -> None:
    portal.failing[BY_QUERY] = 502
    with pytest.raises(CatalogUnavailable, match="did not answer"):
        await catalog.read()
    portal.failing[BY_QUERY] = 203
    with pytest.raises(CatalogUnavailable, match="answers 203"):
        await catalog.read()


async def test_a_portal_that_never_ends_its_answer_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_module, "PAGE_S", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    catalog = PortalCatalog(f"http://{host}:{port}", PortalTokens(token=STATIC_TOKEN), 300)
    with pytest.raises(CatalogUnavailable, match=r"did not answer with a page within 0\.3 seconds"):
        await catalog.read()
    await catalog.close()
    server.close()


async def test_what_is_no_entity_is_named_and_the_rest_is_taken(portal: PortalStandIn, catalog: PortalCatalog) -> None:
    portal.catalog.put(user("ana"), entity("Component", "white space"))
    found = await catalog.read()
    assert [version.entity.ref for version in found.versions] == ["user:default/ana"]
    assert len(found.refused) == 1
    assert "make no ref: 'Component:default/white space'" in found.refused[0]
