"""The examples of docs/reference/destinations.md are complete: each can be copied into a settings file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from analytics_internal.forward import configure
from analytics_internal.forward.configuration import BUILT_IN, make

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "destinations.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    one
    for block in re.findall(r"```yaml\n(destinations:\n.*?)```", PAGE, re.DOTALL)
    for one in yaml.safe_load(block)["destinations"]
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: str(one["name"]))
def test_an_example_can_be_configured(example: dict[str, Any]) -> None:
    (configured,) = configure([example])

    assert make(configured).name == example["name"]


def test_types_with_an_example() -> None:
    written = {one["type"] for one in EXAMPLES}

    assert {"analytics-internal", "ga4", "matomo", "segment"} <= written <= set(BUILT_IN)
