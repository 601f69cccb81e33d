"""Filters that people save under names, and use in questions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import CLEO, EVE, serving_guarded
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.http.test_tokens import bearing
from tests.samples import ANA, navigation
from tests.service import ServiceProcess, running_service

API = "/api/analytics-internal"
NOBODY = "00000000-0000-4000-8000-000000000000"
OF_DOCS = ["is", "plugin", ["techdocs"]]
ALL = ["is", "action", ["navigate"]]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def guarded(portal: PortalStandIn) -> Iterator[ServiceProcess]:
    """A service to which nobody else sends events."""
    with serving_guarded(portal) as service:
        yield service


@pytest.fixture(autouse=True, scope="module")
def walked(guarded: ServiceProcess) -> None:
    """What these people did."""
    events = [
        navigation(f"/page/{number}", user=ref, context={"pluginId": plugin}, sessionId="one")
        for number, plugin in enumerate(("techdocs", "techdocs", "catalog"))
        for ref in (ANA, CLEO)
    ]
    url = f"{guarded.url}{API}/events"
    httpx.post(url, json={"events": events}, headers=bearing(IMPORT_TOKEN)).raise_for_status()


class Reader:
    """What one person asks of the service."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = bearing(token)

    async def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self._client.request(method, path, json=body, headers=self._headers)

    async def save(self, filters: object, name: str | None = None) -> dict[str, Any]:
        response = await self.send(
            "POST", "/segments", {"name": name or f"segment {next(_numbers)}", "filters": filters}
        )
        assert response.status_code == 201, response.text
        saved: dict[str, Any] = response.json()
        return saved

    async def ask(self, filters: object, **parts: object) -> httpx.Response:
        question = {"metrics": ["events"], "date_range": "all", "filters": filters, **parts}
        return await self.send("POST", "/query", question)

    async def events(self, filters: object) -> int:
        response = await self.ask(filters)
        assert response.status_code == 200, response.text
        count: int = response.json()["results"][0]["events"]["value"]
        return count


@pytest.fixture
def ana(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> Reader:
    """May read names."""
    return Reader(guarded_client, portal.token(ANA))


@pytest.fixture
def cleo(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> Reader:
    """May read figures."""
    return Reader(guarded_client, portal.token(CLEO))


@pytest.fixture
def eve(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> Reader:
    """May administer."""
    return Reader(guarded_client, portal.token(EVE))


async def test_a_segment_stands_for_its_filter_wherever_one_may(cleo: Reader) -> None:
    saved = await cleo.save(["and", OF_DOCS, ["contains", "subject", ["page"]]])
    named = ["segment", saved["id"]]

    assert await cleo.events(named) == 4
    assert await cleo.events(["and", named, ["is", "subject", ["/page/0"]]]) == 2
    assert await cleo.events(["or", ["is", "subject", ["/page/2"]], named]) == 6
    assert await cleo.events(["not", named]) == 2


JOURNEYS: list[Callable[[object], dict[str, Any]]] = [
    lambda filter_: {"kind": "funnel", "steps": [ALL, filter_]},
    lambda filter_: {"kind": "retention", "first": filter_},
    lambda filter_: {"kind": "retention", "returning": filter_},
    lambda filter_: {"kind": "paths", "around": filter_},
    lambda filter_: {"kind": "paths", "around": ALL, "filters": ["not", filter_]},
]
"""Questions with a filter in each of the places that only journeys have."""


@pytest.mark.parametrize("journey", JOURNEYS)
async def test_a_segment_stands_for_its_filter_in_journeys(
    cleo: Reader, journey: Callable[[object], dict[str, Any]]
) -> None:
    saved = await cleo.save(OF_DOCS)
    named = ["segment", saved["id"]]

    written, used, other = [
        (await cleo.send("POST", "/query", journey(filter_))).json()
        for filter_ in (OF_DOCS, named, ["is", "plugin", ["nothing"]])
    ]

    assert used["results"] == written["results"] != other["results"]
    assert [one["id"] for one in used["meta"]["segments"]] == [saved["id"]]
    assert used["query"] == written["query"] | {
        field: value for field, value in used["query"].items() if "segment" in str(value)
    }


@pytest.mark.parametrize("journey", JOURNEYS)
async def test_journeys_count_and_guard_what_a_segment_says(
    ana: Reader, cleo: Reader, journey: Callable[[object], dict[str, Any]]
) -> None:
    of_ana = await ana.save(["is", "person", [ANA]])
    large = await cleo.save(["or", *([OF_DOCS] * 60)])
    twice = ["and", ["segment", large["id"]], ["segment", large["id"]]]

    named = journey(["segment", of_ana["id"]])
    assert (await ana.send("POST", "/query", named)).status_code == 200
    assert_is_problem(await cleo.send("POST", "/query", named), 403, "not-allowed")
    too_many = await cleo.send("POST", "/query", journey(twice))
    assert_is_problem(too_many, 400, "invalid-query")
    assert "100" in too_many.json()["detail"]
    unknown = await cleo.send("POST", "/query", journey(["segment", NOBODY]))
    assert_is_problem(unknown, 400, "invalid-query")
    assert NOBODY in unknown.json()["errors"][0]["detail"]


async def test_an_answer_says_which_segments_it_used_and_echoes_them_as_asked(cleo: Reader) -> None:
    saved = await cleo.save(OF_DOCS)

    answered = (await cleo.ask(["segment", saved["id"]])).json()

    (used,) = answered["meta"]["segments"]
    assert (used["id"], used["name"]) == (saved["id"], saved["name"])
    assert used["changed_at"][:19] == saved["changed_at"][:19]
    assert answered["query"]["filters"] == ["segment", saved["id"]]


async def test_files_know_segments_too(cleo: Reader, guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    saved = await cleo.save(OF_DOCS)
    question = {"metrics": ["events"], "filters": ["segment", saved["id"]], "limit": None}

    response = await guarded_client.post("/query?format=ndjson", json=question, headers=bearing(portal.token(CLEO)))

    assert response.json() == {"events": {"value": 4}}


async def test_whoever_reads_finds_the_segments_of_others(ana: Reader, cleo: Reader) -> None:
    saved = await cleo.save(OF_DOCS)

    listed = {one["id"]: one for one in (await ana.send("GET", "/segments")).json()["segments"]}
    one = (await ana.send("GET", f"/segments/{saved['id']}")).json()

    assert listed[saved["id"]] == one
    assert (one["made_by"], one["may_change"]) == (CLEO, False)


async def test_who_made_a_segment_is_a_name(ana: Reader, cleo: Reader) -> None:
    saved = await ana.save(OF_DOCS)

    assert (await cleo.send("GET", f"/segments/{saved['id']}")).json()["made_by"] is None


async def test_only_its_maker_and_administrators_change_a_segment(ana: Reader, cleo: Reader, eve: Reader) -> None:
    saved = await cleo.save(OF_DOCS)
    path, other = f"/segments/{saved['id']}", {"name": saved["name"], "filters": ["is", "plugin", ["catalog"]]}

    assert_is_problem(await ana.send("PUT", path, other), 403, "not-allowed")
    assert_is_problem(await ana.send("DELETE", path), 403, "not-allowed")
    assert await cleo.events(["segment", saved["id"]]) == 4
    assert (await cleo.send("PUT", path, other)).status_code == 200
    assert await cleo.events(["segment", saved["id"]]) == 2
    assert (await eve.send("DELETE", path)).status_code == 204


async def test_a_deleted_segment_says_so_by_its_name(cleo: Reader) -> None:
    saved = await cleo.save(OF_DOCS)
    assert (await cleo.send("DELETE", f"/segments/{saved['id']}")).status_code == 204

    refused = await cleo.ask(["and", ["segment", saved["id"]]])

    assert_is_problem(refused, 400, "invalid-query")
    (error,) = refused.json()["errors"]
    assert error == {"field": "filters[1]", "detail": f"the segment “{saved['name']}” was deleted"}
    assert_is_problem(await cleo.send("GET", f"/segments/{saved['id']}"), 404, "not-found")
    assert (await cleo.save(OF_DOCS, saved["name"]))["id"] != saved["id"]


@pytest.mark.parametrize("named", [["segment", NOBODY], ["segment", "x"], ["segment"], ["segment", 1], ["segment", []]])
async def test_an_unknown_segment_is_a_clear_error(cleo: Reader, named: list[object]) -> None:
    refused = await cleo.ask(["not", named])

    assert_is_problem(refused, 400, "invalid-query")
    assert "segment" in refused.json()["errors"][0]["detail"]


async def test_a_cursor_ends_when_its_segment_changes(cleo: Reader) -> None:
    saved = await cleo.save(OF_DOCS)
    parts: dict[str, object] = {"dimensions": ["item"], "limit": 1}
    cursor = (await cleo.ask(["segment", saved["id"]], **parts)).json()["meta"]["next_cursor"]
    assert (await cleo.ask(["segment", saved["id"]], **parts, cursor=cursor)).status_code == 200

    await cleo.send("PUT", f"/segments/{saved['id']}", {"name": saved["name"], "filters": OF_DOCS})
    refused = await cleo.ask(["segment", saved["id"]], **parts, cursor=cursor)

    assert_is_problem(refused, 400, "invalid-query")
    assert "segment" in refused.json()["detail"]


async def test_a_segment_that_names_people_is_for_those_who_may_read_names(ana: Reader, cleo: Reader) -> None:
    filters = ["and", OF_DOCS, ["is", "person", [ANA]]]
    saved = await ana.save(filters)
    path = f"/segments/{saved['id']}"

    assert await ana.events(["segment", saved["id"]]) == 2
    assert_is_problem(await cleo.ask(["or", ["segment", saved["id"]], OF_DOCS]), 403, "not-allowed")
    assert_is_problem(await cleo.send("GET", path), 403, "not-allowed")
    assert_is_problem(await cleo.send("POST", "/segments", {"name": "x", "filters": filters}), 403, "not-allowed")
    listed = (await cleo.send("GET", "/segments")).text
    assert ANA not in listed
    assert saved["id"] not in listed


async def test_everyone_may_save_a_segment_about_themselves(ana: Reader, cleo: Reader) -> None:
    saved = await cleo.save(["is", "person", [CLEO]])

    assert await cleo.events(["segment", saved["id"]]) == 3
    assert await ana.events(["segment", saved["id"]]) == 3


async def test_a_name_is_taken_once(cleo: Reader) -> None:
    saved = await cleo.save(OF_DOCS, "Docs of  platform ")
    other = await cleo.save(OF_DOCS)
    again = {"name": "docs of platform", "filters": OF_DOCS}

    assert saved["name"] == "Docs of platform"
    assert_is_problem(await cleo.send("POST", "/segments", again), 409, "segment-exists")
    assert_is_problem(await cleo.send("PUT", f"/segments/{other['id']}", again), 409, "segment-exists")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "filters": OF_DOCS}, "name"),
        ({"name": "  ", "filters": OF_DOCS}, "name"),
        ({"name": "x" * 129, "filters": OF_DOCS}, "name"),
        ({"name": "a\0", "filters": OF_DOCS}, "name"),
        ({"name": "x", "filters": ["is", "nothing", ["x"]]}, "filters"),
        ({"name": "x", "filters": []}, "filters"),
        ({"name": "x", "filters": ["not", ["segment", NOBODY]]}, "filters"),
        ({"name": "x"}, ""),
    ],
)
async def test_what_is_no_segment_is_refused(cleo: Reader, body: dict[str, object], field: str) -> None:
    refused = await cleo.send("POST", "/segments", body)

    assert_is_problem(refused, 400, "invalid-query")
    assert refused.json()["errors"][0]["field"] == field


async def test_limits_count_what_a_segment_says(cleo: Reader) -> None:
    saved = await cleo.save(["or", *([OF_DOCS] * 60)])

    assert await cleo.events(["segment", saved["id"]]) == 4
    refused = await cleo.ask(["and", ["segment", saved["id"]], ["segment", saved["id"]]])

    assert_is_problem(refused, 400, "invalid-query")
    assert "100" in refused.json()["detail"]


async def test_replicas_share_segments(dsn: str) -> None:
    with running_service(database_url=dsn) as one, running_service(database_url=dsn) as other:
        async with httpx.AsyncClient(timeout=60) as client:
            body = navigation("/a", context={"pluginId": "techdocs"})
            await client.post(f"{one.url}{API}/events", json=body)
            segments = f"{API}/segments"
            saved = (await client.post(one.url + segments, json={"name": "docs", "filters": OF_DOCS})).json()
            question = {"metrics": ["events"], "filters": ["segment", saved["id"]]}

            answered = await client.post(f"{other.url}{API}/query", json=question)
            changed = {"name": "docs", "filters": ["is", "plugin", ["catalog"]]}
            await client.put(f"{other.url}{segments}/{saved['id']}", json=changed)
            after = await client.post(f"{one.url}{API}/query", json=question)

    assert answered.json()["results"] == [{"events": {"value": 1}}]
    assert after.json()["results"] == [{"events": {"value": 0}}]
