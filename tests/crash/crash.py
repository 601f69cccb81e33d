"""kill -9 of the service and of PostgreSQL under load, at random moments: ``python -m tests.crash.crash --rounds N``.

Many clients send events with ids and send the same ids again until they are acknowledged. At the end every
acknowledged id must be in the log exactly once, positions gapless, and the reader must count what the log counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import psutil

from analytics_internal.event.uuid7 import uuid7
from tests.service import API, ServiceProcess

CLIENTS = 12
ROUND_LIMIT_S = 90.0
EVENTS_URL, QUERY_URL = f"{API}/events", f"{API}/query"


@dataclass
class Count:
    """What happened."""

    kills_of_service: int = 0
    kills_of_postgres: int = 0
    restarts: int = 0
    sent_again: int = 0
    acked: dict[str, str] = field(default_factory=dict)
    """The subject of every acknowledged id."""
    statuses: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    problems: list[str] = field(default_factory=list)

    def report(self) -> str:
        return (
            f"killed: service {self.kills_of_service} times, PostgreSQL {self.kills_of_postgres} times; "
            f"service started again {self.restarts} times, by hand 0 times\n"
            f"acked ids {len(self.acked):,} ({dict(self.statuses)}), bodies sent again {self.sent_again:,}, "
            f"events in the log {self.stored:,}\n" + ("\n".join(self.problems) or "every invariant holds")
        )


class Load:
    """Clients that send until they are told to stop, and never give up an id."""

    def __init__(self, url: str, count: Count) -> None:
        self._url = url
        self._count = count
        self._is_stopping = False
        self._chance = random.Random()

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=20) as client:
            await asyncio.gather(*(self._send_on(client, n) for n in range(CLIENTS)))

    def stop(self) -> None:
        self._is_stopping = True

    async def _send_on(self, client: httpx.AsyncClient, number: int) -> None:
        while not self._is_stopping:
            events = [self._event(number) for _ in range(self._chance.choice([1, 1, 1, 5, 20]))]
            await self._send_until_acked(client, events)
            await asyncio.sleep(self._chance.uniform(0, 0.02))

    def _event(self, number: int) -> dict[str, str]:
        return {
            "id": str(uuid7()),
            "action": self._chance.choice(["navigate", "click"]),
            "subject": f"/{self._chance.randint(1, 300)}",
            "user": f"user:default/p{number}",
            "occurredAt": datetime.now(UTC).isoformat(),
        }

    async def _send_until_acked(self, client: httpx.AsyncClient, events: list[dict[str, str]]) -> None:
        for attempt in range(2_000):
            self._count.sent_again += attempt > 0
            try:
                response = await client.post(EVENTS_URL, json={"events": events})
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code == 503:
                await asyncio.sleep(0.05)
                continue
            if response.status_code != 200:
                self._count.problems.append(f"answered {response.status_code}: {response.text[:200]}")
                return
            for event, verdict in zip(events, response.json()["results"], strict=True):
                self._count.statuses[verdict["status"]] += 1
                self._count.acked[event["id"]] = event["subject"]
            return
        self._count.problems.append("an event was never acknowledged")


def postmaster(service: ServiceProcess) -> psutil.Process | None:
    """The embedded server's first process, by the pid file in its data folder."""
    for pid_file in service.data_dir.rglob("postmaster.pid"):
        try:
            process = psutil.Process(int(pid_file.read_text().split()[0]))
            if "postgres" in process.name():
                return process
        except (psutil.NoSuchProcess, OSError, IndexError, ValueError):
            continue
    return None


async def kill_one(service: ServiceProcess, kills_postgres: bool, count: Count) -> None:
    """Kill at a random moment, start again what does not start itself, and wait until all is ready."""
    await asyncio.sleep(random.uniform(0.05, 0.8))
    if kills_postgres:
        victim = await asyncio.to_thread(postmaster, service)
        if victim is None:
            count.problems.append("PostgreSQL was not found running before a kill")
            return
        victim.kill()
        count.kills_of_postgres += 1
        await asyncio.sleep(0.3)
    else:
        service.kill()
        count.kills_of_service += 1
    deadline = time.monotonic() + ROUND_LIMIT_S
    while time.monotonic() < deadline:
        if not service.is_alive():
            await asyncio.to_thread(service.start)
            count.restarts += 1
        if await asyncio.to_thread(is_ready, service):
            return
        await asyncio.sleep(0.05)
    count.problems.append(f"not ready {ROUND_LIMIT_S:.0f} s after a kill")


def is_ready(service: ServiceProcess) -> bool:
    try:
        return httpx.get(f"{service.url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def check(service: ServiceProcess, count: Count) -> None:
    """Hold the log and the reader against what was acknowledged."""
    with httpx.Client(base_url=service.url, timeout=120) as client:
        log = [msgspec.json.decode(line) for line in client.get(EVENTS_URL).text.splitlines()]
        everything = {
            "metrics": ["events", "people"],
            "dimensions": ["time:day", "item", "person"],
            "date_range": "all",
            "limit": 10_000,
        }
        rows = client.post(QUERY_URL, json=everything).json()["results"]
    count.stored = len(log)
    positions = [event["position"] for event in log]
    if positions != list(range(1, len(log) + 1)):
        count.problems.append("positions have gaps or repeat")
    stored = Counter(event["id"] for event in log)
    subjects = {event["id"]: event["subject"] for event in log}
    lost = [id_ for id_, subject in count.acked.items() if subjects.get(id_) != subject]
    doubled = [id_ for id_, times in stored.items() if times > 1]
    if lost or doubled:
        count.problems.append(f"{len(lost)} acknowledged ids lost, {len(doubled)} ids stored twice")
    if unknown := len(stored.keys() - count.acked.keys()):
        count.problems.append(f"{unknown} stored events were never acknowledged")
    in_log = Counter((e["occurredAt"][:10], e["action"], e["subject"], e["user"]) for e in log)
    in_reader = Counter(
        {(r["time:day"], r["item"]["action"], r["item"]["subject"], r["person"]): r["events"]["value"] for r in rows}
    )
    if in_log != in_reader:
        count.problems.append(f"the reader counts {in_reader.total():,} events, the log {in_log.total():,}")


async def crash(rounds: int, folder: Path) -> Count:
    """Run the rounds and check; what is wrong is among the count's problems."""
    count = Count()
    service = ServiceProcess(folder)
    service.start()
    try:
        load = Load(service.url, count)
        sending = asyncio.create_task(load.run())
        for number in range(rounds):
            await kill_one(service, number % 2 == 1, count)
        load.stop()
        await asyncio.wait_for(sending, ROUND_LIMIT_S)
        await asyncio.to_thread(check, service, count)
    finally:
        if service.is_alive():
            service.stop()
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="analytics-internal-crash-", ignore_cleanup_errors=True) as folder:
        count = asyncio.run(crash(rounds, Path(folder)))
    print(f"{rounds} rounds in {time.monotonic() - started:.0f} s")
    print(count.report())
    return 1 if count.problems else 0


if __name__ == "__main__":
    sys.exit(main())
