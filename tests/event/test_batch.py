import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics_internal.event.batch import Batch, NotABatch, decode_body
from analytics_internal.event.event import Event, Rejection
from analytics_internal.event.validation import validate
from tests.samples import navigation, receipt

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    ["action", "subject", "value", "attributes", "context", "id", "occurredAt", "sentAt", "sessionId", "user", "x\0"]
)
likely_values = json_values | st.sampled_from(
    ["navigate", "/a?b#c", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x" * 5000, "\ud800", 1e308]
)
odd_events = json_values | st.dictionaries(field_names, likely_values, max_size=6)
odd_bodies = odd_events | st.fixed_dictionaries(
    {"events": st.lists(odd_events, max_size=5) | json_values},
    optional={"sentAt": likely_values, "imported": json_values, "more": json_values},
)


def outcomes(body: bytes) -> list[Event | Rejection] | NotABatch:
    """What becomes of a body; any exception but NotABatch passes through."""
    try:
        batch = decode_body(body, 1000)
    except NotABatch as error:
        return error
    return [validate(payload, batch, receipt(may_name_person=True)) for payload in batch.events]


def test_one_event_is_a_batch_of_one() -> None:
    body = json.dumps(navigation()).encode()

    assert decode_body(body, 1000) == Batch([body])


def test_a_batch_has_its_events_in_order_and_what_surrounds_them() -> None:
    body = b'{"events": [{"action": "a"}, 7], "sentAt": "2026-11-24T12:00:00Z", "imported": true}'

    batch = decode_body(body, 1000)

    assert [bytes(payload) for payload in batch.events] == [b'{"action": "a"}', b"7"]
    assert batch.sent_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert batch.is_imported


def test_a_lone_surrogate_fails_its_own_event_only() -> None:
    body = b'{"events": [{"action": "a", "subject": "\\ud800"}, {"action": "a", "subject": "b"}]}'

    first, second = decode_body(body, 1000).events

    assert isinstance(validate(first, Batch([]), receipt()), Rejection)
    assert isinstance(validate(second, Batch([]), receipt()), Event)


DEEP = b"[" * 5_000 + b"]" * 5_000


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id": "019f1b2c-7a00-7abc-8def-0123456789ab", "action": "a", "subject": "/", "attributes": {"x": %b}}'
        % DEEP,
        b'{"action": "a", "subject": "/", "sentAt": %b}' % DEEP,
        b'{"action": "a", "subject": "/", "context": %b}' % (b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
        DEEP,
        b'{"action": "a", "subject": "/", "value": %b}' % (b"9" * 5_000),
        b'{"action": "a", "subject": "/", "value": 1e999}',
        b'{"action": "a", "subject": "/", "value": -1e999, "x": "\\ud800"}',
        b'{"action": "a", "subject": "/", "attributes": {"x": NaN}}',
        b'{"action": "a", "subject": "\xff"}',
    ],
    ids=lambda bad: bad[:60].decode("latin-1"),
)
@pytest.mark.parametrize("beside", [b'{"action": "a", "subject": "/"}', b'{"action": "a", "subject": "\\ud800"}'])
def test_what_is_wrong_inside_of_one_event_fails_no_other(bad: bytes, beside: bytes) -> None:
    good = b'{"action": "navigate", "subject": "/a,]}\\"[{"}'

    events = decode_body(b'{"imported": true, "events": [%b, %b,%b ,%b]}' % (good, bad, beside, good), 1000)

    outcomes = [validate(payload, Batch([]), receipt()) for payload in events.events]
    assert events.is_imported
    assert len(outcomes) == 4
    assert isinstance(outcomes[0], Event)
    assert isinstance(outcomes[1], Rejection)
    assert isinstance(outcomes[3], Event)


def test_an_event_that_is_nested_too_deep_is_told_so_by_its_id() -> None:
    id_ = "019f1b2c-7a00-7abc-8def-0123456789ab"

    (event,) = decode_body(b'{"action": "a", "attributes": {"x": %b}, "id": "%b"}' % (DEEP, id_.encode()), 1).events

    rejection = validate(event, Batch([]), receipt())
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.id) == ("invalid_event", id_)
    assert "nested too deep" in rejection.detail


@pytest.mark.parametrize(
    "body",
    [
        b'{"events": [], "sentAt": %b}' % DEEP,
        b'{"events": [{}, 01], "imported": true}',
        b'{"events": [{}], "imported": %b}' % DEEP,
        b'{"events": {"x": %b}}' % DEEP,
        b'{"events": [%b' % DEEP,
        b'{"events": [%b}]' % DEEP,
        b'{"events": [%b]} more' % DEEP,
        b'{"events": [%b, "a]}' % DEEP,
        b'{"events": [%b,]}' % DEEP,
        b'{"events": [%b], : 1}' % DEEP,
        b'{"events": [' + b'"\\"' * 300_000,
        DEEP,
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_what_is_wrong_around_the_events_fails_them_all(body: bytes) -> None:
    with pytest.raises(NotABatch):
        decode_body(body, 1000)


def test_the_last_of_a_repeated_field_counts_in_every_reading() -> None:
    plain = decode_body(b'{"events": [1], "events": [2]}', 1000)
    with_a_deep_one = decode_body(b'{"events": [%b], "\\u0065vents": [2]}' % DEEP, 1000)

    assert [bytes(event) for event in plain.events] == [bytes(event) for event in with_a_deep_one.events] == [b"2"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b'{"events": null}',
        b'{"events": {}}',
        b'{"events": [], "imported": 1}',
        b'{"events": [], "sentAt": "2026-11-24T12:00:00"}',
        b'{"events": [], "sentAt": "yesterday"}',
        b'{"events": [], "unknown": "\\ud800"}',
        b'{"events": [{"action": "a"},]}',
        b'{"events": [' + b"[" * 100_000,
    ],
)
def test_what_is_neither_event_nor_batch_is_told_so(body: bytes) -> None:
    with pytest.raises(NotABatch):
        decode_body(body, 1000)


def test_a_batch_has_a_largest_size() -> None:
    with pytest.raises(NotABatch, match="at most 2 events; this one has 3"):
        decode_body(b'{"events": [1, 2, 3]}', 2)


@given(odd_bodies)
@example({"action": 1, "x\0y": 1})
def test_every_odd_json_value_gets_verdicts_or_is_no_batch(body: object) -> None:
    text = json.dumps(body).encode("utf-8", "surrogatepass")

    outcome = outcomes(text)

    if isinstance(outcome, list):
        expected = len(body["events"]) if isinstance(body, dict) and "events" in body else 1
        assert len(outcome) == expected
        assert all("\0" not in one.detail + (one.id or "") for one in outcome if isinstance(one, Rejection))


@given(odd_bodies)
def test_unescaped_text_is_judged_like_escaped_text(body: object) -> None:
    outcome = outcomes(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    assert isinstance(outcome, NotABatch | list)


@given(st.binary(max_size=200))
@example(b'{"action": 1, "subject": "x", "id": "\xff"}')
@example(b"\xff\xfe{\x00}\x00")
def test_arbitrary_bytes_get_verdicts_or_are_no_batch(body: bytes) -> None:
    assert isinstance(outcomes(body), NotABatch | list)


@given(odd_bodies, st.data())
def test_a_damaged_body_gets_verdicts_or_is_no_batch(body: object, data: st.DataObject) -> None:
    text = bytearray(json.dumps(body).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))

    assert isinstance(outcomes(bytes(text)), NotABatch | list)


@pytest.mark.parametrize("event", ['{"action": 1, "z": %s}', '{"action": "\\ud800", "z": %s}', '{"attributes": %s}'])
@pytest.mark.parametrize("form", ["%s", '{"events": [%s]}'])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth_gets_verdicts_or_is_no_batch(event: str, form: str, opening: str, closing: str) -> None:
    for depth in [*range(850, 1000, 5), 20_000]:
        value = opening * depth + "1" + closing * depth
        outcome = outcomes((form % event.replace("%s", value)).encode())

        assert isinstance(outcome, NotABatch) or all(isinstance(one, Rejection) for one in outcome)
