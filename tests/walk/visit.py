"""One person's visit: a browser of their own, and everything that was captured in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, BrowserContext, Error, Page, Route

from tests.walk.captured import Captured, captured, keep_captured
from tests.walk.counted import Item, counted
from tests.walk.portal import Portal
from tests.walk.walker import Walker

# Far more than the module's interval: it waits for a busy machine, not for the module.
SETTLE_LIMIT_S = 45.0


class Visit:
    """A browser context that nobody has used before."""

    def __init__(self, portal: Portal, context: BrowserContext) -> None:
        self.portal = portal
        self.context = context
        self.errors: list[str] = []

    @classmethod
    async def begin(cls, browser: Browser, portal: Portal, **options: Any) -> Visit:
        options = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-GB", **options}
        context = await browser.new_context(**options)
        await keep_captured(context)
        return cls(portal, context)

    async def tab(self) -> Walker:
        """Another tab of the browser."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return Walker(page, self.portal.url, self.portal.system)

    async def captured(self) -> list[Captured]:
        return await captured(self._page)

    async def until_captured(self, actions: set[str]) -> None:
        """Wait for all of these actions: some are captured only after what is to be seen."""
        deadline = time.monotonic() + SETTLE_LIMIT_S
        while missing := actions - {call.event["action"] for call in await self.captured()}:
            assert time.monotonic() < deadline, f"not captured: {missing}"
            await asyncio.sleep(0.25)

    async def expected(self) -> Counter[Item]:
        """What the service must have counted by now, all visits before this one included."""
        return self.portal.done + counted(await self.captured())

    async def settle(self) -> Counter[Item]:
        """Wait until the service has stored what was captured, neither more nor less, and return it by item."""
        deadline = time.monotonic() + SETTLE_LIMIT_S
        while True:
            expected, stored = await self.expected(), await asyncio.to_thread(self.portal.counted)
            if expected == stored:
                return stored
            assert time.monotonic() < deadline, f"missing: {expected - stored}; too many: {stored - expected}"
            await asyncio.sleep(0.25)

    @contextlib.asynccontextmanager
    async def nothing_arrives(self) -> AsyncIterator[None]:
        """Meanwhile hold back what the module sends: figures stay as they were, however slow the page is."""
        released = asyncio.Event()

        async def hold(route: Route) -> None:
            await released.wait()
            # The module waits for an answer no longer than it should, and sends again.
            with contextlib.suppress(Error):
                await route.continue_()

        address = f"{self.portal.api}/events"
        await self.context.route(address, hold)
        try:
            yield
        finally:
            released.set()
            await self.context.unroute(address, hold)

    async def end(self) -> None:
        """Close the browser once everything that was done in it is stored."""
        self.portal.done = await self.settle()
        await self.context.close()
        assert self.errors == []

    @property
    def _page(self) -> Page:
        return self.context.pages[0]
