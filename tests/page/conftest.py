"""A real Chromium, and a real service with the events of a real Backstage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.command import command
from tests.service import ServiceProcess, running_service

EVENTS = Path(__file__).parent.parent / "events"
# Kept for looking at after a run; not part of the repository.
SCREENSHOTS = Path(__file__).parent.parent.parent / "test-results" / "screenshots"


@pytest.fixture(scope="session")
def service() -> Iterator[ServiceProcess]:
    """A service into which the recorded events were imported by the command of the README."""
    with running_service(timezone="America/Sao_Paulo", portal_url="https://portal.example") as running:
        done = command("import", "--url", running.url, *sorted(EVENTS.glob("*.jsonl")))
        assert done.returncode == 0, done.stderr
        yield running


@pytest.fixture(scope="session")
def empty_service() -> Iterator[ServiceProcess]:
    """A service without any event."""
    with running_service() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of 1440 × 1000 in English whose console must stay free of errors."""
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    opened = await context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    await context.close()
    assert errors == []


def recorded() -> list[dict[str, object]]:
    """The recorded events as they stand in the files, counted here without the product."""
    lines = [line for file in EVENTS.glob("*.jsonl") for line in file.read_text().splitlines()]
    return [entry.get("event", entry) for entry in map(json.loads, lines)]


def recorded_items() -> Counter[tuple[str, str]]:
    """How often each (action, subject) was recorded; of an address only the path counts."""
    counts: Counter[tuple[str, str]] = Counter()
    for event in recorded():
        subject = str(event["subject"])
        if subject.startswith("/"):
            subject = subject.partition("?")[0].rstrip("/") or "/"
        counts[str(event["action"]), subject] += 1
    return counts
