"""The setting `destinations`: its three notations, what is said about mistakes, and that no secret is shown."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_internal.forward.configuration import BUILT_IN, configure
from analytics_internal.forward.showing import described, shown
from analytics_internal.query.language import FILTER_DIMENSIONS
from analytics_internal.settings.model import InvalidSettings
from analytics_internal.settings.printing import printable
from analytics_internal.settings.sources import load
from tests.command import command

FILE = "file ./analytics-internal.yaml"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
LAKE = {"name": "lake", "type": "invented", "url": "https://lake.example/events"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANALYTICS_INTERNAL_DESTINATIONS", raising=False)
    monkeypatch.setitem(BUILT_IN, "invented", ("tests.settings.invented:Invented", None))
    monkeypatch.setitem(BUILT_IN, "far", ("nowhere.to.be.found:Far", "far"))
    monkeypatch.chdir(tmp_path)


def _yaml(text: str) -> Path:
    path = Path("analytics-internal.yaml")
    path.write_text(text)
    return path


def problems_of(*given: object) -> list[str]:
    """What is wrong with these destinations, each line without the setting's name and the file's."""
    with pytest.raises(InvalidSettings) as raised:
        load({"auth": "none"}, _yaml(json.dumps({"destinations": given})))
    lines = list(raised.value.lines)
    assert all(line.startswith("destinations: ") and line.endswith(f" ({FILE})") for line in lines), lines
    return [line.removeprefix("destinations: ").removesuffix(f" ({FILE})") for line in lines]


YAML = """
destinations:
  - name: lake
    type: invented
    url: https://lake.example/events
    start: 2026-11-01
    filters: ["is", "action", ["navigate"]]
    people: none
    fields: {drop: [attributes.email]}
    secret: {env: LAKE_SECRET}
"""
TOML = """
[[destinations]]
name = "lake"
type = "invented"
url = "https://lake.example/events"
start = 2026-11-01
filters = ["is", "action", ["navigate"]]
people = "none"
fields.drop = ["attributes.email"]
secret.env = "LAKE_SECRET"
"""
JSON = json.dumps(
    [
        {
            **LAKE,
            "start": "2026-11-01",
            "filters": ["is", "action", ["navigate"]],
            "people": "none",
            "fields": {"drop": ["attributes.email"]},
            "secret": {"env": "LAKE_SECRET"},
        }
    ]
)


@pytest.mark.parametrize(("notation", "text"), [("yaml", YAML), ("toml", TOML), ("environment", JSON)])
def test_destinations_are_the_same_in_every_notation(notation: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if notation == "environment":
        monkeypatch.setenv("ANALYTICS_INTERNAL_DESTINATIONS", text)
    else:
        Path(f"analytics-internal.{notation}").write_text(text)

    settings, _ = load({"auth": "none"})

    (lake,) = configure(settings.destinations)
    assert (lake.name, lake.type, lake.people) == ("lake", "invented", "none")
    assert lake.filters == ["is", "action", ["navigate"]]
    assert lake.fields.drop == ("attributes.email",)
    assert lake.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert lake.options == {"url": "https://lake.example/events", "secret": {"env": "LAKE_SECRET"}}


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("now", "now"),
        ("beginning", "beginning"),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00:00-03:00", datetime(2026, 11, 1, 11, tzinfo=UTC)),
        ("2026-11-01 08:00:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("file", ["x.yaml", "x.toml"])
def test_a_start_is_a_word_a_day_or_a_time(written: str, start: object, file: str) -> None:
    as_toml = json.dumps(written) if written.isalpha() else written
    text = {
        "x.yaml": f"destinations: [{{name: a, type: invented, url: 'https://a.example', start: {written}}}]",
        "x.toml": f'[[destinations]]\nname = "a"\ntype = "invented"\nurl = "https://a.example"\nstart = {as_toml}',
    }[file]
    Path(file).write_text(text)

    settings, _ = load({"auth": "none"}, Path(file))

    assert configure(settings.destinations)[0].start == start


def test_every_error_of_every_destination_has_a_line_with_its_field_and_what_is_allowed() -> None:
    assert problems_of(
        {
            "name": "audit",
            "type": "invented",
            "people": "nobody",
            "start": 7,
            "fields": {"drop": "email", "keep": []},
            "filters": ["is", "colour", ["red"]],
            "url": "short",
            "compression": "lz4",
            "batch_events": 0,
            "is_strict": "perhaps",
            "timeout_s": "long",
            "topics": "one",
            "headers": {"x-one": 1},
            "filter": [],
        },
        {"name": "Lake!", "type": "invented"},
        {"type": "invnted", "name": "second"},
        {"type": "nothing-like-it", "name": "third"},
        {**LAKE, "name": "twice"},
        {**LAKE, "name": "twice"},
        {"url": "https://lake.example"},
        "lake",
        {**LAKE, "type": "far"},
    ) == [
        "audit: people: must be 'named', 'pseudonymous' or 'none'",
        "audit: fields.drop: must be a list",
        "audit: fields.keep: unknown",
        "audit: start: must be now, beginning, a day like 2026-11-01, or a time like 2026-11-01T08:00:00-03:00",
        f"audit: filters: unknown dimension: 'colour'; allowed are {', '.join(FILTER_DIMENSIONS)}",
        "audit: url: must have at least 8 characters",
        "audit: headers.x-one: must be a text",
        "audit: compression: must be 'gzip' or 'zstd'",
        "audit: batch_events: must be 1 or more",
        "audit: is_strict: must be true or false",
        "audit: timeout_s: must be a number",
        "audit: topics: must be a list",
        "audit: filter: unknown; did you mean filters?",
        "number 2: name: must begin with a lower-case letter or a digit, and have only these, `-`, `_` and `.`: at "
        "most 63",
        "number 2: url: is required",
        "second: type: unknown: invnted; did you mean invented?",
        "third: type: unknown: nothing-like-it; allowed are "
        "analytics-internal, far, ga4, invented, kafka, matomo, nats, otlp, parquet, rabbitmq, segment, webhook",
        "number 7: name: is required",
        "number 7: type: is required",
        "number 8: must be fields by name, with at least name and type",
        "lake: type: far needs a library that is not installed: pip install 'backstage-analytics-internal[far]'",
        "twice: two destinations have this name",
    ]


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_start_that_no_clock_in_utc_shows_is_an_error(start: str) -> None:
    (problem,) = problems_of({**LAKE, "start": start})
    assert problem.startswith("lake: start: must be now, beginning, a day")


@pytest.mark.parametrize(
    "entry",
    [
        {**LAKE, "secrt": SECRET},
        {**LAKE, SECRET: True},
        {**LAKE, "secret": {SECRET: "x"}},
        {**LAKE, "secret": {"env": "A", "file": SECRET}},
        {**LAKE, "secret": [SECRET, 1]},
        {**LAKE, "url": f"ftp://ana:{SECRET}@lake.example"},
        {**LAKE, "password": [SECRET]},
        {**LAKE, "headers": SECRET},
        {**LAKE, "headers": {"authorization": [SECRET]}},
        {**LAKE, "headers": {f"Bearer {SECRET}": 1}},
        {**LAKE, "people": SECRET},
        {**LAKE, "start": SECRET},
        {**LAKE, "filters": SECRET},
        {**LAKE, "fields": {SECRET: 1}},
        {**LAKE, "fields": SECRET},
        {**LAKE, "type": SECRET},
        {**LAKE, "name": f"{SECRET}!"},
        SECRET,
        [SECRET],
    ],
    ids=str,
)
def test_no_error_shows_a_value_that_could_be_secret(entry: object) -> None:
    lines = problems_of(entry)

    assert lines
    assert not [line for line in lines if "whsec" in line or SECRET[8:20] in line]


@pytest.mark.parametrize("text", [f'[{{"secret": "{SECRET}"', f'{{"secret": "{SECRET}"}}', SECRET])
def test_what_is_no_list_is_an_error_that_shows_nothing_of_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_DESTINATIONS", text)

    with pytest.raises(InvalidSettings) as raised:
        load({"auth": "none"})

    assert raised.value.lines == (
        "destinations: (environment ANALYTICS_INTERNAL_DESTINATIONS) must be a list of destinations; in the "
        'environment in JSON, like [{"name": "lake", …}]',
    )


def test_the_destinations_in_force_are_printed_with_their_defaults_and_without_secrets() -> None:
    lake = {
        **LAKE,
        "url": f"https://ana:{SECRET}@lake.example/events?token={SECRET}",
        "secret": [SECRET, {"env": "LAKE_SECRET"}, {"file": "/run/secrets/lake"}],
        "password": SECRET,
        "headers": {"x-key": SECRET},
        "fields": {"drop": ["attributes.email"]},
    }
    settings, origins = load({"auth": "none"}, _yaml(json.dumps({"destinations": [lake, {**LAKE, "name": "second"}]})))

    text = printable(settings, origins)

    assert SECRET[8:20] not in text
    begin = text.index("destinations")
    assert text[begin:].partition("stop_with_stdin")[0].splitlines() == [
        "destinations                = [",
        '  {name = "lake", type = "invented", url = "https://••••••@lake.example/events?token=••••••", '
        'secret = ["••••••", {env = "LAKE_SECRET"}, {file = "/run/secrets/lake"}], password = "••••••", '
        'headers = {x-key = "••••••"}, compression = "gzip", batch_events = 500, is_strict = true, topics = [], '
        'people = "pseudonymous", start = "now", fields = {drop = ["attributes.email"]}},',
        '  {name = "second", type = "invented", url = "https://lake.example/events", headers = {}, '
        'compression = "gzip", batch_events = 500, is_strict = true, topics = [], people = "pseudonymous", '
        'start = "now"},',
        f"]  # {FILE}",
    ]


@pytest.mark.parametrize(
    ("options", "to"),
    [
        ({"type": "kafka", "servers": ["one:9092", "two:9092"], "topic": "events"}, "events on one:9092, two:9092"),
        ({"type": "nats", "servers": "127.0.0.1:4222", "subject": "u.{action}"}, "u.{action} on nats://127.0.0.1:4222"),
        ({"type": "rabbitmq", "url": {"env": "BROKER"}, "exchange": "use"}, "use on {env: BROKER}"),
        ({"type": "rabbitmq", "url": f"amqp://ana:{SECRET}@mq", "routing_key": "q"}, "q on amqp://ana:••••••@mq"),
        ({"type": "parquet", "url": "s3://analytics/events"}, "s3://analytics/events"),
        (
            {"type": "webhook", "url": f"https://a:{SECRET}@b.example/c?d={SECRET}"},
            "https://••••••@b.example/c?d=••••••",
        ),
    ],
    ids=str,
)
def test_each_type_says_where_events_go_without_secrets(options: dict[str, object], to: str) -> None:
    assert described([{"name": "lake", **options}])["lake"].to == to


def test_a_secrets_file_is_found_from_the_working_folder(tmp_path: Path) -> None:
    settings, _ = load({"auth": "none"}, _yaml(json.dumps({"destinations": [{**LAKE, "secret": {"file": "key"}}]})))

    assert shown(settings.destinations)[0]["secret"] == {"file": str(tmp_path / "key")}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("nowhere.to.be:Found", "No module named 'nowhere'"),
        ("tests.settings.invented:Missing", "builtins.AttributeError: "),
        ("tests.settings.invented:InventedOptions", "tests.settings.invented:InventedOptions is no subclass of"),
    ],
)
def test_a_type_of_a_third_party_that_cannot_be_loaded_is_one_line(
    place: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILT_IN, "theirs", (place, None))

    (line,) = problems_of({"name": "lake", "type": "theirs"})

    assert line.startswith(f"lake: type: theirs cannot be loaded: {problem}")


def test_the_example_of_the_settings_is_a_configuration() -> None:
    blocks: list[str] = re.findall(r"```toml\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    (example,) = [text for text in blocks if "destinations" in text]
    Path("analytics-internal.toml").write_text(example)

    assert described(load({"auth": "none"})[0].destinations)["audit"].to == "https://siem.example/hook"


def test_the_service_does_not_start_with_a_bad_destination() -> None:
    _yaml(json.dumps({"auth": "none", "port": 0, "destinations": [{**LAKE, "url": 1}, {"name": "second"}]}))

    done = command("serve")

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"analytics-internal: destinations: lake: url: must be a text ({FILE})",
        f"analytics-internal: destinations: second: type: is required ({FILE})",
    ]
