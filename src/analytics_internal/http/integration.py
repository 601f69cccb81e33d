"""What the portal's permission framework asks every plugin for: its permissions, and decisions on conditions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal.auth import PERMISSIONS, NotAllowed, Permission
from analytics_internal.errors import HttpProblem
from analytics_internal.http.bodies import limited_body
from analytics_internal.http.requests import caller_of

WELL_KNOWN = "/.well-known/backstage/permissions"
MAX_CONDITIONS_BYTES = 100 * 1024


class Metadata(msgspec.Struct, frozen=True):
    """The permissions of this plugin, and the rules for conditions: there are none."""

    permissions: list[Permission]
    rules: Annotated[list[str], msgspec.Meta(max_length=0)]


class InvalidConditions(HttpProblem):
    kind, status, title = "invalid-conditions", 400, "These conditions cannot be applied"


class ConditionalItem(msgspec.Struct, frozen=True, rename="camel"):
    """One decision that depends on a condition on a resource."""

    id: str
    resource_ref: str | list[str]
    resource_type: str
    conditions: dict[str, object]


class Conditions(msgspec.Struct, frozen=True):
    """The decisions that the framework asks for, or gets: none."""

    items: Annotated[list[ConditionalItem], msgspec.Meta(extra_json_schema={"maxItems": 0})]


_metadata = msgspec.json.encode(Metadata(list(PERMISSIONS.values()), []))


async def metadata(request: Request) -> Response:
    """``GET …/metadata``: the permissions of this plugin, as Backstage's integration router serves them."""
    await caller_of(request)  # any user or service of the portal, as there
    return Response(_metadata, media_type="application/json")


async def apply_conditions(request: Request) -> Response:
    """``POST …/apply-conditions``: no permission here has a resource that a condition could be about.

    Raises:
        InvalidConditions: whatever is asked, but for nothing.
        NotAllowed: a user asks, not the framework.
    """
    caller = await caller_of(request)
    if caller.person is not None and caller.plugin is None:
        raise NotAllowed("conditions are applied for the portal's plugins, not for users")
    body = await limited_body(request.scope, request.receive, MAX_CONDITIONS_BYTES)
    try:
        conditions = msgspec.json.decode(body, type=Conditions)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidConditions(f"the body is no request to apply conditions: {error}") from error
    if conditions.items:
        types = ", ".join(sorted({item.resource_type[:100] for item in conditions.items}))
        raise InvalidConditions(f"unexpected resource types: {types}; the permissions of this plugin have none")
    return Response(msgspec.json.encode(conditions), media_type="application/json")
