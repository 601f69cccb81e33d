"""Which groups a person belongs to, as the portal says."""

from __future__ import annotations

import msgspec
import structlog

from analytics_internal.auth.callers import Caller, Unauthenticated
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.auth.remembered import Remembered
from analytics_internal.event import normalise_entity_ref

USER_INFO_PATH = "/api/auth/v1/userinfo"
MEMBERSHIP_HOLDS_S = 10.0

log = structlog.get_logger(__name__)


class _Claims(msgspec.Struct):
    ent: list[str] = []


class _UserInfo(msgspec.Struct):
    claims: _Claims


class Memberships:
    """People's ownership entity refs: the person and its groups. An answer holds for ten seconds."""

    def __init__(self, backend: PortalBackend) -> None:
        self._backend = backend
        self._known = Remembered(self._ask, MEMBERSHIP_HOLDS_S, "memberships")

    async def of(self, caller: Caller) -> frozenset[str]:
        """The normalised ownership refs in a person's token, or else those that the portal gives for it.

        Raises:
            PortalUnavailable: the portal did not answer.
            Unauthenticated: the portal does not take the token.
        """
        if caller.memberships is not None:
            return caller.memberships
        assert caller.token is not None, "a person without a token"
        return await self._known.get(caller.token)

    async def _ask(self, token: str) -> frozenset[str]:
        response = await self._backend.get(USER_INFO_PATH, token)
        if response.status_code == 401:
            raise Unauthenticated("the portal does not accept this token")
        if response.status_code == 404:
            return frozenset()  # the portal knows nothing of this person, so it is in no group
        try:
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            owns_as = msgspec.json.decode(response.content, type=_UserInfo).claims.ent
        except ValueError as error:
            log.error("the portal does not tell a person's groups", reason=str(error))
            raise PortalUnavailable(f"the portal did not tell your groups at {USER_INFO_PATH}: {error}") from error
        return frozenset(ref for text in owns_as if (ref := normalise_entity_ref(text)) is not None)
