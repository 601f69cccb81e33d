"""What may be the fault of the service's own clock is never a final verdict."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from analytics_internal.embedded.server import running_dsn
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.http import ingest
from tests.http.test_bad_input import assert_is_problem
from tests.samples import Json, navigation
from tests.service import API, ServiceProcess, running_service


@pytest.fixture(scope="module")
def own_service() -> Iterator[ServiceProcess]:
    """A service whose log is nobody else's."""
    with running_service() as service:
        yield service


async def post(service: ServiceProcess, *events: Json, **batch: object) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{service.url}{API}/events", json={**batch, "events": list(events)})


def from_now(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


async def test_times_are_rejected_while_the_clock_is_trusted(own_service: ServiceProcess) -> None:
    far = str(uuid7(datetime.now(UTC) + timedelta(days=900)))

    answer = await post(own_service, navigation(occurredAt=from_now(hours=1)), navigation(id=far), navigation("/good"))

    assert answer.status_code == 200
    assert [one.get("reason", one["status"]) for one in answer.json()["results"]] == [
        "in_the_future", "invalid_id", "stored",
    ]  # fmt: skip


@pytest.mark.parametrize("days", [-900, 900])
async def test_a_browser_whose_clock_is_years_from_the_services_is_asked_to_try_again(
    own_service: ServiceProcess, days: int
) -> None:
    theirs = datetime.now(UTC) + timedelta(days=days)
    event = navigation(id=str(uuid7(theirs)), occurredAt=theirs.isoformat())

    answer = await post(own_service, event, navigation("/beside"), sentAt=theirs.isoformat())

    assert_is_problem(answer, 503, "clock-in-doubt")
    assert int(answer.headers["retry-after"]) > 0
    assert "clock in doubt" in own_service.log.read_text()


async def test_a_clock_behind_the_log_refuses_nothing_for_its_time(own_service: ServiceProcess) -> None:
    connection = await asyncpg.connect(running_dsn(own_service.data_dir))
    await post(own_service, navigation("/before the clock was set back"))
    await connection.execute("UPDATE event SET received_at = received_at + interval '3 days'")
    ahead, usual = navigation(occurredAt=from_now(hours=1)), navigation("/usual", occurredAt=from_now(minutes=-1))

    in_doubt, stored = await post(own_service, usual, ahead), await post(own_service, usual)
    kept = await connection.fetchval("SELECT count(*) FROM rejected_event WHERE payload LIKE '%/usual%'")
    await connection.execute("UPDATE event SET received_at = received_at - interval '3 days'")
    await connection.close()

    assert_is_problem(in_doubt, 503, "clock-in-doubt")
    assert kept == 0
    assert stored.json()["results"][0]["status"] == "stored"


class _LongAgo(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2024, 1, 1, tzinfo=UTC)


async def test_a_service_that_is_years_behind_takes_and_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.baseline import no_store_app

    monkeypatch.setattr(ingest, "datetime", _LongAgo)
    transport = httpx.ASGITransport(no_store_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        body = json.dumps(navigation(id=str(uuid7())))
        answer = await client.post(f"{API}/events", content=body)

    assert_is_problem(answer, 503, "clock-in-doubt")
    assert "2024-01-01" in answer.json()["detail"]
