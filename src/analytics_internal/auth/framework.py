"""The portal's permission framework, asked with the caller's own token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog

from analytics_internal.auth.callers import Unauthenticated
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.auth.remembered import Remembered

AUTHORIZE_PATH = "/api/permission/authorize"
DECISION_HOLDS_S = 10.0

log = structlog.get_logger(__name__)


class PermissionAttributes(msgspec.Struct, frozen=True):
    """What whoever has a permission does with it."""

    action: Literal["read", "update"]


class Permission(msgspec.Struct, frozen=True):
    """A permission as Backstage's ``createPermission`` makes it; none here has a resource type."""

    type: Literal["basic"]
    name: str
    attributes: PermissionAttributes


class _Decision(msgspec.Struct):
    id: str
    result: Literal["ALLOW", "DENY", "CONDITIONAL"]


class _Decisions(msgspec.Struct):
    items: list[_Decision]


class Framework:
    """The decisions of the portal's permission policy. A decision holds for ten seconds."""

    def __init__(self, backend: PortalBackend, permissions: Sequence[Permission]) -> None:
        """``permissions`` are all asked for in one request."""
        self._backend = backend
        self._question = {"items": [{"id": one.name, "permission": msgspec.to_builtins(one)} for one in permissions]}
        self._decisions = Remembered(self._ask, DECISION_HOLDS_S, "decisions")

    async def allowed_to(self, token: str) -> frozenset[str]:
        """The names of the permissions that the owner of a user token has.

        Raises:
            PortalUnavailable: the portal did not decide; nothing is allowed then.
            Unauthenticated: the portal does not take the token.
        """
        return await self._decisions.get(token)

    async def _ask(self, token: str) -> frozenset[str]:
        response = await self._backend.post(AUTHORIZE_PATH, token, self._question)
        if response.status_code == 401:
            raise Unauthenticated("the portal does not accept this token")
        try:
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            decisions = msgspec.json.decode(response.content, type=_Decisions).items
            if {decision.id for decision in decisions} != {item["id"] for item in self._question["items"]}:
                raise ValueError("other permissions than were asked for")
        except ValueError as error:
            log.error("the portal does not decide on permissions", reason=str(error))
            raise PortalUnavailable(f"the portal did not decide on permissions at {AUTHORIZE_PATH}: {error}") from error
        # A conditional decision gives nothing: a basic permission has no resource that conditions could apply to.
        return frozenset(decision.id for decision in decisions if decision.result == "ALLOW")
