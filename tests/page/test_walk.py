"""The page shows every event of a real portal: the walk of a person who has just imported them."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from tests.page.conftest import SCREENSHOTS, recorded, recorded_items
from tests.service import ServiceProcess

ALL_TIME = "/?period=all"


async def screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


async def log_rows(page: Page) -> list[tuple[str, str, int]]:
    """The rows of the activity log from page to page: action, subject, total accesses."""
    rows: list[tuple[str, str, int]] = []
    log = panel(page, "Activity Log")
    following = log.get_by_role("button", name="Next page")
    while True:
        await expect(log.get_by_role("row").nth(1)).to_be_visible()
        for row in (await log.get_by_role("row").all())[1:]:
            link = await row.get_by_role("link", name=re.compile("View details")).get_attribute("aria-label")
            cells = await row.get_by_role("gridcell").all_inner_texts()
            action = cells[0].strip()
            assert link is not None
            rows.append((action, link.removeprefix(f"View details of {action} "), int(cells[1].replace(",", ""))))
        if await following.is_disabled():
            return rows
        before = page.url
        await following.click()
        await expect(page).not_to_have_url(before)
        await expect(log.get_by_text(re.compile(rf"^{len(rows) + 1}–\d+ of"))).to_be_visible()


async def test_the_tiles_count_every_recorded_event(page: Page, service: ServiceProcess) -> None:
    await page.goto(service.url + ALL_TIME)
    await expect(page.get_by_role("button", name=f"Events {len(recorded())}")).to_be_visible()
    await expect(page.get_by_role("button", name=f"Items {len(recorded_items())}")).to_be_visible()
    await expect(page.get_by_role("button", name="People 1")).to_be_visible()
    await screenshot(page, "metrics")


async def test_the_log_lists_every_item_with_its_accesses(page: Page, service: ServiceProcess) -> None:
    await page.goto(service.url + ALL_TIME)
    shown = await log_rows(page)
    assert {(action, subject): accesses for action, subject, accesses in shown} == dict(recorded_items())
    assert len(shown) == len(recorded_items())


async def test_the_curve_opens_as_a_table_that_adds_up(page: Page, service: ServiceProcess) -> None:
    await page.goto(service.url + ALL_TIME)
    curve = panel(page, "Events over time")
    await curve.get_by_role("button", name="Show as table").click()
    rows = await curve.get_by_role("table").get_by_role("row").all_inner_texts()
    values = [int(match[1]) for row in rows[1:] if (match := re.search(r"\t(\d+)", row))]
    assert sum(values) == len(recorded())


async def test_the_search_finds_rows_of_the_whole_log(page: Page, service: ServiceProcess) -> None:
    await page.goto(service.url + ALL_TIME)
    log = panel(page, "Activity Log")
    await log.get_by_role("searchbox").fill("GRPC")
    matching = [item for item in recorded_items() if "grpc" in item[1]]
    await expect(log.get_by_text(f"1–{len(matching)} of {len(matching)}", exact=True)).to_be_visible()


async def test_the_details_tell_who_accessed_the_item(page: Page, service: ServiceProcess) -> None:
    subject = "/catalog/default/component/example-website"
    await page.goto(service.url + ALL_TIME)
    log = panel(page, "Activity Log")
    await log.get_by_role("link", name=f"View details of navigate {subject}", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/items/\d+\?period=all"))
    about = panel(page, "About")
    await expect(about).to_contain_text(str(recorded_items()["navigate", subject]))
    history = panel(page, "User Access History")
    await expect(history.get_by_role("row")).to_have_count(3)
    await expect(history.get_by_role("link", name="guest").first).to_be_visible()
    await screenshot(page, "details")
    await page.reload()
    await expect(about).to_contain_text(str(recorded_items()["navigate", subject]))


async def test_a_subject_links_into_the_portal(page: Page, service: ServiceProcess) -> None:
    await page.goto(service.url + ALL_TIME)
    link = panel(page, "Activity Log").locator('a[href="https://portal.example/catalog/default/system/examples"]')
    await expect(link.first).to_be_visible()


async def test_an_empty_service_says_what_to_do_next(page: Page, empty_service: ServiceProcess) -> None:
    await page.goto(empty_service.url)
    await expect(page.get_by_text("analytics-internal import")).to_be_visible()
    await screenshot(page, "empty")


async def test_the_page_is_portuguese_and_dark_on_a_phone(browser: Browser, service: ServiceProcess) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, locale="pt-BR", color_scheme="dark", device_scale_factor=2
    )
    page = await context.new_page()
    await page.goto(service.url + ALL_TIME)
    await expect(page.get_by_role("heading", name="Log de Atividades")).to_be_visible()
    await expect(panel(page, "Log de Atividades").get_by_role("row").nth(1)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await screenshot(page, "phone")
    await context.close()


async def test_everything_works_without_a_mouse(page: Page, service: ServiceProcess) -> None:
    axe = (Path(__file__).parents[2] / "backstage/node_modules/axe-core/axe.min.js").read_text()
    await page.goto(service.url + ALL_TIME)
    await expect(panel(page, "Activity Log").get_by_role("row").nth(1)).to_be_visible()
    await page.evaluate(axe)
    found = await page.evaluate("axe.run().then(result => result.violations.map(({ id, help }) => [id, help]))")
    assert found == []


async def test_the_api_page_shows_the_document(page: Page, service: ServiceProcess) -> None:
    await page.goto(f"{service.url}/api.html")
    await expect(page.get_by_text("Store events; answers after the commit")).to_be_visible()
