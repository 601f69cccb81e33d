"""A webhook that takes everything at once: `python -m bench.receiver`. Says at GET / what has arrived.

What is posted to /lags is decoded, to know how long after its receipt by the service each event has arrived.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import cast

import msgspec
import uvloop

CONFIRMED = b"HTTP/1.1 204 No Content\r\n\r\n"


class Arrived(msgspec.Struct):
    """What has arrived since somebody last asked."""

    events: int = 0
    requests: int = 0
    bytes: int = 0
    lags_ms: list[float] = []


class _Event(msgspec.Struct, rename="camel"):
    received_at: datetime


class _Body(msgspec.Struct):
    events: list[_Event]


_body = msgspec.json.Decoder(_Body)


class _Connection(asyncio.Protocol):
    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0] or b"0")
            if len(self._received) < end + 4 + length:
                return
            body = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            assert self._transport is not None
            self._transport.write(self._hook.answer(head, body))


class Hook:
    """Counts."""

    def __init__(self) -> None:
        self._arrived = Arrived()

    def answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"get"):
            arrived, self._arrived = self._arrived, Arrived()
            text = msgspec.json.encode(arrived)
            return b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)
        self._arrived.requests += 1
        self._arrived.bytes += len(body)
        if head.startswith(b"post /lags"):
            now = time.time()
            lags = [1000 * (now - event.received_at.timestamp()) for event in _body.decode(body).events]
            self._arrived.lags_ms += lags
            self._arrived.events += len(lags)
        else:
            self._arrived.events += body.count(b'"receivedAt":')
        return CONFIRMED


async def _main() -> None:
    hook = Hook()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(hook), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
