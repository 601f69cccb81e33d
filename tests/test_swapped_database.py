"""The service's connections end up at a copy of its database, as after a failover or from a backup."""

from __future__ import annotations

import json
import time
from pathlib import Path

import asyncpg
import httpx

from tests.command import command_process
from tests.log.copies import copied, swap
from tests.samples import navigation
from tests.service import API, ServiceProcess, running_service

QUESTION = {"metrics": ["events"], "dimensions": ["subject", "person"], "date_range": "all"}


def post(service: ServiceProcess, page: str, person: str) -> None:
    """Send one event until it is taken."""
    wire = navigation(page, user=f"user:default/{person}")
    deadline = time.monotonic() + 60
    while True:
        response = httpx.post(f"{service.url}{API}/events", json=wire, timeout=60)
        if response.status_code != 503 or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert response.status_code == 200, response.text
    assert response.json()["results"][0]["status"] == "stored"


def reads(service: ServiceProcess) -> set[tuple[str, str]]:
    """Who read what, by the reader; the export says the same."""
    answer = httpx.post(f"{service.url}{API}/query", json=QUESTION, timeout=60)
    assert answer.status_code == 200, answer.text
    answered = {(row["subject"], row["person"].removeprefix("user:default/")) for row in answer.json()["results"]}
    lines = httpx.get(f"{service.url}{API}/events", timeout=60).text.splitlines()
    exported = [json.loads(line) for line in lines]
    assert {(line["subject"], line["user"].removeprefix("user:default/")) for line in exported} == answered
    assert len(exported) == sum(row["events"]["value"] for row in answer.json()["results"])
    return answered


async def test_each_read_keeps_its_person_and_page(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    with running_service(database_url=dsn) as service:
        url = ("--url", service.url)
        post(service, "/before", "before")
        copy = await copied(dsn)
        post(service, "/original", "ana")
        assert command_process("export", *url, "--output", file).returncode == 0
        await swap(dsn, copy)
        post(service, "/copy", "bo")  # a new page and a new person
        post(service, "/copy", "carl")  # only one new name
        post(service, "/original", "ana")  # names of the log that is gone

        assert reads(service) == {("/before", "before"), ("/copy", "bo"), ("/copy", "carl"), ("/original", "ana")}
        examined = command_process("doctor", "--database-url", dsn, "--data-dir", service.data_dir, *url)
        assert (examined.returncode, examined.stderr) == (0, "")
        continued = command_process("export", *url, "--output", file)
        assert continued.returncode == 2
        assert "cannot be continued" in continued.stderr
        assert "restored or replaced" in continued.stderr
        assert [json.loads(line)["subject"] for line in file.read_text().splitlines()] == ["/before", "/original"]


async def test_doctor_ends_in_one_line_whatever_the_database_is_like(dsn: str, tmp_path: Path) -> None:
    with running_service(database_url=dsn) as service:
        post(service, "/a", "ana")
        post(service, "/b", "bo")
    connection = await asyncpg.connect(dsn)
    for damage, said in (
        ("UPDATE event SET person_id = (SELECT max(person_id) FROM person)", "say something else than when they"),
        ("DELETE FROM person", "names that are missing"),
        ("DELETE FROM event WHERE item_id = (SELECT min(item_id) FROM item)", "1 events are missing from the log"),
        ("DELETE FROM log_head", "log_head must have one row"),
        ("DROP TABLE item", "could not be checked"),
        ("DROP TABLE log_batch", "could not be checked"),
    ):
        await connection.execute(damage)
        examined = command_process("doctor", "--database-url", dsn, "--data-dir", tmp_path / "data")
        assert examined.returncode == 1, examined.stdout
        assert said in examined.stdout
        assert "Traceback" not in examined.stdout + examined.stderr
    await connection.close()
