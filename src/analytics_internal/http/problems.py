"""Answers to errors: problem+json (RFC 9457). The only place where errors become answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_internal.errors import HttpProblem, Problem
from analytics_internal.http import foreign

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"
CLIENT_IS_GONE = 499
MAX_PROBLEM_BYTES = 16_000
MAX_DETAIL = 1_500
EXPECTED = (HttpProblem, ClientDisconnect, *foreign.EXPECTED)


class ProblemDetails(msgspec.Struct, frozen=True):
    """Why a request was not answered as it asked: problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Problem] | msgspec.UnsetType = msgspec.UNSET


def answer_to(problem: HttpProblem, **headers: str) -> Response:
    """One problem as a response of at most ``MAX_PROBLEM_BYTES``, with further headers.

    A problem may quote whatever a caller sends: a long text is cut, and the last of many errors are left out.
    """
    # A character that JSON escapes takes six bytes.
    room = MAX_PROBLEM_BYTES - 6 * MAX_DETAIL - 500
    errors = msgspec.UNSET if problem.errors is None else list(_that_fit(problem.errors, room))
    kind = f"urn:analytics-internal:problem:{problem.kind}"
    details = ProblemDetails(kind, problem.title, problem.status, _cut(str(problem) or problem.title), errors)
    headers.update(problem.headers)
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    return Response(msgspec.json.encode(details), problem.status, headers, CONTENT_TYPE)


def _that_fit(errors: Sequence[Problem], room: int) -> Iterator[Problem]:
    for error in errors:
        cut = msgspec.structs.replace(error, field=_cut(error.field, 200), detail=_cut(error.detail, 500))
        room -= len(msgspec.json.encode(cut)) + 1
        if room < 0:
            return
        yield cut


def _cut(text: str, length: int = MAX_DETAIL) -> str:
    # A lone surrogate has no place in UTF-8.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= length else text[: length - 1] + "…"


def from_error(error: Exception) -> Response:
    """The response for any error."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=CLIENT_IS_GONE)  # nobody reads it
    problem = foreign.as_problem(error)
    if problem.logged_as is not None:
        log.error(problem.logged_as, error=str(problem))
    return answer_to(problem)


async def handle(_: Request, error: Exception) -> Response:
    """Starlette's exception handler for everything."""
    return from_error(error)


class ErrorsAreAnswers:
    """Keeps a connection open after an answered error.

    Starlette answers an unexpected error and raises it again. The server would then close the connection, on which a
    portal's backend may have sent its next requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_complete = False

        async def watched_send(message: Message) -> None:
            nonlocal is_complete
            await send(message)
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            if not is_complete:
                raise
