"""The HTTP client of destinations, at receivers that answer, hang, break off, redirect and lie."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from analytics_internal.forward.answers import ANSWER_BYTES, retry_after_s
from analytics_internal.forward.destination import (
    MAX_ANSWER_LENGTH,
    BatchRefused,
    DeliveryError,
    ReceiverGone,
    ReceiverUnavailable,
)
from analytics_internal.forward.reachable import is_refused, is_refused_name
from analytics_internal.forward.secret import Secret, SecretMissing
from analytics_internal.forward.web import WebOptions, WebReceiver, WebUrl
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running
from tests.ports import closed_port

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Answering(HttpReceiver):
    """Answers the replies given, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        super().__init__()

    def take(self, request: Request) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def receiver() -> Iterator[Answering]:
    with running(Answering(Reply(200, b"thanks"))) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def post(web: WebReceiver, body: bytes = b"{}") -> httpx.Response:
    await web.open()
    try:
        return await web.post(body, {"content-type": "application/json"})
    finally:
        await web.close()


async def failure(web: WebReceiver) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await post(web)
    return caught.value


@asynccontextmanager
async def talking(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says what a test wants, byte by byte; its port."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_what_is_sent_and_answered(receiver: Answering) -> None:
    answer = await post(WebReceiver(f"{receiver.url}/hook?a=b"), b'{"x":1}')
    assert (answer.status_code, answer.content) == (200, b"thanks")
    (request,) = receiver.requests
    assert request.path == "/hook?a=b"
    assert request.body == b'{"x":1}'
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("backstage-analytics-internal/")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, ReceiverUnavailable) for status in (408, 425, 429, 500, 501, 502, 503, 504, 507, 599)),
        *((status, ReceiverUnavailable) for status in (401, 402, 403, 404, 405, 407, 415, 304)),
        *((status, BatchRefused) for status in (400, 409, 413, 418, 422, 499)),
        (410, ReceiverGone),
    ],
)
async def test_what_a_status_means(status: int, kind: type[DeliveryError]) -> None:
    with running(Answering(Reply(status, b"because"))) as receiver:
        error = await failure(WebReceiver(receiver.url))
    assert type(error) is kind
    assert error.status == status
    assert error.answer == ("" if status == 304 else "because")
    assert f"http://127.0.0.1:{receiver.port} answered {status}" in str(error)


async def test_what_an_operator_has_to_mend_is_said(receiver: Answering) -> None:
    receiver.replies = [Reply(401)]
    assert "credentials" in str(await failure(WebReceiver(receiver.url)))
    receiver.replies = [Reply(404)]
    assert "check the url" in str(await failure(WebReceiver(receiver.url)))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("soon", None),
        ("nan", None),
        ("1e400", 86_400.0),
        ("", None),
        (None, None),
    ],
)
def test_how_long_a_retry_after_asks_to_wait(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value) == seconds


def test_a_retry_after_may_be_a_date() -> None:
    now = datetime.datetime.now(datetime.UTC)
    in_an_hour = retry_after_s(format_datetime(now + datetime.timedelta(hours=1), usegmt=True))
    assert in_an_hour is not None
    assert 3_000 < in_an_hour <= 3_600
    assert retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT") == 0


async def test_the_wait_that_a_receiver_asks_for_is_told(receiver: Answering) -> None:
    receiver.replies = [Reply(429, b"", {"retry-after": "7"})]
    assert (await failure(WebReceiver(receiver.url))).retry_after_s == 7


async def test_an_absent_receiver_is_unavailable() -> None:
    with closed_port() as port:
        error = await failure(WebReceiver(f"http://127.0.0.1:{port}"))
    assert isinstance(error, ReceiverUnavailable)
    assert str(error) == f"http://127.0.0.1:{port}: Connection refused"


async def test_an_unknown_name_is_unavailable() -> None:
    error = await failure(WebReceiver("http://receiver.invalid"))
    assert isinstance(error, ReceiverUnavailable)
    assert "receiver.invalid was not found" in str(error)


async def test_a_name_that_is_no_name_is_unavailable() -> None:
    assert isinstance(await failure(WebReceiver(f"http://{'a' * 64}.example")), ReceiverUnavailable)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46" * 40,
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000,
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_unavailable(said: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async with talking(talk) as port:
        assert isinstance(await failure(WebReceiver(f"http://127.0.0.1:{port}")), ReceiverUnavailable)


async def test_a_connection_that_is_reset_is_unavailable() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        # A linger of nothing: the kernel sends RST.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with talking(talk) as port:
        assert isinstance(await failure(WebReceiver(f"http://127.0.0.1:{port}")), ReceiverUnavailable)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"])
async def test_a_receiver_that_hangs_is_given_up(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()

    async with talking(talk) as port:
        error = await failure(WebReceiver(f"http://127.0.0.1:{port}", timeout_s=0.2))
    assert isinstance(error, ReceiverUnavailable)
    assert "did not answer within 0.2 s" in str(error)


async def test_a_receiver_that_drips_is_given_up() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with talking(talk) as port:
        error = await failure(WebReceiver(f"http://127.0.0.1:{port}", timeout_s=0.3))
    assert "did not answer within 0.3 s" in str(error)


async def test_an_endless_answer_is_read_to_its_limit_and_no_further() -> None:
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with talking(talk) as port:
        answer = await post(WebReceiver(f"http://127.0.0.1:{port}"))
    assert len(answer.content) == ANSWER_BYTES
    assert sent < 64 << 20


async def test_an_answer_that_unpacks_to_gigabytes_does_not() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    with running(Answering(Reply(200, bomb, {"content-encoding": "gzip"}))) as receiver:
        answer = await post(WebReceiver(receiver.url))
    assert len(answer.content) == ANSWER_BYTES


async def test_a_compressed_answer_that_nobody_asked_for_is_read() -> None:
    with running(Answering(Reply(400, gzip.compress(b"no such field"), {"content-encoding": "gzip"}))) as receiver:
        assert (await failure(WebReceiver(receiver.url))).answer == "no such field"


async def test_of_an_answer_only_the_beginning_is_kept_without_control_characters(receiver: Answering) -> None:
    receiver.replies = [Reply(400, b"\x1b[2J\0bad" + b"x" * 100_000)]
    error = await failure(WebReceiver(receiver.url))
    assert error.answer.startswith("[2Jbad")
    assert len(error.answer) == MAX_ANSWER_LENGTH


async def test_a_redirect_on_the_same_host_is_followed_with_the_body(receiver: Answering) -> None:
    receiver.replies = [Reply(308, b"", {"location": "/new?x=1"}), Reply(200)]
    await post(WebReceiver(f"{receiver.url}/old"), b"body")
    assert [(request.path, request.body) for request in receiver.requests] == [("/old", b"body"), ("/new?x=1", b"body")]


@pytest.mark.parametrize(
    "location",
    [
        "http://other.example/hook",
        "http://127.0.0.1:1/hook",
        "https://127.0.0.1/hook",
        "//169.254.169.254/latest",
        "http://127.0.0.1.other.example/",
        "http://user:password@other.example/",
        "file:///etc/passwd",
        "http://[",
    ],
)
async def test_a_redirect_to_another_place_is_refused(receiver: Answering, location: str) -> None:
    receiver.replies = [Reply(307, b"", {"location": location})]
    error = await failure(WebReceiver(receiver.url))
    assert isinstance(error, ReceiverUnavailable)
    assert "redirects to" in str(error)
    assert "password" not in str(error)
    assert len(receiver.requests) == 1


async def test_the_host_of_a_refused_redirect_is_named(receiver: Answering) -> None:
    receiver.replies = [Reply(307, b"", {"location": "https://new.example/hook?token=secret"})]
    error = await failure(WebReceiver(receiver.url))
    assert "https://new.example," in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_would_lose_the_body_is_refused(receiver: Answering, status: int) -> None:
    receiver.replies = [Reply(status, b"", {"location": "/elsewhere"})]
    assert isinstance(await failure(WebReceiver(receiver.url)), ReceiverUnavailable)
    assert len(receiver.requests) == 1


async def test_redirects_in_a_circle_end(receiver: Answering) -> None:
    receiver.replies = [Reply(307, b"", {"location": "/again"})]
    assert "more than 3 times" in str(await failure(WebReceiver(receiver.url)))


REFUSED = [
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[febf::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "169.254.169.254.",
]


@pytest.mark.parametrize("host", REFUSED)
def test_a_link_local_or_metadata_address_is_refused_however_it_is_spelled(host: str) -> None:
    with pytest.raises(ValueError, match=r"link-local or metadata|must be an address"):
        WebUrl(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "[::1]", "[fd12::1]", "hooks", "8.8.8.8"])
def test_receivers_inside_the_company_are_allowed(host: str) -> None:
    assert WebUrl(f"http://{host}").read().host == host.strip("[]")


def test_names_are_no_addresses() -> None:
    assert not is_refused("receiver.example")
    assert not is_refused_name("face.example")


async def test_a_name_of_a_refused_address_is_refused_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "169.254.169.254")
    error = await failure(WebReceiver("http://receiver.example"))
    assert isinstance(error, ReceiverUnavailable)
    assert "receiver.example is at 169.254.169.254, a link-local or metadata address" in str(error)


async def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes between two look-ups cannot lead elsewhere, as there is one look-up."""
    looked_up = resolve(monkeypatch, "127.0.0.1", "169.254.169.254")
    await post(WebReceiver(f"http://receiver.example:{receiver.port}"))
    assert looked_up == ["receiver.example"]
    assert receiver.requests[0].headers["host"] == f"receiver.example:{receiver.port}"


async def test_of_several_addresses_those_that_answer_are_used(
    receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, receiver.port)) for address in REACHED]

    async def look_up(*_: object, **__: object) -> list[object]:
        return list(answers)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    await post(WebReceiver(f"http://receiver.example:{receiver.port}"))
    assert len(receiver.requests) == 1


REACHED = ["169.254.169.254", "127.0.0.2", "127.0.0.1"]
"""A refused one, one where nobody listens, and the receiver's."""


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Names have the first address the first time, the second one the second time."""
    left = list(addresses)
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: int, **more: int) -> object:
        if host.endswith(".example"):
            looked_up.append(host)
            host = left.pop(0)
        return real(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return looked_up


async def test_no_secret_is_in_an_error(receiver: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "Bearer token-of-the-header")
    receiver.replies = [Reply(401)]

    def echo(request: Request) -> Reply:
        return Reply(401, json.dumps([request.path, dict(request.headers)]).encode())

    monkeypatch.setattr(receiver, "take", echo)
    url = f"http://ana:password-of-the-url@127.0.0.1:{receiver.port}/hook?key=token-of-the-query"
    for web in (WebReceiver(url), WebReceiver(url, headers={"Authorization": Secret(env="TOKEN")})):
        error = await failure(web)
        shown = f"{error} {error!r} {error.answer}"
        assert "127.0.0.1" in shown
        for secret in ("token-of-the-header", "password-of-the-url", "token-of-the-query", "YW5hOnBhc3N3b3"):
            assert secret not in shown


async def test_no_part_of_a_secret_is_kept_where_an_answer_is_cut(receiver: Answering) -> None:
    token = "token-of-the-query"
    receiver.replies = [Reply(400, b"x" * (MAX_ANSWER_LENGTH - 5) + token.encode())]
    error = await failure(WebReceiver(f"{receiver.url}?key={token}"))
    assert "token" not in error.answer


async def test_an_address_that_is_a_secret_as_a_whole_is_not_in_an_error(
    receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"{receiver.url}/services/T0/path-is-the-token")
    options = WebOptions.model_validate({"url": {"env": "HOOK"}})
    monkeypatch.setattr(receiver, "take", lambda request: Reply(400, request.path.encode()))
    error = await failure(WebReceiver.of(options))
    assert receiver.requests[0].path == "/services/T0/path-is-the-token"
    assert "path-is-the-token" not in f"{options!r} {error} {error.answer}"


async def test_an_address_that_is_missing_is_a_missing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    options = WebOptions.model_validate({"url": {"env": "HOOK"}})
    with pytest.raises(SecretMissing, match="HOOK is not set"):
        await WebReceiver.of(options).open()
    monkeypatch.setenv("HOOK", "no address")
    with pytest.raises(SecretMissing, match="must be an address"):
        await WebReceiver.of(options).open()


async def test_user_and_password_of_the_address_are_sent(receiver: Answering) -> None:
    await post(WebReceiver(f"http://ana:p%40ss@127.0.0.1:{receiver.port}/"))
    assert receiver.requests[0].headers["authorization"] == "Basic YW5hOnBAc3M="


async def test_a_header_value_that_would_begin_another_header_is_refused(receiver: Answering) -> None:
    with pytest.raises(SecretMissing, match="no header may have") as caught:
        await post(WebReceiver(receiver.url, headers={"x-token": Secret("a\r\nhost: elsewhere")}))
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("https://r.example", "v1/logs", "https://r.example/v1/logs"),
        ("https://r.example/otlp/", "v1/logs", "https://r.example/otlp/v1/logs"),
        ("https://r.example/otlp/v1/logs", "v1/logs", "https://r.example/otlp/v1/logs"),
        ("https://r.example/a?token=x", "v1/logs", "https://r.example/a/v1/logs?token=x"),
        ("https://r.example/", "", "https://r.example/"),
    ],
)
def test_the_path_of_a_protocol_is_appended_once(url: str, path: str, expected: str) -> None:
    assert str(WebReceiver(url, path=path).url()) == expected


async def test_a_receiver_is_used_again_after_an_error(receiver: Answering) -> None:
    receiver.replies = [Reply(500), Reply(200)]
    web = WebReceiver(receiver.url)
    await web.open()
    with pytest.raises(ReceiverUnavailable):
        await web.post(b"1")
    assert (await web.post(b"2")).status_code == 200
    await web.close()


async def test_cookies_are_not_kept(receiver: Answering) -> None:
    receiver.replies = [Reply(200, b"", {"set-cookie": "session=1"}), Reply(200)]
    web = WebReceiver(receiver.url)
    await web.open()
    await web.post(b"1")
    await web.post(b"2")
    await web.close()
    assert "cookie" not in receiver.requests[1].headers


async def test_a_proxy_of_the_environment_is_used(receiver: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", receiver.url)
    await post(WebReceiver("http://receiver.example/hook"))
    assert receiver.requests[0].path == "http://receiver.example/hook"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await post(WebReceiver(f"{receiver.url}/direct"))
    assert receiver.requests[1].path == "/direct"


async def test_the_password_of_a_proxy_is_sent_and_not_shown(
    receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.replies = [Reply(407)]
    monkeypatch.setenv("http_proxy", f"http://ana:proxy-password@127.0.0.1:{receiver.port}")
    error = await failure(WebReceiver("http://receiver.example/hook"))
    assert receiver.requests[0].headers["proxy-authorization"] == "Basic YW5hOnByb3h5LXBhc3N3b3Jk"
    assert isinstance(error, ReceiverUnavailable)
    assert "proxy-password" not in str(error)


async def test_a_certificate_is_verified_by_the_ca_file(tmp_path: Path) -> None:
    certificate, context = certified(tmp_path, "127.0.0.1")

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()

    async with talking(talk, context) as port:
        answer = await post(WebReceiver(f"https://127.0.0.1:{port}", ca_file=certificate))
        assert answer.content == b"ok"
        error = await failure(WebReceiver(f"https://127.0.0.1:{port}"))
        assert isinstance(error, ReceiverUnavailable)
        assert "certificate verify failed" in str(error).lower()


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    certificate, context = certified(tmp_path, "127.0.0.9")

    async def talk(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        raise AssertionError("a request after a failed handshake")

    async with talking(talk, context) as port:
        error = await failure(WebReceiver(f"https://127.0.0.1:{port}", ca_file=certificate))
    assert "certificate verify failed" in str(error).lower()


async def test_a_receiver_that_asks_for_a_certificate_gets_ours(tmp_path: Path) -> None:
    certificate, context = certified(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert writer.get_extra_info("peercert")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()

    async with talking(talk, context) as port:
        options = {"url": f"https://127.0.0.1:{port}", "ca_file": str(certificate)}
        ours = {"certificate_file": str(certificate), "key_file": str(tmp_path / "key.pem")}
        answer = await post(WebReceiver.of(WebOptions.model_validate({**options, **ours})))
        assert answer.content == b"ok"
        assert isinstance(await failure(WebReceiver.of(WebOptions.model_validate(options))), ReceiverUnavailable)


def test_a_key_without_its_certificate_is_an_error() -> None:
    with pytest.raises(ValidationError, match="key_file needs certificate_file"):
        WebOptions.model_validate({"url": "https://receiver.example", "key_file": "/key.pem"})


async def test_a_key_with_a_password_is_an_error_and_asks_nobody(tmp_path: Path) -> None:
    certificate, _ = certified(tmp_path, "127.0.0.1", password=b"of the key")
    web = WebReceiver("https://receiver.example", certificate_file=certificate, key_file=tmp_path / "key.pem")
    with pytest.raises(ReceiverUnavailable, match=r"key\.pem"):
        await web.open()


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ReceiverUnavailable, match=r"ca\.pem"):
        await WebReceiver("https://receiver.example", ca_file=file).open()


def certified(folder: Path, address: str, password: bytes | None = None) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signs itself, for an IP address, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "ca.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file, password)
    return file, context
