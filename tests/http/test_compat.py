from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.http.test_bad_input import assert_is_problem
from tests.samples import recorded
from tests.service import ServiceProcess, running_service

POSTS = recorded("original-module-posts.jsonl")
ENTITY = "/catalog/default/component/example-website"


@pytest.fixture(scope="module")
def original_service() -> Iterator[ServiceProcess]:
    """A service that the original's module has sent its events to, one request an event."""
    with running_service() as service:
        for post in POSTS:
            response = httpx.post(f"{service.url}/api/analytics-internal/events", json=post, timeout=30)
            assert response.json()["results"][0]["status"] == "stored"
        further = [
            {"action": "engage", "subject": ENTITY, "value": 12, "user": "user:default/ana"},
            {"action": "navigate", "subject": ENTITY, "agent": "claude-code", "user": "user:default/ana"},
        ]
        httpx.post(f"{service.url}/api/analytics-internal/events", json={"events": further}, timeout=30)
        yield service


@pytest.fixture
async def original(original_service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{original_service.url}/api/analytics-internal", timeout=30) as client:
        yield client


async def items_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/analytics")).json()
    return items


async def test_every_pair_of_action_and_subject_is_an_item_with_its_accesses(original: httpx.AsyncClient) -> None:
    expected = Counter((post["action"], str(post["subject"]).partition("?")[0].rstrip("/")) for post in POSTS)

    items = await items_of(original)

    assert {(item["action"], item["subject"]): item["access_count"] for item in items} == expected


async def test_click_and_navigate_on_one_subject_are_two_items(original: httpx.AsyncClient) -> None:
    items = [item for item in await items_of(original) if item["subject"] == ENTITY]

    assert {item["action"] for item in items} == {"click", "navigate"}
    assert len({item["id"] for item in items}) == 2


async def test_a_first_access_counts_one(original: httpx.AsyncClient) -> None:
    await original.post("/events", json={**POSTS[0], "action": "first", "subject": "/first"})

    item = next(item for item in await items_of(original) if item["action"] == "first")

    assert item["access_count"] == 1
    assert [person["access_count"] for person in item["metrics"]] == [1]
    assert item["created_at"] == item["updated_at"]


async def test_an_item_has_the_originals_fields_filled(original: httpx.AsyncClient) -> None:
    item = next(item for item in await items_of(original) if item["subject"] == ENTITY)

    assert item.keys() == {
        "id", "action", "subject", "path", "access_count", "created_at", "updated_at", "metrics",
    }  # fmt: skip
    assert item["path"] == ENTITY
    (person,) = item["metrics"]
    assert person.keys() == {
        "id", "analytics_id", "name", "namespace", "access_count", "created_at", "updated_at",
    }  # fmt: skip
    assert (person["name"], person["namespace"], person["analytics_id"]) == ("guest", "default", item["id"])


async def test_times_are_utc_in_whole_milliseconds(original: httpx.AsyncClient) -> None:
    """As the original's backend writes them, whatever the offset and the precision of an event's own time."""
    day = datetime.now(UTC).date() - timedelta(days=2)
    for at in (f"{day}T20:30:05.007999-03:00", f"{day}T23:45:00+00:00"):
        post = {"action": "timed", "subject": "/timed", "occurredAt": at, "user": "user:default/guest"}
        await original.post("/events", json=post)

    item = next(item for item in await items_of(original) if item["action"] == "timed")

    assert (item["created_at"], item["updated_at"]) == (f"{day}T23:30:05.007Z", f"{day}T23:45:00.000Z")
    (person,) = item["metrics"]
    assert (person["created_at"], person["updated_at"]) == (item["created_at"], item["updated_at"])


async def test_one_item_is_the_one_of_the_list(original: httpx.AsyncClient) -> None:
    items = await items_of(original)

    assert [(await original.get(f"/analytics/{item['id']}")).json() for item in items] == items
    assert_is_problem(await original.get("/analytics/999999"), 404, "not-found")


async def test_top_users_count_accesses(original: httpx.AsyncClient) -> None:
    for _ in range(3):
        await original.post("/events", json={"action": "third", "subject": "/third", "user": "user:team/Bo"})

    users = (await original.get("/top-users")).json()

    accesses = sum(item["access_count"] for item in await items_of(original))
    assert users[0] == {"name": "guest", "namespace": "default", "access_count": accesses - 3}
    assert {"name": "bo", "namespace": "team", "access_count": 3} in users


async def test_users_with_as_many_accesses_are_sorted_as_people_sort(original: httpx.AsyncClient) -> None:
    in_order = ["anders", "ängström", "åsa", "bert", "øystein", "zoë"]
    for name in in_order[::-1]:
        await original.post("/events", json={"action": "once", "subject": "/once", "user": f"user:sorted/{name}"})

    users = (await original.get("/top-users")).json()

    assert [user["name"] for user in users if user["namespace"] == "sorted"] == in_order


async def test_the_rest_of_a_long_list_is_behind_a_link(original: httpx.AsyncClient) -> None:
    items = await items_of(original)

    response = await original.get("/analytics?limit=2")
    following = await original.get(f"{original.base_url.scheme}://{original.base_url.netloc.decode()}"
                                   f"{response.links['next']['url']}")  # fmt: skip

    assert response.json() + following.json() == items[:4]
    assert "link" not in (await original.get("/analytics")).headers
