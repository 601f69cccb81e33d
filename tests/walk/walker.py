"""A person's walk through the portal, by mouse and keyboard, in either frontend system."""

from __future__ import annotations

import contextlib
import re

from playwright.async_api import Locator, Page, expect
from playwright.async_api import TimeoutError as NotInTime

LIST_ATTEMPTS = 10
PAGES = {
    "Catalog": "catalog",
    "Create": "create",
    "Docs": "docs",
    "Metrics": "analytics-internal",
    "Settings": "settings",
}


class Walker:
    """Somebody in front of one tab of the portal."""

    def __init__(self, page: Page, url: str, system: str) -> None:
        self.page = page
        self.url = url
        self.system = system
        self.is_legacy = system == "legacy"

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/")
        await self.page.get_by_role("button", name="Enter").click()
        await expect(self.everything).to_be_visible()

    async def open_entity(self, title: str = "Payments") -> None:
        """From the catalog's table of everything."""
        await self.open_of_everything(self.row(title).get_by_role("link", name=title, exact=True).first)
        await expect(self.page.get_by_role("heading", name=re.compile(rf"^{title}\b")).first).to_be_visible()
        await expect(self.page.get_by_text("About", exact=True)).to_be_visible()

    async def open_tabs(self) -> None:
        """The entity's tabs, of which the last is its documentation."""
        if self.is_legacy:
            await self.tab("Dependencies").click()
            await expect(self.page.get_by_text("Depends on resources")).to_be_visible()
        await self.tab("Docs" if self.is_legacy else "TechDocs").click()
        await self.see_docs("Payments")

    async def read_on(self, link: str, title: str) -> None:
        """Follow a link of a documentation page."""
        await self.page.get_by_role("article").get_by_role("link", name=link, exact=True).click()
        await self.see_docs(title)

    async def open_docs(self) -> None:
        """A component's documentation, from the list of all."""
        await self.choose("Docs")
        await self.open_of_everything(self.page.get_by_role("link", name="Storefront", exact=True))
        await self.see_docs("Storefront")

    async def search(self, term: str, result: str) -> None:
        """Type into the search dialog and click on a result."""
        await self.page.get_by_role("button", name="Search", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_role("textbox").press_sequentially(term, delay=350)
        await dialog.get_by_role("link", name=result).first.click()
        await expect(dialog).to_be_hidden()
        await self.see_docs("Refunds")

    async def search_in_vain(self, term: str) -> None:
        """Type into the search dialog what is nowhere; the dialog stays open."""
        await self.page.get_by_role("button", name="Search", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        async with self.page.expect_response(lambda response: f"term={term}" in response.url):
            await dialog.get_by_role("textbox").fill(term)
        await expect(dialog.get_by_text(re.compile("no results", re.IGNORECASE)).first).to_be_visible()

    async def miss_a_page(self) -> None:
        await self.page.goto(f"{self.url}/no-such-page")
        await expect(self.page.get_by_text("404").first).to_be_visible()

    async def miss_documentation(self) -> None:
        """A page that a component's documentation does not have."""
        # Of a component that is not there Backstage reports `not-found` by chance: its reader page shows the first of
        # two 404s, the entity's or the documentation's, and reports only the latter.
        await self.page.goto(f"{self.url}/docs/default/component/payments/nothing")
        await expect(self.page.get_by_text(re.compile("404|not found", re.IGNORECASE)).first).to_be_visible()

    async def open_settings(self) -> None:
        await self.choose("Settings")
        await expect(self.page.get_by_text("Profile", exact=True)).to_be_visible()

    async def use_template(self) -> None:
        await self.choose("Create")
        choose = self.page.get_by_role("button", name="Choose")
        card = self.page.locator("div").filter(has_text="New service").filter(has=choose).last
        await card.get_by_role("button", name="Choose").click()
        await self.fill_in_template()
        await expect(self.page.get_by_text("The skeleton was written")).to_be_visible()

    async def use_failing_template(self) -> None:
        await self.page.goto(f"{self.url}/create/templates/default/failing-service")
        await self.fill_in_template()
        await expect(self.page.get_by_text("no-such-skeleton").first).to_be_visible()

    async def fill_in_template(self) -> None:
        await self.page.get_by_label("Name").fill("orders")
        await self.page.get_by_role("button", name="Review").click()
        await self.page.get_by_role("button", name="Create").click()

    async def open_of_everything(self, link: Locator) -> None:
        """Follow a link of a list's entry that others own."""
        # On a slow machine a list goes back to one's own even after it has shown everything.
        for _ in range(LIST_ATTEMPTS):
            await self.show_everything()
            with contextlib.suppress(NotInTime):
                return await link.click(timeout=5_000)
        return await link.click()

    async def show_everything(self) -> None:
        """What others own as well, in a list that begins with one's own."""
        # While a list loads it decides itself what it begins with, and may take back what was chosen too early.
        all_of_it = self.page.get_by_role("heading", name=re.compile(r"^All .*\([3-9]\)$")).first
        while not await all_of_it.is_visible():
            await self.everything.click()
            with contextlib.suppress(AssertionError):
                await expect(all_of_it).to_be_visible(timeout=2_000)

    async def choose(self, item: str) -> None:
        """Open a page from the sidebar."""
        await self.page.get_by_test_id("sidebar-root").get_by_role("link", name=item, exact=True).click()
        await expect(self.page).to_have_url(re.compile(rf"^{self.url}/{PAGES[item]}"))

    async def see_docs(self, title: str) -> None:
        await expect(self.page.get_by_role("article").get_by_role("heading", name=title).first).to_be_visible()

    def tab(self, name: str) -> Locator:
        """A tab of an entity's page: a link in the new frontend system."""
        tabs = self.page.get_by_role("navigation", name="Content navigation")
        return self.page.get_by_role("tab", name=name) if self.is_legacy else tabs.get_by_role("link", name=name)

    @property
    def everything(self) -> Locator:
        return self.page.get_by_role("menuitem", name=re.compile("^All"))

    def row(self, title: str) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=title, exact=True)).first
