import asyncio

import pytest

from analytics_internal import cache
from analytics_internal.auth.remembered import Remembered
from tests.auth.conftest import Clock


class Oracle:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_silent = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, _: str) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.is_silent:
            raise TimeoutError
        return self.asked


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def remembered(oracle: Oracle, clock: Clock) -> Remembered[str, int]:
    return Remembered(oracle.ask, holds_for_s=10, remembered_as="decisions")


async def test_an_answer_holds_for_a_while_and_no_longer(remembered: Remembered[str, int], clock: Clock) -> None:
    first = await remembered.get("a")
    clock.go_on(9.9)
    soon = await remembered.get("a")
    clock.go_on(0.2)
    later = await remembered.get("a")

    assert (first, soon, later) == (1, 1, 2)


async def test_many_who_ask_at_once_share_one_question(remembered: Remembered[str, int], oracle: Oracle) -> None:
    answers = await asyncio.gather(*(remembered.get("a") for _ in range(20)))

    assert answers == [1] * 20
    assert oracle.asked == 1


async def test_a_caller_that_leaves_does_not_cancel_the_others_answer(
    remembered: Remembered[str, int], oracle: Oracle
) -> None:
    oracle.may_answer.clear()
    impatient, patient = (asyncio.create_task(remembered.get("a")) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.sleep(0)
    oracle.may_answer.set()

    assert await patient == 1
    assert impatient.cancelled()


async def test_an_error_is_told_to_all_who_wait_and_not_remembered(
    remembered: Remembered[str, int], oracle: Oracle
) -> None:
    oracle.is_silent = True
    errors = await asyncio.gather(*(remembered.get("a") for _ in range(3)), return_exceptions=True)
    oracle.is_silent = False

    assert [type(error) for error in errors] == [TimeoutError] * 3
    assert await remembered.get("a") == 2


async def test_the_oldest_answers_are_forgotten(
    remembered: Remembered[str, int], oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_bytes", 110_000)  # of which three answers are remembered
    for key in "abcd":
        await remembered.get(key)

    await remembered.get("d")
    assert oracle.asked == 4
    await remembered.get("a")
    assert oracle.asked == 5
