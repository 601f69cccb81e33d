"""The capture module, bundled as a portal would, in a real Chromium, against a real service."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, Route

from tests.service import API, ServiceProcess, running_service

BACKSTAGE = Path(__file__).parents[2] / "backstage"
PATIENCE_S = 30.0
OFFLINE = "net::ERR_INTERNET_DISCONNECTED"


@pytest.fixture(scope="session")
def script() -> str:
    """The test's portal with the module in it, as one script."""
    esbuild = BACKSTAGE / "node_modules/.bin/esbuild"
    assert esbuild.exists(), f"the Backstage workspace is not installed: {esbuild} is missing"
    bundled = subprocess.run(
        [esbuild, Path(__file__).parent / "portal.ts", "--bundle", "--minify"],
        env={
            **os.environ,
            "NODE_PATH": str(BACKSTAGE / "node_modules"),
            "PATH": f"{BACKSTAGE}/tools/node_modules/.bin:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert bundled.returncode == 0, bundled.stderr
    return bundled.stdout


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    with running_service() as running:
        yield running


class Portal:
    """One person's browser profile; its tabs show the portal on the service's own origin."""

    def __init__(self, context: BrowserContext, service: ServiceProcess) -> None:
        self.context = context
        self.sent: list[str] = []
        """The id of every event in every request that left a tab, as often as it did."""
        self._service = service

    async def tab(self, user: str = "user:default/ana", late: str = "", **settings: object) -> Page:
        """Open the portal in another tab, signed in unless ``user`` is empty."""
        page = await self.context.new_page()
        await self.load(page, user, late, **settings)
        return page

    async def load(self, page: Page, user: str = "user:default/ana", late: str = "", **settings: object) -> None:
        """Load the portal in this tab."""
        asked = {"settings": json.dumps({"flushInterval": 0.2, **settings}), "user": user, "late": late}
        await page.goto(f"{self._service.url}/test-portal?{urlencode(asked)}")


@pytest.fixture
async def portal(browser: Browser, service: ServiceProcess, script: str) -> AsyncIterator[Portal]:
    context = await browser.new_context()
    portal = Portal(context, service)

    async def show(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=f"<!doctype html><script>{script}</script>")

    await context.route("**/test-portal?*", show)
    context.on("request", lambda request: portal.sent.extend(_ids_in(request)))
    # Without network no request leaves the tab.
    context.on("requestfailed", lambda request: _forget(portal, request) if request.failure == OFFLINE else None)
    yield portal
    await context.close()


def _ids_in(request: Request) -> list[str]:
    """The ids of the events that a request brings to the service."""
    body = request.post_data if request.url.endswith(f"{API}/events") else None
    return [event["id"] for event in json.loads(body or "{}").get("events", [])]


def _forget(portal: Portal, request: Request) -> None:
    for id_ in _ids_in(request):
        portal.sent.remove(id_)
