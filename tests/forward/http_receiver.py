"""A receiver that speaks HTTP, on a real port, for the tests of types and of their client."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

from analytics_internal.forward.conformance import Receiver

Mode = Literal["well", "hanging", "overloaded", "refusing", "retired"]
ReceiverT = TypeVar("ReceiverT", bound="HttpReceiver")


class Request(NamedTuple):
    """What arrived, uncompressed."""

    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes
    raw_body: bytes


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class HttpReceiver(Receiver):
    """Subclasses say with ``take`` what they make of a request; what they append to ``ids`` has arrived."""

    OVERLOADED = Reply(503, b"too much", {"retry-after": "0"})
    REFUSING = Reply(400, b"what is that")
    RETIRED = Reply(410)

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ids: list[UUID] = []
        self.mode: Mode = "well"
        self._woken = threading.Event()
        self._listener = _bound(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._server: _Server | None = None
        self.start()

    def take(self, request: Request) -> Reply:
        """Answer a request of a receiver that is well."""
        return Reply()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.url}

    def received(self) -> Sequence[UUID]:
        return list(self.ids)

    def start(self) -> None:
        self._listener.listen(16)
        self._server = _Server(self, self._listener)

    def stop(self) -> None:
        assert self._server is not None
        self._server.end()
        self._server = None
        # Bound and not listening: nobody else gets the port meanwhile.
        self._listener = _bound(("127.0.0.1", self.port))

    def close(self) -> None:
        self._woken.set()
        if self._server is not None:
            self._server.end()
        self._listener.close()

    def hang(self) -> None:
        self._woken.clear()
        self.mode = "hanging"

    def overload(self) -> None:
        self.mode = "overloaded"

    def refuse(self) -> None:
        self.mode = "refusing"

    def retire(self) -> None:
        self.mode = "retired"

    def recover(self) -> None:
        self.mode = "well"
        self._woken.set()

    def answer(self, request: Request) -> Reply | None:
        """The answer in the receiver's present mode; None: close the connection without one."""
        self.requests.append(request)
        match self.mode:
            case "hanging":
                self._woken.wait()
                return None
            case "overloaded":
                return _with_all_it_got(self.OVERLOADED, request)
            case "refusing":
                return _with_all_it_got(self.REFUSING, request)
            case "retired":
                return self.RETIRED
            case "well":
                return self.take(request)


def _with_all_it_got(reply: Reply, request: Request) -> Reply:
    """A plain reply with the request in it, as some receivers answer: no secret of it may be shown."""
    if reply not in (HttpReceiver.OVERLOADED, HttpReceiver.REFUSING):
        return reply
    got = repr((request.path, dict(request.headers), request.body[:500])).encode()
    return reply._replace(body=reply.body + b": " + got)


@contextlib.contextmanager
def running(receiver: ReceiverT) -> Iterator[ReceiverT]:
    """A receiver that is closed in the end."""
    try:
        yield receiver
    finally:
        receiver.close()


def _bound(address: tuple[str, int]) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    return listener


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, receiver: HttpReceiver, listener: socket.socket) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.receiver = receiver
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are a part of the tests."""

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = gzip.decompress(raw) if headers.get("content-encoding") == "gzip" else raw
        reply = self.server.receiver.answer(Request(self.command, self.path, headers, body, raw))
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        """Tests print nothing."""
