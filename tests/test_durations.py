"""How long `backstage.io/time-saved` says that something takes."""

import pytest

from analytics_internal.durations import minutes_in


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("PT4H", 240),
        ("PT1H30M", 90),
        ("PT90S", 1.5),
        (" P1D ", 1_440),
        ("P1W", 10_080),
        ("PT0.5H", 30),
        ("P1M", 43_200),
        ("P0D", 0),
    ],
)
def test_a_duration_is_read_as_the_portal_reads_it(text: str, minutes: float) -> None:
    assert minutes_in(text) == minutes


@pytest.mark.parametrize("text", ["", "4h", "60", "PT", "P", "-PT1H", "PT-1H", "P9999999999999Y", 60, None, ["PT4H"]])
def test_what_is_no_duration_is_no_time(text: object) -> None:
    assert minutes_in(text) is None
