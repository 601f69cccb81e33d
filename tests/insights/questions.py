"""The questions of docs/reference/questions.md and the answers that it shows.

`python -m tests.insights.questions` writes the answers of today into the page.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from analytics_internal.embedded.server import EmbeddedPostgres
from analytics_internal.log.migrations import migrate
from tests.insights.demo_portal import DemoPortal, Question, reading_demo_portal

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "questions.md"
ROWS = 4
"""Of a long answer so many rows are shown."""
_block = re.compile(r"```json\n(?P<question>.*?)\n```\n(\n```text\n(?P<answer>.*?)\n```\n)?", re.DOTALL)


class Shown(NamedTuple):
    """A question of the page, under its heading, and the answer that is shown."""

    heading: str
    question: Question
    answer: str | None


def shown_on_page() -> Iterator[Shown]:
    """Every question of the page, in order."""
    page = PAGE.read_text()
    for found in _block.finditer(page):
        heading = page.rfind("\n### ", 0, found.start()) + 5
        yield Shown(page[heading : page.index("\n", heading)], json.loads(found["question"]), found["answer"])


async def answer_of(demo: DemoPortal, question: Question) -> str:
    """An answer as it is shown: its first rows, each on a line."""
    rows = (await demo.answer({**question, "limit": min(question.get("limit", 10_000), 10_000)}))["results"]
    lines = [_line(row) for row in rows[:ROWS]]
    if len(rows) > ROWS:
        lines.append(f"… {len(rows) - ROWS:,} more rows")
    return "\n".join(lines) or "no rows"


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{name}: {_cell(value)}" for name, value in row.items())


def _cell(value: Any) -> str:
    if not isinstance(value, dict):
        return _text(value)
    if "value" not in value:
        return " ".join(_text(value[name]) for name in ("action", "subject"))
    shown = _text(value["value"])
    if "denominator" in value:
        shown += f" ({_text(value['numerator'])}/{_text(value['denominator'])})"
    return f"{shown} before {_text(value['previous'])}" if "previous" in value else shown


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        dsn = await asyncio.to_thread(server.start)
        try:
            await migrate(dsn)
            async with reading_demo_portal(dsn, Path(folder)) as demo:
                answers = [await answer_of(demo, shown.question) for shown in shown_on_page()]
        finally:
            await asyncio.to_thread(server.stop)
    waiting = iter(answers)
    page = _block.sub(
        lambda found: f"```json\n{found['question']}\n```\n\n```text\n{next(waiting)}\n```\n", PAGE.read_text()
    )
    PAGE.write_text(page)


if __name__ == "__main__":
    asyncio.run(_write())
