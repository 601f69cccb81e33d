"""Backstage's user tokens, verified with the portal's keys."""

from __future__ import annotations

import asyncio
import time

import httpx
import jwt
import stamina
import structlog

from analytics_internal.portal.callers import PortalUnavailable, Unauthenticated
from analytics_internal.subject import normalise_entity_ref

USER_TOKEN_TYPE = "vnd.backstage.user"
ALGORITHM = "ES256"
AUDIENCE = "backstage"
JWKS_PATH = "/api/auth/.well-known/jwks.json"
# An unknown key id asks the portal again, but not for every forged token.
REFRESH_INTERVAL_S = 10.0
VERIFIED_TOKENS = 20_000

log = structlog.get_logger(__name__)


class UserTokens:
    """Verifies user tokens of one portal. Keys and verified tokens are kept in memory."""

    def __init__(self, backend_url: str, reached_at: str, client: httpx.AsyncClient | None = None) -> None:
        self._issuer = backend_url.rstrip("/") + "/api/auth"
        self._jwks_url = reached_at.rstrip("/") + JWKS_PATH
        self._client = client or httpx.AsyncClient(timeout=5)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._refreshed_at = -REFRESH_INTERVAL_S
        self._refreshing = asyncio.Lock()
        self._verified: dict[str, tuple[str, float]] = {}

    async def close(self) -> None:
        await self._client.aclose()

    async def person_of(self, token: str) -> str:
        """The person a valid user token speaks for, as a normalised entity ref.

        Raises:
            Unauthenticated: the token is malformed, forged, expired, of another kind or for somebody else.
            PortalUnavailable: the portal's keys could not be fetched.
        """
        known = self._verified.get(token)
        if known is not None and known[1] > time.time():
            return known[0]
        person, expires_at = await self._verify(token)
        if len(self._verified) >= VERIFIED_TOKENS:
            self._verified.clear()
        self._verified[token] = (person, expires_at)
        return person

    async def _verify(self, token: str) -> tuple[str, float]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != USER_TOKEN_TYPE:
                raise Unauthenticated(f"the token's `typ` must be {USER_TOKEN_TYPE}")
            key = await self._key(str(header.get("kid")))
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not valid: {error}") from error
        person = normalise_entity_ref(str(claims["sub"]))
        if person is None:
            raise Unauthenticated("the token's `sub` is no entity ref")
        return person, float(claims["exp"])

    async def _key(self, key_id: str) -> jwt.PyJWK:
        if key_id not in self._keys:
            async with self._refreshing:
                if key_id not in self._keys and time.monotonic() - self._refreshed_at >= REFRESH_INTERVAL_S:
                    await self._refresh()
        if key_id not in self._keys:
            raise Unauthenticated("the token was signed with a key that the portal does not have")
        return self._keys[key_id]

    async def _refresh(self) -> None:
        try:
            async for attempt in stamina.retry_context(on=httpx.HTTPError, attempts=3, timeout=6, wait_initial=0.1):
                with attempt:
                    response = await self._client.get(self._jwks_url)
                    response.raise_for_status()
        except httpx.HTTPError as error:
            log.error("portal keys unavailable", url=self._jwks_url, error=repr(error))
            raise PortalUnavailable(f"the keys at {self._jwks_url} could not be fetched") from error
        keys = jwt.PyJWKSet.from_dict(response.json())
        self._keys = {
            key.key_id: key for key in keys.keys if key.key_id is not None and key.algorithm_name == ALGORITHM
        }
        self._refreshed_at = time.monotonic()
