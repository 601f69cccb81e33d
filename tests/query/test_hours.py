"""Hours of the reporting zone, where its clocks change and where its offset is no whole hour."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.query.language import InvalidQuery
from tests.query.stored import NOW, Stored, random_events, reading
from tests.samples import event

ZONES = [
    "America/Sao_Paulo", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/St_Johns", "Asia/Beirut", "UTC",
]  # fmt: skip


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(200, random.Random(7)))
        yield stored


def by_hour(first: str, last: str, **more: object) -> dict[str, object]:
    return {"metrics": ["events"], "dimensions": ["time:hour"], "date_range": {"from": first, "to": last}} | more


@pytest.mark.parametrize(
    ("zone", "day", "labels"),
    [
        # Two o'clock comes twice.
        ("Europe/Berlin", "2018-10-28", ["2018-10-28T01:00:00+02:00", "2018-10-28T02:00:00+02:00",
                                         "2018-10-28T02:00:00+01:00", "2018-10-28T03:00:00+01:00"]),
        # It never comes.
        ("Europe/Berlin", "2018-03-25", ["2018-03-25T01:00:00+01:00", "2018-03-25T03:00:00+02:00"]),
        # Midnight never comes.
        ("America/Sao_Paulo", "2018-11-04", ["2018-11-04T01:00:00-02:00"]),
        # Half an hour comes twice.
        ("Australia/Lord_Howe", "2018-04-01", ["2018-04-01T01:00:00+11:00", "2018-04-01T01:30:00+10:30",
                                               "2018-04-01T02:00:00+10:30"]),
        ("Asia/Kathmandu", "2018-10-28", ["2018-10-28T00:00:00+05:45"]),
    ],
)  # fmt: skip
async def test_every_hour_has_its_label(stored: Stored, zone: str, day: str, labels: list[str]) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    times = [start + timedelta(minutes=10 * number) for number in range(36)]
    await stored.store([event("/odd", action="odd", occurred_at=time) for time in times])
    question = by_hour(day, day, filters=["is", "action", ["odd"]])

    answered = await stored.ask(question, zone)

    found = [row["time:hour"] for row in answered["results"]]
    all_labels = [label["label"] for label in answered["meta"]["time_labels"]]
    assert [label for label in all_labels if label in labels] == labels
    assert set(found) <= set(all_labels)
    assert answered["results"] == stored.modelled(question, ZoneInfo(zone))


@settings(max_examples=25)
@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(datetime(2018, 10, 20).date(), datetime(2018, 11, 20).date()),
    days=st.integers(0, 12),
    compare=st.sampled_from([None, "previous_period"]),
    beside=st.sampled_from([None, "action", "team"]),
)
async def test_every_answer_by_hour_is_the_models(
    stored: Stored, zone: str, first: datetime, days: int, compare: str | None, beside: str | None
) -> None:
    question = by_hour(str(first), str(first + timedelta(days=days)), compare=compare, limit=10_000)
    question["dimensions"] = ["time:hour", *([beside] if beside else [])]

    answered = await stored.ask(question, zone)

    assert answered["results"] == stored.modelled(question, ZoneInfo(zone))
    labels = [label["label"] for label in answered["meta"]["time_labels"]]
    assert {row["time:hour"] for row in answered["results"]} <= set(labels)
    assert len(labels) == len(set(labels))


async def test_an_hour_is_complete_when_it_is_over(stored: Stored) -> None:
    answered = await stored.ask(by_hour("2018-11-20", "2018-11-20"), now=NOW)

    assert sum(label["is_complete"] for label in answered["meta"]["time_labels"]) == NOW.hour


async def test_too_many_hours_are_refused(stored: Stored) -> None:
    with pytest.raises(InvalidQuery, match=r"7,512 buckets of time:hour"):
        await stored.ask(by_hour("2018-01-01", "2018-11-09"))


async def test_files_have_the_labels_of_hours(stored: Stored) -> None:
    question = by_hour("2018-10-27", "2018-10-29", limit=None)
    rows = (await stored.ask({**question, "limit": 10_000}, "Europe/Berlin"))["results"]

    lines = (await stored.file(question, "ndjson", "Europe/Berlin")).splitlines()
    _, *cells = await stored.csv(question, "Europe/Berlin")

    assert [json.loads(line)["time:hour"] for line in lines] == [row["time:hour"] for row in rows]
    assert [cell[0] for cell in cells] == [row["time:hour"] for row in rows]
