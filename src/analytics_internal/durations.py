"""Durations as Backstage's annotations have them: ISO 8601, like ``PT4H``. Pure."""

from __future__ import annotations

from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

_duration = TypeAdapter(timedelta)


def minutes_in(text: object) -> float | None:
    """A duration in minutes, with months of 30 and years of 365 days as in the portal. None for what is none."""
    if not isinstance(text, str) or not text.strip().startswith("P"):
        return None
    try:
        minutes = _duration.validate_python(text.strip()).total_seconds() / 60
    except (ValidationError, OverflowError):
        return None
    return minutes if minutes >= 0 else None
