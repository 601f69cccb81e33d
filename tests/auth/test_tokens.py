import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from analytics_internal.auth.callers import Unauthenticated
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.auth.tokens import Tokens
from tests.http.stand_in_portal import KEY_ID, LIMITED_USER, PLUGIN, USER, USER_KEYS, PortalStandIn, encoded, public_jwk
from tests.samples import ANA, BO

Make = Callable[[PortalStandIn], str]
NOW = int(time.time())


async def test_a_user_token_speaks_for_its_owner(tokens: Tokens, portal: PortalStandIn) -> None:
    caller = await tokens.caller_of(portal.token("User:Default/Ana"))

    assert (caller.person, caller.plugin) == (ANA, None)
    assert not caller.may_name_person
    assert not caller.reads_everything
    assert not caller.may_import


async def test_a_user_token_may_say_what_its_owner_belongs_to(tokens: Tokens, portal: PortalStandIn) -> None:
    said = await tokens.caller_of(portal.token(claims={"ent": ["User:default/ana", "Group:Default/Platform"]}))
    unsaid = await tokens.caller_of(portal.token())

    assert said.memberships == frozenset({ANA, "group:default/platform"})
    assert unsaid.memberships is None


async def test_a_plugin_that_acts_for_itself_is_a_trusted_service(tokens: Tokens, portal: PortalStandIn) -> None:
    caller = await tokens.caller_of(portal.plugin_token("catalog"))

    assert (caller.person, caller.plugin) == (None, "catalog")
    assert caller.may_name_person
    assert caller.reads_everything
    assert not caller.may_import


async def test_a_plugin_that_acts_for_a_person_speaks_for_that_person(tokens: Tokens, portal: PortalStandIn) -> None:
    caller = await tokens.caller_of(portal.plugin_token("catalog", on_behalf_of="user:default/Bo"))

    assert (caller.person, caller.plugin) == (BO, "catalog")
    assert not caller.may_name_person
    assert not caller.reads_everything


async def test_what_a_plugin_does_for_a_person_ends_with_the_persons_token(
    tokens: Tokens, portal: PortalStandIn
) -> None:
    soon = int(time.time()) + 30

    caller = await tokens.caller_of(portal.plugin_token(claims={"obo": portal.limited_token(claims={"exp": soon})}))

    assert caller.expires_at == soon


async def test_a_portal_whose_clock_is_a_little_ahead_is_believed(tokens: Tokens, portal: PortalStandIn) -> None:
    assert (await tokens.caller_of(portal.token(claims={"iat": int(time.time()) + 20}))).person == ANA


@pytest.mark.parametrize("spelled", ["HTTP://Backend.Example:80", "http://backend.example/", "http://BACKEND.example"])
async def test_an_issuer_is_the_portals_however_its_address_is_spelled(spelled: str, portal: PortalStandIn) -> None:
    backend = PortalBackend(portal.url)
    issuer = {"iss": f"{spelled.rstrip('/')}/api/auth"}
    for configured in (spelled, "http://backend.example"):
        caller = await Tokens(backend, configured).caller_of(portal.token(claims=issuer))
        assert caller.person == ANA
    with pytest.raises(Unauthenticated, match="issuer"):
        await Tokens(backend, "https://backend.example").caller_of(portal.token(claims=issuer))
    await backend.close()


def _unsigned(kind: str, claims: object) -> str:
    return f"{encoded({'alg': 'none', 'typ': kind, 'kid': KEY_ID})}.{encoded(claims)}."


def _with_a_shared_secret(portal: PortalStandIn) -> str:
    """The public key taken for a secret: PyJWT refuses to make it, so it is made by hand as an attacker would."""
    signed = f"{encoded({'alg': 'HS256', 'typ': USER, 'kid': KEY_ID})}.{encoded(portal.claims())}".encode()
    signature = hmac.digest(portal.public_pem, signed, hashlib.sha256)
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _with_another_owner(portal: PortalStandIn) -> str:
    header, _, signature = portal.token().split(".")
    return f"{header}.{encoded(portal.claims(BO))}.{signature}"


def _with_another_curve(portal: PortalStandIn) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    portal.further_keys.append(public_jwk(key, "larger", "ES384"))
    return portal.token(key=key, headers={"kid": "larger"})


def _with_a_larger_key_that_claims_our_algorithm(portal: PortalStandIn) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    portal.further_keys.append(public_jwk(key, "larger", "ES256"))
    return portal.token(headers={"kid": "larger"})


def _with_a_key_of_another_kind(portal: PortalStandIn) -> str:
    key = rsa.generate_private_key(65537, 2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    portal.further_keys.append({**public, "kid": "rsa", "alg": "RS256"})
    return jwt.encode(portal.claims(), key, "RS256", headers={"typ": USER, "kid": "rsa"})


def _with_a_deep_header(_: PortalStandIn) -> str:
    return base64.urlsafe_b64encode(b'{"alg":' + b"[" * 8_000).rstrip(b"=").decode() + ".e30.c2ln"


REFUSED_USER_TOKENS: dict[str, tuple[Make, str]] = {
    "expired": (lambda portal: portal.token(claims={"exp": NOW - 5}), "expired"),
    "without an end": (lambda portal: portal.token(without="exp"), '"exp"'),
    "that never ends": (lambda portal: portal.token(claims={"exp": float("inf")}), "not valid"),
    "not valid yet": (lambda portal: portal.token(claims={"nbf": NOW + 600}), "not yet valid"),
    "from the future": (lambda portal: portal.token(claims={"iat": NOW + 600}), "issued in the future"),
    "without a beginning": (lambda portal: portal.token(without="iat"), '"iat"'),
    "for somebody else": (lambda portal: portal.token(claims={"aud": "another"}), "Audience"),
    "for nobody": (lambda portal: portal.token(without="aud"), '"aud"'),
    "for our plugin": (lambda portal: portal.token(claims={"aud": "analytics-internal"}), "Audience"),
    "of another issuer": (lambda portal: portal.token(claims={"iss": "http://another.example/api/auth"}), "issuer"),
    "of no issuer": (lambda portal: portal.token(without="iss"), '"iss"'),
    "of nobody": (lambda portal: portal.token(without="sub"), '"sub"'),
    "of no entity": (lambda portal: portal.token(claims={"sub": "not a ref"}), "no entity ref"),
    "of half a character": (lambda portal: portal.token(claims={"sub": "user:default/\ud800"}), "no entity ref"),
    "of another type": (lambda portal: portal.token(headers={"typ": "JWT"}), "`typ`"),
    "that is limited": (lambda portal: portal.limited_token(), "limited user token"),
    "with an unknown key": (lambda portal: portal.token(headers={"kid": "unknown"}), "does not have"),
    "with another key under a known id": (lambda portal: portal.token(key=portal.other_key), "Signature"),
    "with another owner": (_with_another_owner, "Signature"),
    "unsigned": (lambda portal: _unsigned(USER, portal.claims()), "`alg` must be ES256"),
    "signed with a shared secret": (_with_a_shared_secret, "`alg` must be ES256"),
    "signed on another curve": (_with_another_curve, "`alg` must be ES256"),
    "signed with a larger key": (_with_a_larger_key_that_claims_our_algorithm, "does not have"),
    "signed with RSA": (_with_a_key_of_another_kind, "`alg` must be ES256"),
    "that names no key": (lambda _: f"{encoded({'alg': 'ES256', 'typ': USER})}.{encoded({})}.c2ln", "name its key"),
    "that is none": (lambda _: "not.a.token", "not valid"),
    "of two parts": (lambda _: "a.b", "not valid"),
    "with a deep header": (_with_a_deep_header, "not valid"),
    "of great length": (lambda portal: portal.token(claims={"x": "y" * 20_000}), "characters"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED_USER_TOKENS.values(), ids=REFUSED_USER_TOKENS)
async def test_a_user_token_is_refused(tokens: Tokens, portal: PortalStandIn, make: Make, reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        await tokens.caller_of(make(portal))


def _signed_by_another_plugin(portal: PortalStandIn) -> str:
    portal.plugin_token("catalog")
    portal.plugin_token("search")
    (key_of_search,) = portal.plugins["search"].values()
    return portal.plugin_token("catalog", key=key_of_search)


def _for_a_full_token(portal: PortalStandIn) -> str:
    return portal.plugin_token(claims={"obo": portal.token()})


def _for_a_forged_person(portal: PortalStandIn) -> str:
    header, _, signature = portal.limited_token().split(".")
    claims = {"sub": BO, "iat": NOW, "exp": NOW + 3600}
    return portal.plugin_token(claims={"obo": f"{header}.{encoded(claims)}.{signature}"})


def _for_a_person_of_the_plugins_own_making(portal: PortalStandIn) -> str:
    portal.plugin_token("catalog")
    ((key_id, key),) = portal.plugins["catalog"].items()
    return portal.plugin_token(claims={"obo": portal.limited_token(key=key, headers={"kid": key_id})})


REFUSED_PLUGIN_TOKENS: dict[str, tuple[Make, str]] = {
    "for another plugin": (lambda portal: portal.plugin_token(claims={"aud": "catalog"}), "Audience"),
    "with a user token's audience": (lambda portal: portal.plugin_token(claims={"aud": "backstage"}), "Audience"),
    "for nobody": (lambda portal: portal.plugin_token(without="aud"), '"aud"'),
    "of nobody": (lambda portal: portal.plugin_token(without="sub"), "names no plugin"),
    "of a number": (lambda portal: portal.plugin_token(claims={"sub": 7}), "not valid|names no plugin"),
    "of half a character": (lambda portal: portal.plugin_token(claims={"sub": "\ud800"}), "no plugin"),
    "for half a character": (
        lambda portal: portal.plugin_token(claims={"obo": portal.limited_token(claims={"sub": "user:default/\udfff"})}),
        "no entity ref",
    ),
    "expired": (lambda portal: portal.plugin_token(claims={"exp": NOW - 5}), "expired"),
    "not valid yet": (lambda portal: portal.plugin_token(claims={"nbf": NOW + 600}), "not yet valid"),
    "from the future": (lambda portal: portal.plugin_token(claims={"iat": NOW + 600}), "issued in the future"),
    "of another plugin's key": (_signed_by_another_plugin, "Signature"),
    "of a user's key": (lambda portal: portal.plugin_token(key=portal.key, headers={"kid": KEY_ID}), "does not have"),
    "of a plugin that is not installed": (
        lambda portal: portal.plugin_token(claims={"sub": "nowhere"}),
        "no plugin 'nowhere'",
    ),
    "that calls itself a user's": (lambda portal: portal.plugin_token(headers={"typ": USER}), "does not have"),
    "with the header of another": (lambda portal: portal.token(headers={"typ": PLUGIN}), "no plugin"),
    "unsigned": (lambda portal: _unsigned(PLUGIN, {"sub": "catalog", "aud": "analytics-internal"}), "`alg`"),
    "for a person's full token": (_for_a_full_token, f"must be {LIMITED_USER}"),
    "for a forged person": (_for_a_forged_person, "Signature"),
    "for a person of its own making": (_for_a_person_of_the_plugins_own_making, "does not have"),
    "for a person whose token has ended": (
        lambda portal: portal.plugin_token(claims={"obo": portal.limited_token(claims={"exp": NOW - 5})}),
        "expired",
    ),
    "for no person": (lambda portal: portal.plugin_token(claims={"obo": portal.limited_token(without="sub")}), '"sub"'),
    "for what is no token": (lambda portal: portal.plugin_token(claims={"obo": {"sub": BO}}), "is no token"),
    "for a text": (lambda portal: portal.plugin_token(claims={"obo": BO}), "not valid"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED_PLUGIN_TOKENS.values(), ids=REFUSED_PLUGIN_TOKENS)
async def test_a_plugin_token_is_refused(tokens: Tokens, portal: PortalStandIn, make: Make, reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        await tokens.caller_of(make(portal))


@pytest.mark.parametrize(
    "name",
    ["../auth", "catalog/../auth", "..", ".", "", "%2e%2e", "catalog?x=", "catalog#", "a b", "catalog\n",
     "@evil.example", "//evil.example", "evil.example:80", "catalog\\", "ä", "-catalog", "c" * 101],
)  # fmt: skip
async def test_a_plugin_id_leads_nowhere_else(tokens: Tokens, portal: PortalStandIn, name: str) -> None:
    with pytest.raises(Unauthenticated, match="no plugin"):
        await tokens.caller_of(portal.plugin_token(claims={"sub": name}))

    assert portal.asked.total() == 0


@pytest.mark.slow
async def test_a_portal_in_trouble_refuses_nobody(tokens: Tokens, portal: PortalStandIn) -> None:
    for status in (500, 503, 404):
        portal.failing[USER_KEYS] = status
        with pytest.raises(PortalUnavailable):
            await tokens.caller_of(portal.token())


def test_the_tokens_of_this_file_are_like_backstages(portal: PortalStandIn) -> None:
    limited = jwt.decode(portal.limited_token(), options={"verify_signature": False})
    for_a_person = jwt.decode(portal.plugin_token(on_behalf_of=ANA), options={"verify_signature": False})

    assert limited.keys() == {"sub", "iat", "exp"}
    assert for_a_person.keys() == {"sub", "aud", "iat", "exp", "obo"}
    assert json.loads(base64.urlsafe_b64decode(portal.token().partition(".")[0] + "==")) == {
        "typ": USER,
        "alg": "ES256",
        "kid": KEY_ID,
    }
