"""Request bodies: read and decoded within a limit, and read to their end also when they are refused."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Iterator

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_internal.errors import HttpProblem

ENCODINGS = ("gzip", "deflate", "identity")
MAX_ENCODINGS = 2
"""How often a body may be encoded: each costs the time to decode up to the limit."""
MAX_GZIP_MEMBERS = 100
DRAINED_BYTES = 64 * 1024 * 1024
"""What is still read of a body that was refused; whoever sends more meets a closed connection."""
DISCARDING = "analytics_internal.discarding"
"""Of a scope's extensions (http/connection.py): called before what is left of a body is read to be thrown away."""
DRAIN_S = 15.0


class BodyTooLarge(HttpProblem):
    """The request's body, as it came or decoded, is larger than the limit."""

    kind, status, title = "body-too-large", 413, "The body is too large"


class UnsupportedEncoding(HttpProblem):
    kind, status, title = "unsupported-encoding", 415, "The body is encoded in a way that is not taken"
    headers = (("Accept-Encoding", ", ".join(ENCODINGS)),)


class InvalidEncoding(HttpProblem):
    kind, status, title = "invalid-encoding", 400, "The body is not encoded as it says"


class Reading:
    """Receives a request's body, and knows how far it has come."""

    __slots__ = ("_receive", "has_begun", "is_over")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.has_begun = False
        self.is_over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.has_begun = True
        self.is_over = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message


class ReadToTheEnd:
    """Reads what an answer has left of a request's body before the answer is sent.

    A client that is still sending does not hear an answer: it meets a connection that was reset.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await self._app(scope, receive, send)
            return
        reading = Reading(receive)
        await self._app(scope, reading, answering(scope, reading, send))


def answering(scope: Scope, reading: Reading, send: Send) -> Send:
    """``send`` for an answer that may come early: it first reads what is left of the body, within bounds."""

    async def send_when_read(message: Message) -> None:
        if message["type"] == "http.response.start" and not reading.is_over and has_body(scope):
            await _drain(scope, reading)
            if not reading.is_over:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_when_read


async def _drain(scope: Scope, reading: Reading) -> None:
    if not reading.has_begun and any(name == b"expect" for name, _ in scope["headers"]):
        return  # the client waits to be asked for its body: it has sent nothing yet
    if (discarding := scope.get("extensions", {}).get(DISCARDING)) is not None:
        discarding["call"]()
    left = DRAINED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while not reading.is_over and left > 0:
                left -= len((await reading()).get("body", b""))


def has_body(scope: Scope) -> bool:
    """Whether a request's head announces a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )


async def limited_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The request's body, decoded.

    Raises:
        UnsupportedEncoding, InvalidEncoding: it is encoded in another way than is taken, or than it says.
        BodyTooLarge: before more than the limit is held in memory, as it came or decoded.
        ClientDisconnect: the client went away before it was complete.
    """
    encodings = _encodings(scope)
    body = await _as_it_came(scope, receive, max_bytes)
    for encoding in reversed(encodings):
        body = _decoded(body, encoding, max_bytes)
    return body


async def _as_it_came(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if declared.isdigit() and int(declared) > max_bytes:
        raise BodyTooLarge(f"the body has {int(declared):,} bytes; at most {max_bytes:,} are taken")
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge(f"the body has more than the {max_bytes:,} bytes that are taken")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _encodings(scope: Scope) -> list[str]:
    """How a body is encoded, in the order in which that was done. Raises UnsupportedEncoding."""
    given = b",".join(value for name, value in scope["headers"] if name == b"content-encoding")
    if not given:
        return []
    names = [name.strip().lower() for name in given.decode("latin-1").split(",")]
    names = [name.removeprefix("x-") for name in names if name not in ("", "identity")]
    allowed = ", ".join(ENCODINGS)
    for name in names:
        if name not in ENCODINGS:
            raise UnsupportedEncoding(f"`Content-Encoding` {name[:40]!r} is not taken; allowed are {allowed}")
    if len(names) > MAX_ENCODINGS:
        raise UnsupportedEncoding(f"the body is encoded {len(names)} times; at most {MAX_ENCODINGS} of {allowed}")
    return names


def _decoded(body: bytes, encoding: str, max_bytes: int) -> bytes:
    try:
        parts = _members(body) if encoding == "gzip" else _stream(body)
        return b"".join(_limited(parts, max_bytes))
    except zlib.error as error:
        raise InvalidEncoding(f"the body is not encoded as {encoding}: {error}") from error


class _Inflating:
    """One compressed stream at the beginning of some bytes."""

    def __init__(self, data: bytes, window_bits: int) -> None:
        self._data = data
        self._inflate = zlib.decompressobj(window_bits)

    def read(self, max_bytes: int) -> bytes:
        """Its content; a byte more than ``max_bytes`` of it where it has more. Raises zlib.error, InvalidEncoding."""
        content = self._inflate.decompress(self._data, max_bytes + 1)
        if len(content) <= max_bytes and not self._inflate.eof:
            raise InvalidEncoding("the encoded body ends early")
        return content

    @property
    def rest(self) -> bytes:
        return self._inflate.unused_data


def _members(body: bytes) -> Iterator[_Inflating]:
    """The streams of a gzip body: there may be several, one behind the other."""
    for _ in range(MAX_GZIP_MEMBERS):
        member = _Inflating(body, 16 + zlib.MAX_WBITS)
        yield member
        body = member.rest.lstrip(b"\0")
        if not body:
            return
    raise InvalidEncoding(f"the body has more than {MAX_GZIP_MEMBERS} gzip members")


def _stream(body: bytes) -> Iterator[_Inflating]:
    """The stream of a body that is said to be `deflate`: with zlib's head, or as some clients send it, without."""
    has_head = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    stream = _Inflating(body, zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
    yield stream
    if stream.rest:
        raise InvalidEncoding("more follows on the end of the encoded body")


def _limited(parts: Iterator[_Inflating], max_bytes: int) -> Iterator[bytes]:
    left = max_bytes
    for part in parts:
        content = part.read(left)
        left -= len(content)
        if left < 0:
            raise BodyTooLarge(f"the decoded body has more than the {max_bytes:,} bytes that are taken")
        yield content
