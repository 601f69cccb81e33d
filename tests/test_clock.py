from datetime import UTC, datetime, timedelta

import pytest

from analytics_internal.clock import WRITTEN, ClockInDoubt, require_likely, require_possible
from analytics_internal.event.uuid7 import uuid7
from tests.samples import NOON, accepted, navigation, receipt, refused


def test_a_clock_from_before_the_program_was_written_is_wrong() -> None:
    require_possible(WRITTEN)
    with pytest.raises(ClockInDoubt, match=r"shows 2020-01-01T00:00:00Z.*set the clock"):
        require_possible(datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("newest", "database"),
    [(NOON + timedelta(days=3), NOON), (None, NOON + timedelta(days=3)), (NOON, NOON - timedelta(minutes=6))],
)
def test_a_clock_far_from_the_log_and_the_database_is_doubted(newest: datetime | None, database: datetime) -> None:
    with pytest.raises(ClockInDoubt, match="2026-11-24T12:00:00Z"):
        require_likely(NOON, newest, database)


@pytest.mark.parametrize("newest", [None, NOON - timedelta(days=900), NOON + timedelta(minutes=4)])
def test_a_clock_near_the_others_is_trusted(newest: datetime | None) -> None:
    require_likely(NOON, newest, NOON + timedelta(seconds=30))


def test_a_sender_with_a_clock_of_its_own_is_told_apart_from_one_with_odd_ids() -> None:
    years_ahead = NOON + timedelta(days=900)
    id_ = str(uuid7(years_ahead))

    consistent = refused(navigation(id=id_, sentAt=years_ahead.isoformat(), occurredAt=years_ahead.isoformat()))
    odd = refused(navigation(id=id_, sentAt=NOON.isoformat()))
    silent = refused(navigation(id=id_))

    assert {one.reason for one in (consistent, odd, silent)} == {"invalid_id"}
    assert [one.clocks for one in (consistent, odd, silent)] == ["differ", "ours", "ours"]


def test_only_what_is_refused_for_its_time_depends_on_a_clock() -> None:
    late = refused(navigation(occurredAt=(NOON - timedelta(days=30)).isoformat()))
    early = refused(navigation(occurredAt=(NOON + timedelta(days=30)).isoformat()))

    assert (late.clocks, early.clocks) == ("ours", "ours")
    assert refused(navigation(id="none")).clocks == ""
    assert refused({"action": 1}).clocks == ""


def test_an_accepted_event_needs_no_proof() -> None:
    accepted(navigation(id=str(uuid7(NOON)), sentAt=(NOON + timedelta(days=900)).isoformat()), by=receipt())
