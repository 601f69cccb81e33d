"""The demo portal's year in a reader that has caught up, for all tests of answers about it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.databases import copied
from tests.insights.demo_portal import DemoPortal, reading_demo_portal


@pytest.fixture(scope="session")
async def demo(postgres: str, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoPortal]:
    """One for all tests: they only ask."""
    folder = tmp_path_factory.mktemp("demo")
    async with copied(postgres, migrated) as dsn, reading_demo_portal(dsn, folder) as demo:
        yield demo
