"""The real service, with its embedded PostgreSQL, for all tests of its HTTP side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.http.portal import IMPORT_TOKEN, PortalStandIn
from tests.serving import Serving, serving


@pytest.fixture(scope="session")
def service() -> Iterator[Serving]:
    """A service without authentication."""
    with serving(timezone="America/Sao_Paulo") as service:
        yield service


@pytest.fixture
async def client(service: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{service.url}/api/analytics-internal", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def portal() -> Iterator[PortalStandIn]:
    """What the service asks a portal for: its keys."""
    with PortalStandIn() as portal:
        yield portal


@pytest.fixture(scope="session")
def guarded(portal: PortalStandIn) -> Iterator[Serving]:
    """A service that verifies the portal's tokens; Ana may read."""
    settings = {"backend_url": portal.url, "import_tokens": [IMPORT_TOKEN], "readers": ["user:default/ana"]}
    with serving(auth="backstage", **settings) as service:
        yield service


@pytest.fixture
async def guarded_client(guarded: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{guarded.url}/api/analytics-internal", timeout=60) as client:
        yield client
