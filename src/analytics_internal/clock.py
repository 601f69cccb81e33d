"""Whether the service's clock can be right: a wrong clock must not reject an event for its time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from analytics_internal.errors import TryLater

# The program was written after this day, so a clock that shows an earlier time is wrong.
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)


class ClockInDoubt(TryLater):
    """Nothing was stored, and nothing is refused for good."""

    kind, title, retry_after_s = "clock-in-doubt", "The service's clock may be wrong", 60
    logged_as = "clock in doubt"


def require_possible(now: datetime) -> None:
    """Raises ClockInDoubt when a correct clock cannot show this time."""
    if now < WRITTEN:
        raise ClockInDoubt(
            f"the service's clock shows {now:%Y-%m-%dT%H:%M:%SZ}, and this program was written after "
            f"{WRITTEN:%Y-%m-%d}: set the clock of its machine"
        )


def require_likely(now: datetime, newest_received_at: datetime | None, database_now: datetime) -> None:
    """Raises ClockInDoubt when the time contradicts the newest events of the log or the database's clock."""
    if newest_received_at is not None and newest_received_at > now + TOLERANCE:
        raise ClockInDoubt(
            f"the service's clock shows {now:%Y-%m-%dT%H:%M:%SZ}, and events of the log were received at "
            f"{newest_received_at:%Y-%m-%dT%H:%M:%SZ}: set the clock of its machine"
        )
    if abs(database_now - now) > TOLERANCE:
        raise ClockInDoubt(
            f"the service's clock shows {now:%Y-%m-%dT%H:%M:%SZ}, and its database's "
            f"{database_now:%Y-%m-%dT%H:%M:%SZ}: set the clock of the one that is wrong"
        )
