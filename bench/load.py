"""A load generator: many keep-alive connections on raw sockets, one process, one JSON line of results.

`python -m bench.load --url URL --events FILE --connections 64 --batch 1 --seconds 5 [--rate R]`: without a rate every
connection sends its next request when the last one is answered; with a rate requests are due at equal intervals, and
their latency counts from when they were due, whether a connection was free or not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

WARM_UP_S = 0.5
GRACE_S = 5.0
TICK_S = 0.001


class Result(msgspec.Struct, frozen=True):
    """What one measurement saw, without its warm-up."""

    events: int
    """Acked as stored."""
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]
    cpu_s: float
    """What the generator itself used."""

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds


class Bodies:
    """Request bodies with a fresh id and the present time for each event, from event texts without them."""

    def __init__(self, file: Path, events_each: int) -> None:
        self._rests = [_rest(line) for line in file.read_bytes().splitlines()]
        self._events_each = events_each
        self._next = os.getpid() % len(self._rests)
        self._stamp(time.time())

    def next(self) -> bytes:
        if self._events_each == 1:
            return self._event()
        events = b",".join([self._event() for _ in range(self._events_each)])
        return b'{"events":[' + events + b"]}"

    def _stamp(self, now: float) -> None:
        self._stamped_at = now
        milliseconds = f"{int(now * 1000):012x}"
        self._id_start = f'{{"id":"{milliseconds[:8]}-{milliseconds[8:]}-7'.encode()
        text = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._times = f'","occurredAt":"{text}","sentAt":"{text}",'.encode()

    def _event(self) -> bytes:
        now = time.time()
        if now - self._stamped_at > TICK_S:
            self._stamp(now)
        chance = os.urandom(9).hex().encode()
        rest = self._rests[self._next]
        self._next = (self._next + 1) % len(self._rests)
        return b"%b%b-8%b-%b%b%b" % (self._id_start, chance[:3], chance[3:6], chance[6:], self._times, rest)


def _rest(line: bytes) -> bytes:
    event = msgspec.json.decode(line, type=dict[str, object])
    for name in ("id", "occurredAt", "sentAt"):
        event.pop(name, None)
    return msgspec.json.encode(event)[1:]


class _Connection(asyncio.Protocol):
    """One keep-alive connection; `answered` is called with status and body of each response."""

    def __init__(self, head: bytes, answered: Callable[[_Connection, int, bytes], None]) -> None:
        self._head = head
        self._answered = answered
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def send(self, body: bytes, due_at: float) -> None:
        assert self._transport is not None
        self.due_at = due_at
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        body_end = head_end + 4 + length
        if len(self._received) >= body_end:
            body, self._received = self._received[head_end + 4 : body_end], self._received[body_end:]
            self._answered(self, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None and not self._transport.is_closing():
            raise ConnectionError("the server closed a connection") from exc

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class Load:
    """One measurement."""

    def __init__(self, url: str, bodies: Bodies, seconds: float, rate: float | None) -> None:
        self._address = urlsplit(url)
        self._bodies = bodies
        self._rate = rate
        self._seconds = seconds
        self._counts_from = self._ends_at = 0.0
        self._latencies: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._events = self._sent = self._answered = 0
        self._idle: deque[_Connection] = deque()
        self._overdue: deque[float] = deque()
        self._all_answered = asyncio.Event()

    async def run(self, connections: int) -> Result:
        loop = asyncio.get_running_loop()
        address = self._address
        head = f"POST {address.path} HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-type: application/json\r\n".encode()
        opened: list[_Connection] = []
        for _ in range(connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(head, self._on_answer), address.hostname or "", address.port or 80
            )
            opened.append(connection)
        started, used_before = time.perf_counter(), _cpu_s()
        self._counts_from = started + WARM_UP_S
        self._ends_at = self._counts_from + self._seconds
        if self._rate is None:
            for connection in opened:
                self._send(connection, time.perf_counter())
        else:
            self._idle.extend(opened)
            await self._send_at_rate(self._rate, started)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered.wait(), max(self._ends_at - time.perf_counter(), 0) + GRACE_S)
        for connection in opened:
            connection.close()
        return self._result(_cpu_s() - used_before)

    async def _send_at_rate(self, rate: float, started: float) -> None:
        due = 0
        while (now := time.perf_counter()) < self._ends_at:
            while started + due / rate <= now:
                self._overdue.append(started + due / rate)
                due += 1
            while self._overdue and self._idle:
                self._send(self._idle.popleft(), self._overdue.popleft())
            await asyncio.sleep(TICK_S)

    def _send(self, connection: _Connection, due_at: float) -> None:
        self._sent += 1
        connection.send(self._bodies.next(), due_at)

    def _on_answer(self, connection: _Connection, status: int, body: bytes) -> None:
        now = time.perf_counter()
        self._answered += 1
        if self._counts_from <= now < self._ends_at:
            self._latencies.append(now - connection.due_at)
            self._statuses[status] += 1
            self._events += body.count(b'"stored"')
        if now >= self._ends_at:
            if self._answered == self._sent:
                self._all_answered.set()
            return
        if self._rate is None:
            self._send(connection, now)
        elif self._overdue:
            self._send(connection, self._overdue.popleft())
        else:
            self._idle.append(connection)

    def _result(self, cpu_s: float) -> Result:
        latencies = sorted(self._latencies) or [0.0]
        return Result(
            events=self._events,
            requests=len(self._latencies),
            seconds=self._seconds,
            p50_ms=round(1000 * latencies[len(latencies) // 2], 2),
            p99_ms=round(1000 * latencies[len(latencies) * 99 // 100], 2),
            statuses=dict(self._statuses),
            cpu_s=round(cpu_s, 2),
        )


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--events", type=Path, required=True, help="JSON lines")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1, help="events of one request")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, help="requests a second; as fast as possible without it")
    asked = parser.parse_args()
    load = Load(asked.url, Bodies(asked.events, asked.batch), asked.seconds, asked.rate)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(load.run(asked.connections))
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    _main()
