"""The examples of docs/reference/destinations.md are complete: each can be copied into a settings file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from analytics_internal.forward import configure
from analytics_internal.forward.configuration import BUILT_IN, make, type_named

PAGE, _, _ = (
    (Path(__file__).parents[2] / "docs" / "reference" / "destinations.md")
    .read_text(encoding="utf-8")
    .partition("\n## A type of your own\n")
)
EXAMPLES: list[dict[str, Any]] = [
    one
    for block in re.findall(r"```yaml\n(destinations:\n.*?)```", PAGE, re.DOTALL)
    for one in yaml.safe_load(block)["destinations"]
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: str(one["name"]))
def test_an_example_can_be_configured(example: dict[str, Any]) -> None:
    (configured,) = configure([example])

    assert make(configured).name == example["name"]


def test_every_type_has_an_example() -> None:
    assert {one["type"] for one in EXAMPLES} == set(BUILT_IN)


@pytest.mark.parametrize("kind", sorted({one["type"] for one in EXAMPLES}))
def test_every_option_of_a_type_is_in_its_table(kind: str) -> None:
    section = re.search(rf"^### `{kind}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    rows = [line.split("|")[1] for line in section[1].splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(type_named(kind).Options.model_fields) <= named
