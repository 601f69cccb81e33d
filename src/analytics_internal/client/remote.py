"""The client of a running service: sends and reads events, and retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
import stamina
from stamina.instrumentation import RetryDetails, get_on_retry_hooks, set_on_retry_hooks

from analytics_internal.errors import WrongUse
from analytics_internal.masking import masked_text, masked_url
from analytics_internal.web_address import NoWebAddress, in_one_spelling

DEFAULT_URL = "http://127.0.0.1:7008"
BASE_PATH = "/api/analytics-internal"
LATER = frozenset({429, 502, 503, 504})
TOO_MUCH = frozenset({400, 413})
# An address that never answered is probably wrong; one that did may be restarting.
FIRST_PATIENCE_S = 3.0
PATIENCE_S = 120.0
MAX_PAUSE_S = 60.0
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RemoteError(WrongUse):
    """The service cannot be used; the message says why in one line."""


class OtherLog(RemoteError):
    """The service has another log than the one read before."""


class Verdict(msgspec.Struct, frozen=True):
    """The service's verdict on one event."""

    status: str
    reason: str | None = None
    detail: str | None = None


class _Answer(msgspec.Struct):
    results: list[Verdict]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class _Later(Exception):
    """The service asks to try again, perhaps not before ``pause_s``."""

    def __init__(self, status: int, pause_s: float | None, problem: str) -> None:
        super().__init__(problem or f"status {status}")
        self.pause_s = pause_s


class Remote:
    """The events of one service. A context manager."""

    def __init__(self, url: str, token: str | None = None, say: Callable[[str], None] | None = None) -> None:
        """``say`` is told why an answer takes long. Raises RemoteError: ``url`` is no web address."""
        self.url = events_url(url)
        self.name = masked_url(self.url)
        """The address for messages, without secrets."""
        headers = {"User-Agent": "analytics-internal"} | ({"Authorization": f"Bearer {token}"} if token else {})
        is_here = urlsplit(self.url).hostname in LOOPBACK
        self._http = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=not is_here)
        self.has_answered = False
        self._say = say

    def __enter__(self) -> Self:
        self._former_hooks = get_on_retry_hooks()  # they belong to the whole process
        set_on_retry_hooks([lambda retry: self._say(_why(retry)) if self._say is not None else None])
        return self

    def __exit__(self, *_: object) -> None:
        set_on_retry_hooks(self._former_hooks)
        self._http.close()

    def post(self, events: Sequence[str]) -> list[Verdict]:
        """Send the JSON texts of events as one imported batch. Returns their verdicts in the order given.

        A batch beyond the service's limits is sent in halves.

        Raises:
            RemoteError: the service refuses or does not answer; the events may or may not be stored.
        """
        body = '{"imported":true,"events":[' + ",".join(events) + "]}"
        response = self._again(lambda: self._once("POST", content=body.encode()))
        if response.status_code in TOO_MUCH:
            if len(events) == 1:
                return [Verdict("rejected", f"status {response.status_code}", problem_of(response))]
            half = len(events) // 2
            return self.post(events[:half]) + self.post(events[half:])
        if response.status_code != 200:
            self._refuse(response)
        try:
            verdicts = msgspec.json.decode(response.content, type=_Answer).results
        except msgspec.DecodeError as error:
            raise RemoteError(f"{self.name} does not answer like analytics-internal: {error}") from error
        if len(verdicts) != len(events):
            raise RemoteError(f"{self.name} answered {len(verdicts)} verdicts to {len(events)} events")
        return verdicts

    def lines(self, after: int, limit: int | None, batch: str | None = None) -> Iterator[tuple[int, bytes]]:
        """The stored events after a position as JSON lines, each with the log's newest position at the request.

        A broken connection is opened again after the last complete line. ``batch`` is the batch of the line at
        ``after``, if that line was read.

        Raises:
            OtherLog: the service's database was restored or replaced since that line was read.
            RemoteError: the service refuses or does not answer.
        """
        left = limit
        while True:
            try:
                for head, line in self._again_from(after, left, batch):
                    yield head, line
                    after, batch = place_of(line)
                    left = None if left is None else left - 1
            except httpx.TransportError:
                continue  # the next request has the full patience again
            return

    def _again_from(self, after: int, limit: int | None, batch: str | None) -> Iterator[tuple[int, bytes]]:
        """One stream, retried only until it begins. Raises httpx.TransportError: it broke."""
        parameters: dict[str, int | str] = {"after": after}
        if limit is not None:
            parameters["limit"] = limit
        if batch is not None:
            parameters["batch"] = batch
        if limit == 0:
            return
        response = self._again(lambda: self._once("GET", params=parameters, is_stream=True))
        try:
            if response.status_code != 200:
                response.read()
                self._refuse(response)
            head = int(response.headers.get("X-Log-Position", 0))
            for line in _complete_lines(response.iter_bytes()):
                yield head, line
        finally:
            response.close()

    def _once(
        self,
        method: str,
        *,
        content: bytes | None = None,
        params: dict[str, int | str] | None = None,
        is_stream: bool = False,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json"} if content is not None else None
        url = httpx.URL(self.url).copy_merge_params(params or {})
        request = self._http.build_request(method, url, content=content, headers=headers)
        response = self._http.send(request, stream=is_stream)
        self.has_answered = True
        if response.status_code in LATER:
            response.read()
            raise _Later(response.status_code, _pause_of(response), problem_of(response))
        return response

    def _again(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        patience_s = PATIENCE_S if self.has_answered else FIRST_PATIENCE_S
        try:
            for attempt in stamina.retry_context(on=_backoff, attempts=None, timeout=patience_s):
                with attempt:
                    return request()
        except httpx.TransportError as error:
            raise RemoteError(f"{self.name} is not reachable: {_words(error)}") from error
        except _Later as error:
            raise RemoteError(f"{self.name} cannot take more at the moment: {error}") from error
        raise AssertionError("the last attempt either returns or raises")

    def _refuse(self, response: httpx.Response) -> NoReturn:
        hint = {
            401: " (give --token or ANALYTICS_INTERNAL_TOKEN)",
            404: " (is --url the address of analytics-internal?)",
        }.get(response.status_code, "")
        if response.status_code == 409:
            raise OtherLog(f"{self.name} has another log now: {problem_of(response)}")
        raise RemoteError(f"{self.name} answered {response.status_code}: {problem_of(response)}{hint}")


def events_url(url: str) -> str:
    """The events' address of a service at ``url``. Raises RemoteError: ``url`` is no web address."""
    return address_in(url, "/events")


def address_in(url: str, path: str) -> str:
    """The address of an API path of a service at ``url``. Raises RemoteError: ``url`` is no web address."""
    try:
        parts = urlsplit(in_one_spelling(url))
        httpx.URL(url)
    except (NoWebAddress, httpx.InvalidURL):
        raise RemoteError(f"--url must be an address like {DEFAULT_URL}, not {masked_url(url)!r}") from None
    base = parts.path.removesuffix("/events").removesuffix(BASE_PATH)
    return urlunsplit(parts._replace(path=f"{base}{BASE_PATH}{path}"))


class _Exported(msgspec.Struct):
    position: int
    batch: str | None = None


def place_of(line: bytes) -> tuple[int, str | None]:
    """The position of one exported line and its batch. Raises RemoteError: it has no position."""
    try:
        exported = msgspec.json.decode(line, type=_Exported)
        return exported.position, exported.batch
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteError(f"not a line of an export: {error}") from error


def _complete_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, _Later) and error.pause_s is not None:
        return min(error.pause_s, MAX_PAUSE_S)
    return isinstance(error, _Later | httpx.TransportError)


def _pause_of(response: httpx.Response) -> float | None:
    """``Retry-After``, a number or a date, in seconds."""
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def problem_of(response: httpx.Response) -> str:
    """The service's own error message, else the HTTP reason."""
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return response.reason_phrase
    return ": ".join(filter(None, (problem.title, problem.detail))) or response.reason_phrase


def _words(error: BaseException) -> str:
    return masked_text(str(error)) or type(error).__name__


def _why(retry: RetryDetails) -> str:
    return (
        f"analytics-internal: the service does not answer ({_words(retry.caused_by)}); again in {retry.wait_for:.1f} s"
    )
