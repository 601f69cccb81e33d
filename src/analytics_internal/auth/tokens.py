"""Backstage's tokens, verified with the portal's keys: of users, and of plugins for themselves or for a user."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from analytics_internal.auth.callers import Caller, Unauthenticated
from analytics_internal.auth.keys import (
    ALGORITHM,
    KEYS_HOLD_S,
    USER_KEYS_PATH,
    KeySet,
    NoKeySet,
    PluginKeySets,
    UnknownKey,
)
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.event import normalise_entity_ref
from analytics_internal.web_address import NoWebAddress, in_one_spelling

USER = "vnd.backstage.user"
LIMITED_USER = "vnd.backstage.limited-user"
PLUGIN = "vnd.backstage.plugin"
USER_AUDIENCE = "backstage"
OUR_PLUGIN_ID = "analytics-internal"
# A portal whose clock is a little ahead of ours must not have its newest tokens refused.
MAX_CLOCK_ERROR_S = 60.0
MAX_TOKEN_LENGTH = 16_384
ISSUER_PATH = "/api/auth"

Claims = Mapping[str, Any]


class Tokens:
    """Verifies the tokens of one portal."""

    def __init__(self, backend: PortalBackend, issuer_url: str) -> None:
        """``issuer_url`` is the portal's ``backend.baseUrl``, which its user tokens name."""
        self._issuer = in_one_spelling(issuer_url) + ISSUER_PATH
        self._user_keys = KeySet(backend, USER_KEYS_PATH)
        self._plugin_keys = PluginKeySets(backend)

    async def caller_of(self, token: str) -> Caller:
        """Who sends a valid token.

        Raises:
            Unauthenticated: the token is malformed, forged, expired, of another kind or for somebody else.
            PortalUnavailable: the portal's keys could not be fetched.
        """
        kind, key_id = _header_of(token)
        if kind == USER:
            return await self._user(token, key_id)
        if kind == PLUGIN:
            return await self._plugin(token, key_id)
        if kind == LIMITED_USER:
            raise Unauthenticated("a limited user token is only good inside a plugin's token, as its `obo`")
        raise Unauthenticated(f"the token's `typ` must be {USER} or {PLUGIN}")

    async def _user(self, token: str, key_id: str) -> Caller:
        key = await self._user_key(key_id)
        claims = _verified(token, key, ["sub", "aud", "iss"], audience=USER_AUDIENCE)
        self._check_issuer(claims["iss"])
        return Caller(
            person=_person_of(claims),
            memberships=_memberships_of(claims),
            token=token,
            expires_at=_believed_until(claims),
        )

    def _check_issuer(self, issuer: object) -> None:
        # Backstage names it as its configuration spells it, with capitals and a default port.
        try:
            is_ours = isinstance(issuer, str) and in_one_spelling(issuer) == self._issuer
        except NoWebAddress:
            is_ours = False
        if not is_ours:
            raise Unauthenticated("the token is not valid: Invalid issuer")

    async def _plugin(self, token: str, key_id: str) -> Caller:
        plugin = _unverified_subject(token)
        try:
            key_set = self._plugin_keys.of(plugin)
            key = await key_set.key(key_id)
        except NoKeySet as error:
            raise Unauthenticated(f"the portal has no plugin {plugin[:100]!r} that issues tokens: {error}") from error
        except UnknownKey as error:
            raise Unauthenticated(f"the token was signed with a key that plugin {plugin!r} does not have") from error
        claims = _verified(token, key, ["sub", "aud"], audience=OUR_PLUGIN_ID)
        self._plugin_keys.prove(plugin, key_set)
        if claims.get("obo") is None:
            return Caller(
                plugin=plugin, may_name_person=True, reads_everything=True, expires_at=_believed_until(claims)
            )
        return await self._on_behalf_of(claims["obo"], plugin, claims)

    async def _on_behalf_of(self, token: object, plugin: str, plugin_claims: Claims) -> Caller:
        if not isinstance(token, str):
            raise Unauthenticated("the plugin token's `obo` is no token")
        kind, key_id = _header_of(token)
        if kind != LIMITED_USER:
            raise Unauthenticated(f"the `typ` of the plugin token's `obo` must be {LIMITED_USER}")
        claims = _verified(token, await self._user_key(key_id), ["sub"])
        return Caller(
            person=_person_of(claims),
            plugin=plugin,
            token=token,
            expires_at=min(_believed_until(claims), _believed_until(plugin_claims)),
        )

    async def _user_key(self, key_id: str) -> jwt.PyJWK:
        try:
            return await self._user_keys.key(key_id)
        except NoKeySet as error:
            # Every portal has one: the address is wrong, or the portal is still starting.
            raise PortalUnavailable(f"the portal's keys could not be fetched: {error}") from error
        except UnknownKey as error:
            raise Unauthenticated("the token was signed with a key that the portal does not have") from error


def _header_of(token: str) -> tuple[str, str]:
    """Kind and key id of a token. Raises Unauthenticated: it is no token, or is signed with another algorithm."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise Unauthenticated(f"the token has more than {MAX_TOKEN_LENGTH:,} characters")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError, UnicodeError) as error:
        raise Unauthenticated(f"the token is not valid: {error}") from error
    if header.get("alg") != ALGORITHM:
        raise Unauthenticated(f"the token's `alg` must be {ALGORITHM}")
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise Unauthenticated("the token does not name its key (`kid`)")
    return str(header.get("typ")), key_id


def _unverified_subject(token: str) -> str:
    """The plugin whose keys verify this token."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError, ValueError, OverflowError) as error:
        raise Unauthenticated(f"the token is not valid: {error}") from error
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise Unauthenticated("the token's `sub` names no plugin")
    return subject


def _verified(token: str, key: jwt.PyJWK, required: Sequence[str], audience: str | None = None) -> Claims:
    """The claims of a token that this key signed and that is valid now. Raises Unauthenticated."""
    try:
        claims: Claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            options={"require": ["exp", "iat", *required], "verify_iat": False, "verify_aud": audience is not None},
        )
    except (jwt.PyJWTError, RecursionError, ValueError, OverflowError) as error:
        raise Unauthenticated(f"the token is not valid: {error}") from error
    issued_at = claims["iat"]
    if not isinstance(issued_at, int | float) or issued_at > time.time() + MAX_CLOCK_ERROR_S:
        raise Unauthenticated("the token is not valid: it was issued in the future (`iat`), by the service's clock")
    return claims


def _person_of(claims: Claims) -> str:
    person = normalise_entity_ref(str(claims["sub"]))
    if person is None:
        raise Unauthenticated("the token's `sub` is no entity ref")
    return person


def _memberships_of(claims: Claims) -> frozenset[str] | None:
    owns_as = claims.get("ent")
    if not isinstance(owns_as, list):
        return None
    return frozenset(ref for text in owns_as if (ref := normalise_entity_ref(str(text))) is not None)


def _believed_until(claims: Claims) -> float:
    # Tokens are verified again as often as keys are fetched: a remembered one must not outlive a withdrawn key.
    return min(float(claims["exp"]), time.time() + KEYS_HOLD_S)
