"""Failover to a standby that lags, under load: ``python -m tests.crash.failover --rounds N``.

Every event is of a page and a person of its own or of a few, so that names are made all the time, and many of them are
lost with every primary. After each failover: what was acknowledged since is in the log, what was acknowledged before
the standby fell behind as well, every event is its own person's read of its own page, and questions are answered.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import msgspec

from analytics_internal.event.uuid7 import uuid7
from tests.command import command_process
from tests.crash.crash import EVENTS_URL, QUERY_URL, ROUND_LIMIT_S, is_ready
from tests.crash.standby import Servers
from tests.service import ServiceProcess

CLIENTS = 6


@dataclass
class Count:
    """What happened."""

    failovers: int = 0
    lost_with_primaries: int = 0
    acked: int = 0
    stored: int = 0
    rebuilt: int = 0
    problems: list[str] = field(default_factory=list)

    def report(self) -> str:
        return (
            f"{self.failovers} failovers; {self.acked:,} events acknowledged, of which {self.lost_with_primaries:,} "
            f"were lost with their primary; {self.stored:,} in the log\n"
            + ("\n".join(self.problems) or "no name changed hands, and every question was answered")
        )


class Load:
    """Clients that send until they are told to stop; an event that is not acknowledged is sent again."""

    def __init__(self, url: str, count: Count) -> None:
        self._url = url
        self._count = count
        self._numbers: Iterator[int] = iter(range(10**9))
        self._is_stopping = False
        self.sent: dict[str, tuple[str, str]] = {}
        self.acked_at: dict[str, float] = {}

    async def run(self) -> None:
        self._is_stopping = False
        async with httpx.AsyncClient(base_url=self._url, timeout=20) as client:
            await asyncio.gather(*(self._send_on(client) for _ in range(CLIENTS)))

    def stop(self) -> None:
        self._is_stopping = True

    async def _send_on(self, client: httpx.AsyncClient) -> None:
        while not self._is_stopping:
            events = [self._event(next(self._numbers)) for _ in range(random.choice([1, 1, 2, 8]))]
            deadline = time.monotonic() + ROUND_LIMIT_S
            while not await self._is_acknowledged(client, events):
                if time.monotonic() > deadline:
                    self._count.problems.append(f"an event was not acknowledged within {ROUND_LIMIT_S:.0f} s")
                    return
                await asyncio.sleep(0.05)

    def _event(self, number: int) -> dict[str, object]:
        # Mostly new names; some are met again after they were lost with a primary.
        name = number if number % 3 else number // 30
        event = {"id": str(uuid7()), "subject": f"/page-{name}", "user": f"user:default/person-{name}"}
        self.sent[event["id"]] = (event["subject"], event["user"])
        more = {"action": "navigate", "occurredAt": datetime.now(UTC).isoformat(), "context": {"pluginId": f"p-{name}"}}
        return {**event, **more}

    async def _is_acknowledged(self, client: httpx.AsyncClient, events: list[dict[str, object]]) -> bool:
        try:
            response = await client.post(EVENTS_URL, json={"events": events})
        except httpx.HTTPError:
            return False
        if response.status_code == 503:
            return False
        verdicts = [verdict["status"] for verdict in response.json().get("results", [])]
        if response.status_code != 200 or not set(verdicts) <= {"stored", "duplicate"}:
            self._count.problems.append(f"answered {response.status_code}: {response.text[:300]}")
        for event in events:
            self.acked_at[str(event["id"])] = time.monotonic()
        return True


async def fail_over(servers: Servers, service: ServiceProcess, load: Load, count: Count) -> None:
    """One round."""
    sending = asyncio.create_task(load.run())
    await asyncio.sleep(random.uniform(0.2, 0.6))
    safe_until = time.monotonic()
    await fall_behind(servers)
    await asyncio.sleep(random.uniform(0.2, 0.8))
    await asyncio.to_thread(servers.fail_over)
    new_since = time.monotonic()
    count.failovers += 1
    deadline = new_since + ROUND_LIMIT_S
    while not await asyncio.to_thread(is_ready, service):
        if time.monotonic() > deadline:
            count.problems.append(f"not ready {ROUND_LIMIT_S:.0f} s after a failover")
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(random.uniform(0.2, 0.6))
    load.stop()
    await asyncio.wait_for(sending, ROUND_LIMIT_S * 2)
    await asyncio.to_thread(check, service, load, count, safe_until, new_since)
    await asyncio.to_thread(servers.add_standby)


async def fall_behind(servers: Servers) -> None:
    """Let the standby have all that is acknowledged by now, and then nothing more."""
    primary, standby = await asyncpg.connect(servers.dsn), await asyncpg.connect(servers.standby_dsn)
    try:
        reached = await primary.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        while not await standby.fetchval(  # noqa: ASYNC110 - a server's event, not ours
            "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", reached
        ):
            await asyncio.sleep(0.01)
        await standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        await standby.execute("SELECT pg_reload_conf()")
        while await standby.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    finally:
        await primary.close()
        await standby.close()


def check(service: ServiceProcess, load: Load, count: Count, safe_until: float, new_since: float) -> None:
    """Hold the new primary's log and its reader against what was sent."""
    everything = {"metrics": ["events"], "dimensions": ["subject", "person"], "date_range": "all", "limit": None}
    with httpx.Client(base_url=service.url, timeout=120) as client:
        log = [msgspec.json.decode(line) for line in client.get(EVENTS_URL).raise_for_status().text.splitlines()]
        answered = client.post(QUERY_URL, json=everything, headers={"accept": "text/csv"})
    if answered.status_code != 200:
        count.problems.append(f"a question was answered {answered.status_code}: {answered.text[:300]}")
        return
    stored = {event["id"]: (event["subject"], event["user"]) for event in log}
    if [event["position"] for event in log] != list(range(1, len(log) + 1)) or len(stored) != len(log):
        count.problems.append("positions have gaps or repeat, or an id is stored twice")
    foreign = [id_ for id_, said in stored.items() if load.sent[id_] != said]
    if foreign:
        count.problems.append(f"{len(foreign)} events are under other names, for example {foreign[0]}")
    lost = [id_ for id_ in load.acked_at if id_ not in stored]
    wrongly = [id_ for id_ in lost if load.acked_at[id_] < safe_until or load.acked_at[id_] > new_since]
    if wrongly:
        count.problems.append(f"{len(wrongly)} events are lost that were acknowledged by what the new primary has")
    for id_ in lost:
        del load.acked_at[id_]
    count.lost_with_primaries += len(lost)
    count.acked = len(load.acked_at) + count.lost_with_primaries
    count.stored = len(log)
    in_log = Counter(stored.values())
    lines = [line.replace('"', "").split(",") for line in answered.text.splitlines()[1:]]
    if {(subject, person): int(events) for subject, person, events in lines} != in_log:
        count.problems.append("the reader counts something else than the log")


async def failover(rounds: int, folder: Path) -> Count:
    """Run the rounds; what is wrong is among the count's problems."""
    count = Count()
    servers = await asyncio.to_thread(Servers, _made(folder / "servers"))
    service = ServiceProcess(folder, database_url=servers.dsn)
    try:
        await asyncio.to_thread(service.start)
        load = Load(service.url, count)
        for _ in range(rounds):
            await fail_over(servers, service, load, count)
        examined = await asyncio.to_thread(
            command_process,
            "doctor",
            "--database-url",
            servers.dsn,
            "--data-dir",
            service.data_dir,
            "--url",
            service.url,
        )
        if examined.returncode:
            count.problems.append(f"doctor: {examined.stdout}{examined.stderr}")
    finally:
        if service.is_alive():
            await asyncio.to_thread(service.stop)
        await asyncio.to_thread(servers.stop)
    return count


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ai-failover-", ignore_cleanup_errors=True) as folder:
        count = asyncio.run(failover(rounds, Path(folder)))
    print(f"{rounds} rounds in {time.monotonic() - started:.0f} s")
    print(count.report())
    return 1 if count.problems else 0


if __name__ == "__main__":
    sys.exit(main())
