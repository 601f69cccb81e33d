"""Whoever may read figures but not who did what is told no name, on whatever address."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from analytics_internal.http.app import PAGE, PREFIX, routes
from analytics_internal.query.language import DIMENSIONS, FILTER_DIMENSIONS, METRICS, OPERATORS, TIME_DIMENSIONS
from analytics_internal.query.metrics import DECLARED
from tests.http.conftest import CLEO, serving_guarded
from tests.http.stand_in_portal import IMPORT_TOKEN, PortalStandIn
from tests.http.test_bad_input import assert_is_problem
from tests.http.test_tokens import bearing
from tests.samples import ANA, BO, navigation
from tests.service import ServiceProcess

pytestmark = pytest.mark.slow

# Nothing else that is stored has these words in it.
NAMES = ("xanthippe", "balthasar", "quetzalcoatl")
REFS = ("user:default/xanthippe", "user:team/balthasar", "user:default/quetzalcoatl")
NOBODY = "00000000-0000-4000-8000-000000000000"
SESSION = "5e551010-0000-4000-8000-00000000cafe"


class Asked(NamedTuple):
    """One request, and whether those who may read names find some in the answer."""

    path: str
    names_people: bool = False
    body: object = None
    headers: dict[str, str] = {}  # noqa: RUF012


def question(**parts: object) -> dict[str, object]:
    asked = [name for name in METRICS if DECLARED[name].dimensions is None and not DECLARED[name].not_by]
    return {"metrics": asked, "date_range": "all", **parts}


BY_PERSON = question(dimensions=["person"])
ABOUT_A_PERSON = question(filters=["and", ["not", ["is", "person", [REFS[0]]]], ["is", "action", ["navigate"]]])
BY_ALL_ELSE = [
    question(dimensions=[dimension, *also])
    for dimension in DIMENSIONS
    for also in ([], ["item"])
    if dimension not in ("person", *also)
]
BY_ATTRIBUTE = [question(dimensions=[f"attr:{name}"]) for name in ("run", "note", "link")]
PERSON, ACTION = ["is", "person", [REFS[0]]], ["is", "action", ["navigate"]]
JOURNEYS: list[dict[str, object]] = [
    {"kind": "funnel", "steps": [ACTION, ACTION], "dimensions": ["plugin"], "date_range": "all"},
    {"kind": "retention", "date_range": "all"},
    {"kind": "paths", "around": ACTION, "date_range": "all"},
]
JOURNEYS_ABOUT_A_PERSON: list[dict[str, object]] = [
    {"kind": "funnel", "steps": [ACTION], "dimensions": ["person"], "date_range": "all"},
    {"kind": "funnel", "steps": [ACTION, ["not", PERSON]]},
    {"kind": "funnel", "steps": [ACTION], "filters": PERSON},
    {"kind": "retention", "first": PERSON},
    {"kind": "retention", "returning": ["or", ACTION, PERSON]},
    {"kind": "paths", "around": PERSON},
]
CSV = {"accept": "text/csv"}

# Every address of the service with requests that would name people. A new address needs its own here.
ADDRESSES: dict[str, list[Asked]] = {
    f"POST {PREFIX}/events": [Asked(f"{PREFIX}/events", body=navigation("/walked", user=REFS[0]))],
    f"GET {PREFIX}/events": [
        Asked(f"{PREFIX}/events", names_people=True),
        Asked(f"{PREFIX}/events?after=0&limit=3", names_people=True),
    ],
    f"POST {PREFIX}/query": [
        Asked(f"{PREFIX}/query", True, BY_PERSON),
        Asked(f"{PREFIX}/query", True, BY_PERSON, CSV),
        Asked(
            f"{PREFIX}/query", True, question(dimensions=["time:day", "person", "item"], order_by=[["person", "asc"]])
        ),
        Asked(f"{PREFIX}/query", True, ABOUT_A_PERSON),
        *(Asked(f"{PREFIX}/query", True, journey) for journey in JOURNEYS_ABOUT_A_PERSON),
        *(Asked(f"{PREFIX}/query", False, journey) for journey in JOURNEYS),
        *(Asked(f"{PREFIX}/query", True, other) for other in BY_ATTRIBUTE),
        *(Asked(f"{PREFIX}/query", True, other, CSV) for other in BY_ATTRIBUTE),
        *(Asked(f"{PREFIX}/query", False, other) for other in BY_ALL_ELSE),
        *(Asked(f"{PREFIX}/query", False, other, CSV) for other in BY_ALL_ELSE),
        Asked(f"{PREFIX}/query", False, {"metrics": ["visits"], "dimensions": ["user"], "filters": ["is", "who", []]}),
    ],
    f"GET {PREFIX}/query": [
        Asked(f"{PREFIX}/query?q={json.dumps(BY_PERSON)}", True),
        Asked(f"{PREFIX}/query?format=csv&q={json.dumps(BY_PERSON)}", True),
        Asked(f"{PREFIX}/query?q={json.dumps(question(dimensions=['entity', 'subject']))}"),
        Asked(f"{PREFIX}/query?q=nonsense"),
    ],
    f"GET {PREFIX}/configuration": [Asked(f"{PREFIX}/configuration")],
    f"GET {PREFIX}/analytics": [
        Asked(f"{PREFIX}/analytics", names_people=True),
        Asked(f"{PREFIX}/analytics?limit=2&offset=1", names_people=True),
    ],
    f"GET {PREFIX}/analytics/{{id}}": [
        Asked(f"{PREFIX}/analytics/1", names_people=True),
        Asked(f"{PREFIX}/analytics/nothing"),
    ],
    f"GET {PREFIX}/top-users": [Asked(f"{PREFIX}/top-users", names_people=True)],
    f"GET {PREFIX}/.well-known/backstage/permissions/metadata": [
        Asked(f"{PREFIX}/.well-known/backstage/permissions/metadata")
    ],
    f"POST {PREFIX}/.well-known/backstage/permissions/apply-conditions": [
        Asked(f"{PREFIX}/.well-known/backstage/permissions/apply-conditions", body={"items": []})
    ],
    f"GET {PREFIX}/segments": [Asked(f"{PREFIX}/segments")],
    f"POST {PREFIX}/segments": [
        Asked(f"{PREFIX}/segments", body={"name": "", "filters": ["is", "person", [REFS[0]]]}),
    ],
    # With segments that name people: tests/http/test_segments.py.
    **{
        f"{method} {PREFIX}/segments/{{id}}": [Asked(f"{PREFIX}/segments/{id_}") for id_ in ("nothing", NOBODY)]
        for method in ("GET", "PUT", "DELETE")
    },
    f"GET {PREFIX}/destinations": [Asked(f"{PREFIX}/destinations")],
    **{
        f"POST {PREFIX}/destinations/{{name}}/{action}": [
            Asked(f"{PREFIX}/destinations/nobody/{action}", body={"dead_letters": "all"})
        ]
        for action in ("pause", "resume", "test", "replay", "cancel-replays", "discard")
    },
    # With dead letters: tests/http/test_destinations.py.
    f"GET {PREFIX}/destinations/{{name}}/dead-letters": [Asked(f"{PREFIX}/destinations/nobody/dead-letters")],
    f"GET {PREFIX}/openapi.json": [Asked(f"{PREFIX}/openapi.json")],
    "GET /openapi.json": [Asked("/openapi.json")],
    "GET /healthz": [Asked("/healthz")],
    "GET /readyz": [Asked("/readyz")],
    "GET /metrics": [Asked("/metrics")],
    "GET /": [Asked("/")],
    "GET /items/{id:int}": [Asked("/items/1")],
    "GET /destinations": [Asked("/destinations")],
    "GET /api.html": [Asked("/api.html")],
}
# What anybody may ask, and what anybody may who is signed in; all else needs the permission to read.
PUBLIC = {f"GET {PREFIX}/openapi.json", *(address for address in ADDRESSES if f" {PREFIX}" not in address)}
SIGNED_IN = {
    f"POST {PREFIX}/events",
    f"GET {PREFIX}/.well-known/backstage/permissions/metadata",
    f"POST {PREFIX}/.well-known/backstage/permissions/apply-conditions",
}


def addresses_of(some_routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in some_routes:
        if isinstance(route, Mount) and route.routes:
            yield from addresses_of(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            yield from (f"{method} {prefix}{route.path}" for method in route.methods or () if method != "HEAD")
        else:
            assert is_of_the_page(route), route


def is_of_the_page(route: BaseRoute) -> bool:
    """Whether these are the page's own files, the same for everyone."""
    app: Any = getattr(route, "app", None)
    while hasattr(app, "app"):
        app = app.app  # inside a middleware
    return isinstance(app, StaticFiles) and str(app.directory).startswith(str(PAGE))


async def ask(client: httpx.AsyncClient, address: str, asked: Asked, token: str | None) -> httpx.Response:
    headers = asked.headers | (bearing(token) if token is not None else {})
    root = str(client.base_url).removesuffix(f"{PREFIX}/")
    return await client.request(address.partition(" ")[0], root + asked.path, json=asked.body, headers=headers)


def names_in(response: httpx.Response) -> list[str]:
    told = (response.text + str(response.headers)).lower()
    return [word for word in (*NAMES, SESSION) if word in told]


@pytest.fixture(scope="module")
def guarded(portal: PortalStandIn) -> Iterator[ServiceProcess]:
    """A service to which nobody else sends events."""
    with serving_guarded(portal) as service:
        yield service


@pytest.fixture(autouse=True, scope="module")
def walked(guarded: ServiceProcess) -> None:
    """What these people did."""
    events = [
        navigation(f"/page/{number}", user=ref, sessionId=SESSION, context={"pluginId": "catalog"})
        for number in range(3)
        for ref in REFS
    ]
    # Names of attributes do not always say that people are named by their values.
    told = [{"run": ref, "note": f"for {ref.title()}!", "link": f"/{quote(ref, '')}"} for ref in REFS]
    told += [{"note": f"{ref.rpartition('/')[2]}@example.com"} for ref in REFS]
    events += [navigation("/page/0", user=CLEO, attributes=attributes) for attributes in told]
    body = {"events": [*events, navigation("/page/0", user=CLEO)]}
    url = f"{guarded.url}{PREFIX}/events"
    answer = httpx.post(url, json=body, headers=bearing(IMPORT_TOKEN)).json()
    assert {verdict["status"] for verdict in answer["results"]} == {"stored"}


def test_every_address_of_the_service_is_walked() -> None:
    missing = set()
    if not (PAGE / "index.html").is_file():
        missing = {"GET /items/{id:int}", "GET /destinations", "GET /api.html"}
    assert set(addresses_of(routes())) == ADDRESSES.keys() - missing


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_reader_without_names_is_told_none(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, address: str
) -> None:
    for asked in ADDRESSES[address]:
        response = await ask(guarded_client, address, asked, portal.token(CLEO))
        assert names_in(response) == [], asked
        assert response.status_code < 500, response.text


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_reader_of_names_is_told_them(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, address: str
) -> None:
    for asked in ADDRESSES[address]:
        response = await ask(guarded_client, address, asked, portal.token(ANA))
        found = [name for name in names_in(response) if name != SESSION]
        assert bool(found) == asked.names_people, (asked, response.text)


@pytest.mark.parametrize("address", sorted(ADDRESSES.keys() - PUBLIC))
async def test_nobody_is_answered_without_a_token(guarded_client: httpx.AsyncClient, address: str) -> None:
    for asked in ADDRESSES[address]:
        assert_is_problem(await ask(guarded_client, address, asked, None), 401, "unauthenticated")


@pytest.mark.parametrize("address", sorted(ADDRESSES.keys() - PUBLIC - SIGNED_IN))
async def test_nobody_reads_anything_without_the_permission(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, address: str
) -> None:
    permission = "admin" if "/destinations" in address else "read"
    for asked in ADDRESSES[address]:
        response = await ask(guarded_client, address, asked, portal.token(BO))
        assert_is_problem(response, 403, "not-allowed")
        assert f"`analytics-internal.{permission}`" in response.json()["detail"]


async def test_who_may_not_read_names_finds_nobody_by_the_values_of_attributes(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    filters = ["or", ["contains", "attr:note", ["xanthippe"]], ["is", "attr:run", [REFS[0]]]]
    counted = {}
    for person in (ANA, CLEO):
        asked = Asked(f"{PREFIX}/query", body={"metrics": ["events"], "filters": filters, "date_range": "all"})
        response = await ask(guarded_client, f"POST {PREFIX}/query", asked, portal.token(person))
        counted[person] = response.json()["results"][0]["events"]["value"]

    assert counted == {ANA: 2, CLEO: 0}


async def test_the_log_of_the_service_names_nobody(guarded: ServiceProcess, guarded_client: httpx.AsyncClient) -> None:
    for address, requests in ADDRESSES.items():
        for asked in requests:
            await ask(guarded_client, address, asked, IMPORT_TOKEN)

    assert [name for name in NAMES if name in guarded.log.read_text().lower()] == []


async def test_the_originals_shapes_stay_with_nobody_in_them(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    async def read(path: str, person: str) -> Any:
        return (await guarded_client.get(path, headers=bearing(portal.token(person)))).json()

    with_names, without = await read("/analytics", ANA), await read("/analytics", CLEO)

    assert any(item["metrics"] for item in with_names)
    assert without == [{**item, "metrics": []} for item in with_names]
    assert await read(f"/analytics/{without[0]['id']}", CLEO) == without[0]
    assert await read("/top-users", CLEO) == []


async def test_people_are_counted_for_those_who_may_not_see_who_they_are(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn
) -> None:
    counted = question(dimensions=["item"], metrics=["people", "events"])

    by_ana = await guarded_client.post("/query", json=counted, headers=bearing(portal.token(ANA)))
    by_cleo = await guarded_client.post("/query", json=counted, headers=bearing(portal.token(CLEO)))

    assert by_cleo.json()["results"] == by_ana.json()["results"]
    assert max(row["people"]["value"] for row in by_cleo.json()["results"]) >= 4


async def test_a_refusal_says_what_to_leave_out(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    filters = ["and", ["is", "action", ["navigate"]], ["or", ["contains", "person", ["x"]], ["is", "person", [None]]]]
    asked = question(dimensions=["person", "time:day"], filters=filters)

    response = await guarded_client.post("/query", json=asked, headers=bearing(portal.token(CLEO)))

    assert_is_problem(response, 403, "not-allowed")
    assert "`analytics-internal.people.read`" in response.json()["detail"]
    assert [error["field"] for error in response.json()["errors"]] == ["dimensions", "filters[2][1]", "filters[2][2]"]


def comparisons(dimensions: Iterable[str]) -> st.SearchStrategy[list[object]]:
    values = st.lists(st.sampled_from([*REFS, CLEO, "x"]), min_size=1, max_size=2)
    return st.builds(lambda operator, dimension, some: [operator, dimension, some],
                     st.sampled_from(OPERATORS), st.sampled_from(list(dimensions)), values)  # fmt: skip


def nested(leaves: st.SearchStrategy[list[object]]) -> st.SearchStrategy[list[object]]:
    def deeper(inner: st.SearchStrategy[list[object]]) -> st.SearchStrategy[list[object]]:
        several = st.builds(lambda word, parts: [word, *parts], st.sampled_from(["and", "or"]),
                            st.lists(inner, min_size=1, max_size=3))  # fmt: skip
        return several | st.builds(lambda part: ["not", part], inner)

    return st.recursive(leaves, deeper, max_leaves=4)


harmless = nested(comparisons(name for name in FILTER_DIMENSIONS if name not in ("person", "item")))
about_others = st.one_of(
    st.sampled_from([["is", "person", [REFS[0]]], ["is_not", "person", [CLEO, REFS[1]]], ["is", "person", [None]]]),
    st.builds(lambda text: ["contains", "person", [text]], st.sampled_from(["x", CLEO, "cleo"])),
)


@st.composite
def hidden(draw: st.DrawFn) -> list[object]:
    """A filter that names somebody, somewhere inside of others."""
    filter_: list[object] = draw(about_others)
    for _ in range(draw(st.integers(0, 4))):
        beside = draw(st.lists(harmless, max_size=2).filter(lambda parts: all(depth(part) <= 3 for part in parts)))
        place = draw(st.integers(0, len(beside)))
        word = draw(st.sampled_from(["and", "or"] if beside else ["and", "or", "not"]))
        filter_ = [word, *beside[:place], filter_, *beside[place:]]
    return filter_


def depth(filter_: list[Any]) -> int:
    return 1 + max(map(depth, filter_[1:])) if filter_[0] in ("and", "or", "not") else 1


@settings(max_examples=40)
@given(hidden(), st.booleans(), st.booleans())
async def test_a_filter_that_names_others_is_found_wherever_it_is(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, filters: list[object], is_link: bool, is_csv: bool
) -> None:
    asked = json.dumps(question(filters=filters))
    headers = bearing(portal.token(CLEO)) | (CSV if is_csv else {})

    if is_link:
        response = await guarded_client.get("/query", params={"q": asked}, headers=headers)
    else:
        response = await guarded_client.post("/query", content=asked, headers=headers)

    assert_is_problem(response, 403, "not-allowed")


@pytest.mark.parametrize("ref", ["user:default/cleo", "User:Default/CLEO", "cleo"])
async def test_a_person_may_ask_for_their_own_use(
    guarded_client: httpx.AsyncClient, portal: PortalStandIn, ref: str
) -> None:
    own = question(metrics=["events"], filters=["and", ["is", "person", [ref]], ["is", "subject", ["/page/0"]]])
    others = question(metrics=["events"], filters=["and", ["is_not", "person", [ref]], ["is", "subject", ["/page/0"]]])

    for asked in (own, others):
        by_cleo = await guarded_client.post("/query", json=asked, headers=bearing(portal.token(CLEO)))
        by_ana = await guarded_client.post("/query", json=asked, headers=bearing(portal.token(ANA)))
        assert by_cleo.json()["results"] == by_ana.json()["results"]


async def test_a_cursor_opens_no_other_question(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    by_person = question(metrics=["events"], dimensions=["person"], limit=1)
    answer = await guarded_client.post("/query", json=by_person, headers=bearing(portal.token(ANA)))
    cursor = answer.json()["meta"]["next_cursor"]

    the_same = await guarded_client.post(
        "/query", json={**by_person, "cursor": cursor}, headers=bearing(portal.token(CLEO))
    )
    another = await guarded_client.post(
        "/query", json={**by_person, "dimensions": [], "cursor": cursor}, headers=bearing(portal.token(CLEO))
    )

    assert_is_problem(the_same, 403, "not-allowed")
    assert_is_problem(another, 400, "invalid-query")


async def test_an_order_by_person_needs_the_dimension(guarded_client: httpx.AsyncClient, portal: PortalStandIn) -> None:
    for dimensions in ([], ["action"], [TIME_DIMENSIONS[0]]):
        asked = question(dimensions=dimensions, order_by=[["person", "asc"]])
        response = await guarded_client.post("/query", json=asked, headers=bearing(portal.token(CLEO)))
        assert_is_problem(response, 400, "invalid-query")
