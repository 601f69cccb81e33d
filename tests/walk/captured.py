"""What the portal handed to its analytics implementations, and what the person did in between.

The browser itself keeps it: it survives reloads and tabs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playwright.async_api import BrowserContext, Page

# The portal's recorder pushes onto the array synchronously, so a page's very last event is kept as well. One key each:
# several tabs write at once.
KEEP = """
(() => {
  const load = crypto.randomUUID();
  let count = 0;
  const keep = entry =>
    localStorage.setItem(`captured ${load} ${String(count++).padStart(6, '0')}`, JSON.stringify(entry));
  window.__capturedEvents = { push: keep };
  for (const type of ['pointerdown', 'keydown', 'click', 'popstate'])
    window.addEventListener(
      type, () => keep({ at: new Date().toISOString(), event: { action: '(act)', subject: type, context: {} } }), true);
})();
"""
# The action of an entry that is no event: the person did something.
ACT = "(act)"
READ = "Object.entries(localStorage).filter(([key]) => key.startsWith('captured '))"


@dataclass(frozen=True)
class Captured:
    """One call of ``captureEvent``, or one act of the person."""

    load: str
    """Which load of a page it was made in."""
    at: datetime
    event: dict[str, Any]


async def keep_captured(context: BrowserContext) -> None:
    """From now on keep what pages of this context capture."""
    await context.add_init_script(KEEP)


async def captured(page: Page) -> list[Captured]:
    """Everything captured and done in the page's context so far, in order within each page load."""
    kept = sorted(await page.evaluate(READ))
    entries = [(key.split()[1], json.loads(text)) for key, text in kept]
    return [Captured(load, datetime.fromisoformat(entry["at"]), entry["event"]) for load, entry in entries]
