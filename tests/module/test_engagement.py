"""The seconds in which somebody looks at a page, and pages that lead to others, in a real browser with real input."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from playwright.async_api import Page

from tests.module.conftest import Portal
from tests.module.test_capture import stored, subjects_when
from tests.service import ServiceProcess

# A page with a shadow root, as TechDocs has it, that scrolls by itself.
SHADOW = """
const host = document.body.appendChild(document.createElement('div'));
const root = host.attachShadow({ mode: 'open' });
root.innerHTML = '<div style="height: 300px; overflow: auto"><p style="height: 5000px">text</p></div>';
"""


# What the browser has made of the input so far: on a busy machine it comes to the page after the call that sends it.
NOTICED = """
window.noticed = { pointermove: 0, wheel: 0 };
for (const kind in noticed) window.addEventListener(kind, () => (noticed[kind] += 1), { capture: true, passive: true });
"""


async def open_page(tab: Page, path: str) -> None:
    """Open a page, from when on the tab's clock stands still unless it is moved."""
    await tab.evaluate(NOTICED)
    await tab.clock.install()
    await tab.clock.pause_at(await tab.evaluate("Date.now() / 1000 + 1"))
    await tab.evaluate("path => portal.navigate(path)", path)


async def noticed(tab: Page, kind: str, doing: Coroutine[Any, Any, None]) -> None:
    """Do something with the mouse, and return when the page knows of it."""
    before = await tab.evaluate("kind => noticed[kind]", kind)
    await doing
    await tab.wait_for_function("([kind, before]) => noticed[kind] > before", arg=[kind, before])


async def read_for(tab: Page, seconds: int) -> None:
    """Somebody moves the pointer every ten seconds. The tab's clock is moved, so it takes no time."""
    for past in range(0, seconds, 10):
        await noticed(tab, "pointermove", tab.mouse.move(100 + past, 100))
        await tab.clock.run_for(10_000)


async def engaged(service: ServiceProcess, prefix: str, pages: int = 1) -> list[tuple[str, Any]]:
    """The engaged times of pages whose paths begin so, as soon as the navigations to all of them are there."""
    await subjects_when(service, prefix, lambda subjects: len(set(subjects)) >= pages < len(subjects))
    events = await stored(service, prefix)
    return [(event["subject"], event["value"]) for event in events if event["action"] == "engage"]


async def test_a_page_that_is_read_for_a_minute_says_so_when_the_tab_is_closed(
    portal: Portal, service: ServiceProcess
) -> None:
    tab = await portal.tab(flushInterval=900)
    await open_page(tab, "/docs/minute")
    await read_for(tab, 60)
    await tab.close(run_before_unload=True)
    assert await engaged(service, "/docs/minute") == [("/docs/minute", 60)]


async def test_scrolling_inside_a_shadow_root_is_activity(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab(flushInterval=900)
    await tab.evaluate(SHADOW)
    await open_page(tab, "/docs/shadow")
    await noticed(tab, "pointermove", tab.mouse.move(50, 50))
    for _ in range(3):
        await tab.clock.run_for(25_000)
        await noticed(tab, "wheel", tab.mouse.wheel(0, 100))
    await tab.wait_for_function("document.querySelector('div').shadowRoot.firstChild.scrollTop > 0")
    await tab.close(run_before_unload=True)
    assert await engaged(service, "/docs/shadow") == [("/docs/shadow", 75)]


async def test_a_tab_that_is_asleep_for_a_night_counts_for_half_a_minute(
    portal: Portal, service: ServiceProcess
) -> None:
    tab = await portal.tab(flushInterval=900)
    await open_page(tab, "/docs/night")
    await tab.clock.fast_forward("09:00:00")
    await tab.close(run_before_unload=True)
    assert await engaged(service, "/docs/night") == [("/docs/night", 30)]


async def test_of_two_tabs_only_the_one_in_front_counts(portal: Portal, service: ServiceProcess) -> None:
    behind, front = await portal.tab(flushInterval=900), await portal.tab(flushInterval=900)
    await open_page(behind, "/docs/tabs/behind")
    await front.evaluate(NOTICED)
    await front.evaluate("portal.navigate('/docs/tabs/front')")
    # Chromium without a screen shows all tabs at once, so the browser's word is given here.
    await behind.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true });"
        "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
    )
    # The tabs of a context have one clock.
    await read_for(front, 20)
    await front.close(run_before_unload=True)
    await behind.close(run_before_unload=True)
    assert await engaged(service, "/docs/tabs", pages=2) == [("/docs/tabs/front", 20)]


async def test_a_page_that_leads_to_another_at_once_is_not_counted(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab()
    await tab.mouse.click(10, 10)
    await tab.evaluate("portal.navigate('/redirect/settings'); portal.navigate('/redirect/settings/general')")
    await tab.mouse.click(10, 10)
    await tab.evaluate("portal.navigate('/redirect/docs')")
    found = await subjects_when(service, "/redirect", lambda subjects: len(subjects) >= 2)
    assert found == ["/redirect/settings/general", "/redirect/docs"]
