"""What a request says: who sends it, its headers and its parameters."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

from analytics_internal.auth import Caller, Right
from analytics_internal.errors import Problem
from analytics_internal.http.state import Service
from analytics_internal.query import InvalidQuery
from analytics_internal.reader import asked_by


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service


async def caller_of(request: Request) -> Caller:
    """Who sends the request. Raises Unauthenticated, PortalUnavailable."""
    return await service_of(request).callers.caller_of(request.headers.get("authorization"))


async def caller_with(request: Request, right: Right) -> Caller:
    """Who sends the request. Raises Unauthenticated, PortalUnavailable, NotAllowed without the right."""
    caller = await caller_of(request)
    await service_of(request).permissions.require(caller, right)
    # Without authentication there are no persons, so a connection counts as a caller.
    asked_by.set(caller.person or caller.plugin or str(request.client))
    return caller


def header(scope: Scope, name: bytes) -> str | None:
    """A request header by its name in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


def whole_number(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number in the query parameters. Raises InvalidQuery when it is not one or out of bounds."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or not lowest <= int(text) <= highest:
        raise InvalidQuery(Problem(name, f"must be a whole number from {lowest} to {highest:,}"))
    return int(text)
