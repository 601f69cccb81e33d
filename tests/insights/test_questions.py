"""The 25 questions of docs/reference/questions.md have the answers that the page shows."""

from __future__ import annotations

import pytest

from tests.insights.demo_portal import DemoPortal
from tests.insights.questions import Shown, answer_of, shown_on_page

SHOWN = list(shown_on_page())


def test_each_of_the_25_has_a_question_in_the_language() -> None:
    numbers = {int(shown.heading.partition(".")[0]) for shown in SHOWN}

    assert numbers == set(range(1, 26))


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.heading)
async def test_its_answer_is_the_one_that_is_shown(demo: DemoPortal, shown: Shown) -> None:
    assert await answer_of(demo, shown.question) == shown.answer
