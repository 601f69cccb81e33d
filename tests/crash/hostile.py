"""A receiver of webhooks that hangs, resets, answers nonsense, and remembers what it got."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import msgspec

HANG_S = 60.0
POISON = "/poison"
MODES = ("hangs", "resets", "resets after taking", "500", "429", "413", "garbage", "half an answer")


class HostileReceiver:
    """Takes ``{"events": […]}`` over HTTP. While it is hostile, a part of the requests meets one of MODES.

    A request that it takes but does not answer properly is taken: its sender cannot know, and sends it again. An event
    whose subject is POISON is refused always, with all that comes with it.
    """

    def __init__(self, chance: random.Random, hostility: float = 0.5) -> None:
        self.is_hostile = True
        self.events: list[tuple[int, str]] = []
        """Positions and ids in the order of arrival, repeats too."""
        self.met: Counter[str] = Counter()
        """How many requests met what."""
        self.requests = 0
        self.most_at_once = 0
        self._chance = chance
        self._hostility = hostility
        self._at_once = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def start(self) -> None:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connections.add(task := asyncio.create_task(self._connected(reader, writer)))
            task.add_done_callback(self._connections.discard)

        self._server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=16 << 20)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Returns whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        self.requests += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            mode = self._mode()
            if mode == "resets":
                return self._met(mode, False)
            events = msgspec.json.decode(await reader.readexactly(length))["events"]
            return await self._answer(mode, events, writer)
        finally:
            self._at_once -= 1

    def _mode(self) -> str:
        if self.is_hostile and self._chance.random() < self._hostility:
            return self._chance.choice(MODES)
        return "well"

    async def _answer(self, mode: str, events: list[dict[str, Any]], writer: asyncio.StreamWriter) -> bool:
        if mode == "hangs":
            self._met(mode, True)
            await asyncio.sleep(HANG_S)
            return False
        if mode in {"500", "429"} or (mode == "413" and len(events) > 1):
            further = b"retry-after: 1\r\n" if mode == "429" else b""
            return self._met(mode, await _answered(writer, int(mode), further))
        if any(event["subject"].startswith(POISON) for event in events):
            return self._met("422", await _answered(writer, 422))
        self.events += [(event["position"], event["id"]) for event in events]
        if mode == "resets after taking":
            return self._met(mode, False)
        if mode == "garbage":
            writer.write(b"\x16\x03\x01\xff\xffSSH-2.0-garbage\r\n\r\n")
            return self._met(mode, False)
        if mode == "half an answer":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
            await writer.drain()
            return self._met(mode, False)
        return self._met("well", await _answered(writer, 200))

    def _met(self, mode: str, stays: bool) -> bool:
        self.met[mode] += 1
        return stays


async def _answered(writer: asyncio.StreamWriter, status: int, further: bytes = b"") -> bool:
    writer.write(b"HTTP/1.1 %d Answer\r\n%bcontent-length: 2\r\n\r\n{}" % (status, further))
    await writer.drain()
    return True
