"""The public keys that the portal's tokens are verified with."""

from __future__ import annotations

import asyncio
import re
import time

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable

ALGORITHM = "ES256"
USER_KEYS_PATH = "/api/auth/.well-known/jwks.json"
PLUGIN_KEYS_PATH = "/api/{plugin}/.backstage/auth/v1/jwks.json"
# Keys are fetched anew after the first of these, so that withdrawn ones are dropped; while the portal does not answer
# the old ones go on to hold until the second: its restart must not cost events.
KEYS_HOLD_S = 600.0
KEYS_OUTLIVE_S = 3600.0
# So long after the first a request goes on with the old keys while new ones are fetched. Later it waits: after a quiet
# hour the old keys say nothing about which ones were withdrawn.
FETCH_MARGIN_S = 60.0
# An unknown key may be a new one, or forged: not every one of them may make us fetch.
FETCH_INTERVAL_S = 5.0
FAILED_FETCH_INTERVAL_S = 1.0
MISSING_SET_INTERVAL_S = 10.0
PLUGIN_KEY_SETS = 100
# Fetches for plugins that have never shown a valid token: anybody may name plugins that do not exist.
UNPROVEN_FETCHES = 20
UNPROVEN_FETCHES_PER_S = 0.5

_plugin_id = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.IGNORECASE)
MAX_PLUGIN_ID_LENGTH = 100

log = structlog.get_logger(__name__)


class UnknownKey(LookupError):
    """The issuer has no key with this id."""


class NoKeySet(LookupError):
    """There is no key set where the issuer's should be."""


class _JsonWebKeySet(msgspec.Struct):
    keys: list[dict[str, object]]


class FetchBudget:
    """How many fetches may be made for those who have proven nothing yet: so many at once, so many a second."""

    def __init__(self, at_once: float = UNPROVEN_FETCHES, per_second: float = UNPROVEN_FETCHES_PER_S) -> None:
        self._at_once = self._left = at_once
        self._per_second = per_second
        self._counted_at = time.monotonic()

    def take(self) -> bool:
        """One fetch, if there is one left."""
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class KeySet:
    """The public keys of one issuer, fetched when they are needed, and anew from time to time."""

    def __init__(self, backend: PortalBackend, path: str, budget: FetchBudget | None = None) -> None:
        self._backend = backend
        self._path = path
        self._budget = budget
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -KEYS_OUTLIVE_S
        self._next_fetch_at = 0.0
        self._problem: Exception | None = None
        self._fetching: asyncio.Task[None] | None = None
        self.is_proven = False
        """Whether a token of this issuer has been valid."""

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key with this id.

        Raises:
            UnknownKey: the issuer does not have it, as far as it could be asked again.
            NoKeySet: there is no key set of this issuer.
            PortalUnavailable: the keys could not be fetched, or may not be fetched now.
        """
        age = time.monotonic() - self._fetched_at
        if key_id in self._keys and age < KEYS_HOLD_S:
            return self._keys[key_id]
        fetching = self._fetch_soon()
        outlives = key_id in self._keys and age < KEYS_OUTLIVE_S
        if outlives and (age < KEYS_HOLD_S + FETCH_MARGIN_S or self._problem is not None):
            return self._keys[key_id]  # nobody waits for the portal as long as the old keys hold
        if fetching is not None:
            await asyncio.shield(fetching)
        if self._problem is not None and not outlives:
            raise type(self._problem)(*self._problem.args)
        if key_id not in self._keys:
            raise UnknownKey(key_id)
        return self._keys[key_id]

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, begun if it may; None when it is too early for another."""
        if self._fetching is None and time.monotonic() >= self._next_fetch_at:
            if not self.is_proven and self._budget is not None and not self._budget.take():
                raise PortalUnavailable("too many unknown plugins have been named in tokens: keys are not fetched now")
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        interval_s = FETCH_INTERVAL_S
        try:
            self._keys = await self._fetched()
            self._fetched_at = time.monotonic()
            self._problem = None
        except PortalUnavailable as error:
            self._problem = error
            interval_s = FAILED_FETCH_INTERVAL_S
        except NoKeySet as error:
            log.warning("the portal has no key set there", url=self._backend.shown(self._path), reason=str(error))
            self._problem = error
            interval_s = MISSING_SET_INTERVAL_S
        finally:
            self._next_fetch_at = time.monotonic() + interval_s
            self._fetching = None

    async def _fetched(self) -> dict[str, jwt.PyJWK]:
        response = await self._backend.get(self._path)
        if response.status_code != 200:
            raise NoKeySet(f"the portal answers {response.status_code}")
        try:
            found = msgspec.json.decode(response.content, type=_JsonWebKeySet)
        except msgspec.DecodeError as error:
            raise NoKeySet(f"the portal answers no key set: {error}") from error
        keys = (_verification_key(key) for key in found.keys)
        return {key.key_id: key for key in keys if key is not None and isinstance(key.key_id, str)}


class PluginKeySets:
    """The key sets of the portal's plugins, a limited number of them."""

    def __init__(self, backend: PortalBackend) -> None:
        self._backend = backend
        self._budget = FetchBudget()
        self._sets: dict[str, KeySet] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def of(self, plugin: str) -> KeySet:
        """The key set of a plugin. Raises NoKeySet: this cannot be the id of a plugin."""
        if len(plugin) > MAX_PLUGIN_ID_LENGTH or _plugin_id.fullmatch(plugin) is None:
            # It becomes part of an address: nothing in it may lead elsewhere.
            raise NoKeySet("this is no plugin id")
        found = self._sets.pop(plugin, None) or KeySet(
            self._backend, PLUGIN_KEYS_PATH.format(plugin=plugin), self._budget
        )
        self._sets[plugin] = found  # the last used one is the last
        if len(self._sets) > PLUGIN_KEY_SETS:
            self._forget_one()
        return found

    def _forget_one(self) -> None:
        # Those that proved themselves stay: tokens with invented ids must not push out the portal's plugins.
        *others, _ = self._sets
        del self._sets[next((name for name in others if not self._sets[name].is_proven), others[0])]


def _verification_key(key: dict[str, object]) -> jwt.PyJWK | None:
    """A key that our one algorithm can use, else None: a set may hold others beside it."""
    try:
        found = jwt.PyJWK.from_dict(key)
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    is_ours = isinstance(found.key, EllipticCurvePublicKey) and isinstance(found.key.curve, SECP256R1)
    return found if is_ours and found.algorithm_name == ALGORITHM else None
