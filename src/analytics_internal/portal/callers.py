"""Who is calling, and what they may do."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from analytics_internal.portal.permissions import EVERYTHING, READ, Lists, May

Right = Literal["read", "import"]


class Unauthenticated(Exception):
    """No token, or one that is not valid; the message says which and why."""


class NotAllowed(Exception):
    """The caller is known and may not do this."""


class PortalUnavailable(Exception):
    """The portal's keys could not be fetched, so a token can be neither accepted nor refused."""


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request."""

    person: str | None
    """Entity ref of the person the token speaks for; None for a machine or without authentication."""
    may_name_person: bool = False
    """Whether the body's ``user`` counts."""
    may_import: bool = False
    may: May = May()

    def require(self, right: Right) -> None:
        """Raises NotAllowed when the caller lacks the right."""
        if right == "import" and not self.may_import:
            raise NotAllowed("importing history needs a machine token from `import_tokens`")
        if right == "read" and not self.may.read:
            raise NotAllowed(f"reading needs the permission `{READ}`: the setting `readers` does not name you")


TRUSTED = Caller(None, may_name_person=True, may_import=True, may=EVERYTHING)
"""A machine that speaks for others, or anybody on a service without authentication."""


class TokenVerifier(Protocol):
    """Says whom a user token of the portal speaks for."""

    async def person_of(self, token: str) -> str:
        """The entity ref in a valid token. Raises Unauthenticated, PortalUnavailable."""
        ...


class Callers:
    """Tells callers apart by their ``Authorization`` header."""

    def __init__(self, verifier: TokenVerifier | None, import_tokens: Sequence[str], lists: Lists) -> None:
        """Without a verifier there is no authentication: everyone is trusted (the listener is on loopback)."""
        self._verifier = verifier
        self._import_tokens = [token.encode() for token in import_tokens]
        self._lists = lists

    async def caller_of(self, authorization: str | None) -> Caller:
        """Raises Unauthenticated, PortalUnavailable."""
        if self._verifier is None:
            return TRUSTED
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the request has no `Authorization: Bearer …` header")
        if any(hmac.compare_digest(token.encode(), known) for known in self._import_tokens):
            return TRUSTED
        person = await self._verifier.person_of(token)
        return Caller(person, may=self._lists.may({person}))
