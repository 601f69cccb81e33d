"""``destinations``: see and steer the destinations of a running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from analytics_internal.client import destinations_in_words as words
from analytics_internal.client.remote import LOOPBACK, RemoteError, address_in, problem_of
from analytics_internal.masking import masked_text, masked_url

REFUSED = 1
TIMEOUT = httpx.Timeout(90.0, connect=5.0)  # a test event may take a minute
LETTERS_AT_ONCE = 1_000
Answer = TypeVar("Answer")


class Steering:
    """The destinations of one service. Each method prints what it did, and returns the exit code. A context manager.

    All raise RemoteError: the service refuses or does not answer.
    """

    def __init__(self, url: str, token: str | None, as_json: bool = False) -> None:
        """``as_json``: print answers as they come. Raises RemoteError: ``url`` is no web address."""
        self._base = address_in(url, "/destinations")
        self._as_json = as_json
        headers = {"User-Agent": "analytics-internal"} | ({"Authorization": f"Bearer {token}"} if token else {})
        is_here = urlsplit(self._base).hostname in LOOPBACK
        self._http = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=not is_here)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def list_all(self) -> int:
        """Print every destination."""
        answer = self._ask("GET")
        if self._as_json:
            return _print(answer.decode())
        return _print(words.table_of(_decoded(answer, words.Destinations).destinations))

    def test(self, names: Sequence[str]) -> int:
        """Send a test event to each. Returns 1 when one did not take it."""
        code = 0
        for name in names:
            result = self._done(name, "test", None, words.TestResult, words.of_test)
            code = code if result.is_delivered else REFUSED
        return code

    def change(self, action: Literal["pause", "resume"], names: Sequence[str]) -> int:
        """Pause or resume each, and print how it is now."""
        for name in names:
            self._done(name, action, None, words.Destination, words.of_state)
        return 0

    def replay(
        self,
        name: str,
        positions: tuple[int | None, int | None] = (None, None),
        times: tuple[datetime | None, datetime | None] = (None, None),
    ) -> int:
        """Ask for the events of a time or between positions once more; without either for the dead letters."""
        body: dict[str, object] = {"dead_letters": "all"}
        if times[0] is not None:
            body = {"from": times[0], "to": times[1]}
        elif positions != (None, None):
            body = {"after": positions[0] or 0, "up_to": positions[1]}
        self._done(name, "replay", body, words.Queued, words.of_queued)
        return 0

    def cancel(self, name: str) -> int:
        """End the replays under way."""
        self._done(name, "cancel-replays", None, words.Cancelled, words.of_cancelled)
        return 0

    def dead_letters(self, name: str, limit: int) -> int:
        """Print the first dead letters."""
        letters = list(self._dead_letters(name, limit))
        if self._as_json:
            return _print(msgspec.json.encode(letters).decode())
        return _print(words.table_of_letters(name, [msgspec.convert(one, words.Letter) for one in letters]))

    def settle(self, action: Literal["replay", "discard"], name: str, positions: Sequence[int] | None) -> int:
        """Send dead letters again, or forget them: those at some positions, or all."""
        body = {"dead_letters": list(positions) if positions else "all"}
        if action == "replay":
            self._done(name, action, body, words.Queued, words.of_queued)
        else:
            self._done(name, action, body, words.Discarded, words.of_discarded)
        return 0

    def _done(
        self, name: str, action: str, body: object, form: type[Answer], in_words: Callable[[str, Answer], str]
    ) -> Answer:
        """Do something with one destination, and print the answer."""
        answer = self._ask("POST", f"/{quote(name, safe='')}/{action}", body)
        decoded = _decoded(answer, form)
        _print(answer.decode() if self._as_json else in_words(name, decoded))
        return decoded

    def _dead_letters(self, name: str, limit: int) -> Iterator[Any]:
        cursor: int | None = None
        while limit > 0:
            parameters = {"limit": min(limit, LETTERS_AT_ONCE)} | ({"cursor": cursor} if cursor is not None else {})
            page = _decoded(self._ask("GET", f"/{quote(name, safe='')}/dead-letters", **parameters), words.Letters)
            yield from page.dead_letters
            limit -= len(page.dead_letters)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _ask(self, method: str, path: str = "", body: object = None, **parameters: int) -> bytes:
        """The answer's JSON."""
        place = masked_url(self._base)
        content = msgspec.json.encode(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            url = httpx.URL(f"{self._base}{path}").copy_merge_params(parameters)
            response = self._http.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise RemoteError(f"{place} is not reachable: {masked_text(str(error)) or type(error).__name__}") from error
        if response.is_success:
            return response.content
        if not response.headers.get("content-type", "").startswith("application/problem+json"):
            hint = " (is --url the address of analytics-internal?)"
            raise RemoteError(f"{place} answered {response.status_code}: {problem_of(response)}{hint}")
        hint = " (give --token or ANALYTICS_INTERNAL_TOKEN)" if response.status_code == 401 else ""
        raise RemoteError(f"{problem_of(response)}{hint}")


def _decoded(answer: bytes, form: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(answer, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteError(f"the service does not answer like analytics-internal of this version: {error}") from error


def _print(text: str) -> int:
    print(text)
    return 0
