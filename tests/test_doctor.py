"""``doctor`` asks the reader of a running service as a machine that may read everything."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx

from analytics_internal.embedded.server import running_dsn
from tests.command import command
from tests.samples import navigation
from tests.service import API, running_service

TOKEN = "the-token-of-a-machine"


def test_the_reader_of_a_running_service_is_compared_with_the_log() -> None:
    with running_service(auth="backstage", portal_url="http://127.0.0.1:1", import_tokens=[TOKEN]) as service:
        stored = httpx.post(
            f"{service.url}{API}/events", json=navigation(), headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert stored.status_code == 200
        further = [
            {"action": "engage", "subject": "/catalog", "value": 12},
            navigation("/by a program", agent="nightly"),
        ]
        httpx.post(f"{service.url}{API}/events", json={"events": further}, headers={"Authorization": f"Bearer {TOKEN}"})
        asked = ("doctor", "--data-dir", str(service.data_dir))
        trusted = command(*asked, "--token", TOKEN)
        # A measurement is no access; what programs do is one.
        assert "compared with the log at 2 (day, item, person) counts" in trusted.stdout
        assert trusted.returncode == 0
        unknown = command(*asked)
        assert "the reader was not compared with the log: the running service could not be asked: 401: " in (
            unknown.stdout
        )
        assert (
            "(--token takes one of the service's import_tokens, which a portal's app-config has in " in unknown.stdout
        )
        assert "analyticsInternal.importTokens; --url takes another address" in unknown.stdout
        assert unknown.returncode == 0


async def store_spellings(dsn: str, spellings: list[str]) -> None:
    connection = await asyncpg.connect(dsn)
    items = await connection.fetch("SELECT item_id FROM item ORDER BY item_id")
    for (item,), spelling in zip(items, spellings, strict=True):
        await connection.execute("UPDATE item SET subject = $1, path = $1 WHERE item_id = $2", spelling, item)
    await connection.close()


def test_pages_that_are_stored_in_several_spellings_are_compared_as_the_reader_counts_them() -> None:
    with running_service() as service:
        spellings = ["/docs/caf%C3%A9", "/docs/cafe\u0301", "/docs/café"]
        for number in range(3):
            response = httpx.post(f"{service.url}{API}/events", json=navigation(f"/page-{number}"))
            assert response.status_code == 200
        asyncio.run(store_spellings(running_dsn(service.data_dir), spellings))
        asked = command("doctor", "--data-dir", str(service.data_dir))

    assert "the reader differs" not in asked.stdout
    assert "compared with the log at 1 (day, item, person) counts" in asked.stdout
