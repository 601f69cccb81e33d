"""What a page looks like, to people and to those who do not see it."""

from __future__ import annotations

from playwright.async_api import Locator, Page

from tests.page.conftest import SCREENSHOTS
from tests.walk.portal import ROOT
from tests.walk.walker import Walker

AXE = ROOT / "backstage/node_modules/axe-core/axe.min.js"
# The frame around our pages is Backstage's.
CHECK = """
async part => {
  const { violations } = await axe.run(part ?? document.querySelector('main'));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html]));
}
"""


async def screenshot(tab: Walker, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await tab.page.screenshot(path=SCREENSHOTS / f"portal-{tab.system}-{name}.png", full_page=True)


async def axe_violations(page: Page, part: Locator | None = None) -> list[list[str]]:
    """What axe finds in a page's main part, or in another part: rule and element."""
    await page.evaluate(AXE.read_text())
    element = await part.element_handle() if part is not None else None
    found: list[list[str]] = await page.evaluate(CHECK, element)
    return found
