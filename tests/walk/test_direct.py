"""A portal without the bridge, for somebody who may see figures and no names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.page.test_walk import panel
from tests.ports import reserved_port
from tests.service import running_service
from tests.walk.appearance import axe_violations, screenshot
from tests.walk.portal import Portal, running_portal
from tests.walk.visit import Visit
from tests.walk.walker import Walker

AUDITOR = "the-token-of-an-auditing-machine"
READER = "user:default/bruno"
NO_NAMES = "Names are shown to those who may see who did what"


@pytest.fixture(scope="module")
def direct() -> Iterator[Portal]:
    """The portal of a reader without ``analytics-internal.people.read``, whose browser talks to the service itself."""
    port = str(reserved_port())
    portal_url = f"http://localhost:{port}"
    settings = {"auth": "backstage", "portal_url": portal_url, "permissions": "framework", "import_tokens": [AUDITOR]}
    with (
        running_service(**settings) as service,
        running_portal("new", AUDITOR, PORTAL_PORT=port, PORTAL_GUEST=READER, PORTAL_SERVICE=service.url) as portal,
    ):
        yield portal


@pytest.fixture
async def reader(direct: Portal, browser: Browser) -> AsyncIterator[Walker]:
    """A tab of that reader, who has looked around; in the end all of it must be counted."""
    visit = await Visit.begin(browser, direct)
    tab = await visit.tab()
    await tab.sign_in()
    await tab.open_entity()
    await tab.open_tabs()
    await visit.settle()
    yield tab
    await visit.end()


async def test_the_browser_brings_its_events_to_the_service_itself(direct: Portal, reader: Walker) -> None:
    async with httpx.AsyncClient(base_url=direct.url) as client:
        assert (await client.get("/api/analytics-internal/configuration")).status_code == 404
    assert {event["user"] for event in direct.stored()} == {READER}


async def test_the_pages_show_figures_and_no_names(direct: Portal, reader: Walker) -> None:
    await reader.choose("Metrics")
    await expect(reader.page.get_by_role("button", name="People 1")).to_be_visible()
    await expect(panel(reader.page, "Actions Performed (Total)")).to_contain_text(NO_NAMES)
    await screenshot(reader, "no-names")
    assert await axe_violations(reader.page) == []
    await panel(reader.page, "Activity Log").get_by_role("link", name="View details of navigate /catalog").first.click()
    await expect(panel(reader.page, "User Access History")).to_contain_text(NO_NAMES)
    await expect(reader.page.get_by_role("main")).not_to_contain_text("bruno", ignore_case=True)


async def test_the_usage_card_has_no_readers(reader: Walker) -> None:
    await reader.page.goto(f"{reader.url}/catalog/default/component/payments")
    card = reader.page.get_by_role("region", name="Usage")
    await expect(card.get_by_role("tab")).to_have_text(["Doc pages", "Searches"])


async def test_no_answer_names_anybody(direct: Portal, reader: Walker) -> None:
    assert direct.ask("GET", "configuration").json()["may"] == {"read": True, "people": False, "admin": False}
    people = {"metrics": ["events"], "dimensions": ["person"], "date_range": {"last": "28d"}}
    filtered = {"metrics": ["events"], "filters": ["contains", "person", ["b"]], "date_range": {"last": "28d"}}
    for question in (people, filtered):
        assert direct.ask("POST", "query", json=question).status_code == 403
    assert direct.ask("GET", "events?after=0").status_code == 403
    listed = direct.ask("GET", "analytics")
    item = listed.json()[0]["id"]
    for answer in (listed, direct.ask("GET", f"analytics/{item}"), direct.ask("GET", "top-users")):
        assert answer.status_code == 200
        assert "bruno" not in answer.text
    assert direct.ask("GET", "top-users").json() == []
