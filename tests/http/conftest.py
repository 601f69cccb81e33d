"""The real service, with its embedded PostgreSQL, for all tests of its HTTP side."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.samples import ANA, BO
from tests.service import ServiceProcess, running_service

CLEO, DORA, EVE = "user:default/cleo", "user:team/dora", "user:default/eve"
PEOPLE = (ANA, BO, CLEO, DORA, EVE)


@pytest.fixture(scope="session")
def service() -> Iterator[ServiceProcess]:
    """A service without authentication."""
    with running_service(timezone="America/Sao_Paulo") as service:
        yield service


@pytest.fixture
async def client(service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{service.url}/api/analytics-internal", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def portal() -> Iterator[PortalStandIn]:
    """What the service asks a portal for: its keys, and who belongs to which group."""
    with PortalStandIn() as portal:
        portal.owns_as[DORA] = [DORA, "group:default/platform"]
        yield portal


@contextlib.contextmanager
def serving_guarded(portal: PortalStandIn) -> Iterator[ServiceProcess]:
    """A service that verifies the portal's tokens.

    Ana and the group that Dora is in may read names, Cleo figures, Eve may administer, Bo may do nothing.
    """
    settings = {
        "backend_url": portal.url,
        "import_tokens": [IMPORT_TOKEN],
        "readers": [CLEO],
        "people_readers": [ANA, "group:default/platform"],
        "admins": [EVE],
    }
    with running_service(auth="backstage", **settings) as service:
        yield service


@pytest.fixture(scope="session")
def guarded(portal: PortalStandIn) -> Iterator[ServiceProcess]:
    """One such service for all tests."""
    with serving_guarded(portal) as service:
        yield service


@pytest.fixture
async def guarded_client(guarded: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{guarded.url}/api/analytics-internal", timeout=60) as client:
        yield client
