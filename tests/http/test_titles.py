"""The names that answers have for refs: those of people for readers of names alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.http.conftest import CLEO
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_tokens import bearing
from tests.samples import ANA, BO, navigation
from tests.service import ServiceProcess, running_service

API = "/api/analytics-internal"
CORE, ANAS = "group:default/core", "component:default/anas"
ANAS_PATH = "/catalog/default/component/anas"
ENTITIES: list[dict[str, Any]] = [
    {
        "kind": "User",
        "metadata": {"name": "ana"},
        "spec": {"profile": {"displayName": "Ana María"}, "memberOf": ["core"]},
    },
    {"kind": "Group", "metadata": {"name": "core"}, "spec": {"profile": {"displayName": "Core team"}}},
    {"kind": "Component", "metadata": {"name": "anas", "title": "Ana's tool"}, "spec": {"owner": "user:default/ana"}},
    {"kind": "Component", "metadata": {"name": "web", "title": "Web shop"}, "spec": {"owner": "group:default/core"}},
]


@pytest.fixture(scope="module")
def service(portal: PortalStandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    file = Path(tmp_path_factory.mktemp("catalog")) / "entities.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode(one) for one in ENTITIES))
    settings = {
        "backend_url": portal.url, "import_tokens": [IMPORT_TOKEN], "readers": [CLEO], "people_readers": [ANA],
        "catalog_file": str(file),
    }  # fmt: skip
    with running_service(auth="backstage", **settings) as service:
        events = [
            navigation(path, user=ref) for path in (ANAS_PATH, "/catalog/default/component/web") for ref in (ANA, BO)
        ]
        sent = httpx.post(f"{service.url}{API}/events", json={"events": events}, headers=bearing(IMPORT_TOKEN))
        sent.raise_for_status()
        yield service


@pytest.fixture
async def ask(service: ServiceProcess, portal: PortalStandIn) -> AsyncIterator[Any]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:

        async def asked(person: str, question: dict[str, Any]) -> dict[str, Any]:
            question = {"date_range": "all", **question}
            for _ in range(300):
                response = await client.post(f"{API}/query", json=question, headers=bearing(portal.token(person)))
                assert response.status_code == 200, response.text
                meta: dict[str, Any] = response.json()["meta"]
                if meta["catalog"] is not None:
                    return meta
                await asyncio.sleep(0.1)  # until the file was read for the first time
            raise AssertionError("the catalog was not read")

        yield asked


async def test_titles_of_people_are_for_those_who_may_read_names(ask: Any) -> None:
    by_owner = {"metrics": ["events"], "dimensions": ["owner"]}

    named = (await ask(ANA, by_owner))["titles"]
    unnamed = (await ask(CLEO, by_owner))["titles"]

    assert named == {ANA: "Ana María", CORE: "Core team"}
    assert unnamed == {CORE: "Core team"}


async def test_titles_of_entities_and_teams_are_for_everybody(ask: Any) -> None:
    by_both = {"metrics": ["events"], "dimensions": ["entity", "team"]}

    titles = (await ask(CLEO, by_both))["titles"]

    assert titles == {ANAS: "Ana's tool", "component:default/web": "Web shop", CORE: "Core team"}


async def test_funnels_have_titles_too(ask: Any) -> None:
    opened = ["is", "action", ["navigate"]]
    by_owner = {"kind": "funnel", "steps": [opened, opened], "dimensions": ["owner"]}

    assert (await ask(ANA, by_owner))["titles"] == {ANA: "Ana María", CORE: "Core team"}
    assert (await ask(CLEO, by_owner))["titles"] == {CORE: "Core team"}
