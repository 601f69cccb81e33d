"""The page Destinations: a real service that forwards to a real receiver, watched and steered in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from analytics_internal.event.uuid7 import uuid7
from tests.forward.http_receiver import HttpReceiver, running
from tests.page.test_walk import screenshot
from tests.service import API, ServiceProcess, running_service
from tests.walk.appearance import axe_violations

# An attempt after several failures comes after some seconds.
PATIENCE_MS = 60_000


class Forwarding(NamedTuple):
    """A service with the destination `audit`, and its receiver."""

    service: ServiceProcess
    receiver: HttpReceiver

    def store(self, events: int) -> None:
        body = {"events": [{"id": str(uuid7()), "action": "navigate", "subject": "/catalog"} for _ in range(events)]}
        httpx.post(f"{self.service.url}{API}/events", json=body).raise_for_status()


@pytest.fixture(scope="module")
def started() -> Iterator[Forwarding]:
    with running(HttpReceiver()) as receiver:
        audit = {"name": "audit", "type": "webhook", "url": receiver.url, "start": "beginning"}
        with running_service(timezone="America/Sao_Paulo", destinations=[audit]) as service:
            yield Forwarding(service, receiver)


@pytest.fixture
async def forwarding(started: Forwarding, page: Page) -> Forwarding:
    """With its page open, and every event delivered."""
    started.receiver.recover()
    started.store(1)
    await page.goto(f"{started.service.url}/destinations")
    await expect(row(page)).to_contain_text("Up to date", timeout=PATIENCE_MS)
    return started


def row(page: Page) -> Locator:
    return page.get_by_test_id("destination-audit")


def figure(page: Page, label: str) -> Locator:
    return row(page).get_by_role("cell").filter(has_text=label)


async def choose(choice: Locator) -> None:
    """Check a box or a radio, which people see by its label. A busy page says later that it is checked."""
    await choice.locator("xpath=ancestor::label[1]").click()
    await expect(choice).to_be_checked()


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_the_metrics_page_leads_to_it_and_it_shows_what_was_delivered(page: Page, forwarding: Forwarding) -> None:
    await page.goto(forwarding.service.url)
    await page.get_by_role("link", name="Destinations").click()
    await expect(page).to_have_url(f"{forwarding.service.url}/destinations")
    await expect(page.get_by_text("1 destination: nothing is in the way of their events.")).to_be_visible()
    await expect(row(page)).to_contain_text(f"webhook · {forwarding.receiver.url}")
    head = forwarding.service.head
    forwarding.store(7)
    await expect(figure(page, "Stored")).to_have_text(f"Stored{head + 7}")
    await expect(figure(page, "Waiting")).to_have_text("Waiting0")
    assert await axe_violations(page) == []


async def test_it_is_paused_and_resumed(page: Page, forwarding: Forwarding) -> None:
    await press(page, "Pause: audit")
    await expect(row(page)).to_contain_text("Paused")
    forwarding.store(3)
    await expect(figure(page, "Waiting")).to_contain_text("Waiting3")
    await expect(page.get_by_text("audit is paused. 3 events wait.")).to_be_visible()
    await press(page, "Resume: audit")
    await expect(row(page)).to_contain_text("Up to date")
    await expect(figure(page, "Waiting")).to_have_text("Waiting0")


async def test_a_test_event_says_what_the_receiver_answered(page: Page, forwarding: Forwarding) -> None:
    head = forwarding.service.head
    await press(page, "Send a test event: audit")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("audit took the test event")).to_be_visible()
    await dialog.get_by_text("What was sent").click()
    await expect(dialog.get_by_text("/analytics-internal/test")).to_be_visible()
    forwarding.receiver.refuse()
    await dialog.get_by_role("button", name="Send another one").click()
    await expect(dialog.get_by_text("audit did not take the test event")).to_be_visible()
    await expect(dialog.get_by_text("what is that")).to_be_visible()
    await screenshot(page, "destinations-test")
    assert await axe_violations(page, dialog) == []
    await dialog.get_by_role("button", name="Close", exact=True).last.click()
    assert forwarding.service.head == head


async def test_a_failing_receiver_is_told_until_it_recovers(page: Page, forwarding: Forwarding) -> None:
    forwarding.receiver.overload()
    forwarding.store(2)
    await expect(row(page)).to_contain_text("Failing")
    await expect(page.get_by_text("audit is failing. 2 events wait, the oldest for")).to_be_visible()
    await row(page).get_by_text("What the receiver answered").click()
    answer = row(page).get_by_text("too much")
    await expect(answer).to_be_visible()
    assert await axe_violations(page) == []
    await screenshot(page, "destinations-failing")
    forwarding.receiver.recover()
    await expect(row(page)).to_contain_text("Up to date", timeout=PATIENCE_MS)
    await expect(row(page)).to_contain_text("It delivers again.")


async def test_a_refused_event_is_a_dead_letter_that_can_be_sent_again(page: Page, forwarding: Forwarding) -> None:
    forwarding.receiver.refuse()
    forwarding.store(2)
    await page.get_by_role("button", name="2 dead letters: audit").click(timeout=PATIENCE_MS)
    letters = page.get_by_role("table", name="Dead letters of audit")
    await expect(letters.get_by_role("row")).to_have_count(3)
    await expect(letters.get_by_role("row").nth(1)).to_contain_text("navigate /catalog")
    await expect(letters.get_by_role("row").nth(1)).to_contain_text("refused")
    assert await axe_violations(page) == []
    await screenshot(page, "destinations-dead")
    forwarding.receiver.recover()
    sent = len(forwarding.receiver.requests)
    await choose(letters.get_by_role("checkbox").nth(1))
    await press(page, "Send 1 again")
    await expect(page.get_by_role("button", name="1 dead letter: audit")).to_be_visible(timeout=PATIENCE_MS)
    assert len(forwarding.receiver.requests) == sent + 1
    await press(page, "Discard all")
    await page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    await expect(page.get_by_text("There are no dead letters.")).to_be_visible()


async def test_a_range_of_the_log_is_sent_again(page: Page, forwarding: Forwarding) -> None:
    head = forwarding.service.head
    sent = sum(request.body.count(b'"position"') for request in forwarding.receiver.requests)
    await press(page, "Send again…: audit")
    dialog = page.get_by_role("dialog")
    await choose(dialog.get_by_role("radio", name="What is after a position"))
    await dialog.get_by_role("textbox", name="After position").fill("0")
    await dialog.get_by_role("textbox", name="After position").press("Tab")
    await dialog.get_by_role("button", name="Send again").click()
    await expect(dialog.get_by_text("sent again, beside what is new.")).to_be_visible()
    await dialog.get_by_role("button", name="Close", exact=True).last.click()
    await expect(row(page)).to_contain_text("sent again", timeout=PATIENCE_MS)
    await expect(row(page).get_by_role("progressbar")).to_have_count(0, timeout=PATIENCE_MS)
    again = sum(request.body.count(b'"position"') for request in forwarding.receiver.requests)
    assert again == sent + head


async def test_it_fits_a_phone_in_the_dark(browser: Browser, started: Forwarding) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, locale="pt-BR", color_scheme="dark", device_scale_factor=2
    )
    page = await context.new_page()
    await page.goto(f"{started.service.url}/destinations")
    await expect(page.get_by_role("heading", name="Destinos")).to_be_visible()
    await expect(figure(page, "Entregues")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert await axe_violations(page) == []
    await screenshot(page, "destinations-phone")
    await context.close()


async def test_without_destinations_it_says_how_to_add_one(page: Page, empty_service: ServiceProcess) -> None:
    await page.goto(f"{empty_service.url}/destinations")
    await expect(page.get_by_role("region", name="Nothing is forwarded yet")).to_contain_text("type: webhook")
    assert await axe_violations(page) == []
