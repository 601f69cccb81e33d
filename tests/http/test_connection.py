"""What a connection may hold and for how long, whatever its client sends: small limits, an application of our own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvicorn

from analytics_internal.http.connection import MAX_AHEAD_BYTES, MAX_HEADERS, MAX_PIPELINED, connecting_to
from analytics_internal.http.connections import SPARE, Connections, Limits

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0
GET = b"GET /%b HTTP/1.1\r\nhost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK"
BRIEF = Limits(connections=8, head_bytes=8_192, head_timeout_s=1, idle_timeout_s=60, transfer_timeout_s=1)


class Application:
    """Answers at once, but ``/held`` when it is let go, ``/large`` with 64 MB, ``/body`` with the body's length."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.asked: list[str] = []
        self.left: list[str] = []
        self.sent_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.asked.append(path)
        if path == "/held":
            await self._hold(path, receive)
        answer = b"%d" % await self._length(receive) if path == "/body" else b"answer"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path == "/large":
            for _ in range(1_000):
                await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
                self.sent_bytes += 65_536
        await send({"type": "http.response.body", "body": answer})

    async def _hold(self, path: str, receive: Any) -> None:
        await receive()  # the request
        gone, let_go = asyncio.ensure_future(receive()), asyncio.ensure_future(self.let_go.wait())
        await asyncio.wait({gone, let_go}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self.left.append(path)
        gone.cancel()
        let_go.cancel()

    async def _length(self, receive: Any) -> int:
        length, is_complete = 0, False
        while not is_complete:
            message = await receive()
            length += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
        return length


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listening:
    def __init__(self, port: int, app: Application, connections: Connections, config: uvicorn.Config) -> None:
        self.port = port
        self.app = app
        self.connections = connections
        self._config = config

    def use(self, app: Any) -> None:
        """Another application for connections from now on."""
        self._config.loaded_app = app

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))

    async def ask(self, data: bytes) -> bytes:
        """All that is answered until the service closes."""
        client = await self.connect()
        await client.send(data)
        answered = await client.rest()
        await client.close()
        return answered

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
                await asyncio.sleep(0.01)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> bool:
        """Whether the service took all of it."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            return False
        return True

    async def answer(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.readuntil(b"0\r\n\r\n")

    async def head(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """What comes until the service closes, or cuts, the connection."""
        received = bytearray()
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while chunk := await self._reader.read(65_536):
                    received += chunk
        return bytes(received)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(limits: Limits = BRIEF) -> AsyncIterator[Listening]:
    app, connections = Application(), Connections(limits)
    config = uvicorn.Config(
        app,
        http=connecting_to(connections),
        ws="none",
        log_config=None,
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    async with connections.watched():
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn only says so
            await asyncio.sleep(0.01)
        yield Listening(listener.getsockname()[1], app, connections, config)
        app.let_go.set()
        server.should_exit = True
        await serving


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_a_head_without_an_end_is_refused_at_its_limit() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"GET / HTTP/1.1\r\nx: ")
        sent = 0
        while sent < 200_000_000 and await client.send(b"x" * 65_536):
            sent += 65_536
        answer = await client.rest()

    assert sent < 20_000_000  # what the network holds, and what a refused client may still send
    assert answer == b"" or status_of(answer) == 431


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", b"100 headers"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 8_192 + b"\r\n\r\n", b"8,192 bytes"),
        (b"GET /" + b"y" * 8_192 + b" HTTP/1.1\r\n\r\n", b"8,192 bytes"),
    ],
    ids=["headers", "header", "address"],
)
async def test_a_head_above_its_limits_is_told_which(head: bytes, why: bytes) -> None:
    async with listening() as service:
        answer = await service.ask(head)

        assert status_of(answer) == 431
        assert why in answer
        assert service.app.asked == []


async def test_a_head_at_its_limits_is_taken() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * (MAX_HEADERS - 1) + b"z: " + b"z" * 7_500 + b"\r\n\r\n")

        assert OK in await client.answer()
        await client.close()


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nhost: local", GET % b"" + b"GET"])
async def test_an_incomplete_head_times_out(sent: bytes) -> None:
    async with listening() as service:
        answer = await service.ask(sent)

    assert b"408 Request Timeout" in answer


async def test_a_connection_without_a_byte_is_closed() -> None:
    async with listening() as service:
        assert await service.ask(b"") == b""


async def test_a_connection_without_a_next_request_is_closed() -> None:
    async with listening(Limits(idle_timeout_s=1, head_timeout_s=60)) as service:
        answer = await service.ask(GET % b"")

    assert answer.count(b"HTTP/1.1") == 1
    assert answer.startswith(OK)


async def test_a_body_that_trickles_is_given_up() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"POST /body HTTP/1.1\r\ncontent-length: 10000\r\n\r\n")
        answering = asyncio.create_task(client.rest())
        while not answering.done() and await client.send(b"x"):  # noqa: ASYNC110 - it is meant to be slow
            await asyncio.sleep(0.05)

        assert status_of(await answering) == 408
        await client.close()


async def test_a_large_body_that_comes_steadily_is_taken_however_long_it_takes() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"POST /body HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n")
        for _ in range(50):  # 2.5 s, of which one second may pass without 16 KiB
            await client.send(b"x" * 20_000)
            await asyncio.sleep(0.05)

        assert b"1000000" in await client.answer()
        await client.close()


@pytest.mark.parametrize(
    "chunk", [b"1\r\nx\r\n", b"1;" + b"e" * 4_000 + b"\r\nx\r\n"], ids=["tiny chunks", "extensions"]
)
async def test_chunks_with_little_in_them_are_refused(chunk: bytes) -> None:
    async with listening() as service:
        answer = await service.ask(b"POST /body HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + chunk * 40_000)

    assert answer == b"" or status_of(answer) == 400


async def test_a_chunk_extension_without_an_end_is_refused() -> None:
    async with listening() as service:
        answer = await service.ask(b"POST /body HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"e" * 900_000)

    assert status_of(answer) == 400


async def test_trailers_do_not_become_headers() -> None:
    trailer = b"POST /body HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nauthorization: x\r\n\r\n"
    async with listening() as service:
        client = await service.connect()
        await client.send(trailer)
        first = await client.answer()
        await client.send(GET % b"")

        assert first.startswith(OK)
        assert (await client.answer()).startswith(OK)
        await client.close()


async def test_many_bodies_at_once_do_not_add_up() -> None:
    async with listening(Limits(bodies_bytes=3_000_000)) as service:
        clients = [await service.connect() for _ in range(8)]
        for client in clients:
            await client.send(b"POST /body HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 999_999)
        await service.until(lambda: service.connections.bodies_bytes > 2_000_000)
        assert service.connections.bodies_bytes <= 3_000_000 + 65_536
        for client in clients:
            await client.send(b"x")
        answers = [status_of(await client.head()) for client in clients]

        assert set(answers) == {200, 503}
        for client in clients:
            await client.close()
        await service.until(lambda: service.connections.bodies_bytes == 0)


async def test_requests_ahead_of_their_answers_are_answered_in_order_up_to_a_limit() -> None:
    async with listening() as service:
        answer = await service.ask(GET % b"" * 5_000)

        assert answer.count(OK) == len(service.app.asked) <= MAX_PIPELINED + 1
        assert answer.count(b"400 Bad Request") == 1


async def test_a_few_requests_at_once_are_all_answered_and_the_connection_stays() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"".join(GET % name for name in (b"a", b"b", b"c")))
        answers = [await client.answer() for _ in range(3)]
        await client.send(GET % b"d")
        answers.append(await client.answer())

        assert all(answer.startswith(OK) for answer in answers)
        assert service.app.asked == ["/a", "/b", "/c", "/d"]
        await client.close()


async def test_what_is_sent_while_an_answer_is_made_is_kept_up_to_a_limit() -> None:
    async with listening() as service:
        client, greedy = await service.connect(), await service.connect()
        for one in (client, greedy):
            await one.send(GET % b"held")
        await service.until(lambda: len(service.app.asked) == 2)
        await client.send(GET % b"next")
        await greedy.send(b"x" * (MAX_AHEAD_BYTES + 200_000))
        await asyncio.sleep(0.2)
        service.app.let_go.set()

        assert [(await client.answer()).startswith(OK) for _ in range(2)] == [True, True]
        assert (await greedy.rest()).count(b"HTTP/1.1 400") == 1
        await client.close()
        await greedy.close()


async def test_the_application_learns_that_its_client_left_though_more_was_sent() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET % b"held" * 3)
        await service.until(lambda: service.app.asked == ["/held"])
        await client.send(GET % b"held")
        await client.close()

        await service.until(lambda: service.app.left == ["/held"])
        assert service.app.asked == ["/held"]


async def test_a_client_that_does_not_read_its_answer_is_dropped() -> None:
    async with listening() as service:
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(GET % b"large")
            await service.until(lambda: service.app.sent_bytes > 0)
            await service.until(lambda: not service.connections._open)

            assert await asyncio.to_thread(_received, client) < 60_000_000


def _received(client: socket.socket) -> int:
    received = 0
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(1 << 20):
            received += len(chunk)
    return received


async def test_a_client_that_reads_slowly_gets_all_of_its_answer() -> None:
    async with listening() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=4_096)
        writer.write(GET % b"large")
        received = 0
        async with asyncio.timeout(PATIENCE_S):
            while chunk := await reader.read(1 << 20):
                received += len(chunk)
                if received % 7 == 0:
                    await asyncio.sleep(0.01)
                if chunk.endswith(b"0\r\n\r\n"):
                    break

        assert received > 65_536_000
        writer.close()


@pytest.mark.parametrize("waiting", [b"", b"GET / HTTP/1.1\r\nx: ", GET % b""], ids=["silent", "half a head", "idle"])
async def test_the_oldest_waiting_connection_makes_room_for_a_new_one(waiting: bytes) -> None:
    async with listening(Limits(connections=8)) as service:
        clients = [await service.connect() for _ in range(40)]
        for client in clients:
            await client.send(waiting)
        newest = await service.connect()
        await newest.send(GET % b"newest")

        assert (await newest.answer()).startswith(OK)
        assert len(service.connections._open) <= 8
        for client in [*clients, newest]:
            await client.close()


async def test_health_is_told_when_every_connection_is_busy() -> None:
    async with listening() as service:
        clients = [await service.connect() for _ in range(8)]
        for client in clients:
            await client.send(GET % b"held")
        await service.until(lambda: len(service.app.asked) == 8)
        health = await service.connect()
        await health.send(GET % b"healthz")

        assert (await health.answer()).startswith(OK)
        assert status_of(await service.ask(GET % b"other")) == 503
        service.app.let_go.set()
        assert (await clients[0].answer()).startswith(OK)
        await clients[0].send(GET % b"other")
        assert (await clients[0].answer()).startswith(OK)
        for client in [*clients, health]:
            await client.close()


async def test_connections_are_limited_even_if_all_are_busy() -> None:
    async with listening() as service:
        clients = []
        for _ in range(8 + SPARE + 20):
            client = await service.connect()
            await client.send(GET % b"held")
            clients.append(client)
        await asyncio.sleep(0.2)

        assert len(service.connections._open) <= 8 + SPARE
        for client in clients:
            await client.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ],
    ids=["http2", "tls", "version", "connect", "bytes", "both lengths", "length"],
)
async def test_an_invalid_http_request_is_refused(sent: bytes) -> None:
    async with listening() as service:
        assert status_of(await service.ask(sent)) == 400


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_an_upgrade_request_is_answered_in_http_1_1(upgrade: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: " + upgrade + b"\r\n\r\n"
    async with listening() as service:
        answer = await service.ask(head.replace(b"Upgrade", b"Upgrade, close"))
        of_both = await service.ask(head + b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    assert answer.startswith(OK)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert of_both.count(OK) == of_both.count(b"HTTP/1.1 ") == 2


async def test_an_upgrade_request_keeps_its_body() -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\n{}"
    async with listening() as service:
        answer = await service.ask(head)

    assert status_of(answer) == 400
    assert b"without Upgrade" in answer
    assert answer.count(b"content-length") == 1


async def test_a_request_of_http_1_0_is_answered_and_closed() -> None:
    async with listening() as service:
        answer = await service.ask(b"GET / HTTP/1.0\r\n\r\n")

    assert answer.startswith(OK)
    assert b"connection: close" in answer
