"""What is captured arrives, once, whatever becomes of the network, of tabs and of pages."""

from __future__ import annotations

import pytest

from tests.walk.visit import Visit
from tests.walk.walker import Walker

# In one frontend system: what is lost or kept is the capture module's work, in both with the same code.
pytestmark = pytest.mark.parametrize("portal", ["new"], indirect=True)
# Opened before the network goes: what a page is made of is loaded with its first visit.
PAGES = ("Create", "Settings", "Docs")


async def test_clicks_made_offline_arrive_later(tab: Walker, visit: Visit) -> None:
    await choose_all(tab)
    before = len(await visit.captured())
    async with tab.page.expect_event("requestfailed", lambda request: request.url == f"{visit.portal.api}/events"):
        await visit.context.set_offline(True)
        await choose_all(tab)
    await choose_all(tab)
    assert len(await visit.captured()) >= before + 4 * len(PAGES)
    await visit.context.set_offline(False)
    await visit.settle()


async def test_a_tab_closed_offline_leaves_nothing_behind(tab: Walker, visit: Visit) -> None:
    other = await visit.tab()
    await other.page.goto(f"{other.url}/create")
    await choose_all(other)
    await visit.context.set_offline(True)
    await choose_all(other)
    async with other.page.expect_event("close"):
        await other.page.close(run_before_unload=True)
    await visit.context.set_offline(False)
    await tab.choose("Settings")
    await visit.settle()


async def test_a_tab_that_dies_right_after_a_click_leaves_nothing_behind(tab: Walker, visit: Visit) -> None:
    other = await visit.tab()
    await other.page.goto(f"{other.url}/create")
    await choose_all(other)
    await other.page.close()
    await tab.choose("Settings")
    await visit.settle()


async def test_two_tabs_at_once_send_nothing_twice(tab: Walker, visit: Visit) -> None:
    other = await visit.tab()
    await other.page.goto(f"{other.url}/create")
    for page in PAGES:
        await tab.choose(page)
        await other.choose(page)
    await visit.settle()


async def test_a_page_reloaded_right_after_a_click_loses_nothing(tab: Walker, visit: Visit) -> None:
    for page in PAGES:
        await tab.choose(page)
        await tab.page.reload()
    await visit.settle()


async def choose_all(tab: Walker) -> None:
    """Some pages one after the other: each a click and a navigation."""
    for page in PAGES:
        await tab.choose(page)
