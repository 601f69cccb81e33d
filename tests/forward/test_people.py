"""Nobody is named who was not meant to be, wherever in an event a name stands."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.forward import reading as forward_reading
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.people import SOMEBODY, People
from analytics_internal.forward.pseudonyms import Pseudonyms, key_in
from analytics_internal.forward.shaping import Shaper
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from tests.samples import accepted, receipt, recorded

PSEUDONYMS = Pseudonyms(b"k" * 32)
PSEUDONYM = re.compile(r"p-[a-z2-7]{26}")
ANA = "user:default/ana"
ANAS = PSEUDONYMS.of(ANA)
people = People(PSEUDONYMS.of, keeps_user=True)
nobody = People(lambda _: SOMEBODY, keeps_user=False)


def outgoing(**fields: Any) -> Outgoing:
    return Outgoing(1, UUID(int=1), datetime(2026, 11, 24, tzinfo=UTC), **{"action": "click", **fields})


# --- the pseudonym


def test_a_pseudonym_is_short_and_the_same_for_every_spelling() -> None:
    assert PSEUDONYM.fullmatch(ANAS)
    assert {PSEUDONYMS.of(ref) for ref in ("user:default/ana", "User:Default/ANA", "ana", "user:ana")} == {ANAS}
    assert PSEUDONYMS.of("user:team/ana") != ANAS
    assert PSEUDONYMS.of("service:default/ana") != ANAS
    assert Pseudonyms(b"K" * 32).of(ANA) != ANAS


def test_the_key_is_not_shown() -> None:
    assert "kkk" not in repr(PSEUDONYMS)


async def test_every_destination_and_every_process_has_the_same_key(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as another:
        keys = {await key_in(one), await key_in(another)}

    assert len(keys) == 1
    assert len(keys.pop()) == 32


async def test_a_lost_key_is_replaced_by_one_new_key(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as another:
        before = await key_in(one)
        await one.execute("DELETE FROM pseudonym_key")

        after = await key_in(one)

        assert after not in (before, None)
        assert await key_in(another) == after


# --- mentions in texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user:default/ana", "user:default/{ana}"),
        ("User:Ana", "User:{ana}"),
        ("see user:default/ana.", "see user:default/{ana}."),
        ("user:default/ana,user:ana;x", "user:default/{ana},user:{ana};x"),
        ('{"owner":"user:default/ana"}', '{"owner":"user:default/{ana}"}'),
        ("user%3Adefault%2Fana", "user%3Adefault%2F{ana}"),
        ("user%253Adefault%252Fana", "user%253Adefault%252F{ana}"),
        ("/catalog/default/user/ana", "/catalog/default/user/{ana}"),
        ("/catalog/default/User/Ana/overview?a=1#b", "/catalog/default/User/{ana}/overview?a=1#b"),
        ("/catalog/default/user/an%61/", "/catalog/default/user/{ana}/"),
        ("/catalog/default/%75ser/ana", "/catalog/default/user/{ana}"),
        ("/catalog/default/%2575ser/an%2561?a=%2520", "/catalog/default/user/{ana}?a= "),
        ("/portal/catalog/default/user/ana", "/portal/catalog/default/user/{ana}"),
        ("https://portal.example/catalog/default/user/ana?x", "https://portal.example/catalog/default/user/{ana}?x"),
        ("/docs/default/user/ana/notes", "/docs/default/user/{ana}/notes"),
        ("/software/default/user/ana", "/software/default/user/{ana}"),
        ("/api/catalog/entities/by-name/user/default/ana", "/api/catalog/entities/by-name/user/default/{ana}"),
        ("default/user/ana", "default/user/{ana}"),
        ("/x?from=%2Fcatalog%2Fdefault%2Fuser%2Fana%2Fx", "/x?from=%2Fcatalog%2Fdefault%2Fuser%2F{ana}%2Fx"),
        ("/x?filters%5Bowners%5D=user%3Adefault%2Fana&a=b", "/x?filters%5Bowners%5D=user%3Adefault%2F{ana}&a=b"),
        ("/search?query=owner+user%3Aana+and+more", "/search?query=owner+user%3A{ana}+and+more"),
        ("[Ana](/catalog/default/user/ana)", "[Ana](/catalog/default/user/{ana})"),
    ],
)  # fmt: skip
def test_a_person_is_replaced_wherever_a_text_names_one(text: str, expected: str) -> None:
    assert people.text(text) == expected.replace("{ana}", ANAS)
    assert nobody.text(text) == expected.replace("{ana}", SOMEBODY)


def test_the_namespace_of_a_person_is_replaced_as_well() -> None:
    person = PSEUDONYMS.of("user:contractors/ana")

    assert people.text("/catalog/contractors/user/ana/x") == f"/catalog/default/user/{person}/x"
    assert people.text("by user:contractors/ana") == f"by user:default/{person}"


@pytest.mark.parametrize("address", ["ana@corp.example", "Ana.Silva+x@mail.corp.example", "zoë@bücher.example"])
@pytest.mark.parametrize("form", ["{}", "mailto:{}", "Mail to {}, now", "<{}>"])
def test_e_mail_addresses_are_replaced(address: str, form: str) -> None:
    assert people.text(form.format(address)) == form.format(PSEUDONYMS.of(f"mailto:{address}"))
    assert quote(address) == address or "corp" not in people.text(form.format(quote(address)))


@pytest.mark.parametrize(
    "text",
    [
        "/catalog/default/component/web",
        "/catalog/default/group/guests",
        "/settings/user/profile",
        "/docs/default/component/web/guides/user/install",
        "group:default/team",
        "super-user:default/ana",
        "user: ana",
        "username:ana",
        "users",
        "/catalog/default/user",
        "git@github.example:org/repo.git",
        "50 % of users",
        "@backstage/ui",
        "%FF user%",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert people.text(text) == text


@pytest.mark.parametrize(
    "unit", ["+", "a", "%25", "%", "user:", "/user", "a@", "a.", "@a.", "default/user/", "'", "x@y."]
)
def test_long_texts_of_anything_are_looked_through(unit: str) -> None:
    text = unit * (32_000 // len(unit))

    assert len(people.text(text)) > 0
    assert len(people.text(f"/catalog/{text}")) > 0


part = st.text("abcxyzABC019._-é", min_size=1, max_size=12).filter(
    lambda text: text[0].isalnum() and text[-1].isalnum()
)
encodings: list[Callable[[str], str]] = [
    str,
    lambda text: quote(text, safe="/:"),
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: "".join(f"%25{byte:02x}" for byte in text.encode()),
    str.upper,
]
forms = ["user:{ns}/{name}", "/catalog/{ns}/user/{name}", "/docs/{ns}/user/{name}", "entities/by-name/user/{ns}/{name}"]
around = [("", ""), ("x ", " y"), ('"', '"'), ("?a=", "&b=1"), ("https://a.example/", "/more?x"), ("(", ").")]


@given(
    name=part,
    namespace=part,
    encode=st.sampled_from(encodings),
    form=st.sampled_from(forms),
    surrounded=st.sampled_from(around),
)
def test_no_spelling_lets_a_name_out(
    name: str, namespace: str, encode: Callable[[str], str], form: str, surrounded: tuple[str, str]
) -> None:
    name = f"qq{name}qq"
    before, after = surrounded

    found = people.text(before + encode(form.format(ns=namespace, name=name)) + after)

    assert PSEUDONYM.search(found), found
    assert not re.search("qq|%71", found, re.IGNORECASE), found


# --- whole events


def leaves(event: Outgoing) -> str:
    return document(event).decode().lower()


@pytest.mark.parametrize(
    "fields",
    [
        {"user": ANA, "subject": "ana"},
        {"user": ANA, "subject": "x", "attributes": {"by": "ana", "at": "@Ana", "ref": "default/ana"}},
        {"user": ANA, "subject": "x", "attributes": {"assignee": " ANA "}, "context": {"owner": "User:Ana"}},
        {"user": ANA, "subject": "x", "attributes": {"user:default/ana": True}},
        {"subject": "x", "action": "invite ana@corp.example", "plugin": "user:default/ana"},
        {"subject": "/catalog/default/user/ana", "path": "/catalog/default/user/ana", "entity": ANA},
        {"subject": "x", "attributes": {"kind": "User", "namespace": "default", "name": "Ana"}},
        {"subject": "x", "attributes": {"kind": "user", "name": "ana"}, "entity": ANA},
        {"subject": "x", "context": {"entityRef": "User:default/Ana"}, "entity": ANA},
        {"subject": "Ana", "attributes": {"to": "/catalog/default/user/ana"}},
        {"subject": "Ana Silva", "attributes": {"to": "/catalog/default/user/ana"}},
        {"subject": "Ana Silva", "attributes": {"to": "mailto:ana@corp.example"}},
        {"subject": "Owned by Ana", "attributes": {"to": "/catalog?filters[owners]=user:default/ana"}},
        {"user": "user:default/ana", "subject": "/catalog/default/user/ana/x?filters[owners]=user%3Adefault%2Fana"},
        {"user": "service:default/ana", "subject": "x", "attributes": {"by": "service:default/ana"}},
        {"user": "user:default/o'ana", "subject": "x", "attributes": {"by": "user:default/o'ana", "name": "o'ana"}},
    ],
)  # fmt: skip
def test_an_event_names_nobody(fields: dict[str, Any]) -> None:
    for shaped in (people.replaced_in(outgoing(**fields)), nobody.replaced_in(outgoing(**fields))):
        assert "ana" not in PSEUDONYM.sub("", leaves(shaped)), shaped


def test_a_person_is_the_same_in_all_fields() -> None:
    shaped = people.replaced_in(
        outgoing(
            user=ANA,
            subject="Ana Silva",
            entity=ANA,
            path="/catalog/default/user/ana",
            attributes={"to": "/catalog/default/user/ana", "kind": "user", "namespace": "default", "name": "ana"},
        )
    )

    assert shaped.user == shaped.subject == ANAS
    assert shaped.entity == f"user:default/{ANAS}"
    assert shaped.path == f"/catalog/default/user/{ANAS}"
    assert shaped.attributes == {"to": shaped.path, "kind": "user", "namespace": "default", "name": ANAS}


def test_without_people_there_is_no_user() -> None:
    shaped = nobody.replaced_in(outgoing(user=ANA, subject="/catalog/default/user/ana", entity=ANA))

    assert (shaped.user, shaped.entity, shaped.subject) == (
        None,
        f"user:default/{SOMEBODY}",
        f"/catalog/default/user/{SOMEBODY}",
    )


def test_what_the_portal_says_of_itself_stays_when_somebody_is_called_like_it() -> None:
    context: dict[str, Any] = {"pluginId": "catalog", "extension": "App", "routeRef": "catalog"}
    attributes: dict[str, Any] = {"kind": "component", "namespace": "default", "name": "web"}
    for name in ("catalog", "App", "component", "default"):
        shaped = people.replaced_in(
            outgoing(user=f"user:default/{name}", subject="x", context=context, attributes=attributes)
        )
        assert (shaped.context, shaped.attributes) == (context, attributes)


def test_a_tab_of_a_persons_page_keeps_its_name() -> None:
    fields = {"subject": "Overview", "attributes": {"to": "overview"}, "path": "/catalog/default/user/ana/overview"}

    shaped = people.replaced_in(outgoing(**fields))

    assert (shaped.subject, shaped.path) == ("Overview", f"/catalog/default/user/{ANAS}/overview")


def test_numbers_and_other_values_stay() -> None:
    attributes: dict[str, Any] = {"a": 1, "b": 2.5, "c": True, "d": None, "e": "text"}

    assert people.replaced_in(outgoing(user=ANA, subject="x", attributes=attributes)).attributes == attributes
    shaped = people.replaced_in(outgoing(user="user:default/4711", subject="x", attributes={"employee": 4711}))
    assert shaped.attributes == {"employee": PSEUDONYMS.of("user:default/4711")}


# --- the recorded events, through the log


@pytest.mark.parametrize(
    "name", ["backstage-legacy-app.jsonl", "backstage-new-app.jsonl", "original-module-posts.jsonl"]
)
async def test_no_recorded_event_names_the_guest(pool: Pool, name: str) -> None:
    guest = "user:default/guest"
    wires = [{key: value for key, value in wire.items() if key != "user"} for wire in recorded(name)]
    writer = LogWriter(pool)
    writer.start()
    await writer.append([accepted(wire, by=receipt(guest)) for wire in wires])
    await writer.close()
    async with pool.acquire() as connection:
        events = await forward_reading.read(connection, 0, len(wires))
        shapers = {
            mode: await Shaper.prepare(connection, Configured(name="a", type="webhook", people=mode))
            for mode in ("named", "pseudonymous", "none")
        }

    named, pseudonymous, none = (
        [msgspec.json.decode(document(shaped)) for one in events if (shaped := shapers[mode].shape(one)) is not None]
        for mode in ("named", "pseudonymous", "none")
    )

    assert [one["subject"] for one in named] == [wire["subject"] for wire in wires]
    assert {one["user"] for one in named} == {guest}
    (pseudonym,) = {one["user"] for one in pseudonymous}
    assert PSEUDONYM.fullmatch(pseudonym)
    assert not any("user" in one for one in none)
    for text in map(json.dumps, pseudonymous + none):
        assert not re.search(r"guest(?!s)", text), text
    # What concerns no person leaves as it is.
    assert [one for one in named if "guest" not in json.dumps(one | {"user": ""})] == [
        one | {"user": guest}
        for one, before in zip(pseudonymous, named, strict=True)
        if "guest" not in json.dumps(before | {"user": ""})
    ]
