"""The demo with destinations: what is stored is in each of them once, when nothing waits any more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.forward.http_receiver import HttpReceiver, running
from tests.forward.test_child import wait_until
from tests.service import API, COMMAND, ServiceProcess

EVENTS = 1_000


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with running(HttpReceiver()) as receiver:
        yield receiver


def stored(service: ServiceProcess) -> list[str]:
    """The ids of all events, in the log's order."""
    exported = subprocess.run([*COMMAND, "export", "--url", service.url], check=True, capture_output=True, text=True)
    return [json.loads(line)["id"] for line in exported.stdout.splitlines()]


def lag(service: ServiceProcess) -> int:
    answer = httpx.get(f"{service.url}{API}/destinations").json()
    return sum(one["lag_events"] for one in answer["destinations"])


@pytest.mark.parametrize("start", ["now", "beginning"])
def test_a_webhook_and_a_lake_have_every_event_once(tmp_path: Path, receiver: HttpReceiver, start: str) -> None:
    lake = tmp_path / "lake"
    # As `make demo` finds it: in the working folder.
    (tmp_path / "analytics-internal.yaml").write_text(
        f"""
        destinations:
          - name: audit
            type: webhook
            url: {receiver.url}
            start: {start}
          - name: lake
            type: parquet
            url: {lake}
            start: {start}
        """
    )
    with ServiceProcess(tmp_path).running() as service:
        subprocess.run([*COMMAND, "demo", "--url", service.url, "--events", str(EVENTS)], check=True, cwd=tmp_path)
        wait_until(lambda: lag(service) == 0)
        ids = stored(service)

    assert len(ids) == EVENTS
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert [event["id"] for body in bodies for event in body["events"]] == ids
    sql = f"SELECT id::VARCHAR FROM read_parquet('{lake}/**/*.parquet') ORDER BY position"
    rows = duckdb.connect().execute(sql).fetchall()
    assert [row[0] for row in rows] == ids
