"""The pages in the portal show exactly what was done in it, as it was captured."""

from __future__ import annotations

import re
from collections import Counter

from playwright.async_api import Locator, expect

from tests.page.test_walk import log_rows, panel
from tests.walk.appearance import axe_violations, screenshot
from tests.walk.counted import Item
from tests.walk.visit import Visit
from tests.walk.walker import Walker

PAYMENTS = re.compile(r"/(catalog|docs)/default/component/payments(/|$)")


def views_of_payments(counted: Counter[Item]) -> int:
    """Navigations to the entity's page and to its documentation, in both places where that is read."""
    return sum(count for (action, path), count in counted.items() if action == "navigate" and PAYMENTS.match(path))


async def test_the_metrics_page_shows_every_event_of_the_walk(tab: Walker, visit: Visit) -> None:
    await tab.choose("Metrics")
    await expect(panel(tab.page, "Activity Log").get_by_role("row").nth(1)).to_be_visible()
    counted = await visit.settle()
    await tab.page.get_by_role("button", name="Refresh").click()
    await expect(tab.page.get_by_role("button", name=f"Events {counted.total()}")).to_be_visible()
    await expect(tab.page.get_by_role("button", name=f"Items {len(counted)}")).to_be_visible()
    await expect(tab.page.get_by_role("button", name="People 1")).to_be_visible()
    await screenshot(tab, "metrics")
    rows = await log_rows(tab.page)
    assert {(action, subject): accesses for action, subject, accesses in rows} == dict(counted)
    assert len(rows) == len(counted)


async def test_the_details_tell_who_opened_a_page(tab: Walker, visit: Visit) -> None:
    await tab.choose("Metrics")
    item = ("navigate", "/catalog/default/component/payments/docs/questions")
    counted = await visit.settle()
    await panel(tab.page, "Activity Log").get_by_role("link", name=f"View details of {' '.join(item)}").click()
    await expect(panel(tab.page, "About")).to_contain_text(item[1])
    history = panel(tab.page, "User Access History")
    await expect(history.get_by_role("row").nth(1)).to_contain_text("Guest")
    await expect(history.get_by_role("row").nth(1)).to_contain_text(str(counted[item]))
    await screenshot(tab, "details")
    assert await axe_violations(tab.page) == []


async def test_the_usage_card_counts_what_concerns_the_entity(tab: Walker, visit: Visit) -> None:
    counted = await visit.settle()
    async with visit.nothing_arrives():
        await tab.open_entity()
        card = tab.page.get_by_role("region", name="Usage")
        await expect(card).to_contain_text(re.compile(rf"Views\s*{views_of_payments(counted)}(?!\d)"))
        await expect(card).to_contain_text(re.compile(r"People\s*1(?!\d)"))
        docs = counted["navigate", "/catalog/default/component/payments/docs/getting-started"]
        await expect(card.get_by_role("row", name=re.compile("getting-started"))).to_contain_text(str(docs))
        await card.get_by_role("tab", name="Searches").click()
        await expect(card.get_by_role("row", name=re.compile("refund"))).to_contain_text("1")
        await card.get_by_role("tab", name="Readers").click()
        await expect(card.get_by_role("row", name=re.compile("Guest"))).to_be_visible()
        assert await _empty_below_rows(card) < 64, "a short list leaves the card empty"
        await screenshot(tab, "card")
        assert await axe_violations(tab.page, card) == []


async def test_the_metrics_lead_administrators_to_the_destinations(tab: Walker) -> None:
    await tab.choose("Metrics")
    await tab.page.get_by_role("link", name="Destinations").click()
    await expect(tab.page).to_have_url(f"{tab.url}/analytics-internal/destinations")
    example = tab.page.get_by_role("region", name="Nothing is forwarded yet")
    await expect(example).to_contain_text("analyticsInternal:")
    await screenshot(tab, "destinations")
    assert await axe_violations(tab.page) == []


async def test_the_metrics_page_works_without_a_mouse(tab: Walker) -> None:
    await tab.choose("Metrics")
    await expect(panel(tab.page, "Activity Log").get_by_role("row").nth(1)).to_be_visible()
    assert await axe_violations(tab.page) == []


async def _empty_below_rows(card: Locator) -> float:
    """How much of the card, in pixels, is below the last row of its list."""
    frame, row = await card.bounding_box(), await card.get_by_role("row").last.bounding_box()
    assert frame is not None
    assert row is not None
    return frame["y"] + frame["height"] - row["y"] - row["height"]
