"""The command `destinations` against a running service with a receiver that works and one that does not."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from analytics_internal.client.destinations_in_words import LONGEST_ANSWER, duration, printable, table_of
from tests.command import command
from tests.forward.http_receiver import HttpReceiver, Reply, Request
from tests.ports import closed_port
from tests.samples import navigation
from tests.service import API, ServiceProcess, running_service

PATIENCE_S = 120.0
UGLY = "\x1b[31mno\x07\nway"


class Picky(HttpReceiver):
    """Refuses every batch with an event about `/bad`."""

    def take(self, request: Request) -> Reply:
        return Reply(422, UGLY.encode()) if b"/bad" in request.body else Reply()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Picky]:
    with contextlib.closing(Picky()) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, receiver: Picky) -> Iterator[ServiceProcess]:
    with closed_port() as port:
        destinations = [
            {"name": "hook", "type": "webhook", "url": receiver.url},
            {"name": "gone", "type": "webhook", "url": f"http://127.0.0.1:{port}"},
        ]
        folder = tmp_path_factory.mktemp("service")
        with running_service(folder, destinations=destinations) as service:
            subjects = ["/good", "/bad/1", "/good/2", "/bad/2"]
            events = [navigation(subject) for subject in subjects]
            httpx.post(f"{service.url}{API}/events", json={"events": events}).raise_for_status()
            until(lambda: row(service, "hook")["lag_events"] == 0 and row(service, "gone")["last_error"] is not None)
            yield service


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def row(service: ServiceProcess, name: str) -> dict[str, Any]:
    listed = httpx.get(f"{service.url}{API}/destinations", timeout=60).json()["destinations"]
    found: dict[str, Any] = next(one for one in listed if one["name"] == name)
    return found


def destinations(service: ServiceProcess, *arguments: str) -> str:
    """The output of a command that succeeds."""
    done = command("destinations", *arguments, "--url", service.url)
    assert (done.returncode, done.stderr) == (0, ""), (done.stdout, done.stderr)
    return done.stdout


def test_the_list_is_a_table_with_what_is_wrong_below(service: ServiceProcess, receiver: Picky) -> None:
    lines = destinations(service, "list").splitlines()

    assert lines[0].split() == ["name", "type", "to", "state", "stored", "filtered", "delivered", "dead", "lag"]
    assert lines[1].split() == ["hook", "webhook", receiver.url, "up", "to", "date", "4", "0", "2", "2", "0"]
    assert lines[2].split()[:4] == ["gone", "webhook", row(service, "gone")["to"], "failing"]
    assert "4 events" in lines[2]
    assert lines[3].startswith("gone: ")
    assert "failed attempt" in lines[3]


def test_the_list_as_json_is_the_services_answer(service: ServiceProcess) -> None:
    listed = json.loads(destinations(service, "list", "--json"))["destinations"]

    assert [(one["name"], one["delivered"], one["dead_letters"]) for one in listed] == [("hook", 2, 2), ("gone", 0, 0)]


def test_the_data_folder_leads_to_the_service(service: ServiceProcess) -> None:
    assert "hook" in command("destinations", "list", "--data-dir", service.data_dir).stdout


def test_a_test_event_ends_with_0_when_it_is_taken_and_with_1_when_it_is_not(service: ServiceProcess) -> None:
    taken = command("destinations", "test", "hook", "--url", service.url)
    refused = command("destinations", "test", "hook", "gone", "--url", service.url)

    assert taken.returncode == 0
    assert taken.stdout.startswith("hook: the receiver took the test event in ")
    assert refused.returncode == 1
    assert "gone: the test event was not delivered: " in refused.stdout


def test_destinations_are_paused_and_resumed(service: ServiceProcess) -> None:
    paused = destinations(service, "pause", "hook", "gone").splitlines()
    resumed = destinations(service, "resume", "hook", "gone").splitlines()

    assert [line.partition(",")[0] for line in paused] == ["hook: paused", "gone: paused"]
    assert resumed[0].startswith("hook: up to date, at position ")


def test_dead_letters_are_shown_with_what_the_receiver_said(service: ServiceProcess) -> None:
    lines = destinations(service, "dead", "hook").splitlines()

    assert lines[0].split()[:2] == ["position", "died"]
    assert [line.split()[3:7] for line in lines[1:]] == [
        ["navigate", "/bad/1", "refused", "422"],
        ["navigate", "/bad/2", "refused", "422"],
    ]
    assert all(line.endswith("[31mno way") for line in lines[1:])
    assert destinations(service, "dead", "gone") == "gone has no dead letters\n"
    as_json = json.loads(destinations(service, "dead", "hook", "--limit", "1", "--json"))
    assert [letter["event"]["subject"] for letter in as_json] == ["/bad/1"]


def test_a_receiver_cannot_steer_the_terminal() -> None:
    assert printable(UGLY) == " [31mno  way"
    assert len(printable("x" * 9_999)) == LONGEST_ANSWER


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_700, "1 h 1 min"), (86_400 + 5, "1 d"), (200_000, "2 d 7 h")],
)
def test_a_lag_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_dead_letters_are_sent_again_and_discarded(service: ServiceProcess, receiver: Picky) -> None:
    positions = [str(letter["position"]) for letter in json.loads(destinations(service, "dead", "hook", "--json"))]
    before = row(service, "hook")
    again = destinations(service, "dead", "hook", "--replay", "--position", positions[0])
    until(lambda: row(service, "hook")["queued_dead_letters"] == 0)
    assert again == "hook: 1 dead letter will be sent again\n"
    assert row(service, "hook")["dead_letters"] == before["dead_letters"], "it was refused once more"

    assert destinations(service, "replay", "hook", "--dead") == "hook: 2 dead letters will be sent again\n"
    until(lambda: row(service, "hook")["queued_dead_letters"] == 0)
    one = destinations(service, "dead", "hook", "--discard", "--position", positions[1])
    rest = destinations(service, "dead", "hook", "--discard")

    assert (one, rest) == ("hook: 1 dead letter discarded\n", "hook: 1 dead letter discarded\n")
    assert row(service, "hook")["dead_letters"] == 0


def test_a_range_and_a_time_are_sent_again(service: ServiceProcess, receiver: Picky) -> None:
    start = row(service, "hook")["start_position"]
    before = row(service, "hook")["redelivered"]

    positions = destinations(service, "replay", "hook", "--after", str(start), "--up-to", str(start + 1))
    stored = destinations(service, "replay", "hook", "--from", "2026-01-01", "--json")

    assert positions.startswith("hook: 1 event will be sent again (positions ")
    assert json.loads(stored)["events"] == 4
    until(lambda: row(service, "hook")["redelivered"] == before + 3)
    assert destinations(service, "replay", "gone", "--cancel") == "gone: 0 replays cancelled\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["test"],
        ["pause"],
        ["resume"],
        ["replay", "hook"],
        ["replay"],
        ["replay", "hook", "--dead", "--after", "1"],
        ["replay", "hook", "--after", "1", "--from", "2026-01-01"],
        ["replay", "hook", "--to", "2026-01-01"],
        ["replay", "hook", "--cancel", "--dead"],
        ["replay", "hook", "--from", "yesterday"],
        ["replay", "hook", "--after", "999"],
        ["dead", "hook", "--replay", "--discard"],
        ["dead", "hook", "--position", "1"],
        ["dead", "hook", "--limit", "0"],
        ["dead", "nobody"],
        ["pause", "nobody"],
        ["test", "a/../b?c"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_use_is_one_line_and_exit_code_2(service: ServiceProcess, arguments: list[str]) -> None:
    done = command("destinations", *arguments, "--url", service.url)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("analytics-internal: ")


def test_an_unknown_name_is_answered_with_the_known_ones(service: ServiceProcess) -> None:
    done = command("destinations", "pause", "hok", "--url", service.url)

    assert "no destination has the name 'hok'; there are gone, hook" in done.stderr


def test_a_service_that_is_not_there_is_one_line_and_exit_code_2() -> None:
    with closed_port() as port:
        done = command("destinations", "list", "--url", f"http://ana:hidden@127.0.0.1:{port}")

    assert done.returncode == 2
    assert "is not reachable" in done.stderr
    assert "hidden" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_service_without_destinations_says_so() -> None:
    assert table_of([]) == "no destinations: the setting `destinations` says where events are forwarded to"
