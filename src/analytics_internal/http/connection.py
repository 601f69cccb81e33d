"""One connection: uvicorn's HTTP/1.1 protocol with limits on how much, how long and how slowly a client sends.

uvicorn itself has no such limits: it keeps a head without an end, thousands of pipelined requests, answers that nobody
reads. The application cannot limit them either, as it is called later. ``Connections`` checks the times twice a second,
so a request sets no timer.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from analytics_internal.errors import HttpProblem
from analytics_internal.http.bodies import DISCARDING, BodyTooLarge, has_body
from analytics_internal.http.connections import Connections, Phase, dropped_total
from analytics_internal.http.problems import answer_to
from analytics_internal.reader import Busy

# The parser gets this much at a time, so what is refused costs one piece at most.
PIECE_BYTES = 16_384
MAX_HEADERS = 100
# Pipelined requests; browsers and proxies send one at a time.
MAX_PIPELINED = 16
MAX_AHEAD_BYTES = 65_536
# Chunk framing may take this much and as much again as the chunks' content.
MAX_FRAMING_BYTES = 65_536
# A client must move at least this much within `transfer_timeout_s`, or finish.
LEAST_PROGRESS_BYTES = 16_384
# A refused client may read the reason for so long: a connection closed while it sends is reset, and the reason lost.
LEAVING_S = 2.0
# A connection whose answer is unread for so long may be closed for new ones.
UNREAD_S = 2.0
MAX_LEAVING_BYTES = 1 << 20
# Answered even when there are too many connections.
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})


class MalformedRequest(HttpProblem):
    kind, status, title = "malformed-request", 400, "This is not a request that can be read"


class TooSlowRequest(HttpProblem):
    kind, status, title = "too-slow", 408, "The request came too slowly"


class HeadTooLarge(HttpProblem):
    kind, status, title = "head-too-large", 431, "The head of the request is too large"


class NoRoom(Busy):
    """Connections, or the bodies of requests, take all the room there is."""

    retry_after_s = 1


class Progress:
    """Whether at least LEAST_PROGRESS_BYTES move within a time limit."""

    __slots__ = ("_at", "_bytes")

    def __init__(self) -> None:
        self._at: float | None = None
        self._bytes = 0

    def is_stuck(self, bytes_: int, now: float, timeout_s: float) -> bool:
        """``bytes_``: all bytes moved so far."""
        if self._at is None or bytes_ - self._bytes >= LEAST_PROGRESS_BYTES:
            self._at, self._bytes = now, bytes_
        return now - self._at > timeout_s

    def begin_again(self) -> None:
        self._at = None


class Connection(HttpToolsProtocol):
    """A client's connection. It buffers a head, the unread part of a body, and pipelined requests."""

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections = connections
        self._limits = connections.limits
        self.since = connections.now
        self._is_leaving = False
        self._is_spare = False
        self._running: RequestResponseCycle | None = None
        self._ahead = bytearray()
        self._refusal: HttpProblem | None = None
        self._left_bytes = 0
        self._is_in_head = False
        self._is_in_body = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._wire_bytes = 0
        self._counted_bytes = 0
        self._receiving = Progress()
        self._is_discarding = False
        self._paused_at = 0.0
        self._received: RequestResponseCycle | None = None
        self._sending = Progress()

    @property
    def phase(self) -> Phase:
        """Computed when ``Connections`` asks, so a request keeps no state of it."""
        if self._is_leaving:
            return Phase.LEAVING
        if self._running is not None and not self._is_in_body:
            is_unread = self.flow.write_paused and self._connections.now - self._paused_at > UNREAD_S
            return Phase.UNREAD if is_unread else Phase.ANSWERING
        if self._is_in_head or self._is_in_body:
            return Phase.READING
        return Phase.IDLE if self.cycle is not None else Phase.NEW

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))  # uvloop's own class
        if not self._connections.admit(self):
            self.transport.abort()
        self._is_spare = self._connections.are_full

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.forget(self)
        self._uncount_body()
        self._ahead.clear()
        running = self._running
        super().connection_lost(exc)
        if running is not None and not running.response_complete:
            running.disconnected = True  # uvicorn tells only the last of several pipelined requests
            running.message_event.set()

    def data_received(self, data: bytes) -> None:
        if len(data) <= PIECE_BYTES and self._running is None and not self._ahead and not self._is_leaving:
            self._feed(data)
        else:
            self._receive_pieces(data)

    def _receive_pieces(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            if self._is_leaving:
                self._left_bytes += len(data) - start
                if self._left_bytes > MAX_LEAVING_BYTES:
                    self.cut()
                return
            if self._ahead or self.phase in (Phase.ANSWERING, Phase.UNREAD):
                self._keep_ahead(data[start:])
                return
            self._feed(data[start : start + PIECE_BYTES])

    # What the parser calls.

    def on_message_begin(self) -> None:
        HttpToolsProtocol.on_message_begin(self)  # faster than super(), here and below: once a request
        self._is_in_head = True
        self._head_bytes = 0
        self.since = self._connections.now

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:
            return  # a trailer: the application has read the head already
        self._head_bytes += len(name) + len(value)
        headers = self.headers
        if self._head_bytes > self._limits.head_bytes or len(headers) >= MAX_HEADERS:
            raise self._head_too_large()
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._head_bytes > self._limits.head_bytes:
            raise self._head_too_large()
        self._is_in_head = False
        if len(self.pipeline) >= MAX_PIPELINED:
            raise MalformedRequest(f"more than {MAX_PIPELINED} requests came before their answers")
        if self.parser.should_upgrade() and has_body({"headers": self.headers}):
            # The parser would take the body for bytes of the other protocol.
            raise MalformedRequest("this service speaks HTTP/1.1 only: send a body without Upgrade")
        HttpToolsProtocol.on_headers_complete(self)
        self._is_discarding = False
        self._is_in_body = True
        self._body_bytes = self._wire_bytes = 0
        if self.flow.read_paused:
            self.flow.resume_reading()  # only a socket that is read shows that its client has left

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        cycle = self.cycle
        if cycle.response_complete:  # the rest is read only to find the next request
            if self._body_bytes > self._limits.body_bytes + MAX_LEAVING_BYTES:
                raise BodyTooLarge("the body goes on after its answer")
            return
        if not self._is_discarding:
            self._counted_bytes += len(body)
            connections = self._connections
            connections.bodies_bytes += len(body)
            if connections.bodies_bytes > self._limits.bodies_bytes and self._counted_bytes < connections.bodies_bytes:
                raise NoRoom("the bodies of too many requests are being received")
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    # What uvicorn's request cycle calls.

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._running = None
        self.since = self._connections.now
        if self._counted_bytes:
            self._uncount_body()
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._leave()
        elif self._ahead:
            # Later, not here: many pipelined requests would nest their answers in one call stack.
            self.loop.call_soon(self._go_on)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Callable[..., Awaitable[None]]) -> None:
        self._running = cycle
        cycle.scope["extensions"] = {DISCARDING: {"call": self._discard}}
        if self._is_spare:
            self._is_spare = self._connections.are_full
            if self._is_spare and cycle.scope["path"] not in HEALTH_PATHS:
                dropped_total.labels("full").inc()
                app = _no_room
        HttpToolsProtocol._start_asgi_task(self, cycle, app)

    # What ``Connections`` calls.

    def check(self, now: float) -> None:
        """Close the connection if the client has taken too long."""
        limits, waited_s = self._limits, now - self.since
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self._sending.begin_again()
        # The buffer shrinks as the client reads, so its negative size grows with what is sent.
        elif self._sending.is_stuck(-unsent, now, limits.transfer_timeout_s):
            self._drop("not read")
            return
        phase = self.phase
        if phase is Phase.LEAVING:
            if waited_s > LEAVING_S and not unsent:
                self.cut()
        elif phase is Phase.NEW and waited_s > limits.head_timeout_s:
            self._drop("no request")
        elif phase is Phase.IDLE and waited_s > limits.idle_timeout_s:
            dropped_total.labels("idle").inc()
            self.transport.close()
        elif phase is Phase.READING:
            self._check_reading(now, waited_s)

    def cut(self) -> None:
        """Close at once; unsent bytes are lost."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._paused_at = self._connections.now
        self._sending.begin_again()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._sending.begin_again()

    def timeout_keep_alive_handler(self) -> None:
        """Not used: ``Connections`` closes idle connections."""

    # What the application calls.

    def _discard(self) -> None:
        """The rest of the body is read and thrown away, piece by piece."""
        self._is_discarding = True
        self._uncount_body()

    # Our own.

    def _go_on(self) -> None:
        if self._ahead and not self.transport.is_closing():
            ahead = bytes(self._ahead)
            self._ahead.clear()
            self.data_received(ahead)

    def _keep_ahead(self, data: bytes) -> None:
        self._ahead += data
        if len(self._ahead) > MAX_AHEAD_BYTES:
            self._ahead.clear()
            self._refuse(MalformedRequest(f"more than {MAX_AHEAD_BYTES:,} bytes were sent before the answer"))

    def _feed(self, data: bytes) -> None:
        was_in_head, was_in_body = self._is_in_head, self._is_in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An upgrade is ignored (RFC 9110, 7.8): the next bytes are a request again.
            self.parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self._receive_pieces(rest)
            return
        except httptools.HttpParserError as error:
            raised = error.__context__  # by a callback
            foreign = MalformedRequest("this is not a request of HTTP/1.1")
            self._refuse(raised if isinstance(raised, HttpProblem) else foreign)
            return
        if self._is_in_head or (was_in_body and self._is_in_body):
            self._bound(len(data), was_in_head)

    def _bound(self, bytes_: int, was_in_head: bool) -> None:
        """Count a piece that left a head or a body incomplete."""
        if self._is_in_head:
            if was_in_head:  # the parser buffers what it has not reported yet
                self._head_bytes += bytes_
            if self._head_bytes > self._limits.head_bytes + PIECE_BYTES:
                self._refuse(self._head_too_large())
        else:
            self._wire_bytes += bytes_
            if self._wire_bytes > MAX_FRAMING_BYTES + 2 * self._body_bytes:
                self._refuse(MalformedRequest("the body is sent in chunks with too little in them"))

    def _head_too_large(self) -> HeadTooLarge:
        limit = f"{self._limits.head_bytes:,} bytes and {MAX_HEADERS} headers"
        return HeadTooLarge(f"a request's head has at most {limit}")

    def _refuse(self, refusal: HttpProblem) -> None:
        """Answer running requests, then send this refusal, and read no more."""
        dropped_total.labels(refusal.kind).inc()
        self._refusal = refusal
        running = self._running
        if running is None and self._is_in_body:
            self.cut()  # the request is answered; this is the rest of its body
        elif running is None:
            self._leave()
        elif running is self.cycle and self._is_in_body:
            # The application waits for a body that will not come: tell it that the client has left.
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.cut()
            else:
                self._leave()
        # Else `on_response_complete` goes on from here.

    def _leave(self) -> None:
        assert self._refusal is not None, "a client is refused without a reason"
        response = answer_to(self._refusal, connection="close")
        head = [b"HTTP/1.1 %d %b" % (response.status_code, HTTPStatus(response.status_code).phrase.encode())]
        head += [b"%b: %b" % header for header in response.raw_headers]
        self.transport.write(b"\r\n".join([*head, b"", bytes(response.body)]))
        self.transport.write_eof()
        self._uncount_body()
        self._ahead.clear()
        self._is_leaving = True
        self.since = self._connections.now

    def _check_reading(self, now: float, waited_s: float) -> None:
        limits = self._limits
        if self._is_in_head:
            if waited_s > limits.head_timeout_s:
                self._refuse(TooSlowRequest(f"a request's head has to come within {limits.head_timeout_s:g} s"))
        elif self.flow.read_paused or self._received is not self.cycle:
            self._received = self.cycle
            self._receiving.begin_again()  # the application has not read yet: not the client's fault
        elif self._receiving.is_stuck(self._body_bytes, now, limits.transfer_timeout_s):
            least = f"{LEAST_PROGRESS_BYTES:,} bytes within {limits.transfer_timeout_s:g} s"
            self._refuse(TooSlowRequest(f"a request's body has to come to its end, or at least {least}"))

    def _drop(self, reason: str) -> None:
        dropped_total.labels(reason).inc()
        self.cut()

    def _uncount_body(self) -> None:
        self._connections.bodies_bytes -= self._counted_bytes
        self._counted_bytes = 0


def connecting_to(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's setting ``http``: it is called for every connection."""
    return cast("type[asyncio.Protocol]", functools.partial(Connection, connections))


async def _no_room(scope: Any, receive: Any, send: Any) -> None:
    refusal = NoRoom("there are too many connections; try again in a moment")
    await answer_to(refusal, connection="close")(scope, receive, send)
