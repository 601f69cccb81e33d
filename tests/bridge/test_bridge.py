"""The bridge in a real backend, with the real service and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from analytics_internal.event.uuid7 import uuid7
from tests.bridge.backend import Backend
from tests.bridge.conftest import HOOK, SECRET
from tests.bridge.postgres import DATABASE, PASSWORD, USER, SecuredPostgres
from tests.service import COMMAND

EVENT = {"action": "navigate", "subject": "/catalog", "user": "user:default/forged"}


# --- where the log is


async def test_in_a_backend_divided_by_schema_the_log_is_in_the_plugins_schema(
    divided_by_schema: Backend, secured: SecuredPostgres
) -> None:
    with divided_by_schema.client() as client:
        stored = client.post("/analytics-internal/events", json=EVENT).json()["results"]

    head = await _value(secured.dsn_of(DATABASE), 'SELECT position FROM "analytics-internal".log_head')
    assert [verdict["status"] for verdict in stored] == ["stored"]
    assert head == 1


async def test_the_service_connects_as_backstage_does(divided_by_schema: Backend, secured: SecuredPostgres) -> None:
    users = "SELECT array_agg(DISTINCT usename::text) FROM pg_stat_activity WHERE application_name = $1"

    # The server accepts this user only with the password and through TLS.
    assert await _value(secured.admin_dsn, users, "analytics-internal") == [USER]


async def test_in_a_backend_divided_by_database_the_log_is_in_the_plugins_database(
    divided_by_database: Backend, secured: SecuredPostgres
) -> None:
    with divided_by_database.client() as client:
        client.post("/analytics-internal/events", json=EVENT).raise_for_status()

    assert await _value(secured.dsn_of("usage_analytics-internal"), "SELECT position FROM public.log_head") == 1


def test_with_another_client_the_service_has_its_own_postgresql_beside_backstages_files(
    with_another_client: Backend, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with with_another_client.client() as client:
        client.post("/analytics-internal/events", json=EVENT).raise_for_status()
        users = client.get("/analytics-internal/top-users").json()

    folders = {Path(process.cwd()) for process in with_another_client.family() if process.name() == "postgres"}
    assert users == [{"name": "guest", "namespace": "default", "access_count": 1}]
    assert [folder.parts[-3:] for folder in folders] == [("sqlite", "analytics-internal", "postgres")]


# --- callers


def test_another_plugin_asks_on_behalf_of_its_user(divided_by_schema: Backend) -> None:
    with divided_by_schema.client() as client:
        client.post("/analytics-internal/events", json=EVENT).raise_for_status()
        answer = client.get("/caller/top-users")

    assert answer.status_code == 200, answer.text
    assert [user["name"] for user in answer.json()] == ["guest"]


def test_without_a_token_the_service_itself_refuses(divided_by_schema: Backend) -> None:
    answer = httpx.post(f"{divided_by_schema.api}/events", json=EVENT)

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:analytics-internal:problem:unauthenticated"


def test_what_the_service_is_told_is_on_no_command_line(divided_by_schema: Backend) -> None:
    commands = [" ".join(process.cmdline()) for process in divided_by_schema.family()]

    assert commands != []
    assert not [command for command in commands if PASSWORD in command or "p%40ss" in command]


async def test_a_question_that_fails_costs_nobody_else_an_answer(
    divided_by_schema: Backend, secured: SecuredPostgres
) -> None:
    kept_name = 'ALTER TABLE "analytics-internal".log_head RENAME TO log_head_elsewhere'
    own_name = 'ALTER TABLE "analytics-internal".log_head_elsewhere RENAME TO log_head'
    with divided_by_schema.client() as client:
        headers = dict(client.headers)
    failing, others = [], []
    async with httpx.AsyncClient(base_url=divided_by_schema.api, headers=headers, timeout=60) as client:
        await _value(secured.dsn_of(DATABASE), kept_name)
        try:
            for _ in range(20):
                answers = await asyncio.gather(
                    *(client.get("/top-users") for _ in range(4)), *(client.get("/openapi.json") for _ in range(4))
                )
                failing += answers[:4]
                others += answers[4:]
        finally:
            await _value(secured.dsn_of(DATABASE), own_name)

    assert all(answer.status_code >= 500 for answer in failing)
    assert {answer.status_code for answer in others} == {200}


# --- what the service reads of the portal


def test_the_service_has_the_plugins_own_tokens_for_the_catalog_and_the_scaffolder(divided_by_schema: Backend) -> None:
    service, *_ = divided_by_schema.services()
    file = Path(service.environ()["ANALYTICS_INTERNAL_PORTAL_TOKENS_FILE"])
    claims = {plugin: _claims_of(token) for plugin, token in json.loads(file.read_text()).items()}

    assert file.stat().st_mode & 0o777 == 0o600
    assert {plugin: (claim["sub"], claim["aud"]) for plugin, claim in claims.items()} == {
        plugin: ("analytics-internal", plugin) for plugin in ("catalog", "scaffolder")
    }
    # The bridge replaces them every ten minutes.
    assert {claim["exp"] - claim["iat"] for claim in claims.values()} == {3_600}


# --- destinations


def test_the_destinations_of_app_config_are_the_services(divided_by_database: Backend) -> None:
    with divided_by_database.client() as client:
        client.post("/analytics-internal/events", json=EVENT).raise_for_status()
        _wait_until(lambda: _destinations(client)["lake"]["lag_events"] == 0)
        found = _destinations(client)
        paused = client.post("/analytics-internal/destinations/lake/pause").json()
        client.post("/analytics-internal/destinations/lake/resume").raise_for_status()

    assert list(found) == ["lake", "audit"]
    assert found["lake"]["delivered"] == found["lake"]["stored"] > 0
    assert found["audit"]["filters"] == ["is", "entity", [None]]
    assert paused["state"] == "paused"
    assert httpx.get(f"{divided_by_database.api}/destinations").status_code == 401


def test_a_secret_of_a_destination_is_on_no_command_line_and_in_no_log(divided_by_database: Backend) -> None:
    with divided_by_database.client() as client:
        _wait_until(lambda: _destinations(client)["audit"]["last_error"] is not None)
    commands = [" ".join(process.cmdline()) for process in divided_by_database.family()]
    shown = [divided_by_database.log, *commands]

    assert not [text for text in shown if SECRET in text or HOOK in text]


def test_who_may_not_administer_sees_no_destination(divided_by_schema: Backend) -> None:
    with divided_by_schema.client() as client:
        answer = client.get("/analytics-internal/destinations")

    assert answer.status_code == 403
    assert "analytics-internal.admin" in answer.json()["detail"]


# --- start and stop


def test_a_killed_service_comes_back_and_nothing_it_acknowledged_is_lost(divided_by_schema: Backend) -> None:
    backend = divided_by_schema
    killed, *_ = backend.services()

    with backend.client() as client:
        sender = _Sender(client)
        sender.wait_for_acks(20)
        killed.kill()
        killed.wait()
        sender.wait_for_acks(20)
        sender.stop()
        lines = client.get("/analytics-internal/events").iter_lines()
        stored = [json.loads(line)["subject"] for line in lines if "/sent/" in line]

    assert sender.problems <= {"urn:analytics-internal:problem:service-unavailable"}
    assert sender.is_told_when_to_come_again
    assert len(stored) == len(set(stored))
    assert sender.acked <= set(stored)
    assert len(backend.services()) == 1
    assert "killed by SIGKILL. It is started again in" in backend.log


@pytest.mark.parametrize("kind", ["divided_by_database", "with_another_client"])
def test_a_backend_that_stops_takes_everything_with_it_and_passes_on_what_it_says(
    kind: str, request: pytest.FixtureRequest
) -> None:
    backend: Backend = request.getfixturevalue(kind)
    family = backend.family()
    tokens = Path(backend.services()[0].environ()["ANALYTICS_INTERNAL_PORTAL_TOKENS_FILE"])

    code = backend.stop()

    _, left = psutil.wait_procs(family, timeout=0.5)
    entries = [json.loads(line) for line in backend.log.splitlines() if line.startswith("{")]
    last_of_the_service = [entry for entry in entries if entry.get("logger") == "analytics_internal.stopping"]
    assert code == 0
    assert left == []
    assert not tokens.parent.exists()
    said = [(entry["plugin"], entry["level"], entry["asked_by"]) for entry in last_of_the_service]
    # The process that forwards stops after the service, and says so too.
    assert said[0] == ("analytics-internal", "info", "SIGTERM")
    assert {asked_by for _, _, asked_by in said[1:]} <= {"end of standard input"}


def test_a_killed_backend_leaves_nothing_behind(divided_by_schema: Backend) -> None:
    family = divided_by_schema.family()

    divided_by_schema.process.kill()

    _, left = psutil.wait_procs(family, timeout=60)
    assert left == []


def test_settings_that_the_service_refuses_end_it_as_the_bridge_expects(tmp_path: Path) -> None:
    told = {"ANALYTICS_INTERNAL_LOG_LEVAL": "debug", "ANALYTICS_INTERNAL_TIMEZONE": "Mars"}
    told["ANALYTICS_INTERNAL_DESTINATIONS"] = '[{"name": "audit", "type": "webhook"}]'
    environment = {**os.environ, **told}

    ended = subprocess.run(
        [*COMMAND, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    # The bridge replaces parts of exactly these messages with keys of app-config.
    assert 'analytics-internal: timezone: "Mars" (environment ANALYTICS_INTERNAL_TIMEZONE) must be' in ended.stderr
    refused = "analytics-internal: destinations: audit: url: is required (environment ANALYTICS_INTERNAL_DESTINATIONS)"
    assert refused in ended.stderr
    assert "analytics-internal: ANALYTICS_INTERNAL_LOG_LEVAL: unknown setting (environment), ignored; " in ended.stderr


class _Sender:
    """A minimal capture module: sends each event until it is acknowledged, then the next one."""

    def __init__(self, client: httpx.Client) -> None:
        self.acked: set[str] = set()
        self.problems: set[str] = set()
        self.is_told_when_to_come_again = True
        self._client = client
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def wait_for_acks(self, more: int) -> None:
        goal = len(self.acked) + more
        deadline = time.monotonic() + 60
        while len(self.acked) < goal:
            assert time.monotonic() < deadline, "nothing is acknowledged any more"
            time.sleep(0.01)

    def stop(self) -> None:
        self._is_stopping.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._is_stopping.is_set():
            self._send_until_acked(str(uuid7()))

    def _send_until_acked(self, id_: str) -> None:
        # The log gives the event another id, so the test finds it by its subject.
        event = {**EVENT, "id": id_, "subject": f"/sent/{id_}"}
        while not self._is_stopping.is_set():
            answer = self._client.post("/analytics-internal/events", json=event)
            if answer.status_code == 200:
                self.acked.add(event["subject"])
                return
            self.problems.add(answer.json()["type"])
            self.is_told_when_to_come_again &= "retry-after" in answer.headers
            time.sleep(0.02)


def _claims_of(token: str) -> dict[str, Any]:
    """What a JSON Web Token says, unverified."""
    _, claims, _ = token.split(".")
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return read


def _destinations(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """What the service says of each destination, by name."""
    return {one["name"]: one for one in client.get("/analytics-internal/destinations").json()["destinations"]}


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it does not become so"
        time.sleep(0.1)


async def _value(dsn: str, sql: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()
