"""Steps through the log: together they pass every position once, in order, and within the receiver's limits."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.forward.destination import Limits, Undeliverable
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.state import Counts
from analytics_internal.forward.steps import Course, Entry, Step

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENT, FILTERED, MISSING, UNSENDABLE, LARGE = "event", "filtered", "missing", "unsendable", "large"
LIMITS = Limits(bytes=100, bytes_between=2, event_bytes=40)


def outgoing(position: int, kind: str) -> Outgoing:
    return Outgoing(position, UUID(int=position), NOON, subject=kind)


def entry(position: int, kind: str) -> Entry:
    return Entry(position, position // 7, None if kind == FILTERED else outgoing(position, kind), 0.0)


def encode(event: Outgoing) -> bytes:
    if event.subject == UNSENDABLE:
        raise Undeliverable("unsupported", "no such action")
    return b"x" * (41 if event.subject == LARGE else 10 + event.position % 30)


kinds = st.lists(st.sampled_from([EVENT, EVENT, EVENT, FILTERED, MISSING, UNSENDABLE, LARGE]), max_size=60)


@given(kinds=kinds, sections=st.lists(st.integers(1, 20), min_size=1), most=st.integers(1, 9), data=st.data())
def test_steps_pass_every_position_once(kinds: list[str], sections: list[int], most: int, data: st.DataObject) -> None:
    course, total, steps = Course(0), Counts(), 0
    sent: list[int] = []
    while course.position < len(kinds):
        if course.covered == course.position or data.draw(st.booleans()):
            end = min(course.covered + sections[steps % len(sections)], len(kinds))
            positions = range(course.covered + 1, end + 1)
            course.add([entry(n, kinds[n - 1]) for n in positions if kinds[n - 1] != MISSING], end)
        step = course.step(encode, LIMITS, most)
        check(step, most)
        if len(step.events) > 1 and data.draw(st.integers(0, 3)) == 0:
            course.halve(step)
            half = course.step(encode, LIMITS, most)
            assert len(half.events) == len(step.events) // 2
            continue
        counts, letters = step.outcome(())
        assert counts.positions == step.up_to - step.after
        assert [letter.position for letter in letters] == sorted(letter.position for letter in letters)
        total, sent, steps = total + counts, [*sent, *(one.position for one in step.events)], steps + 1
        course.confirmed(step)

    assert sent == [n for n, kind in enumerate(kinds, 1) if kind == EVENT]
    assert not course.is_halving
    assert total == Counts(
        kinds.count(EVENT), kinds.count(FILTERED), kinds.count(UNSENDABLE) + kinds.count(LARGE), kinds.count(MISSING)
    )


def check(step: Step, most: int) -> None:
    assert step.up_to > step.after
    assert len(step.events) <= most
    assert sum(len(one) + LIMITS.bytes_between for one in step.encoded) <= LIMITS.bytes
    assert [encode(one) for one in step.events] == list(step.encoded)


def test_what_comes_before_the_first_event_can_be_passed_alone() -> None:
    course = Course(0)
    course.add([entry(n, kind) for n, kind in ((2, FILTERED), (4, EVENT))], 6)

    leading = course.leading()

    assert leading is not None
    assert (leading.up_to, leading.outcome(())[0]) == (3, Counts(filtered=1, missing=2))
    course.confirmed(leading)
    assert course.leading() is None
    assert [one.position for one in course.step(encode, LIMITS, 5).events] == [4]
