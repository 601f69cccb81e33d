"""The public keys that the portal's tokens are verified with."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import jwt
import msgspec
import structlog
from cachetools import LRUCache, TTLCache
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.errors import AnalyticsError

ALGORITHM = "ES256"
USER_KEYS_PATH = "/api/auth/.well-known/jwks.json"
PLUGIN_KEYS_PATH = "/api/{plugin}/.backstage/auth/v1/jwks.json"
# Keys are fetched again at this age, so that withdrawn ones are dropped.
KEYS_HOLD_S = 600.0
# While the portal does not answer, old keys hold until this age: its restart must not cost events.
KEYS_OUTLIVE_S = 3600.0
# An unknown key may be new or forged: not each of them may cause a fetch.
FETCH_INTERVAL_S = 5.0
# After a fetch that failed nobody waits for another one so long.
FAILED_FETCH_INTERVAL_S = 1.0
# For all plugins that have never shown a valid token together: anybody may name plugins that do not exist.
UNPROVEN_FETCHES_PER_MINUTE = 30
PLUGIN_KEY_SETS = 100

_plugin_id = re.compile(r"(?=.{1,100}\Z)[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.IGNORECASE)

log = structlog.get_logger(__name__)


class UnknownKey(AnalyticsError):
    """The issuer has no key with this id."""


class NoKeySet(AnalyticsError):
    """There is no key set where the issuer's should be."""


class _JsonWebKeySet(msgspec.Struct):
    keys: list[dict[str, object]]


class KeySet:
    """The public keys of one issuer, fetched when they are needed, and again when they are old."""

    def __init__(self, backend: PortalBackend, path: str, before_fetch: Callable[[], None] = lambda: None) -> None:
        """``before_fetch`` raises PortalUnavailable when no fetch is allowed now."""
        self._backend = backend
        self._path = path
        self._before_fetch = before_fetch
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = 0.0
        self._next_fetch_at = 0.0
        self._problem: Exception | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key with this id.

        Raises:
            UnknownKey: the issuer does not have it, as far as it could be asked again.
            NoKeySet: there is no key set of this issuer.
            PortalUnavailable: the keys could not be fetched, or may not be fetched now.
        """
        age = time.monotonic() - self._fetched_at
        if age >= KEYS_OUTLIVE_S:
            self._keys = {}
        if key_id not in self._keys or age >= KEYS_HOLD_S:
            fetching = self._fetch_soon()
            # Old keys still hold, so nobody waits for a portal that is away.
            is_away = key_id in self._keys and self._problem is not None
            if fetching is not None and not is_away:
                await asyncio.shield(fetching)
        if key_id in self._keys:
            return self._keys[key_id]
        if self._problem is not None:
            raise type(self._problem)(*self._problem.args)
        raise UnknownKey(key_id)

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, begun if it may; None when it is too early for another."""
        if self._fetching is None and time.monotonic() >= self._next_fetch_at:
            self._before_fetch()
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
        finally:
            self._fetching = None
        self._next_fetch_at = time.monotonic() + interval_s

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
    """The key sets of the portal's plugins, a limited number of them.

    Plugins that have shown a valid token are apart: invented ones must not push them out, or use up their fetches.
    """

    def __init__(self, backend: PortalBackend) -> None:
        self._backend = backend
        self._proven: LRUCache[str, KeySet] = LRUCache(PLUGIN_KEY_SETS)
        self._others: LRUCache[str, KeySet] = LRUCache(PLUGIN_KEY_SETS)
        # Those of the last minute.
        self._fetches: TTLCache[object, None] = TTLCache(UNPROVEN_FETCHES_PER_MINUTE, 60, time.monotonic)

    def __len__(self) -> int:
        return len(self._proven) + len(self._others)

    def of(self, plugin: str) -> KeySet:
        """The key set of a plugin. Raises NoKeySet: this cannot be the id of a plugin."""
        if _plugin_id.fullmatch(plugin) is None:
            # It becomes part of an address: nothing in it may lead elsewhere.
            raise NoKeySet("this is no plugin id")
        found = self._proven.get(plugin) or self._others.get(plugin)
        if found is None:
            path = PLUGIN_KEYS_PATH.format(plugin=plugin)
            found = self._others[plugin] = KeySet(self._backend, path, lambda: self._count_fetch(plugin))
        return found

    def prove(self, plugin: str, key_set: KeySet) -> None:
        """Keep the key set of a plugin that has shown a valid token, and fetch it whatever others do."""
        # Others may have pushed it out while its keys were fetched.
        self._others.pop(plugin, None)
        self._proven[plugin] = key_set

    def _count_fetch(self, plugin: str) -> None:
        if plugin in self._proven:
            return
        if len(self._fetches) >= UNPROVEN_FETCHES_PER_MINUTE:
            raise PortalUnavailable("too many unknown plugins have been named in tokens: keys are not fetched now")
        self._fetches[object()] = None


def _verification_key(key: dict[str, object]) -> jwt.PyJWK | None:
    """A key that our one algorithm can use, else None: a set may hold others beside it."""
    try:
        found = jwt.PyJWK.from_dict(key)
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    is_ours = isinstance(found.key, EllipticCurvePublicKey) and isinstance(found.key.curve, SECP256R1)
    return found if is_ours and found.algorithm_name == ALGORITHM else None
