"""A role without the rights of forwarding: events are stored as ever. With the documented rights all works."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from analytics_internal.log import LogWriter, connect_pool
from analytics_internal.log.readiness import RIGHTS
from tests.forward.http_receiver import HttpReceiver, Reply, Request
from tests.http.test_bad_input import assert_is_problem
from tests.samples import navigation
from tests.service import API, running_service

DOCUMENTATION = Path(__file__).parents[2] / "docs/reference/postgresql.md"
PATIENCE_S = 120.0


class Picky(HttpReceiver):
    """Takes all but what is about `/bad`."""

    def take(self, request: Request) -> Reply:
        return Reply(422) if b"/bad" in request.body else Reply()


@pytest.fixture
def receiver() -> Iterator[Picky]:
    with contextlib.closing(Picky()) as receiver:
        yield receiver


@pytest.fixture
async def role(dsn: str) -> AsyncIterator[str]:
    """A role with the rights for storing events, and no more."""
    name = "forwards_nothing"
    async with await connect_pool(dsn, 2) as pool:
        await LogWriter(pool).keep_months_ahead()
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE ROLE {name}")
    for table, rights in RIGHTS.items():
        await connection.execute(f"GRANT {', '.join(rights)} ON {table} TO {name}")
    await connection.execute(f"GRANT SELECT ON alembic_version TO {name}; GRANT USAGE ON SEQUENCE log_writer TO {name}")
    yield name
    await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await connection.close()


def documented_rights(role: str) -> str:
    """The statements of the documentation's block about destinations."""
    blocks: list[str] = re.findall(r"```sql\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    (block,) = [one for one in blocks if "replay" in one]
    return block.replace(" TO analytics;", f" TO {role};")


async def until_it_is(client: httpx.AsyncClient, **expected: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        answered = await client.get("/destinations")
        row: dict[str, Any] = answered.json()["destinations"][0] if answered.is_success else {}
        found = {name: row.get(name) for name in expected}
        if found == expected:
            return
        assert time.monotonic() < end, (found, answered.text)
        await asyncio.sleep(0.1)


async def test_a_role_without_the_rights_of_forwarding_stores_events_and_with_them_forwards(
    dsn: str, role: str, receiver: Picky
) -> None:
    hook = {"name": "hook", "type": "webhook", "url": receiver.url, "start": "beginning"}
    events = {"events": [navigation("/good"), navigation("/bad"), navigation("/good/2")]}
    with running_service(database_url=f"{dsn}&role={role}", destinations=[hook]) as service:
        async with httpx.AsyncClient(base_url=f"{service.url}{API}", timeout=60) as client:
            stored = await client.post("/events", json=events)
            ready = await client.get(f"{service.url}/readyz")
            answered = await client.get("/destinations")

            assert stored.status_code == 200, stored.text
            assert {one["status"] for one in stored.json()["results"]} == {"stored"}
            assert ready.status_code == 200, ready.text
            assert_is_problem(answered, 503, "destinations-unavailable")
            assert "permission denied for table replay" in answered.json()["detail"]  # the first that is read

            connection = await asyncpg.connect(dsn)
            await connection.execute(documented_rights(role))
            await connection.close()
            await until_it_is(client, lag_events=0, delivered=2, dead_letters=1, state="up_to_date")
            for action, body in (("pause", None), ("replay", {"dead_letters": "all"}), ("replay", {"after": 0})):
                (await client.post(f"/destinations/hook/{action}", json=body)).raise_for_status()
            (await client.post("/destinations/hook/resume")).raise_for_status()
            await until_it_is(client, queued_dead_letters=0, replays=[])
            (await client.post("/destinations/hook/cancel-replays")).raise_for_status()
            discarded = await client.post("/destinations/hook/discard", json={"dead_letters": "all"})
            assert discarded.json() == {"dead_letters": 1}
