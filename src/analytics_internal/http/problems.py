"""Every error a caller can get, as problem+json (RFC 9457). The only place where errors become status codes."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_internal.auth import NotAllowed, PortalUnavailable, Unauthenticated
from analytics_internal.clock import ClockInDoubt
from analytics_internal.event import NotABatch
from analytics_internal.http.bodies import ENCODINGS, BodyTooLarge, InvalidEncoding, UnsupportedEncoding
from analytics_internal.log import TRANSIENT_ERRORS, LogReplaced, LogUnavailable, Overloaded
from analytics_internal.query import DownloadTooLarge, InvalidQuery, Problem
from analytics_internal.reader import Behind, Busy, Damaged, OutOfMemory, TooSlow

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"
CLIENT_IS_GONE = 499
MAX_PROBLEM_BYTES = 16_000
MAX_DETAIL = 1_500


class InvalidConditions(ValueError):
    """The permission framework asks for a decision that no permission of this plugin can need."""


class UnknownItem(LookupError):
    """No item has this id."""


EXPECTED = (
    HTTPException, NotABatch, InvalidQuery, InvalidConditions, Unauthenticated, NotAllowed, UnknownItem, BodyTooLarge,
    UnsupportedEncoding, InvalidEncoding, ClockInDoubt,
    Overloaded, LogReplaced, LogUnavailable, PortalUnavailable, Behind, Damaged, Busy, TooSlow, OutOfMemory,
    ClientDisconnect, DownloadTooLarge, MemoryError, *TRANSIENT_ERRORS, asyncpg.PostgresError,
)  # fmt: skip

PLAIN: dict[type[Exception], tuple[str, int]] = {
    NotABatch: ("not-a-batch", 400),
    InvalidConditions: ("invalid-conditions", 400),
    InvalidEncoding: ("invalid-encoding", 400),
    UnknownItem: ("not-found", 404),
    BodyTooLarge: ("body-too-large", 413),
    DownloadTooLarge: ("download-too-large", 413),
    LogReplaced: ("log-replaced", 409),
}
"""Errors of which there is nothing to say but their text."""

# What passes: the kind of each and after how many seconds to try again.
LATER: dict[type[Exception], tuple[str, int]] = {
    Overloaded: ("overloaded", 1),
    LogUnavailable: ("log-unavailable", 1),
    PortalUnavailable: ("portal-unavailable", 1),
    Behind: ("reader-behind", 5),
    Damaged: ("reader-behind", 5),
    Busy: ("busy", 5),
    TooSlow: ("question-too-slow", 5),
    OutOfMemory: ("out-of-memory", 5),
    MemoryError: ("out-of-memory", 5),
}

TITLES = {
    "not-a-batch": "The body is neither an event nor a batch of events",
    "invalid-query": "The question cannot be answered as it is asked",
    "invalid-conditions": "These conditions cannot be applied",
    "unauthenticated": "A valid token is needed",
    "not-allowed": "Not allowed",
    "not-found": "There is nothing here",
    "method-not-allowed": "This address does not take this method",
    "body-too-large": "The body is too large",
    "malformed-request": "This is not a request that can be read",
    "head-too-large": "The head of the request is too large",
    "too-slow": "The request came too slowly",
    "busy": "Too much is asked at the same time",
    "unsupported-encoding": "The body is encoded in a way that is not taken",
    "invalid-encoding": "The body is not encoded as it says",
    "overloaded": "Too many events are waiting to be stored",
    "log-replaced": "The log is not the one that was read before",
    "log-unavailable": "The database did not answer",
    "clock-in-doubt": "The service's clock may be wrong",
    "portal-unavailable": "The portal did not answer",
    "reader-behind": "The reader is still reading the log",
    "download-too-large": "The file would be too large",
    "question-too-slow": "The question takes too long",
    "out-of-memory": "The question needs more memory than there is",
    "internal-error": "An error on our side",
}


def problem(
    kind: str, status: int, detail: str, errors: list[Problem] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """One problem as a response; ``kind`` is the last part of its type. It has at most ``MAX_PROBLEM_BYTES``.

    Whatever a caller sends may be quoted: what is too long is cut, and the last of many errors are left out.
    """
    body: dict[str, object] = {
        "type": f"urn:analytics-internal:problem:{kind}",
        "title": TITLES[kind],
        "status": status,
        "detail": _cut(detail),
    }
    # A character that JSON escapes takes six bytes.
    room = MAX_PROBLEM_BYTES - 6 * MAX_DETAIL - 500
    if errors is not None:
        body["errors"] = list(_that_fit(errors, room))
    return Response(msgspec.json.encode(body), status, headers, CONTENT_TYPE)


def _that_fit(errors: list[Problem], room: int) -> Iterator[Problem]:
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
    """The response for an error; an unknown one is logged and answered without its text."""
    if plain := PLAIN.get(type(error)):
        return problem(*plain, str(error))
    for passing, (kind, after_s) in LATER.items():
        if isinstance(error, passing):
            return problem(kind, 503, str(error) or TITLES[kind], headers={"Retry-After": str(after_s)})
    match error:
        case InvalidQuery():
            return problem("invalid-query", 400, str(error), error.problems)
        case Unauthenticated():
            return problem("unauthenticated", 401, str(error), headers={"WWW-Authenticate": "Bearer"})
        case NotAllowed():
            parts = [Problem(field, what) for field, what in error.parts]
            return problem("not-allowed", 403, str(error), parts or None)
        case UnsupportedEncoding():
            allowed = {"Accept-Encoding": ", ".join(ENCODINGS)}
            return problem("unsupported-encoding", 415, str(error), headers=allowed)
        case ClockInDoubt():
            log.error("clock in doubt", error=str(error))
            return problem("clock-in-doubt", 503, str(error), headers={"Retry-After": "60"})
        case ClientDisconnect():
            return Response(status_code=CLIENT_IS_GONE)  # nobody reads it
    if isinstance(error, (*TRANSIENT_ERRORS, asyncpg.PostgresError)):
        log.error("log unavailable", error=repr(error))
        return problem("log-unavailable", 503, "the database did not answer", headers={"Retry-After": "1"})
    log.error("unexpected error", exc_info=error)
    return problem("internal-error", 500, "the log of the service has the details")


async def handle(_: Request, error: Exception) -> Response:
    """Starlette's exception handler for everything."""
    if isinstance(error, HTTPException):
        kind = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code)
        if kind is not None:
            return problem(kind, error.status_code, error.detail, headers=dict(error.headers or {}))
        return problem("internal-error", error.status_code, error.detail)
    return from_error(error)


class ErrorsAreAnswers:
    """Keeps a connection usable after an error that has been answered.

    Starlette raises an error again when its handler has answered it. The server would take that for a broken answer and
    close the connection, on which a portal's backend may have sent its next requests.
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
