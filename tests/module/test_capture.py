"""Nothing that was captured is lost, and nothing is stored twice: whatever becomes of network, service and tabs."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

import httpx
from playwright.async_api import Page

from tests.module.conftest import PATIENCE_S, Portal
from tests.service import API, ServiceProcess

ANA, BRUNO = "user:default/ana", "user:default/bruno"


async def capture(tab: Page, *subjects: str) -> None:
    """Report events at once, without giving the page time for anything else."""
    await tab.evaluate("subjects => subjects.forEach(portal.capture)", list(subjects))


async def crash(portal: Portal, tab: Page) -> None:
    """Kill the tab's process: no code of the page runs any more."""
    session = await portal.context.new_cdp_session(tab)
    async with tab.expect_event("crash"):
        answer = asyncio.ensure_future(session.send("Page.crash"))
    await tab.close()
    await asyncio.gather(answer, return_exceptions=True)  # nobody is there who could answer


async def stored(service: ServiceProcess, prefix: str) -> list[dict[str, str]]:
    """The stored events whose subjects begin so, in the log's order."""
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{service.url}{API}/events?after=0")).text.splitlines()
    events = [httpx.Response(200, text=line).json() for line in lines]
    return [event for event in events if event["subject"].startswith(prefix)]


async def subjects_when(service: ServiceProcess, prefix: str, is_enough: Callable[[list[str]], bool]) -> list[str]:
    """The stored subjects, in the order in which they happened, as soon as they are enough or patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        subjects = [event["subject"] for event in sorted(await stored(service, prefix), key=lambda event: event["id"])]
        if is_enough(subjects) or time.monotonic() > deadline:
            return subjects
        await asyncio.sleep(0.1)


async def test_events_of_two_tabs_are_each_sent_and_stored_once(portal: Portal, service: ServiceProcess) -> None:
    tabs = [await portal.tab(), await portal.tab()]
    captured = [f"two tabs {number:03}" for number in range(120)]
    for start in range(0, len(captured), 4):
        await capture(tabs[start // 4 % 2], *captured[start : start + 4])
    assert await subjects_when(service, "two tabs", lambda subjects: len(subjects) >= 120) == captured
    assert len(portal.sent) == len(set(portal.sent)) == 120
    events = await stored(service, "two tabs")
    assert {event["user"] for event in events} == {ANA}
    assert len({event["sessionId"] for event in events}) == 1


async def test_what_happens_offline_is_stored_when_the_network_is_back(portal: Portal, service: ServiceProcess) -> None:
    tabs = [await portal.tab(), await portal.tab()]
    await portal.context.set_offline(True)
    captured = [f"offline {number:03}" for number in range(300)]
    for start in range(0, len(captured), 25):
        await capture(tabs[start // 25 % 2], *captured[start : start + 25])
        await asyncio.sleep(0.05)
    assert await tabs[0].evaluate("portal.waiting()") == 300
    await portal.context.set_offline(False)
    assert await subjects_when(service, "offline", lambda subjects: len(subjects) >= 300) == captured
    assert len(portal.sent) == len(set(portal.sent)) == 300
    assert await tabs[0].evaluate("portal.waiting()") == 0


async def test_what_happens_while_the_service_is_killed_and_started_is_stored(
    portal: Portal, service: ServiceProcess
) -> None:
    tab = await portal.tab()
    captured = [f"service {number:02}" for number in range(40)]
    await capture(tab, *captured[:10])
    service.kill()
    await capture(tab, *captured[10:30])
    await asyncio.sleep(0.5)
    service.start()
    await capture(tab, *captured[30:])
    assert await subjects_when(service, "service", lambda subjects: len(subjects) >= 40) == captured


async def test_a_tab_that_is_closed_at_once_loses_nothing(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab(late="closed, late", flushInterval=900)
    await capture(tab, "closed 1", "closed 2")
    await tab.close(run_before_unload=True)
    found = await subjects_when(service, "closed", lambda subjects: len(subjects) >= 3)
    assert found == ["closed 1", "closed 2", "closed, late"]


async def test_a_page_that_is_left_by_a_link_loses_nothing(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab(late="left, late", flushInterval=900)
    await capture(tab, "left 1")
    await tab.goto("about:blank")
    assert await subjects_when(service, "left", lambda subjects: len(subjects) >= 2) == ["left 1", "left, late"]


async def test_a_tab_that_crashes_is_inherited_by_the_other_at_once(portal: Portal, service: ServiceProcess) -> None:
    other, tab = await portal.tab(), await portal.tab(flushInterval=900)
    await capture(tab, "crash 1", "crash 2")
    await capture(other, "crash 3")
    await subjects_when(service, "crash 3", bool)
    await crash(portal, tab)
    found = await subjects_when(service, "crash", lambda subjects: len(subjects) >= 3)
    assert found == ["crash 1", "crash 2", "crash 3"]
    assert len(portal.sent) == 3


async def test_what_the_last_tab_left_is_sent_by_the_next_visit(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab()
    await portal.context.set_offline(True)
    await capture(tab, "visit 1", "visit 2")
    await tab.close()
    await portal.context.set_offline(False)
    await portal.tab()
    assert await subjects_when(service, "visit", lambda subjects: len(subjects) >= 2) == ["visit 1", "visit 2"]


async def test_nothing_of_the_first_person_counts_for_the_second(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab(ANA)
    await portal.context.set_offline(True)
    await capture(tab, "person, ana")
    await crash(portal, tab)
    await portal.context.set_offline(False)
    second = await portal.tab(BRUNO)
    await capture(second, "person, bruno")
    await subjects_when(service, "person, bruno", bool)
    assert [(event["subject"], event["user"]) for event in await stored(service, "person")] == [
        ("person, bruno", BRUNO)
    ]
    await second.close()
    await portal.tab(ANA)
    await subjects_when(service, "person, ana", bool)
    assert {(event["subject"], event["user"]) for event in await stored(service, "person")} == {
        ("person, ana", ANA),
        ("person, bruno", BRUNO),
    }


async def test_events_before_the_sign_in_belong_to_whoever_signs_in(portal: Portal, service: ServiceProcess) -> None:
    tab = await portal.tab(user="")
    await capture(tab, "sign-in 1")
    await portal.load(tab, user="")  # the provider's pages, and back again
    await capture(tab, "sign-in 2")
    assert portal.sent == []
    await tab.evaluate("user => portal.signIn(user)", BRUNO)
    await subjects_when(service, "sign-in", lambda subjects: len(subjects) >= 2)
    events = await stored(service, "sign-in")
    assert [(event["subject"], event["user"]) for event in events] == [("sign-in 1", BRUNO), ("sign-in 2", BRUNO)]


async def test_a_wild_afternoon_leaves_every_event_stored_once(portal: Portal, service: ServiceProcess) -> None:
    chance = random.Random()
    seed = chance.randrange(10**6)
    chance.seed(seed)
    captured: list[str] = []
    tabs = [await portal.tab(), await portal.tab()]
    for step in range(60):
        tab = chance.choice(tabs)
        subjects = [f"wild {step:02}.{number}" for number in range(chance.randrange(8))]
        await capture(tab, *subjects)
        captured += subjects
        match chance.randrange(8):
            case 0:
                await portal.context.set_offline(chance.random() < 0.5)
            case 1:
                tabs.remove(tab)
                async with tab.expect_event("close"):
                    await tab.close(run_before_unload=chance.random() < 0.5)
                tabs.append(await reopened(portal))
            case 2:
                await portal.context.set_offline(False)
                await portal.load(tab)
            case 3:
                await asyncio.sleep(0.2 * chance.random())
    await portal.context.set_offline(False)
    found = await subjects_when(service, "wild", lambda subjects: len(set(subjects)) >= len(captured))
    assert Counter(found) == Counter(captured), f"seed {seed}"


async def reopened(portal: Portal) -> Page:
    await portal.context.set_offline(False)
    return await portal.tab()
