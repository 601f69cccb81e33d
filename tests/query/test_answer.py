import base64
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.csv_file import guarded
from analytics_internal.query.download import FORMATS, pieces_of
from analytics_internal.query.language import DIMENSIONS, METRICS, TIME_DIMENSIONS, InvalidQuery
from analytics_internal.query.metrics import DECLARED
from analytics_internal.query.parse import parse
from analytics_internal.query.run import prepare
from analytics_internal.reader.replica import Replica
from tests.query.model import Question, period_of, time_labels
from tests.query.model import answer as modelled
from tests.query.model_metrics import ACTIVE
from tests.query.stored import (
    ACTIONS,
    NOW,
    PAGES,
    PEOPLE,
    PLUGINS,
    SUBJECTS,
    Stored,
    random_catalog,
    random_events,
    reading,
)
from tests.samples import event

OF_EVENTS = [name for name in METRICS if DECLARED[name].dimensions is None]
"""The metrics that have a meaning for every dimension; tests/query/test_metrics.py asks for the others."""
ZONES = ["America/Sao_Paulo", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Pacific/Apia", "UTC"]

DAYS = [name for name in TIME_DIMENSIONS if name != "time:hour"]


@pytest.fixture
async def stored(pool: Pool, tmp_path: Path) -> AsyncIterator[Stored]:
    seed = random.randrange(10**6)
    print(f"{seed = }")  # pytest shows it when the test fails
    chance = random.Random(seed)
    async with reading(pool, tmp_path / "reader.duckdb") as stored:
        await stored.store(random_events(300, chance))
        await stored.know(random_catalog(chance))
        yield stored


texts = {
    "action": st.sampled_from(ACTIONS),
    "subject": st.sampled_from(SUBJECTS),
    "path": st.sampled_from([None, *SUBJECTS]),
    "doc_page": st.sampled_from([None, "/docs/default/api/orders", "/docs/default/component/web/A"]),
    "search_term": st.sampled_from([None, "how to", "HOW?", "=1+1", "nobody's"]),
    "plugin": st.sampled_from([*PLUGINS, "unknown"]),
    "extension": st.sampled_from([None, "App", "EntityAboutCard", "page:catalog", "page:techdocs/reader"]),
    "route": st.sampled_from([None, "unknown", "catalog:entity"]),
    "entity": st.sampled_from([None, "component:default/web", "api:default/orders"]),
    "entity_kind": st.sampled_from([None, "component", "API", "template"]),
    "template": st.sampled_from([None, "template:default/web", "component:default/web"]),
    "doc_site": st.sampled_from([None, "API:default/Orders", "component:web"]),
    "person": st.sampled_from(PEOPLE),
    "agent": st.sampled_from([None, "claude", "cli"]),
    "entity_type": st.sampled_from([None, "service", "Website"]),
    "owner": st.sampled_from([None, "group:default/web", "All", "user:default/ana"]),
    "system": st.sampled_from([None, "shop", "system:default/other"]),
    "domain": st.sampled_from([None, "Domain:default/trade"]),
    "lifecycle": st.sampled_from([None, "production"]),
    "team": st.sampled_from([None, "group:default/web", "ALL", "group:org", "group:default/nobody"]),
    "entry_page": st.sampled_from([None, "/a", *PAGES]),
    "exit_page": st.sampled_from([None, *PAGES]),
    "attr:steps": st.sampled_from([None, "3", "0.5"]),
    "attr:a/b~c": st.sampled_from([None, "é"]),
    "attr:<name>": st.sampled_from([None, "x"]),
}
items = st.tuples(
    st.sampled_from(["is", "is_not"]), st.just("item"), st.lists(st.integers(1, 48), min_size=1, max_size=4)
)


def filters_of(names: Sequence[str]) -> st.SearchStrategy[Any]:
    """Any filter by some dimensions that have texts, and by items."""
    comparisons = st.sampled_from(names).flatmap(
        lambda name: st.tuples(
            st.sampled_from(["is", "is_not"]), st.just(name), st.lists(texts[name], min_size=1, max_size=3)
        )
    )
    contains = st.tuples(
        st.just("contains"),
        st.sampled_from(names),
        st.lists(st.sampled_from(["a", "CAT", "/", "o", "", "%", "'"]), min_size=1, max_size=2),
    )
    return st.recursive(
        comparisons | contains | items,
        lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda parts: st.sampled_from([("and", *parts), ("or", *parts), ("not", parts[0])])
        ),
        max_leaves=4,
    )


filters = filters_of(sorted(texts))
days = st.dates(datetime(2018, 9, 1).date(), datetime(2018, 11, 25).date()).map(str)
date_ranges = (
    st.just("all")
    | st.sampled_from(["1d", "7d", "28d", "2w", "1m", "3m"]).map(lambda last: {"last": last})
    | st.tuples(days, days).map(sorted).map(lambda pair: {"from": pair[0], "to": pair[1]})
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    metrics = draw(st.lists(st.sampled_from(OF_EVENTS), min_size=1, unique=True))
    times = [name for name in DIMENSIONS if name.startswith("time:")]
    others = st.sampled_from(
        [*(name for name in DIMENSIONS if name not in times), "attr:steps", "attr:a/b~c", "attr:to"]
    )
    dimensions = draw(st.lists(others, max_size=2, unique=True))
    if draw(st.booleans()):
        dimensions.insert(draw(st.integers(0, len(dimensions))), draw(st.sampled_from(times)))
    if {"search_term", "time:hour"} & set(dimensions):
        # These have no meaning by hour, and a spelling may be that of a day before the period.
        metrics = [name for name in metrics if name not in ACTIVE] or ["events"]
    date_range = draw(date_ranges)
    order = st.lists(st.sampled_from([*metrics, *dimensions]), unique=True, max_size=2)
    directed = [[name, draw(st.sampled_from(["asc", "desc"]))] for name in draw(order)]
    return {
        "metrics": metrics,
        "dimensions": dimensions,
        "filters": draw(st.none() | filters),
        "date_range": date_range,
        "compare": draw(st.sampled_from([None, "previous_period"])) if date_range != "all" else None,
        "order_by": directed or None,
        "limit": draw(st.sampled_from([3, 10, 10_000])),
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_every_answer_is_the_models_on_any_pages(stored: Stored, question: Question, zone: str) -> None:
    expected = stored.modelled(question, ZoneInfo(zone), NOW)
    question = {**question, "limit": max(question["limit"], len(expected) // 8 + 1)}

    rows, totals = await stored.ask_all(question, zone)

    assert rows == expected
    assert set(totals) <= {len(expected)}


@settings(max_examples=30)
@given(question=questions(), zone=st.sampled_from(ZONES), time=st.sampled_from(DAYS))
async def test_every_bucket_is_compared_with_its_days_one_period_before(
    stored: Stored, question: Question, zone: str, time: str
) -> None:
    question = {**question, "metrics": ["events"], "dimensions": [time], "order_by": None, "limit": 10_000}

    answered = await stored.ask(question, zone)
    (total,) = (await stored.ask({**question, "dimensions": []}, zone))["results"]

    labels = answered["meta"]["time_labels"]
    first, last = period_of(question, stored.accesses, ZoneInfo(zone), NOW)
    without_complete = [{name: label[name] for name in ("label", "previous")} for label in labels]
    assert without_complete == time_labels(question, first, last, time, ZoneInfo(zone))
    assert {row[time] for row in answered["results"]} <= {label["label"] for label in labels}
    for part in total["events"]:
        assert sum(row["events"][part] for row in answered["results"]) == total["events"][part]


@pytest.mark.parametrize(
    ("asked", "time", "compared"),
    [
        # A week of each period has five days, and each day is compared with one.
        ({"last": "28d"}, "time:week", [(5, 5), (7, 7), (7, 7), (7, 7), (2, 2)]),
        ({"from": "2018-10-03", "to": "2018-10-17"}, "time:week", [(5, 5), (7, 7), (3, 3)]),
        ({"from": "2018-10-29", "to": "2018-11-05"}, "time:month", [(3, 3), (5, 5)]),
        ({"last": "30d"}, "time:month", [(10, 10), (20, 20)]),
        # October has one day more than September.
        ({"last": "1m"}, "time:month", [(11, 10), (20, 20)]),
    ],
)
async def test_flat_use_is_flat_in_comparison(
    stored: Stored, asked: object, time: str, compared: list[tuple[int, int]]
) -> None:
    daily = [event("/flat", occurred_at=NOW - timedelta(days=n, minutes=1)) for n in range(75)]
    await stored.store(daily)

    answered = await stored.ask(
        {
            "metrics": ["events"],
            "dimensions": [time],
            "filters": ["is", "subject", ["/flat"]],
            "date_range": asked,
            "compare": "previous_period",
        }
    )

    counts = [row["events"] for row in answered["results"]]
    assert [(count["value"], count["previous"]) for count in counts] == compared


async def test_a_month_is_compared_with_the_days_that_it_says(stored: Stored) -> None:
    question = {
        "metrics": ["events"],
        "dimensions": ["time:month"],
        "date_range": {"from": "2026-03-01", "to": "2026-03-31"},
        "compare": "previous_period",
    }

    (label,) = (await stored.ask(question, now=NOW.replace(year=2026)))["meta"]["time_labels"]

    assert label == {
        "label": "2026-03-01",
        "previous": {"from": "2026-01-29", "to": "2026-02-28"},
        "is_complete": True,
    }


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/St_Johns", "2010-11-07"),
        ("America/St_Johns", "2010-03-14"),
        ("America/Sao_Paulo", "2018-11-04"),
        ("Pacific/Apia", "2011-12-30"),
        ("Antarctica/Troll", "2018-03-25"),
        ("Australia/Lord_Howe", "2018-04-01"),
        ("Asia/Beirut", "2017-10-29"),
        ("Africa/Cairo", "2014-09-26"),
        ("Atlantic/Azores", "2018-10-28"),
        ("America/Noronha", "2000-10-08"),
    ],
)
async def test_every_event_is_in_a_bucket_that_there_is(stored: Stored, zone: str, day: str) -> None:
    now = datetime.fromisoformat(f"{day}T12:00:00+00:00") + timedelta(hours=40)
    times = [now - timedelta(minutes=20 * n) for n in range(300)]
    await stored.store([event("/odd", occurred_at=time, action="odd") for time in times])
    last = (now - timedelta(hours=12)).date()
    for days, time in itertools.product((0, 1, 2), TIME_DIMENSIONS):
        question = {
            "metrics": ["events", "people"],
            "dimensions": [time],
            "filters": ["is", "action", ["odd"]],
            "date_range": {"from": str(last - timedelta(days=days)), "to": str(last)},
            "compare": "previous_period",
        }

        answered = await stored.ask(question, zone, now)

        assert answered["results"] == stored.modelled(question, ZoneInfo(zone), now)
        labels = [label["label"] for label in answered["meta"]["time_labels"]]
        assert {row[time] for row in answered["results"]} <= set(labels)


@pytest.mark.slow
@settings(max_examples=15)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_csv_says_what_json_says(stored: Stored, question: Question, zone: str) -> None:
    rows = (await stored.ask({**question, "limit": 10_000}, zone))["results"]

    header, *lines = await stored.csv({**question, "limit": None}, zone)

    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        flat: dict[str, object] = {}
        for name, value in row.items():
            parts = value if isinstance(value, dict) else {"": value}
            flat |= {f"{name}.{part}".removesuffix(".value").removesuffix("."): cell for part, cell in parts.items()}
        assert dict(zip(header, line, strict=True)) == {name: as_cell(value) for name, value in flat.items()}


def as_cell(value: object) -> str:
    return guarded(value) if isinstance(value, str) else "" if value is None else str(value)


@pytest.mark.parametrize("start", ["=", "-", "\t", "\n=", " ＋", "＠"])
async def test_a_spreadsheet_runs_no_cell(stored: Stored, start: str) -> None:
    await stored.store([event(f"{start}HYPERLINK(1)", action="search", occurred_at=NOW)])

    _, line = await stored.csv(
        {"metrics": ["events"], "dimensions": ["subject"], "filters": ["contains", "subject", ["hyperlink"]]}
    )

    assert line == [f"'{start}HYPERLINK(1)", "1"]


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_file_says_first_that_it_cannot_be_made(stored: Stored, format_: str) -> None:
    question = {"metrics": ["events"], "dimensions": ["item"], "limit": None}
    prepared = await prepare(stored.replica, *parse(json.dumps(question).encode(), True), ZoneInfo("UTC"), NOW)
    broken = msgspec.structs.replace(prepared.plan, sql=f"FROM ({prepared.plan.sql}) WHERE error('broken') = ''")

    with pytest.raises(duckdb.Error, match="broken"):
        await anext(pieces_of(stored.replica, msgspec.structs.replace(prepared, plan=broken), FORMATS[format_]))


@settings(max_examples=10)
@given(question=questions(), zone=st.sampled_from(ZONES))
async def test_the_parts_add_up_to_the_total(stored: Stored, question: Question, zone: str) -> None:
    asked = {**question, "metrics": ["events", "people"], "order_by": None, "limit": 10_000, "compare": None}

    parts = (await stored.ask(asked, zone))["results"]
    (total,) = (await stored.ask({**asked, "dimensions": []}, zone))["results"]

    assert sum(part["events"]["value"] for part in parts) == total["events"]["value"]
    assert all(part["people"]["value"] <= part["events"]["value"] for part in parts)


@pytest.mark.parametrize("zone", ZONES)
async def test_changing_the_zone_needs_no_rebuild(stored: Stored, zone: str) -> None:
    question = {"metrics": ["events"], "dimensions": ["time:day"], "date_range": "all", "limit": 1000}

    rows = (await stored.ask(question, zone))["results"]

    assert rows == stored.modelled(question, ZoneInfo(zone), NOW)


async def test_pages_answer_for_the_moment_of_the_first_one(stored: Stored) -> None:
    question = {"metrics": ["events"], "dimensions": ["person", "subject"], "limit": 5}
    expected = stored.modelled(question, ZoneInfo("UTC"), NOW)
    first = await stored.ask(question)
    await stored.store(random_events(50, random.Random(1)))

    second = await stored.ask({**question, "cursor": first["meta"]["next_cursor"]}, now=NOW + timedelta(days=3))
    back = await stored.ask({**question, "cursor": second["meta"]["previous_cursor"]})

    assert second["results"] == expected[5:10]
    assert back["results"] == first["results"] == expected[:5]


async def test_text_is_sorted_as_people_sort_it(stored: Stored) -> None:
    in_order = [
        "2", "Alpha", "alpha", "Ångström", "apfel", "Äpfel", "Ｂeta", "beta 2", "Éclair", "éclair", "eclairs",
        "İzmir", "Łódź", "Lodzer", "Øre", "orel", "Strasse", "Straße", "Strassen", "Zulu", "Ελλάδα", "έλος",
        "Ёлка", "елки", "日本",
    ]  # fmt: skip
    shuffled = random.sample(in_order, len(in_order))
    await stored.store([event(text, action="sorted", occurred_at=NOW) for text in shuffled])
    question = {"metrics": ["events"], "filters": ["is", "action", ["sorted"]], "limit": 4}
    by_subject = {**question, "dimensions": ["subject"], "order_by": [["subject", "asc"]]}

    rows, _ = await stored.ask_all(by_subject)
    descending, _ = await stored.ask_all({**by_subject, "order_by": [["subject", "desc"]]})
    tied, _ = await stored.ask_all({**question, "dimensions": ["subject"]})
    items, _ = await stored.ask_all({**question, "dimensions": ["item"], "order_by": [["item", "asc"]]})
    _, *lines = await stored.csv({**by_subject, "limit": None})

    assert [row["subject"] for row in rows] == in_order
    assert [row["subject"] for row in descending] == in_order[::-1]
    assert [row["subject"] for row in tied] == in_order
    assert [row["item"]["subject"] for row in items] == in_order
    assert [line[0] for line in lines] == in_order


@pytest.mark.parametrize("cursor", ["", "x", "é", "e30", "W10", "=" * 9, "AAAA" * 100])
async def test_an_invalid_cursor_is_refused(stored: Stored, cursor: str) -> None:
    with pytest.raises(InvalidQuery, match="none of ours"):
        await stored.ask({"metrics": ["events"], "cursor": cursor})


whole_numbers = st.sampled_from([-1, 2**53, 2**62, 2**62 + 1, 2**63, 2**64, 2**130, -(2**130)]) | st.integers()
odd_values = whole_numbers | st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.just("9" * 30_000)
times = st.datetimes().map(str) | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])


@settings(max_examples=100)
@given(
    changes=st.dictionaries(
        st.sampled_from(["fingerprint", "asked_at", "position", "offset", "more"]), odd_values | times, min_size=1
    ),
    removed=st.none() | st.sampled_from(["asked_at", "position", "offset"]),
)
async def test_a_cursor_edited_by_hand_is_answered_or_told_so(
    stored: Stored, changes: dict[str, object], removed: str | None
) -> None:
    question = {"metrics": ["events"], "dimensions": ["subject"], "limit": 1}
    page = opened((await stored.ask(question))["meta"]["next_cursor"]) | changes
    page.pop(removed or "", None)
    cursor = base64.urlsafe_b64encode(json.dumps(page).encode()).decode()

    with contextlib.suppress(InvalidQuery):
        assert len((await stored.ask({**question, "cursor": cursor}))["results"]) <= 1


@pytest.mark.parametrize("change", [{"offset": 2**130}, {"offset": -1}, {"position": 301}, {"position": 2**61}])
async def test_a_cursor_that_leads_out_of_the_log_is_told_so(stored: Stored, change: dict[str, int]) -> None:
    question = {"metrics": ["events"], "dimensions": ["subject"], "limit": 1}
    page = opened((await stored.ask(question))["meta"]["next_cursor"]) | change

    with pytest.raises(InvalidQuery, match="none of ours"):
        await stored.ask({**question, "cursor": base64.urlsafe_b64encode(json.dumps(page).encode()).decode()})


@settings(max_examples=60)
@given(place=st.integers(0, 300), byte=st.characters(max_codepoint=255))
async def test_a_cursor_with_any_letter_changed_is_answered_or_told_so(stored: Stored, place: int, byte: str) -> None:
    question = {"metrics": ["events"], "dimensions": ["subject"], "limit": 1}
    cursor = (await stored.ask(question))["meta"]["next_cursor"]
    place %= len(cursor)

    with contextlib.suppress(InvalidQuery):
        await stored.ask({**question, "cursor": cursor[:place] + byte + cursor[place + 1 :]})


def opened(cursor: str) -> dict[str, object]:
    page: dict[str, object] = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    return page


async def test_a_cursor_of_another_question_is_told_so(stored: Stored) -> None:
    first = await stored.ask({"metrics": ["events"], "dimensions": ["subject"], "limit": 1})

    with pytest.raises(InvalidQuery, match="another question"):
        await stored.ask({"metrics": ["people"], "dimensions": ["subject"], "cursor": first["meta"]["next_cursor"]})


@pytest.mark.parametrize("text", ["ΟΔΟΣ", "İstanbul", "straße", "ẞ", "ǅ", "Łódź", "日本", "%_'\\"])
async def test_a_text_contains_itself_in_any_case(stored: Stored, text: str) -> None:
    await stored.store([event(f"see {text}!", action="search", occurred_at=NOW)])

    answered = await stored.ask({"metrics": ["events"], "filters": ["contains", "subject", [text]]})

    assert answered["results"] == [{"events": {"value": 1}}]


async def test_an_answer_says_what_it_answers(stored: Stored) -> None:
    question = {
        "metrics": ["events"],
        "dimensions": ["time:day"],
        "compare": "previous_period",
        "date_range": {"last": "2d"},
    }

    answered = await stored.ask({**question, "compare": "previous_period"}, "America/Sao_Paulo")

    meta = answered["meta"]
    assert meta["period"] == {
        "from": "2018-11-19", "to": "2018-11-20", "start": "2018-11-19T02:00:00.000Z",
        "end": "2018-11-21T02:00:00.000Z", "is_complete": False,
    }  # fmt: skip
    assert meta["previous_period"]["end"] == "2018-11-18T15:30:00.000Z"
    assert meta["time_labels"] == [
        {"label": "2018-11-19", "previous": {"from": "2018-11-17", "to": "2018-11-17"}, "is_complete": True},
        {"label": "2018-11-20", "previous": {"from": "2018-11-18", "to": "2018-11-18"}, "is_complete": False},
    ]
    assert meta["complete_until"] == "2018-11-20T15:30:00.000Z"
    assert meta["position"] == 300


async def test_an_empty_log_has_an_answer(pool: Pool, tmp_path: Path) -> None:
    replica = Replica(pool, tmp_path / "reader.duckdb")
    empty = Stored(replica, [], LogWriter(pool), pool, [])

    total = await empty.ask({"metrics": OF_EVENTS, "date_range": "all"})
    parts = await empty.ask({"metrics": ["events"], "dimensions": ["time:week", "item"], "date_range": "all"})
    await replica.close()

    assert total["results"] == modelled([], {"metrics": OF_EVENTS, "date_range": "all"}, ZoneInfo("UTC"), NOW)
    assert (parts["results"], parts["meta"]["total_rows"]) == ([], 0)
