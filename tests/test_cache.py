from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal import cache
from analytics_internal.cache import ENTRY_BYTES, LARGEST_ENTRY_BYTES, SHARES, Cache, bound_of, size_of


@pytest.fixture(autouse=True, scope="module")
def small_caches() -> Iterator[None]:
    cache.allow(1 << 20)
    yield
    cache.allow(cache.DEFAULT_BYTES)


def texts() -> Cache[str, str]:
    return Cache("contexts", size_of)


def test_what_was_put_is_got() -> None:
    known = texts()
    known.put("a", "1")
    known.put("b", "2")
    known.put("a", "3")

    assert (known.get("a"), known.get("b"), known.get("c")) == ("3", "2", None)
    assert len(known) == 2


def test_ten_times_as_many_values_take_as_much_as_fit() -> None:
    known, most = texts(), 0
    for number in range(10_000):
        known.put(f"{number}", "x" * 200)
        most = max(most, known.bytes)

    assert bound_of("contexts") // 2 < most <= bound_of("contexts")
    assert known.get("9999") is not None
    assert known.get("0") is None


def test_what_is_used_stays() -> None:
    known = texts()
    for number in range(10_000):
        known.put(f"{number}", "x" * 200)
        if number >= 10:
            assert known.get("10") == "x" * 200


def test_what_is_too_large_is_not_remembered_and_pushes_nothing_out() -> None:
    known = texts()
    known.put("a", "1")
    known.put("b", "x" * LARGEST_ENTRY_BYTES)

    assert (known.get("a"), known.get("b")) == ("1", None)


@given(st.lists(st.tuples(st.sampled_from("pgc"), st.integers(0, 200), st.integers(0, 4_000))))
def test_the_bytes_are_those_of_what_is_held(steps: list[tuple[str, int, int]]) -> None:
    known, latest = texts(), dict[str, str]()
    for step, number, length in steps:
        key = str(number)
        if step == "p":
            latest[key] = "x" * length
            known.put(key, latest[key])
        elif step == "g":
            assert known.get(key) in (None, latest.get(key))
        else:
            known.clear()
        held = [(key, latest[key]) for key in known._entries]
        assert known.bytes == sum(ENTRY_BYTES + size_of(*entry) for entry in held) <= bound_of("contexts")


def test_an_entry_takes_no_more_memory_than_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the shortest hostile keys, which cost most beside themselves, at whatever number a dictionary has grown."""
    monkeypatch.setattr(cache, "_bytes", cache.DEFAULT_BYTES)
    for entries in (3_000, 10_000, 11_000, 22_000):
        known, keys = Cache[str, int]("rows", size_of), [f"{number:06}" for number in range(entries)]
        tracemalloc.start()
        for key in keys:
            known.put(key, 1)
        held, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert len(known) == entries
        assert held <= most <= entries * ENTRY_BYTES <= known.bytes


def test_a_cache_follows_the_setting_that_is_read_after_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    known = texts()
    for number in range(100):
        known.put(f"{number}", "x" * 200)
    monkeypatch.setattr(cache, "_bytes", 1 << 17)
    known.put("last", "x")

    assert known.bytes <= bound_of("contexts")
    assert known.get("last") == "x"


def test_all_caches_together_hold_what_is_allowed() -> None:
    assert sum(bound_of(name, 192 << 20) for name in SHARES) <= 192 << 20
