"""Which fields leave the company, and what the configuration says to what cannot be."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from analytics_internal.forward.configuration import Configured, UnusableDestination, configure, make
from analytics_internal.forward.fields import ALWAYS, DROPPABLE, TOP_LEVEL, change_of
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.reading import LogEvent
from analytics_internal.forward.shaping import Shaper

AT = datetime(2026, 11, 24, tzinfo=UTC)
FULL = Outgoing(
    position=1, id=UUID(int=1), occurred_at=AT, received_at=AT, action="click", subject="x", user="user:default/ana",
    value=1.5, attributes={"email": "e", "to": "/x", "a.b": 1}, context={"pluginId": "catalog", "team": "t"},
    session_id=UUID(int=2), imported=True, plugin="catalog", entity="component:default/web", path="/x",
    agent="claude-code",
)  # fmt: skip
WEBHOOK: dict[str, Any] = {"name": "audit", "type": "webhook", "url": "https://siem.example/hook"}


def configured(**fields: Any) -> Configured:
    (found,) = configure([{**WEBHOOK, "fields": fields}])
    return found


def sent(event: Outgoing, **fields: Any) -> dict[str, Any]:
    """The event as a receiver of documents gets it."""
    one = configured(**fields)
    encoded: dict[str, Any] = json.loads(
        make(one).encode(change_of(one.fields.drop, one.fields.rename)(event)).decode()
    )
    return encoded


@pytest.mark.parametrize("name", DROPPABLE)
def test_every_field_but_those_that_make_an_event_can_be_left_out(name: str) -> None:
    whole = json.loads(document(FULL))

    assert name in whole
    assert sent(FULL, drop=[name]) == {key: value for key, value in whole.items() if key != name}


def test_single_attributes_and_entries_of_the_context_can_be_left_out() -> None:
    found = sent(FULL, drop=["attributes.email", "attributes.a.b", "context.team", "context.not there"])

    assert (found["attributes"], found["context"]) == ({"to": "/x"}, {"pluginId": "catalog"})
    assert "attributes" not in sent(FULL, drop=["attributes.email", "attributes.to", "attributes.a.b"])


def test_attributes_and_entries_of_the_context_get_other_names() -> None:
    found = sent(FULL, rename={"attributes.to": "attributes.target", "context.team": "context.a.b"})

    assert found["attributes"] == {"email": "e", "target": "/x", "a.b": 1}
    assert found["context"] == {"pluginId": "catalog", "a.b": "t"}


def test_two_attributes_can_change_their_names() -> None:
    rename = {"attributes.to": "attributes.email", "attributes.email": "attributes.to"}

    assert sent(FULL, rename=rename)["attributes"] == {"email": "/x", "to": "e", "a.b": 1}


def test_an_attribute_that_has_the_new_name_already_gives_way() -> None:
    assert sent(FULL, rename={"attributes.to": "attributes.email"})["attributes"] == {"email": "/x", "a.b": 1}


def test_top_level_fields_get_other_names_where_receivers_get_documents() -> None:
    found = sent(FULL, rename={"occurredAt": "@timestamp", "user": "actor"}, drop=["imported"])

    assert (found["@timestamp"], found["actor"]) == ("2026-11-24T00:00:00Z", "user:default/ana")
    assert not {"occurredAt", "user", "imported"} & set(found)


def test_an_event_without_changes_is_the_same_object() -> None:
    assert change_of((), {})(FULL) is FULL


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"drop": ["subject"]}, "subject cannot be left out; allowed are receivedAt"),
        ({"drop": ["occurred_at"]}, "there is no field 'occurred_at'; allowed are"),
        ({"drop": ["attributes."]}, "there is no field 'attributes.'"),
        ({"drop": ["user.name"]}, "there is no field 'user.name'"),
        ({"rename": {"person": "actor"}}, "there is no field 'person'; allowed are position"),
        ({"rename": {"attributes.a": "context.a"}}, "attributes.a can become attributes.<another name>"),
        ({"rename": {"attributes.a": "a"}}, "attributes.a can become attributes.<another name>"),
        ({"rename": {"user": "a.b"}}, "without a dot"),
        ({"rename": {"user": " "}}, "without a dot"),
        ({"rename": {"user": "plugin"}}, "there is a field plugin already"),
        ({"rename": {"user": "x", "plugin": "x"}}, "2 fields would be named x"),
        ({"rename": {"attributes.a": "attributes.x", "attributes.b": "attributes.x"}}, "2 fields would be named"),
        ({"rename": {"user": "actor"}, "drop": ["user"]}, "user is left out"),
        ({"rename": {"attributes.a": "attributes.b"}, "drop": ["attributes"]}, "attributes.a is left out"),
    ],
)
def test_what_cannot_be_is_an_error_that_names_what_can(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableDestination) as raised:
        configured(**fields)

    assert "audit: fields." in str(raised.value)
    assert said in str(raised.value)


def test_a_name_that_is_free_because_its_field_is_left_out_can_be_taken() -> None:
    assert sent(FULL, drop=["plugin"], rename={"user": "plugin"})["plugin"] == "user:default/ana"


def test_types_with_fields_of_their_own_rename_attributes_only() -> None:
    parquet = {"name": "lake", "type": "parquet", "url": "/lake"}
    configure([{**parquet, "fields": {"rename": {"attributes.a": "attributes.b"}}}])

    with pytest.raises(UnusableDestination, match="user has a place of its own"):
        configure([{**parquet, "fields": {"rename": {"user": "actor"}}}])


def test_the_names_are_those_that_receivers_see() -> None:
    assert set(json.loads(document(FULL))) == set(TOP_LEVEL) == {*ALWAYS, *DROPPABLE}


# --- all of it together


def event(**fields: Any) -> LogEvent:
    usual: dict[str, Any] = {
        "position": 7, "batch_id": 1, "id": UUID(int=3), "occurred_at": AT, "received_at": AT, "action": "navigate",
        "subject": "/catalog/default/user/ana", "item_id": 1, "item": (1, "/catalog/default/user/ana"),
        "user": "user:default/ana", "attributes": b'{"email":"ana@corp.example","kind":"user","name":"ana"}',
    }  # fmt: skip
    return LogEvent(**{**usual, **fields})


def test_filters_see_people_whom_the_receiver_does_not_see() -> None:
    one = Configured(name="a", type="webhook", filters=["is", "person", ["user:default/ana"]])
    shaper = Shaper(one, b"k" * 32)

    shaped = shaper.shape(event())

    assert shaped is not None
    assert "ana" not in document(shaped).decode()
    assert shaper.shape(event(user="user:default/bo")) is None


def test_an_attribute_that_is_renamed_is_replaced_all_the_same() -> None:
    shaper = Shaper(configured(rename={"attributes.email": "attributes.mail"}, drop=["attributes.kind"]), b"k" * 32)

    shaped = shaper.shape(event())

    assert shaped is not None
    assert shaped.attributes is not None
    assert set(shaped.attributes) == {"mail", "name"}
    assert "ana" not in document(shaped).decode()


def test_what_is_no_json_object_any_more_is_said() -> None:
    shaped = Shaper(Configured(name="a", type="webhook"), b"k" * 32).shape(event(attributes=b"[1]", context=b"{"))

    assert shaped is not None
    assert shaped.attributes == shaped.context == {"unknown": "not readable any more"}


def test_a_shaped_event_is_what_exports_and_questions_call_it() -> None:
    named = Shaper(Configured(name="a", type="webhook", people="named"), b"k" * 32)

    shaped = named.shape(event(value=2.0, imported=True, plugin="catalog", entity="user:default/ana", path="/x"))

    assert shaped is not None
    assert msgspec.json.decode(document(shaped)) == {
        "position": 7, "id": str(UUID(int=3)), "occurredAt": "2026-11-24T00:00:00Z",
        "receivedAt": "2026-11-24T00:00:00Z", "action": "navigate", "subject": "/catalog/default/user/ana",
        "user": "user:default/ana", "value": 2.0, "imported": True, "plugin": "catalog", "entity": "user:default/ana",
        "path": "/x", "attributes": {"email": "ana@corp.example", "kind": "user", "name": "ana"},
    }  # fmt: skip
