"""What the routes share: the parts of one running service."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.types import Scope

from analytics_internal.event import Acceptance
from analytics_internal.log.connection import Pool
from analytics_internal.log.id_key import IdKey
from analytics_internal.log.readiness import Readiness
from analytics_internal.log.writer import LogWriter
from analytics_internal.portal.callers import Caller, Callers
from analytics_internal.portal.permissions import Permissions, Right
from analytics_internal.query.language import InvalidQuery, Problem
from analytics_internal.query.spool import Spool
from analytics_internal.reader.lanes import asked_by
from analytics_internal.reader.replica import Replica
from analytics_internal.settings import Settings


class Service(msgspec.Struct, frozen=True):
    """The parts of one running service, handed to every route."""

    settings: Settings
    pool: Pool
    writer: LogWriter
    id_key: IdKey
    replica: Replica
    readiness: Readiness
    callers: Callers
    permissions: Permissions
    acceptance: Acceptance
    zone: ZoneInfo
    spool: Spool


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
    # Without authentication everybody is the same: there a connection stands for a caller.
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
    """A whole number among the address's parameters. Raises InvalidQuery when it is none or out of bounds."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or not lowest <= int(text) <= highest:
        raise InvalidQuery(Problem(name, f"must be a whole number from {lowest} to {highest:,}"))
    return int(text)
