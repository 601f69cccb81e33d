"""A portal that is restarted under the hands of those who use it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.ports import reserved_port
from tests.walk.portal import running_portal
from tests.walk.visit import Visit

# As in a new portal, whose database is in memory: after a restart nobody knows the tokens that were given out before.
KEYS_IN_MEMORY = {"auth": {"keyStore": {"provider": "memory"}}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: each session of pytest closes these to other users, PostgreSQL's among them."""
    made = Path(tempfile.mkdtemp(prefix="portal-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


# In one frontend system: the capture module renews tokens itself, in both with the same code.
async def test_after_a_restart_with_other_keys_events_arrive_without_a_reload(browser: Browser, folder: Path) -> None:
    config = folder / "keys.json"
    config.write_text(json.dumps(KEYS_IN_MEMORY))
    options = {
        "PORTAL_PORT": str(reserved_port()),
        "PORTAL_DATA": str(folder / "data"),
        "PORTAL_CONFIG": str(config),
    }
    with running_portal("new", **options) as portal:
        visit = await Visit.begin(browser, portal)
        tab = await visit.tab()
        await tab.sign_in()
        # Opened before the restart: what these pages are made of is loaded with the first visit.
        for page in ("Settings", "Docs"):
            await tab.choose(page)
        await visit.settle()
        refused = portal.token()
    with running_portal("new", **options) as portal:
        visit.portal = portal
        assert portal.ask("GET", "configuration", refused).status_code == 401
        for page in ("Settings", "Docs", "Settings"):
            await tab.choose(page)
        await visit.settle()
        await visit.context.close()
