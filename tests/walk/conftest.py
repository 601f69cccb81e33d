"""A real portal in both frontend systems, and a real Chromium to walk in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.walk.portal import Portal, running_portal
from tests.walk.visit import Visit
from tests.walk.walker import Walker


@pytest.fixture(scope="session", params=["new", "legacy"])
def portal(request: pytest.FixtureRequest) -> Iterator[Portal]:
    """The portal of one frontend system, with nothing done in it yet."""
    with running_portal(request.param) as running:
        yield running


@pytest.fixture(scope="session")
async def walked(portal: Portal, browser: Browser) -> Portal:
    """The portal after somebody has walked through all of it."""
    visit = await Visit.begin(browser, portal)
    tab = await visit.tab()
    await walk(tab)
    await visit.until_captured({"navigate", "click", "search", "discover", "create", "not-found", "signIn"})
    await visit.end()
    return portal


async def walk(tab: Walker) -> None:
    """Everything a person does in a portal, once."""
    await tab.sign_in()
    await tab.open_entity()
    await tab.open_tabs()
    await tab.read_on("getting started", "Getting started")
    await tab.read_on("questions", "Questions")
    await tab.page.reload()
    await tab.see_docs("Questions")
    await tab.open_docs()
    await tab.read_on("releases", "Releases")
    await tab.search("refund", "Refunds")
    await tab.open_settings()
    await tab.use_template()
    await tab.miss_a_page()
    await tab.miss_documentation()


@pytest.fixture
async def visit(walked: Portal, browser: Browser) -> AsyncIterator[Visit]:
    """Somebody's visit after that; whatever is done in it must be counted in the end."""
    begun = await Visit.begin(browser, walked)
    yield begun
    await begun.end()


@pytest.fixture
async def tab(visit: Visit) -> Walker:
    """A tab of it, signed in."""
    opened = await visit.tab()
    await opened.sign_in()
    return opened
