"""Forwarding through kills and hostile receivers: ``python -m tests.crash.forwarding --rounds N``.

Clients send events all the time. Three receivers hang, reset, answer 500, 429, 413 and garbage at random, and come
back. In each round the service, its forwarding process or PostgreSQL is killed with -9. At the end every stored event
that passes a destination's filter must have arrived there, in the log's order when it came for the first time, repeats
under the same id; what the receiver always refuses, and nothing else, must be a dead letter; the counts must add up.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import psutil

from analytics_internal.embedded.server import running_dsn
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.forward import state
from analytics_internal.log.connection import connect
from tests.crash.crash import EVENTS_URL, is_ready, postmaster
from tests.crash.hostile import POISON, HostileReceiver
from tests.service import ServiceProcess

CLIENTS = 4
ROUND_LIMIT_S = 90.0
CATCH_UP_LIMIT_S = 420.0
VICTIMS = ("service", "forwarding", "PostgreSQL")
Passes = Callable[[dict[str, Any]], bool]


@dataclass(eq=False)
class Told:
    """One destination: its receiver, and what passes its filter."""

    receiver: HostileReceiver
    passes: Passes
    settings: dict[str, object]


@dataclass
class Count:
    """What happened."""

    killed: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def report(self) -> str:
        kills = ", ".join(f"{victim} {self.killed[victim]} times" for victim in VICTIMS)
        return "\n".join([f"killed: {kills}; stored {self.stored:,} events", *self.lines, *self.problems]) + (
            "" if self.problems else "\nevery stored event arrived, in order, repeats under the same id"
        )


def told(chance: random.Random) -> dict[str, Told]:
    """Three destinations: one with a filter, one that takes everything in small requests, one that is worse."""
    filtered, everything, worse = (HostileReceiver(chance, hostility) for hostility in (0.4, 0.3, 0.5))
    return {
        "filtered": Told(
            filtered,
            lambda event: event["action"] == "navigate",
            {"filters": ["is", "action", ["navigate"]], "people": "none"},
        ),
        "everything": Told(everything, lambda _: True, {"max_events": 20}),
        "worse": Told(worse, lambda event: event["subject"] != "/7", {"filters": ["is_not", "subject", ["/7"]]}),
    }


def configured(name: str, one: Told) -> dict[str, object]:
    return {
        "name": name,
        "type": "webhook",
        "url": one.receiver.url,
        "start": "beginning",
        "timeout_s": 2,
        **one.settings,
    }


class Clients:
    """They send until they are told to stop, each event until it is acknowledged."""

    def __init__(self, service: ServiceProcess, chance: random.Random) -> None:
        self._service = service
        self._chance = chance
        self._is_stopping = False

    def stop(self) -> None:
        self._is_stopping = True

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            await asyncio.gather(*(self._send_on(client) for _ in range(CLIENTS)))

    async def _send_on(self, client: httpx.AsyncClient) -> None:
        while not self._is_stopping:
            events = [self._event() for _ in range(self._chance.choice([1, 3, 10]))]
            while True:
                if await self._is_acknowledged(client, events):
                    break
                await asyncio.sleep(0.05)
            await asyncio.sleep(self._chance.uniform(0, 0.5))

    async def _is_acknowledged(self, client: httpx.AsyncClient, events: list[dict[str, str]]) -> bool:
        try:
            response = await client.post(f"{self._service.url}{EVENTS_URL}", json={"events": events})
        except httpx.HTTPError:
            return False
        return response.status_code == 200

    def _event(self) -> dict[str, str]:
        is_poison = self._chance.random() < 0.003
        return {
            "id": str(uuid7()),
            "action": self._chance.choice(["navigate", "click"]),
            "subject": POISON if is_poison else f"/{self._chance.randint(1, 100)}",
            "user": f"user:default/p{self._chance.randint(1, 9)}",
            "occurredAt": datetime.now(UTC).isoformat(),
        }


def forwarding_process(service: ServiceProcess) -> psutil.Process | None:
    """The service's child that forwards."""
    try:
        for child in psutil.Process(service.pid).children():
            if "analytics_internal.forward" in child.cmdline():
                return child
    except psutil.NoSuchProcess:
        pass
    return None


async def busy(destinations: Iterable[Told], requests: int, count: Count) -> None:
    """Wait until each receiver was asked so many times more, and then for a random moment."""
    waiting = {one: one.receiver.requests + requests for one in destinations}
    deadline = time.monotonic() + ROUND_LIMIT_S
    while any(one.receiver.requests < due for one, due in waiting.items()):
        if time.monotonic() > deadline:
            count.problems.append(f"a receiver was not asked {requests} times within {ROUND_LIMIT_S:.0f} s")
            return
        await asyncio.sleep(0.05)
    await asyncio.sleep(random.uniform(0, 1))


async def kill(service: ServiceProcess, victim: str, count: Count) -> None:
    """Kill one, start again what does not start itself, and wait until the service is ready."""
    if victim == "service":
        service.kill()
    else:
        process = forwarding_process(service) if victim == "forwarding" else postmaster(service)
        if process is None:
            count.lines.append(f"{victim} did not run when it was to be killed")
            return
        process.kill()
    count.killed[victim] += 1
    deadline = time.monotonic() + ROUND_LIMIT_S
    while time.monotonic() < deadline:
        if not service.is_alive():
            await asyncio.to_thread(service.start)
        if await asyncio.to_thread(is_ready, service):
            return
        await asyncio.sleep(0.1)
    count.problems.append(f"not ready {ROUND_LIMIT_S:.0f} s after a kill of {victim}")


async def caught_up(service: ServiceProcess, count: Count) -> list[state.Overview]:
    """Wait until every destination has nothing left to do."""
    deadline = time.monotonic() + CATCH_UP_LIMIT_S
    rows: list[state.Overview] = []
    while time.monotonic() < deadline:
        try:
            connection = await connect(running_dsn(service.data_dir), 10)
            try:
                rows = await state.overviews(connection)
            finally:
                await connection.close()
            if rows and all(row.lag_events == 0 for row in rows):
                return rows
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass
        await asyncio.sleep(0.2)
    count.problems.append(
        f"not caught up after {CATCH_UP_LIMIT_S:.0f} s: {[(r.name, r.lag_events, r.error) for r in rows]}"
    )
    return rows


async def dead_positions(service: ServiceProcess, name: str) -> list[int]:
    connection = await connect(running_dsn(service.data_dir), 10)
    try:
        return [letter.position for letter in await state.dead_letters(connection, name, 0, 1_000_000)]
    finally:
        await connection.close()


def check(log: list[dict[str, Any]], one: Told, row: state.Overview, dead: list[int], count: Count) -> None:
    """Hold what arrived against the log."""
    passing = [event for event in log if one.passes(event)]
    expected = {event["position"]: event["id"] for event in passing if event["subject"] != POISON}
    poison = [event["position"] for event in passing if event["subject"] == POISON]
    arrived = one.receiver.events
    first = list(dict.fromkeys(position for position, _ in arrived))
    if first != list(expected):
        lost, foreign = expected.keys() - set(first), set(first) - expected.keys()
        said = f"{len(lost)} events lost ({sorted(lost)[:5]}), {len(foreign)} never to arrive did"
        count.problems.append(f"{row.name}: {said if lost or foreign else 'first arrivals are out of order'}")
    if wrong := [position for position, id_ in arrived if expected.get(position) != id_]:
        count.problems.append(f"{row.name}: {len(wrong)} arrivals under another id, like {wrong[:5]}")
    if dead != poison:
        count.problems.append(f"{row.name}: dead letters {dead[:10]}, refused always are {poison[:10]}")
    if row.delivered + row.filtered + row.dead + row.missing != row.position - row.start_position:
        count.problems.append(f"{row.name}: the counts do not add up: {row}")
    if (row.delivered, row.filtered, row.dead) != (len(expected), len(log) - len(passing), len(poison)):
        count.problems.append(f"{row.name}: the counts are not what happened: {row}")
    count.lines.append(
        f"{row.name}: arrived {len(first):,}, repeats {len(arrived) - len(first):,}, filtered out {row.filtered:,}, "
        f"dead {row.dead}, failed attempts {row.failed_attempts}, requests {one.receiver.requests:,} "
        f"({', '.join(f'{mode} {times}' for mode, times in one.receiver.met.most_common())})"
    )


@contextmanager
def stopped_at_the_end(service: ServiceProcess) -> Iterator[None]:
    try:
        yield
    finally:
        if service.is_alive():
            service.stop()


async def forwarding(rounds: int, folder: Path, seed: int | None = None) -> Count:
    """Run the rounds and check; what is wrong is among the count's problems."""
    count, chance = Count(), random.Random(seed)
    destinations = told(chance)
    for one in destinations.values():
        await one.receiver.start()
    service = ServiceProcess(folder, destinations=[configured(name, one) for name, one in destinations.items()])
    await asyncio.to_thread(service.start)
    with stopped_at_the_end(service):
        clients = Clients(service, chance)
        sending = asyncio.create_task(clients.run())
        for number in range(rounds):
            for one in destinations.values():
                one.receiver.is_hostile = chance.random() < 0.8
            await busy(destinations.values(), 5, count)
            await kill(service, VICTIMS[number % len(VICTIMS)], count)
        clients.stop()
        await asyncio.wait_for(sending, ROUND_LIMIT_S)
        for one in destinations.values():
            one.receiver.is_hostile = False
        rows = {row.name: row for row in await caught_up(service, count)}
        async with httpx.AsyncClient(timeout=120) as client:
            text = (await client.get(f"{service.url}{EVENTS_URL}")).text
        log = [msgspec.json.decode(line) for line in text.splitlines()]
        count.stored = len(log)
        for name, one in destinations.items():
            check(log, one, rows[name], await dead_positions(service, name), count)
    for one in destinations.values():
        await one.receiver.stop()
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="analytics-internal-crash-", ignore_cleanup_errors=True) as folder:
        count = asyncio.run(forwarding(given.rounds, Path(folder), given.seed))
    print(f"{given.rounds} rounds in {time.monotonic() - started:.0f} s")
    print(count.report())
    return 1 if count.problems else 0


if __name__ == "__main__":
    sys.exit(main())
