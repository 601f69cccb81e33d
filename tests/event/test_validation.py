import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.event.addresses import Portal
from analytics_internal.event.batch import Batch
from analytics_internal.event.event import Event, Rejection, wire_text
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.event.validation import Acceptance, Receipt, validate
from tests.samples import ANA, BO, NOON, Json, accepted, at, judged, navigation, receipt, recorded, refused

IMPORTED = Batch([], is_imported=True)
SECRET = "s3cr3t"


# --- what is derived from the recorded events of a real portal


@pytest.mark.parametrize("name", ["backstage-legacy-app", "backstage-new-app", "original-module-posts"])
def test_every_recorded_event_is_accepted(name: str) -> None:
    events = [judged(wire, by=receipt(may_name_person=True)) for wire in recorded(f"{name}.jsonl")]

    assert len(events) >= 16
    assert all(isinstance(event, Event) for event in events)
    assert all(event.plugin for event in events if isinstance(event, Event))


@pytest.mark.parametrize("name", ["backstage-legacy-app", "backstage-new-app"])
def test_recorded_navigations_name_their_item_by_the_path_alone(name: str) -> None:
    events = [accepted(wire) for wire in recorded(f"{name}.jsonl") if wire["action"] == "navigate"]

    assert events
    assert all(event.subject == event.path and not set("?#") & set(event.subject) for event in events)


@pytest.mark.parametrize("name", ["backstage-legacy-app", "backstage-new-app"])
def test_recorded_entity_pages_concern_their_entity(name: str) -> None:
    pages = [wire for wire in recorded(f"{name}.jsonl") if "/default/component/example-website" in str(wire["subject"])]

    assert pages
    assert {accepted(page).entity_ref for page in pages} == {"component:default/example-website"}


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("backstage-legacy-app", "component:default/example-website"),
        ("backstage-legacy-app", "group:default/guests"),
        ("backstage-new-app", "component:default/example-website"),
        ("backstage-new-app", "component:default/nope"),
    ],
)
def test_recorded_events_concern_an_entity_when_they_speak_of_it(name: str, ref: str) -> None:
    """Its page and tabs, its documentation, clicks to and on them, and the search results that lead there."""
    entity = ref.rpartition("/")[2]

    speaking = [wire for wire in recorded(f"{name}.jsonl") if entity in str(wire)]

    assert len(speaking) >= 2
    assert {accepted(wire).entity_ref for wire in speaking} == {ref}
    assert all(accepted(w).entity_ref != ref for w in recorded(f"{name}.jsonl") if w not in speaking)


@pytest.mark.parametrize(
    "context",
    [
        {"routeRef": "unknown", "pluginId": "search", "extension": "SearchResult", "searchTypes": ""},
        {"routeRef": "search", "pluginId": "catalog", "extension": "CatalogSearchResultListItem"},
        {"pluginId": "catalog", "extensionId": "search-result-list-item:catalog", "searchTypes": "software-catalog"},
        {"pluginId": "techdocs", "extensionId": "page:techdocs/reader", "entityRef": "component:default/other"},
    ],
    ids=["legacy in the sidebar", "legacy on the page", "new on the page", "on another entity's page"],
)
def test_a_search_result_concerns_the_entity_that_it_leads_to(context: Json) -> None:
    to = "/docs/default/component/payments/second/#setup"

    event = accepted({"action": "discover", "subject": "Second", "attributes": {"to": to}, "context": context})

    assert event.entity_ref == "component:default/payments"
    assert event.path == "/docs/default/component/payments/second"


def test_a_recorded_search_keeps_its_words_and_its_number_of_results() -> None:
    searches = [wire for wire in recorded("backstage-legacy-app.jsonl") if wire["action"] == "search"]

    events = [accepted(search) for search in searches]

    assert [event.subject for event in events] == [search["subject"] for search in searches]
    assert [event.value for event in events] == [search.get("value") for search in searches]
    assert {event.path for event in events} == {None}


def test_a_recorded_click_on_a_tab_leads_to_the_tab() -> None:
    wire = next(w for w in recorded("backstage-legacy-app.jsonl") if w["subject"] == "Dependencies")

    assert accepted(wire).path == "/catalog/default/component/example-website/dependencies"


# --- normalising


def test_one_subject_with_different_queries_is_one_item() -> None:
    events = [accepted(navigation(f"/catalog{rest}")) for rest in ("", "/", "?filters[kind]=api", "?code=1#top")]

    assert {event.subject for event in events} == {"/catalog"}
    assert [event.original_subject for event in events] == [None, "/catalog/", "/catalog?filters%5Bkind%5D=api", None]


def test_the_plugin_is_the_contexts_or_the_routes() -> None:
    contexts: list[Json] = [{"pluginId": "techdocs"}, {"routeRef": "catalog:entity"}, {"routeRef": "unknown"}, {}]

    plugins = [accepted(navigation(context=context)).plugin for context in contexts]

    assert plugins == ["techdocs", "catalog", None, None]


def test_an_event_without_a_time_happened_when_it_was_received() -> None:
    assert accepted(navigation()).occurred_at == NOON


def test_a_session_is_any_text_and_always_the_same_id() -> None:
    session = str(uuid4())

    ids = [accepted(navigation(sessionId=text)).session_id for text in (session, "tab 7", "tab 7", "")]

    assert ids[0] == UUID(session)
    assert ids[1] == ids[2] is not None
    assert ids[3] is None


def test_the_person_is_the_tokens_whatever_the_body_says() -> None:
    assert accepted(navigation(user=BO)).person == ANA


def test_the_bodys_user_counts_when_the_caller_may_name_people() -> None:
    trusting = receipt(None, may_name_person=True)

    assert accepted(navigation(user="Bo"), by=trusting).person == BO
    assert accepted(navigation(), by=trusting).person is None
    assert refused(navigation(user="not a ref"), by=trusting).reason == "invalid_user"


def test_an_event_keeps_the_program_that_acted_and_the_person_it_acted_for() -> None:
    trusting = receipt(None, may_name_person=True)

    for by, wire in [
        (trusting, navigation(user=BO, agent=" claude-code ")),
        (receipt(BO), navigation(agent="claude-code")),
    ]:
        event = accepted(wire, by=by)
        assert (event.person, event.agent) == (BO, "claude-code")


def test_a_programs_own_events_are_its_but_for_those_that_name_somebody_else() -> None:
    search = msgspec.structs.replace(receipt(None, may_name_person=True), agent="search")

    assert [accepted(wire, by=search).agent for wire in (navigation(), navigation(agent="indexer"))] == [
        "search",
        "indexer",
    ]
    assert accepted(navigation(user=BO), by=search).agent is None


@pytest.mark.parametrize(
    ("agent", "reason"),
    [("", "invalid_event"), ("a" * 129, "invalid_event"), (" ", "invalid_text"), ("a\0", "invalid_text")],
)
def test_an_agent_needs_a_name_that_can_be_stored(agent: str, reason: str) -> None:
    assert refused(navigation(agent=agent)).reason == reason


def test_only_an_agent_changes_the_hash_of_what_it_does() -> None:
    before = accepted(navigation(id=str(uuid7(NOON)), value=7))

    assert before.content_hash == -3861881390687901814
    assert accepted(navigation(value=7, agent="claude-code")).content_hash != before.content_hash


# --- measurements

OUTCOMES = ["task-succeeded", "task-failed", "task-cancelled"]


@pytest.mark.parametrize("action", OUTCOMES)
@pytest.mark.parametrize("by", [receipt(), receipt(None, may_name_person=True)], ids=["a person", "a machine"])
def test_nobody_forges_what_became_of_a_task(action: str, by: Receipt) -> None:
    assert refused({"action": action, "subject": "1", "value": 60}, by=by).reason == "reserved_action"


@pytest.mark.parametrize("action", OUTCOMES)
def test_the_service_and_imports_say_what_became_of_a_task(action: str) -> None:
    wire = {"action": action, "subject": "1", "value": 60}

    assert accepted(wire, IMPORTED).value == 60
    assert accepted(wire, by=msgspec.structs.replace(receipt(), is_own=True)).value == 60
    assert refused({**wire, "value": -1}, IMPORTED).reason == "invalid_value"


@pytest.mark.parametrize("value", [0.1, 12, 86_400])
def test_somebody_is_engaged_for_up_to_a_day(value: float) -> None:
    assert accepted({"action": "engage", "subject": "/docs", "value": value}).value == value


@pytest.mark.parametrize("value", [None, 0, -1, 86_400.1])
@pytest.mark.parametrize("batch", [Batch([]), IMPORTED], ids=["live", "imported"])
def test_an_engagement_of_no_time_or_of_more_than_a_day_is_none(value: float | None, batch: Batch) -> None:
    assert refused({"action": "engage", "subject": "/docs", "value": value}, batch).reason == "invalid_value"


# --- time


@pytest.mark.parametrize("batch", [Batch([]), Batch([], sent_at=at(hours=5))], ids=["in the event", "in the batch"])
def test_a_wrong_clock_is_corrected_by_how_wrong_it_was_when_it_sent(batch: Batch) -> None:
    wire = navigation(occurredAt=at(hours=5, minutes=1).isoformat())
    if batch.sent_at is None:
        wire["sentAt"] = at(hours=5).isoformat()

    assert accepted(wire, batch).occurred_at == at(minutes=1)


def test_imported_history_is_not_corrected() -> None:
    wire = navigation(occurredAt=at(days=900).isoformat(), sentAt=at(days=899).isoformat())

    event = accepted(wire, IMPORTED)

    assert event.occurred_at == at(days=900)
    assert event.is_imported


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (timedelta(days=-7), None),
        (timedelta(days=-7, microseconds=-1), "too_old"),
        (timedelta(seconds=300), None),
        (timedelta(seconds=300, microseconds=1), "in_the_future"),
    ],
)
def test_the_accept_window_is_exact(offset: timedelta, reason: str | None) -> None:
    judgement = judged(navigation(occurredAt=(NOON + offset).isoformat()))

    assert (judgement.reason if isinstance(judgement, Rejection) else None) == reason


def test_the_accept_window_can_be_changed() -> None:
    rules = Acceptance(window=timedelta(days=1))

    assert refused(navigation(occurredAt=at(days=2).isoformat()), by=receipt(rules=rules)).reason == "too_old"


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        ("0001-01-01T00:00:00Z", "too_old"),
        ("0001-01-01T00:00:00+14:00", "invalid_event"),
        ("1999-12-31T23:59:59Z", "too_old"),
        ("2000-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", "in_the_future"),
        ("9999-12-31T23:59:59-14:00", "invalid_event"),
        ("2026-11-24T12:00:00", "invalid_event"),
        ("2026-02-30T12:00:00Z", "invalid_event"),
    ],
)
def test_history_reaches_back_to_the_year_2000(occurred_at: str, reason: str | None) -> None:
    judgement = judged(navigation(occurredAt=occurred_at), IMPORTED)

    assert (judgement.reason if isinstance(judgement, Rejection) else None) == reason


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_what_is_accepted_lies_in_the_window(occurred_at: datetime, sent_at: datetime) -> None:
    judgement = judged(navigation(occurredAt=occurred_at.isoformat(), sentAt=sent_at.isoformat()))

    if isinstance(judgement, Event):
        assert timedelta(days=-7) <= judgement.occurred_at - NOON <= timedelta(seconds=300)


# --- ids


def test_the_server_makes_an_id_of_its_own_time() -> None:
    event = accepted(navigation())

    assert not event.has_own_id
    assert (event.id.version, event.id.int >> 80) == (7, int(NOON.timestamp() * 1000))


@pytest.mark.parametrize(
    "id_",
    [
        "",
        "7",
        str(uuid4()),
        "\0" * 36,
        uuid7(NOON).hex,
        f"{{{uuid7(NOON)}}}",
        str(uuid7(at(days=401))),
        str(uuid7(NOON + timedelta(days=401))),
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
    ids=["empty", "short", "version 4", "null bytes", "hexadecimal", "in braces", "past", "future", "largest"],
)
def test_an_id_is_a_uuid_of_version_7_of_a_believable_time(id_: str) -> None:
    rejection = refused(navigation(id=id_))

    assert rejection.reason == "invalid_id"
    assert rejection.id == id_.replace("\0", "�")


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC)))
def test_a_uuid7_carries_its_time(moment: datetime) -> None:
    id_ = uuid7(moment)

    assert id_.version == 7
    assert (id_.int >> 80) // 1000 == int(moment.timestamp())


def test_a_repetition_has_the_same_hash_and_other_content_another_one() -> None:
    wire = navigation(value=1, attributes={"a": 1, "b": 2}, occurredAt=at(minutes=1).isoformat())
    same = {**wire, "value": 1.0, "attributes": {"b": 2, "a": 1}}
    others: list[Json] = [
        {**wire, "value": 2},
        {**wire, "subject": "/docs"},
        {**wire, "subject": "/catalog?query=1"},
        {**wire, "action": "click"},
        {**wire, "attributes": {"a": 1}},
        {**wire, "context": {"a": 1}},
        {**wire, "sessionId": "s"},
    ]

    hashes = {accepted(other).content_hash for other in others}

    assert accepted(same).content_hash == accepted(wire).content_hash
    assert len(hashes | {accepted(wire).content_hash}) == 1 + len(others)


def test_removed_parts_do_not_change_the_content_hash() -> None:
    """What was exported has no secrets and the corrected time, and is still the same event when it is imported."""
    wire = navigation(occurredAt=at(minutes=1).isoformat())
    exported = {**wire, "occurredAt": at(minutes=2).isoformat()}
    sent = {**wire, "subject": f"{wire['subject']}?code=secret"}
    assert accepted(exported).content_hash == accepted(wire).content_hash == accepted(sent).content_hash


def test_sending_again_later_is_a_repetition() -> None:
    first = accepted(navigation(occurredAt=at(hours=1).isoformat(), sentAt=at(seconds=1).isoformat()))
    again = accepted(navigation(occurredAt=at(hours=1).isoformat(), sentAt=at(seconds=0).isoformat()))

    assert first.content_hash == again.content_hash


# --- what cannot be stored


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ({"subject": "/"}, "invalid_event"),
        ({"action": "a"}, "invalid_event"),
        ({"action": "", "subject": "/"}, "invalid_event"),
        ({"action": "a" * 129, "subject": "/"}, "invalid_event"),
        ({"action": "a", "subject": "x" * 2049}, "invalid_event"),
        ({"action": "a", "subject": "x" * 100_000}, "too_large"),
        ({"action": "a", "subject": 7}, "invalid_event"),
        ({"action": "a", "subject": "/", "value": "7"}, "invalid_event"),
        ({"action": "a", "subject": "/", "attributes": []}, "invalid_event"),
        ({"action": "a", "subject": "/", "attributes": {"a": {}}}, "invalid_event"),
        ({"action": "a", "subject": "/", "context": {"a": [1]}}, "invalid_event"),
        ({"action": "a", "subject": "/", "sessionId": "x" * 65}, "invalid_event"),
        ({"action": "a", "subject": "/", "unknown": 1}, "invalid_event"),
        ({"action": "a", "subject": "\0"}, "invalid_text"),
        ({"action": "a", "subject": "/", "attributes": {"\0": 1}}, "invalid_text"),
        ({"action": "a", "subject": "/", "context": {"a": "\0"}}, "invalid_text"),
        ({"action": "a", "subject": "\ud800"}, "invalid_text"),
        ({"action": "a", "subject": "/", "attributes": {"a": "\udfff"}}, "invalid_text"),
    ],
)
def test_a_bad_event_is_refused_with_its_reason(wire: Json, reason: str) -> None:
    rejection = refused(wire)

    assert rejection.reason == reason
    assert rejection.detail
    assert len(rejection.payload) <= 32 * 1024


def test_an_unknown_field_is_told_what_is_allowed() -> None:
    assert "allowed are action, subject, value" in refused(navigation(usr=ANA)).detail


def test_the_kept_payload_can_be_sent_again() -> None:
    wire = navigation("/a?query=x", value=7, occurredAt=at(days=8).isoformat())

    assert json.loads(refused(wire).payload) == wire


def test_a_stored_event_can_be_sent_again() -> None:
    event = accepted(navigation("/a/?query=x&code=1", value=7, attributes={"a": True}, id=str(uuid7(NOON)), user=ANA))

    again = accepted(json.loads(wire_text(event)), by=receipt(None, may_name_person=True))

    assert (again.id, again.subject, again.original_subject) == (event.id, "/a", "/a/?query=x")
    assert (again.value, again.attributes, again.person) == (7.0, b'{"a":true}', ANA)


# --- secrets

words = st.text("abcXYZ %&=;+é/[]", max_size=6)
names = st.sampled_from(["code", "access_token", "queryx", "Query", "state", "é"]) | words.filter(
    lambda name: name.partition("[")[0] not in ("query", "filters") and not set("&%+") & set(name)
)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An address with a secret in every place that may not be kept."""
    start = draw(st.sampled_from(["/", "/docs", "//x", f"https://u:{SECRET}@h.example/a", "HTTP://h", "app://h/x"]))
    parameters = [f"{draw(names)}={SECRET}", f"query={draw(words).replace('&', '')}"]
    query = "&".join(draw(st.permutations(parameters)))
    return start + draw(st.sampled_from([f"?{query}", f"?{query}#{SECRET}", f"#{SECRET}", f"#a?{query}"]))


@st.composite
def events_with_secrets(draw: st.DrawFn) -> Json:
    texts = addresses() | st.just("text")
    fields = st.dictionaries(st.sampled_from(["to", "href", "subject", "action"]) | texts, texts | st.integers())
    return {
        "action": draw(st.sampled_from(["navigate", "click", "signIn"])),
        "subject": draw(addresses()),
        "attributes": draw(fields),
        "context": draw(fields),
    }


def everything_kept(judgement: Event | Rejection) -> str:
    if isinstance(judgement, Rejection):
        return judgement.payload
    return f"{judgement}{wire_text(judgement)}"


@pytest.mark.slow
@given(events_with_secrets(), st.sampled_from([None, "https://h.example/a"]))
def test_no_secret_is_stored_with_an_event(wire: Json, portal_url: str | None) -> None:
    rules = Acceptance(portal=Portal.at(portal_url))

    judgement = judged(wire, by=receipt(rules=rules))

    assert isinstance(judgement, Event)
    assert SECRET not in everything_kept(judgement)


broken = st.sampled_from(
    [{"value": "x"}, {"unknown": {"deep": ["/x?code=" + SECRET]}}, {"id": "7"}, {"sessionId": 1}, {"occurredAt": "1"}]
)


@pytest.mark.slow
@given(events_with_secrets(), broken)
def test_no_secret_is_kept_with_a_refused_event(wire: Json, wrong: Json) -> None:
    judgement = judged({**wire, **wrong})

    assert isinstance(judgement, Rejection)
    assert SECRET not in everything_kept(judgement)


@pytest.mark.slow
@given(events_with_secrets(), st.sampled_from([b"\xff", b"\\ud800", b"\\u0000", b"[" * 1200 + b"]" * 1200]))
def test_no_secret_is_kept_with_an_undecodable_event(wire: Json, wrong: bytes) -> None:
    text = b'{"z": "%s", ' % wrong if not wrong.startswith(b"[") else b'{"z": %s, ' % wrong

    judgement = validate(text + json.dumps(wire).encode()[1:], Batch([]), receipt())

    assert isinstance(judgement, Rejection)
    assert SECRET not in everything_kept(judgement)


@pytest.mark.parametrize(
    "subject",
    ["/p?" + "x" * 2046, "/p#" + "x" * 20_000, "https://u:" + "p" * 3_000 + "@h.example/p", "/p?query=" + "é" * 700],
    ids=["a query", "a fragment", "a password", "a query that is encoded longer"],
)
def test_a_subject_is_judged_by_the_length_of_what_is_kept(subject: str) -> None:
    event = accepted(navigation(subject))

    assert event.path is not None
    assert event.path.endswith("/p")


@pytest.mark.parametrize("subject", ["/" + "p" * 2048, "/p?query=" + "x" * 2048, "text " * 500])
def test_what_is_kept_of_a_subject_has_a_largest_length(subject: str) -> None:
    rejection = refused(navigation(subject, id="019f1b2c-7a00-7abc-8def-0123456789ab"))

    assert (rejection.reason, rejection.id) == ("invalid_event", "019f1b2c-7a00-7abc-8def-0123456789ab")
    assert "2,048" in rejection.detail


def test_a_target_is_judged_by_the_length_of_its_path() -> None:
    click = {"action": "click", "subject": "Docs", "attributes": {"to": "/docs?" + "x" * 3_000}}

    assert accepted(click).path == "/docs"
