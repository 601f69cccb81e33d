"""Who is calling."""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Sequence
from typing import Protocol

import msgspec

from analytics_internal.cache import Cache, size_of
from analytics_internal.errors import HttpProblem, Problem

# A token may list all groups of its person. Verifying it costs far more than keeping it.
LARGEST_BYTES = 131_072


class Unauthenticated(HttpProblem):
    kind, status, title = "unauthenticated", 401, "A valid token is needed"
    headers = (("WWW-Authenticate", "Bearer"),)


class NotAllowed(HttpProblem):
    kind, status, title = "not-allowed", 403, "Not allowed"

    def __init__(self, detail: str, parts: Sequence[tuple[str, str]] = ()) -> None:
        """``parts``: the fields of the request that are not allowed, and what to do about each."""
        super().__init__("; ".join([detail, *(f"{field}: {what}" for field, what in parts)]))
        self.errors = [Problem(field, what) for field, what in parts] or None


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request, as its token says."""

    person: str | None = None
    """Normalised entity ref of the person who acts; None for a machine, or a plugin that acts for itself."""
    plugin: str | None = None
    """Id of the portal's plugin that sends the request, for itself or for a person."""
    may_name_person: bool = False
    """Whether the body's ``user`` counts."""
    may_import: bool = False
    reads_everything: bool = False
    """Whether reading needs no permission: machines, and plugins that act for themselves, as in Backstage."""
    memberships: frozenset[str] | None = None
    """Normalised entity refs of the person and its groups, if the token lists them."""
    token: str | None = None
    """The person's own token, to ask the portal about the person; a limited one where a plugin acts for the person."""
    expires_at: float = math.inf
    """When the token must be verified again, in seconds since 1970."""

    @property
    def sender(self) -> str | None:
        """Who owns the ids of this caller's events; None for callers that may import anybody's events."""
        if self.may_import:
            return None
        return f"person {self.person}" if self.person is not None else f"plugin {self.plugin}"

    @property
    def agent(self) -> str | None:
        """The program whose own events these are; None where a person acts, or where nobody can tell."""
        return self.plugin if self.person is None else None

    def require_import(self) -> None:
        """Raises NotAllowed when the caller may not import history."""
        if not self.may_import:
            raise NotAllowed("importing history needs a machine token from `import_tokens`")


TRUSTED = Caller(may_name_person=True, may_import=True, reads_everything=True)
"""A machine that acts for others, or anybody on a service without authentication."""


class TokenVerifier(Protocol):
    """Verifies the portal's tokens."""

    async def caller_of(self, token: str) -> Caller:
        """Who sends a valid token. Raises Unauthenticated, PortalUnavailable."""
        ...


class Callers:
    """Finds out who is calling from the ``Authorization`` header."""

    def __init__(self, verifier: TokenVerifier | None, import_tokens: Sequence[str] = ()) -> None:
        """Without a verifier there is no authentication: everyone is trusted (the listener is on loopback)."""
        self._verifier = verifier
        self._import_tokens = [token.encode() for token in import_tokens]
        self._known: Cache[str, Caller] = Cache("callers", _size_of, LARGEST_BYTES)

    async def caller_of(self, authorization: str | None) -> Caller:
        """Who sends a request with this header. A token that was verified before costs one look-up.

        Raises:
            Unauthenticated: the header is missing, or its token is not valid.
            PortalUnavailable: the portal's keys could not be fetched.
        """
        if self._verifier is None:
            return TRUSTED
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the request has no `Authorization: Bearer …` header")
        known = self._known.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        if any(hmac.compare_digest(token.encode(), known) for known in self._import_tokens):
            caller = TRUSTED
        else:
            caller = await self._verifier.caller_of(token)
        self._known.put(token, caller)
        return caller


def _size_of(token: str, caller: Caller) -> int:
    return size_of(token, caller, caller.person, caller.memberships, caller.token)
