"""A portal of its own for each test, and what asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from analytics_internal.auth.portal_backend import PortalBackend
from analytics_internal.auth.tokens import Tokens
from tests.http.stand_in_portal import PortalStandIn


class Clock:
    """A time that passes when it is told to; in the place of the module ``time``."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def portal() -> Iterator[PortalStandIn]:
    with PortalStandIn() as portal:
        yield portal


@pytest.fixture
async def backend(portal: PortalStandIn) -> AsyncIterator[PortalBackend]:
    backend = PortalBackend(portal.url)
    yield backend
    await backend.close()


@pytest.fixture
def tokens(backend: PortalBackend, portal: PortalStandIn) -> Tokens:
    return Tokens(backend, portal.url)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that keys and remembered answers grow old by."""
    clock = Clock()
    monkeypatch.setattr("analytics_internal.auth.keys.time", clock)
    monkeypatch.setattr("analytics_internal.cache.time", clock)
    return clock
