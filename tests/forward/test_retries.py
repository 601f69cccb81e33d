"""When a receiver is tried again, and with how much."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.forward.retries import LONGEST_RETRY_AFTER_S, Backoff, BatchSize, Breaker


def test_delays_use_all_of_a_range_that_doubles_up_to_a_limit() -> None:
    drawn = [[Backoff(1, 60, random.Random(seed)) for seed in range(300)]][0]
    for ceiling in (1, 2, 4, 8, 16, 32, 60, 60):
        delays = [backoff.failed() for backoff in drawn]
        assert max(delays) <= ceiling
        assert max(delays) > 0.9 * ceiling
        assert min(delays) < 0.1 * ceiling


def test_a_success_begins_anew() -> None:
    backoff = Backoff(1, 60)
    for _ in range(2_000):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() <= 1


def test_a_receiver_gets_the_time_it_asks_for_within_reason() -> None:
    assert 30 <= Backoff(1, 60).failed(30) <= 60
    assert Backoff(1, 60).failed(10**9) == LONGEST_RETRY_AFTER_S
    assert Backoff(1, 60).failed(-5) <= 1


def test_the_breaker_opens_for_refusals_in_a_row_and_closes_with_a_delivery() -> None:
    breaker = Breaker(10)
    breaker.refused(9)
    breaker.delivered()
    breaker.refused(9)
    assert not breaker.is_open
    breaker.refused(1)
    assert breaker.is_open
    breaker.delivered()
    assert not breaker.is_open


@given(takes=st.integers(1, 5_000), most=st.integers(1, 5_000))
def test_the_size_of_batches_settles_at_what_the_receiver_takes(takes: int, most: int) -> None:
    size = BatchSize(most)
    refused = 0
    for _ in range(300):
        if size.limit > takes:
            refused += 1
            parts = size.limit
            while parts > takes:
                parts = max(1, parts // 2)
            size.refused_above(parts)
        else:
            size.delivered(size.limit)
        assert 1 <= size.limit <= most
    assert refused <= 40
    assert size.limit >= min(takes, most) // 4


def test_an_outage_shrinks_batches_for_a_short_while_only() -> None:
    size = BatchSize(1_000)
    for failures in range(1, 30):
        size.failed(failures)
    assert size.limit == 1
    for _ in range(10):
        size.delivered(size.limit)
    assert size.limit == 1_000
