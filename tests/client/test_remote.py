"""The client against servers that misbehave."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stamina.instrumentation import get_on_retry_hooks

from analytics_internal.client.remote import Remote, RemoteError, events_url


@pytest.mark.parametrize("url", ["127.0.0.1:7008", "ftp://host", "", "http://"])
def test_an_address_must_be_one_of_the_web(url: str) -> None:
    with pytest.raises(RemoteError, match="must be an address"):
        events_url(url)


def test_an_address_may_have_a_path_and_may_name_the_api() -> None:
    expected = "https://portal.example/backend/api/analytics-internal/events"

    assert events_url("https://portal.example/backend/") == expected
    assert events_url("https://portal.example/backend/api/analytics-internal") == expected


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that answers as the test wants."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            answer(self, b"")

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def stored(body: bytes) -> bytes:
    return json.dumps({"results": [{"id": None, "status": "stored"} for _ in json.loads(body)["events"]]}).encode()


def test_an_overloaded_service_is_asked_again_when_it_says() -> None:
    asked_at: list[float] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked_at.append(time.monotonic())
        if len(asked_at) == 1:
            respond(handler, 503, Retry_After="1")
        else:
            respond(handler, 200, stored(body))

    hooks, said = get_on_retry_hooks(), list[str]()
    with answering(answer) as url, Remote(url, say=said.append) as remote:
        verdicts = remote.post(["{}", "{}"])

    assert said == ["analytics-internal: the service does not answer (Service Unavailable); again in 1.0 s"]
    assert get_on_retry_hooks() == hooks, "they belong to the whole process"
    assert [verdict.status for verdict in verdicts] == ["stored", "stored"]
    assert 1 <= asked_at[1] - asked_at[0] < 2


def test_a_connection_that_breaks_is_made_again() -> None:
    numbers = itertools.count()

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if next(numbers) > 1:
            respond(handler, 200, stored(body))

    with answering(answer) as url, Remote(url) as remote:
        assert [verdict.status for verdict in remote.post(["{}"])] == ["stored"]


def test_a_batch_that_is_too_much_is_sent_in_halves() -> None:
    sizes: list[int] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        sizes.append(len(json.loads(body)["events"]))
        respond(handler, 200 if sizes[-1] <= 2 else 413, stored(body))

    with answering(answer) as url, Remote(url) as remote:
        verdicts = remote.post(["{}"] * 7)

    assert len(verdicts) == 7
    assert sum(size for size in sizes if size <= 2) == 7


def test_the_token_is_sent_and_a_refusal_is_said() -> None:
    tokens: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        tokens.append(handler.headers["Authorization"])
        respond(handler, 403, b'{"title": "Not allowed", "detail": "no right to import"}')

    with (
        answering(answer) as url,
        Remote(url, "secret") as remote,
        pytest.raises(RemoteError, match="no right to import"),
    ):
        remote.post(["{}"])

    assert tokens == ["Bearer secret"]


def test_an_export_stream_that_breaks_goes_on_after_its_last_complete_line() -> None:
    paths: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        paths.append(handler.path)
        handler.send_response(200)
        handler.send_header("Content-Length", "1000" if len(paths) == 1 else "15")
        handler.end_headers()
        handler.wfile.write(b'{"position":1}\n{"posi' if len(paths) == 1 else b'{"position":2}\n')

    with answering(answer) as url, Remote(url) as remote:
        lines = [line for _, line in remote.lines(after=0, limit=2)]

    assert lines == [b'{"position":1}\n', b'{"position":2}\n']
    assert [path.partition("?")[2] for path in paths] == ["after=0&limit=2", "after=1&limit=1"]
