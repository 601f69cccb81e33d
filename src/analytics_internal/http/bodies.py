"""Request bodies: read and decoded within a limit; a refused body is still read to its end."""

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
"""How often a body may be encoded; each encoding costs up to a whole decoding."""
MAX_GZIP_MEMBERS = 100
DRAINED_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read before the connection is closed."""
DISCARDING = "analytics_internal.discarding"
"""Key in a scope's extensions (http/connection.py): called before the rest of a body is read and thrown away."""
DRAIN_S = 15.0


class BodyTooLarge(HttpProblem):
    kind, status, title = "body-too-large", 413, "The body is too large"


class UnsupportedEncoding(HttpProblem):
    kind, status, title = "unsupported-encoding", 415, "The body is encoded in a way that is not taken"
    headers = (("Accept-Encoding", ", ".join(ENCODINGS)),)


class InvalidEncoding(HttpProblem):
    kind, status, title = "invalid-encoding", 400, "The body is not encoded as it says"


class Reading:
    """Receives a request's body and knows whether it has begun and ended."""

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
    """Reads the rest of a request's body before its answer is sent.

    A client that is still sending would see a connection reset instead of the answer.
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
    """``send`` for an answer that may come early: it first reads the rest of the body, within limits."""

    async def send_when_read(message: Message) -> None:
        if message["type"] == "http.response.start" and not reading.is_over and has_body(scope):
            await _drain(scope, reading)
            if not reading.is_over:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_when_read


async def _drain(scope: Scope, reading: Reading) -> None:
    if not reading.has_begun and any(name == b"expect" for name, _ in scope["headers"]):
        return  # the client waits for `100 Continue` and has sent nothing
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
        UnsupportedEncoding, InvalidEncoding: its encoding is not allowed, or not what the header says.
        BodyTooLarge: before more than the limit is in memory, encoded or decoded.
        ClientDisconnect: the client left before its end.
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
    """A body's encodings in the order they were applied. Raises UnsupportedEncoding."""
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
    """The compressed stream that some bytes begin with."""

    def __init__(self, data: bytes, window_bits: int) -> None:
        self._data = data
        self._inflate = zlib.decompressobj(window_bits)

    def read(self, max_bytes: int) -> bytes:
        """Its content, cut after ``max_bytes`` + 1 bytes. Raises zlib.error, InvalidEncoding."""
        content = self._inflate.decompress(self._data, max_bytes + 1)
        if len(content) <= max_bytes and not self._inflate.eof:
            raise InvalidEncoding("the encoded body ends early")
        return content

    @property
    def rest(self) -> bytes:
        return self._inflate.unused_data


def _members(body: bytes) -> Iterator[_Inflating]:
    """The streams of a gzip body: there may be several in a row."""
    for _ in range(MAX_GZIP_MEMBERS):
        member = _Inflating(body, 16 + zlib.MAX_WBITS)
        yield member
        body = member.rest.lstrip(b"\0")
        if not body:
            return
    raise InvalidEncoding(f"the body has more than {MAX_GZIP_MEMBERS} gzip members")


def _stream(body: bytes) -> Iterator[_Inflating]:
    """The stream of a `deflate` body, with zlib's header or, as some clients send it, without."""
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
