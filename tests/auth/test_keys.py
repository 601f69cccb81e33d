import asyncio
from collections.abc import Awaitable

import pytest

from analytics_internal.auth import keys
from analytics_internal.auth.keys import USER_KEYS_PATH, KeySet, NoKeySet, PluginKeySets, UnknownKey
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from tests.auth.conftest import Clock
from tests.http.stand_in_portal import KEY_ID, USER_KEYS, PortalStandIn, new_key

pytestmark = pytest.mark.slow

KEYS_OF_CATALOG = "/api/catalog/.backstage/auth/v1/jwks.json"


@pytest.fixture
def user_keys(backend: PortalBackend) -> KeySet:
    return KeySet(backend, USER_KEYS_PATH)


@pytest.fixture
def plugin_keys(backend: PortalBackend, clock: Clock) -> PluginKeySets:
    return PluginKeySets(backend)


async def is_known(key: Awaitable[object]) -> bool:
    try:
        await key
    except UnknownKey:
        return False
    return True


async def show_a_valid_token(plugin_keys: PluginKeySets) -> None:
    """What the verifier does with a valid token of the plugin ``catalog``."""
    key_set = plugin_keys.of("catalog")
    await key_set.key("catalog-key")
    plugin_keys.prove("catalog", key_set)


async def settle() -> None:
    """Let what was begun in the background end."""
    # Not all other tasks: those of other tests' fixtures, a browser's, go on.
    fetches = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") == "KeySet._fetch"]
    await asyncio.gather(*fetches, return_exceptions=True)


async def test_keys_are_fetched_once_however_many_need_them_at_once(user_keys: KeySet, portal: PortalStandIn) -> None:
    portal.delay_s = 0.1

    await asyncio.gather(*(user_keys.key(KEY_ID) for _ in range(50)))
    await user_keys.key(KEY_ID)

    assert portal.asked[USER_KEYS] == 1


async def test_a_new_key_is_fetched_when_a_token_names_it(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    clock.go_on(keys.FETCH_INTERVAL_S)
    portal.keys["key-2"] = new_key()

    assert await is_known(user_keys.key("key-2"))
    assert portal.asked[USER_KEYS] == 2


async def test_unknown_keys_make_no_more_than_a_fetch_in_five_seconds(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    for number in range(100):
        assert not await is_known(user_keys.key(f"forged-{number}"))
        clock.go_on(0.1)

    assert portal.asked[USER_KEYS] == 2


async def test_a_withdrawn_key_is_dropped_after_ten_minutes(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    portal.keys = {"key-2": new_key()}

    clock.go_on(keys.KEYS_HOLD_S - 1)
    assert await is_known(user_keys.key(KEY_ID))
    clock.go_on(2)
    assert not await is_known(user_keys.key(KEY_ID))


async def test_a_withdrawn_key_is_dropped_after_a_quiet_hour_at_once(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    portal.keys = {"key-2": new_key()}

    clock.go_on(keys.KEYS_OUTLIVE_S - 1)

    assert not await is_known(user_keys.key(KEY_ID))


async def test_old_keys_outlive_a_portal_that_goes_away_in_a_quiet_hour(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    portal.failing[USER_KEYS] = 503

    clock.go_on(keys.KEYS_OUTLIVE_S - 1)

    assert await is_known(user_keys.key(KEY_ID))


async def test_old_keys_outlive_a_portal_that_is_restarted(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    portal.failing[USER_KEYS] = 503

    clock.go_on(keys.KEYS_HOLD_S + 1)
    assert await is_known(user_keys.key(KEY_ID))
    with pytest.raises(StopIteration):  # from now on nobody waits for the portal
        user_keys.key(KEY_ID).send(None)
    await settle()
    assert await is_known(user_keys.key(KEY_ID))
    with pytest.raises(PortalUnavailable):
        await user_keys.key("key-2")


async def test_old_keys_do_not_outlive_a_portal_that_stays_away(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    await user_keys.key(KEY_ID)
    portal.failing[USER_KEYS] = 503

    clock.go_on(keys.KEYS_OUTLIVE_S + 1)
    with pytest.raises(PortalUnavailable):
        await user_keys.key(KEY_ID)
    with pytest.raises(PortalUnavailable):  # nor while it is too early to ask again
        await user_keys.key(KEY_ID)


async def test_a_portal_that_is_back_is_asked_again_after_a_second(
    user_keys: KeySet, portal: PortalStandIn, clock: Clock
) -> None:
    portal.failing[USER_KEYS] = 503
    with pytest.raises(PortalUnavailable):
        await user_keys.key(KEY_ID)
    del portal.failing[USER_KEYS]
    asked = portal.asked.total()
    with pytest.raises(PortalUnavailable):
        await user_keys.key(KEY_ID)
    assert portal.asked.total() == asked, "nobody waits for another fetch at once"

    clock.go_on(1)

    assert await is_known(user_keys.key(KEY_ID))


async def test_what_is_no_key_set_is_none(user_keys: KeySet, portal: PortalStandIn, clock: Clock) -> None:
    portal.further_keys = [{"kty": "EC", "kid": "x", "x": 5}, {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}, {}]
    assert await is_known(user_keys.key(KEY_ID))
    assert not await is_known(user_keys.key("x"))
    assert not await is_known(user_keys.key("secret"))

    clock.go_on(keys.KEYS_OUTLIVE_S)
    portal.keys, portal.further_keys = {}, ["no key"]  # type: ignore[list-item]
    with pytest.raises(NoKeySet, match="no key set"):
        await user_keys.key(KEY_ID)


async def test_a_plugin_has_no_keys_until_it_has_issued_a_token(
    plugin_keys: PluginKeySets, portal: PortalStandIn, clock: Clock
) -> None:
    assert not await is_known(plugin_keys.of("catalog").key("catalog-key"))

    portal.plugin_token("catalog")
    clock.go_on(keys.FETCH_INTERVAL_S)

    assert await is_known(plugin_keys.of("catalog").key("catalog-key"))


async def test_a_thousand_invented_plugins_make_few_fetches_and_push_out_no_real_one(
    plugin_keys: PluginKeySets, portal: PortalStandIn, clock: Clock
) -> None:
    portal.plugin_token("catalog")
    await show_a_valid_token(plugin_keys)
    refusals = []

    for number in range(1_000):
        with pytest.raises((NoKeySet, PortalUnavailable)) as refusal:
            await plugin_keys.of(f"invented-{number}").key("x")
        refusals.append(refusal.type)
        clock.go_on(0.059)

    assert portal.asked.total() - 1 < keys.UNPROVEN_FETCHES_PER_MINUTE
    assert refusals.count(NoKeySet) == portal.asked.total() - 1
    assert len(plugin_keys) <= 1 + keys.PLUGIN_KEY_SETS
    assert await is_known(plugin_keys.of("catalog").key("catalog-key"))
    assert portal.asked[KEYS_OF_CATALOG] == 1


async def test_a_plugin_is_proven_though_others_push_it_out_while_its_keys_are_fetched(
    plugin_keys: PluginKeySets, portal: PortalStandIn
) -> None:
    portal.plugin_token("catalog")
    key_set = plugin_keys.of("catalog")
    await key_set.key("catalog-key")
    for number in range(keys.PLUGIN_KEY_SETS):
        plugin_keys.of(f"invented-{number}")

    plugin_keys.prove("catalog", key_set)

    assert plugin_keys.of("catalog") is key_set


async def test_a_proven_plugin_fetches_new_keys_whatever_others_do(
    plugin_keys: PluginKeySets, portal: PortalStandIn, clock: Clock
) -> None:
    portal.plugin_token("catalog")
    await show_a_valid_token(plugin_keys)
    for number in range(2 * keys.UNPROVEN_FETCHES_PER_MINUTE):
        with pytest.raises((NoKeySet, PortalUnavailable)):
            await plugin_keys.of(f"invented-{number}").key("x")
    portal.plugins["catalog"] = {"catalog-key-2": new_key()}

    clock.go_on(keys.FETCH_INTERVAL_S)

    assert await is_known(plugin_keys.of("catalog").key("catalog-key-2"))


async def test_unknown_plugins_are_fetched_for_again_a_minute_later(
    plugin_keys: PluginKeySets, portal: PortalStandIn, clock: Clock
) -> None:
    for number in range(keys.UNPROVEN_FETCHES_PER_MINUTE):
        with pytest.raises(NoKeySet):
            await plugin_keys.of(f"invented-{number}").key("x")
    portal.plugin_token("catalog")
    with pytest.raises(PortalUnavailable, match="too many unknown plugins"):
        await plugin_keys.of("catalog").key("catalog-key")

    clock.go_on(60)

    assert await is_known(plugin_keys.of("catalog").key("catalog-key"))


async def test_no_more_plugins_are_kept_than_are_allowed(plugin_keys: PluginKeySets) -> None:
    for number in range(2 * keys.PLUGIN_KEY_SETS):
        plugin_keys.prove(f"plugin-{number}", plugin_keys.of(f"plugin-{number}"))

    assert len(plugin_keys) == keys.PLUGIN_KEY_SETS


@pytest.mark.parametrize("plugin", ["", "a" * 101, "a/b", "..", "a%2fb", "a\n", "-a", "a--b"])
def test_what_is_no_plugin_id_leads_to_no_address(plugin_keys: PluginKeySets, plugin: str) -> None:
    with pytest.raises(NoKeySet, match="no plugin id"):
        plugin_keys.of(plugin)


async def test_a_plugin_that_is_not_installed_is_not_asked_for_again_at_once(
    plugin_keys: PluginKeySets, portal: PortalStandIn, clock: Clock
) -> None:
    for _ in range(50):
        with pytest.raises(NoKeySet):
            await plugin_keys.of("nowhere").key("x")
        clock.go_on(0.1)

    assert portal.asked.total() == 1
