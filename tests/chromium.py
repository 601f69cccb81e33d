"""The real Chromium that the tests of pages, of the capture module and of the portal look through."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator

from playwright.async_api import Browser, async_playwright, expect

FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
# Generous: no test waits for it that passes, and machines that run tests are busy.
expect.set_options(timeout=30_000)


@contextlib.asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """A headless Chromium for as long as the context."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is needed: `make test` installs it"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        await running.close()
