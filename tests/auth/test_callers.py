import time

import pytest

from analytics_internal import cache
from analytics_internal.auth.callers import TRUSTED, Caller, Callers, NotAllowed, Unauthenticated
from analytics_internal.auth.tokens import Tokens
from tests.http.stand_in_portal import IMPORT_TOKEN, USER_KEYS, PortalStandIn
from tests.samples import ANA


class Counting:
    """The portal's real verifier, counted."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.verified = 0

    async def caller_of(self, token: str) -> Caller:
        self.verified += 1
        return await self._tokens.caller_of(token)


@pytest.fixture
def verifier(tokens: Tokens) -> Counting:
    return Counting(tokens)


@pytest.fixture
def callers(verifier: Counting) -> Callers:
    return Callers(verifier, [IMPORT_TOKEN])


async def test_a_token_is_verified_once(callers: Callers, verifier: Counting, portal: PortalStandIn) -> None:
    header = f"Bearer {portal.token()}"

    found = [await callers.caller_of(header) for _ in range(100)]

    assert {caller.person for caller in found} == {ANA}
    assert verifier.verified == 1
    assert portal.asked[USER_KEYS] == 1


async def test_a_token_that_was_verified_expires_all_the_same(
    callers: Callers, portal: PortalStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = int(time.time()) + 100
    header = f"Bearer {portal.token(claims={'exp': soon})}"
    assert (await callers.caller_of(header)).expires_at == soon

    monkeypatch.setattr(time, "time", lambda: soon + 0.5)
    monkeypatch.setattr("jwt.api_jwt.datetime", _DatetimeAt(soon + 1))

    with pytest.raises(Unauthenticated, match="expired"):
        await callers.caller_of(header)


class _DatetimeAt:
    """The time as PyJWT asks for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self, tz: object = None) -> "_DatetimeAt":
        return self

    def timestamp(self) -> float:
        return self._seconds


async def test_a_token_is_verified_again_as_often_as_keys_are_fetched(
    callers: Callers, verifier: Counting, portal: PortalStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"Bearer {portal.token()}"
    await callers.caller_of(header)

    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    await callers.caller_of(header)

    assert verifier.verified == 2


async def test_no_more_tokens_are_remembered_than_there_is_room_for(
    callers: Callers, verifier: Counting, portal: PortalStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_bytes", 200_000)  # of which some four callers' share is theirs
    headers = [f"Bearer {portal.token(claims={'number': number})}" for number in range(20)]
    for header in headers:
        await callers.caller_of(header)

    await callers.caller_of(headers[-1])
    assert verifier.verified == 20
    await callers.caller_of(headers[0])
    assert verifier.verified == 21


async def test_a_refused_token_is_not_remembered(callers: Callers, verifier: Counting, portal: PortalStandIn) -> None:
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await callers.caller_of(f"Bearer {portal.token(key=portal.other_key)}")

    assert verifier.verified == 2


async def test_a_machine_token_is_trusted_whatever_the_portal_does(callers: Callers, verifier: Counting) -> None:
    assert await callers.caller_of(f"bearer {IMPORT_TOKEN}") is TRUSTED
    assert verifier.verified == 0


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", IMPORT_TOKEN])
async def test_a_request_without_a_token_is_refused(callers: Callers, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        await callers.caller_of(header)


@pytest.mark.parametrize(
    "token", [IMPORT_TOKEN + "x", IMPORT_TOKEN[:-1], IMPORT_TOKEN.upper(), " " + IMPORT_TOKEN, "\xff"]
)
async def test_what_is_almost_a_machine_token_is_refused(callers: Callers, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await callers.caller_of(f"Bearer {token}")


async def test_only_machines_import_history(callers: Callers, portal: PortalStandIn) -> None:
    (await callers.caller_of(f"Bearer {IMPORT_TOKEN}")).require_import()
    for token in (portal.token(), portal.plugin_token(), portal.plugin_token(on_behalf_of=ANA)):
        with pytest.raises(NotAllowed, match="import_tokens"):
            (await callers.caller_of(f"Bearer {token}")).require_import()


async def test_without_authentication_everyone_is_trusted() -> None:
    assert await Callers(None).caller_of(None) is TRUSTED
