"""Bodies that are encoded, and bodies that are refused before they have come to their end."""

import contextlib
import gzip
import json
import socket
import zlib
from collections.abc import Callable

import httpx
import pytest

from tests.http.test_bad_input import assert_is_problem
from tests.samples import navigation
from tests.service import API, ServiceProcess

LIMIT = 1 << 20
EVENT = json.dumps(navigation("/zipped")).encode()


def raw_deflate(body: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(body) + compress.flush()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("", bytes),
        ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
        ("identity,,gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]) + b"\0" * 100),
    ],
)
async def test_an_encoded_body_is_decoded(
    client: httpx.AsyncClient, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    answer = await client.post("/events", content=encode(EVENT), headers={"content-encoding": encoding})

    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["status"] == "stored"


async def test_an_encoded_question_is_answered(client: httpx.AsyncClient) -> None:
    question = gzip.compress(b'{"metrics": ["events"]}')

    answer = await client.post("/query", content=question, headers={"content-encoding": "gzip"})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "gzip, gzip, gzip", "\xff", "x" * 500])
@pytest.mark.parametrize("path", ["/events", "/query"])
async def test_an_encoding_that_is_not_taken_is_told_which_are(
    client: httpx.AsyncClient, path: str, encoding: str
) -> None:
    headers = {"content-encoding": encoding.encode("latin-1")}

    answer = await client.post(path, content=gzip.compress(EVENT), headers=headers)  # type: ignore[arg-type]

    assert_is_problem(answer, 415, "unsupported-encoding")
    assert answer.headers["accept-encoding"] == "gzip, deflate, identity"
    assert "gzip, deflate, identity" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"[" * 100 * LIMIT)),
        ("gzip", gzip.compress(b" " * LIMIT) * 3),
        ("deflate", zlib.compress(b" " * (LIMIT + 1))),
        ("gzip, gzip", gzip.compress(gzip.compress(b" " * 50 * LIMIT))),
    ],
    ids=["a bomb", "members that are too much together", "a byte too much", "a bomb in a bomb"],
)
async def test_a_body_that_is_too_large_when_it_is_decoded_is_refused(
    client: httpx.AsyncClient, encoding: str, body: bytes
) -> None:
    assert len(body) < LIMIT

    answer = await client.post("/events", content=body, headers={"content-encoding": encoding})

    assert_is_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", EVENT),
        ("gzip", b""),
        ("gzip", gzip.compress(EVENT)[:-9]),
        ("gzip", gzip.compress(EVENT) + b"more"),
        ("gzip", gzip.compress(b"") * 10_000),
        ("deflate", zlib.compress(EVENT) + b"more"),
        ("deflate", b"\x78"),
        ("gzip, gzip", gzip.compress(EVENT)),
    ],
    ids=["plain", "empty", "cut off", "followed", "many members", "followed deflate", "cut off deflate", "once"],
)
async def test_a_body_that_is_not_encoded_as_it_says_is_told_so(
    client: httpx.AsyncClient, encoding: str, body: bytes
) -> None:
    answer = await client.post("/events", content=body, headers={"content-encoding": encoding})

    assert_is_problem(answer, 400, "invalid-encoding")


def answer_after_sending_all(service: ServiceProcess, head: list[str], body_bytes: int, method: str = "POST") -> str:
    """What a client hears that sends all of its body before it listens."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        lines = [f"{method} {head[0]} HTTP/1.1", "host: localhost", *head[1:], f"content-length: {body_bytes}"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        chunk = b" " * 65_536
        left = body_bytes
        while left:
            left -= connection.send(chunk[:left])
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        heard = b""
        while more := connection.recv(65_536):
            heard += more
    return heard.decode()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([f"{API}/events"], "413"),
        ([f"{API}/query"], "413"),
        ([f"{API}/events", "content-encoding: br"], "415"),
        ([f"{API}/query", "content-encoding: br"], "415"),
        ([f"{API}/events", "origin: https://evil.example"], "403"),
        ([f"{API}/nothing"], "404"),
        (["/healthz"], "405"),
    ],
)
def test_an_early_refusal_arrives_and_keeps_the_connection(
    service: ServiceProcess, head: list[str], status: str
) -> None:
    heard = answer_after_sending_all(service, head, 20 * LIMIT)

    assert heard.startswith(f"HTTP/1.1 {status} ")
    assert heard.rpartition("HTTP/1.1 ")[2].startswith("200 "), "the connection did not stay usable"


def test_a_body_of_any_size_without_a_token_gets_401(guarded: ServiceProcess) -> None:
    heard = answer_after_sending_all(guarded, [f"{API}/events"], 20 * LIMIT)

    assert heard.startswith("HTTP/1.1 401 ")


def test_a_body_without_end_is_read_within_bounds(service: ServiceProcess) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(
            f"POST {API}/events HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"100000\r\n" + b" " * LIMIT + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                connection.sendall(chunk)
                sent += LIMIT

    assert sent < 200 * LIMIT


def test_a_client_that_expects_100_continue_is_refused_before_the_body(service: ServiceProcess) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        head = f"POST {API}/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: {5 * LIMIT}\r\nexpect: 100-continue"
        connection.sendall(f"{head}\r\n\r\n".encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
