import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.demo import Entity, Portal, Year, events, portal, year
from analytics_internal.demo.calendar import ZONE, easter, holidays, presence, slot_shares

UNTIL = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
MADE = 70_400
COUNT = 60_000
"""About so many of them are what people did."""

# One event of each kind as a real Backstage sent it (both frontend systems; a template's from its source).
RECORDED = """
{"action":"navigate","subject":"/","attributes":{},"context":{"routeRef":"unknown","pluginId":"root","extension":"App"}}
{"action":"signIn","subject":"success","context":{"routeRef":"unknown","pluginId":"root","extension":"App"}}
{"action":"navigate","subject":"/catalog/default/component/a","attributes":{"namespace":"default","kind":"component","name":"a"},"context":{"routeRef":"catalog:entity","pluginId":"catalog","extension":"App"}}
{"action":"click","subject":"APIs","attributes":{"to":"/api-docs"},"context":{"routeRef":"unknown","pluginId":"root","extension":"App"}}
{"action":"click","subject":"Docs","attributes":{"to":"docs"},"context":{"routeRef":"catalog:entity","pluginId":"catalog","extension":"CatalogEntityPage","entityRef":"component:default/a"}}
{"action":"search","subject":"example","value":4,"context":{"routeRef":"unknown","pluginId":"search","extension":"SidebarSearchModal"}}
{"action":"discover","subject":"a","value":2,"attributes":{"to":"/catalog/default/component/a"},"context":{"routeRef":"unknown","pluginId":"search","extension":"SearchResult","searchTypes":""}}
{"action":"not-found","subject":"/docs/default/component/a","attributes":{"kind":"component","name":"a","namespace":"default"},"context":{"routeRef":"techdocs:reader-page","pluginId":"techdocs","extension":"TechDocsReaderPage","entityRef":"component:default/a"}}
{"action":"click","subject":"Next Step (2)","context":{"routeRef":"scaffolder","pluginId":"scaffolder","extension":"ScaffolderPage","entityRef":"template:default/a"}}
{"action":"create","subject":"Task has been created","value":240,"attributes":{"templateSteps":3},"context":{"routeRef":"scaffolder","pluginId":"scaffolder","extension":"ScaffolderPage","entityRef":"template:default/a"}}
{"action":"cancelled","subject":"Template has been cancelled","context":{"routeRef":"scaffolder","pluginId":"scaffolder","extension":"ScaffolderPage","entityRef":"template:default/a"}}
{"action":"navigate","subject":"/catalog","attributes":{},"context":{"pluginId":"app","extensionId":"app/root"}}
{"action":"signIn","subject":"success","context":{"pluginId":"app","extensionId":"sign-in-page:app"}}
{"action":"navigate","subject":"/catalog/default/component/a","attributes":{"namespace":"default","kind":"component","name":"a"},"context":{"pluginId":"catalog","extensionId":"entity-content:catalog/overview"}}
{"action":"click","subject":"/catalog/default/component/a","attributes":{"to":"/catalog/default/component/a"},"context":{"pluginId":"catalog","extensionId":"page:catalog"}}
{"action":"click","subject":"Docs","attributes":{"to":"docs"},"context":{"pluginId":"catalog","extensionId":"entity-content:catalog/overview","entityRef":"component:default/a"}}
{"action":"search","subject":"a","value":4,"context":{"pluginId":"search","extensionId":"page:search"}}
{"action":"discover","subject":"a","value":1,"attributes":{"to":"/catalog/default/group/a"},"context":{"pluginId":"catalog","extensionId":"search-result-list-item:catalog","searchTypes":"software-catalog"}}
{"action":"not-found","subject":"/docs/default/component/a","attributes":{"kind":"component","name":"a","namespace":"default"},"context":{"pluginId":"techdocs","extensionId":"page:techdocs/reader","entityRef":"component:default/a"}}
{"action":"click","subject":"Next Step (2)","context":{"pluginId":"scaffolder","extensionId":"page:scaffolder","entityRef":"template:default/a"}}
{"action":"create","subject":"Task has been created","value":240,"attributes":{"templateSteps":3},"context":{"pluginId":"scaffolder","extensionId":"page:scaffolder","entityRef":"template:default/a"}}
{"action":"cancelled","subject":"Template has been cancelled","context":{"pluginId":"scaffolder","extensionId":"page:scaffolder","entityRef":"template:default/a"}}
{"action":"task-succeeded","subject":"1a","value":240,"context":{"pluginId":"scaffolder","entityRef":"template:default/a"}}
{"action":"task-failed","subject":"1a","context":{"pluginId":"scaffolder","entityRef":"template:default/a"}}
{"action":"task-cancelled","subject":"1a","context":{"pluginId":"scaffolder","entityRef":"template:default/a"}}
{"agent":"claude-code","action":"call","subject":"catalog.get-catalog-entity","context":{"pluginId":"mcp-actions"}}
"""  # noqa: E501
ADDED = ("id", "occurredAt", "sessionId", "user")
MEASUREMENTS = ("engage", "task-succeeded", "task-failed", "task-cancelled")

Event = dict[str, object]


@pytest.fixture(scope="module")
def everything() -> list[Event]:
    return list(events(MADE, seed=1, until=UNTIL))


@pytest.fixture(scope="module")
def stream(everything: list[Event]) -> list[Event]:
    """What people did: without measurements, and without what programs did."""
    return [event for event in everything if event["action"] not in MEASUREMENTS and "agent" not in event]


@pytest.fixture(scope="module")
def demo() -> Portal:
    return portal(1)


@pytest.fixture(scope="module")
def the_year() -> Year:
    return year(UNTIL)


def occurred(event: Event) -> datetime:
    return datetime.fromisoformat(str(event["occurredAt"]))


def path(event: Event) -> str:
    return str(event["subject"]).partition("?")[0].partition("#")[0]


def per_day(stream: list[Event]) -> Counter[date]:
    return Counter(occurred(event).astimezone(ZONE).date() for event in stream)


def shape(event: Event) -> tuple[object, ...]:
    """The keys of an event and of its objects, in order, with the types of the values."""
    made = {key: types(value) for key, value in event.items() if key not in ADDED}
    return (event["action"], *made.items())


def types(value: object) -> object:
    return tuple((key, type(v)) for key, v in value.items()) if isinstance(value, dict) else type(value)


# -- the stream ----------------------------------------------------------------------------


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    count=st.integers(0, 2_000),
    seed=st.integers(-5, 5),
    until=st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_any_count_is_exact_in_order_unique_and_before_the_end(count: int, seed: int, until: datetime) -> None:
    made = list(events(count, seed, until))
    times = [occurred(event) for event in made]
    assert len(made) == count
    assert len({event["id"] for event in made}) == count
    assert times == sorted(times)
    assert all(until - timedelta(days=366) <= time < until for time in times)


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(count=st.integers(1, 500), seed=st.integers(0, 10_000))
def test_the_same_arguments_give_the_same_bytes(count: int, seed: int) -> None:
    def lines() -> Iterator[str]:
        return (json.dumps(event) for event in events(count, seed, UNTIL))

    assert list(lines()) == list(lines())


def test_another_seed_gives_other_events() -> None:
    assert list(events(50, 1, UNTIL)) != list(events(50, 2, UNTIL))


def test_ids_are_version_7_and_carry_the_time(stream: list[Event]) -> None:
    for event in stream[:5_000]:
        uuid = UUID(str(event["id"]))
        assert str(uuid) == event["id"]
        assert (uuid.version, uuid.variant) == (7, RFC_4122)
        assert datetime.fromtimestamp((uuid.int >> 80) / 1000, UTC) == occurred(event)


def test_times_are_rfc_3339_in_utc_with_milliseconds(stream: list[Event]) -> None:
    for event in stream[:5_000]:
        text = occurred(event).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert event["occurredAt"] == text


def test_a_year_until_midnight_has_no_event_of_the_day_that_begins() -> None:
    midnight = datetime(2026, 11, 25, tzinfo=ZONE)
    *_, last = events(3_000, until=midnight)
    assert midnight - timedelta(days=3) < occurred(last) < midnight


@pytest.mark.parametrize(
    ("count", "until"),
    [(-1, UNTIL), (1, datetime(2026, 11, 25)), (1, datetime(1971, 1, 1, tzinfo=UTC))],
    ids=["negative count", "no time zone", "before ids have times"],
)
def test_what_cannot_be_made_is_refused_at_once(count: int, until: datetime) -> None:
    with pytest.raises(ValueError, match="must"):
        events(count, until=until)


def test_the_default_end_is_now() -> None:
    *_, last = events(5_000)
    assert timedelta(0) < datetime.now(UTC) - occurred(last) < timedelta(days=20)


def test_events_are_made_as_they_are_taken() -> None:
    assert len(list(islice(events(10**9, until=UNTIL), 100))) == 100


# -- shapes --------------------------------------------------------------------------------


def test_every_event_has_the_shape_of_a_recorded_one(everything: list[Event]) -> None:
    recorded = {shape(json.loads(line)) for line in RECORDED.strip().splitlines()}
    engagements = [event for event in everything if event["action"] == "engage"]
    assert {shape(event) for event in everything if event["action"] != "engage"} <= recorded
    # A page that is left is named as it was when somebody came.
    pages = {shape(event)[2:] for event in everything if event["action"] == "navigate"}
    assert {shape({name: event[name] for name in event if name != "value"})[2:] for event in engagements} <= pages
    assert {type(event["value"]) for event in engagements} == {int}


def test_both_frontend_systems_speak_with_one_switch_between(stream: list[Event], the_year: Year) -> None:
    for event in stream:
        context = event["context"]
        assert isinstance(context, dict)
        is_new = occurred(event).astimezone(ZONE).date() >= the_year.new_frontend
        # A visit begun before midnight goes on in the old app.
        if occurred(event).astimezone(ZONE).hour > 1:
            assert ("extensionId" in context, "routeRef" in context) == (is_new, not is_new)


def test_a_visit_is_one_persons_and_signs_in(stream: list[Event]) -> None:
    visits = defaultdict(list)
    for event in stream:
        visits[event["sessionId"]].append(event)
    assert all(len({event["user"] for event in visit}) == 1 for visit in visits.values())
    # The last visit may be cut by the count, one at the end of time by the end.
    without = [visit for visit in visits.values() if "signIn" not in {event["action"] for event in visit}]
    assert len(without) <= 5
    assert 8 < COUNT / len(visits) < 25


def test_a_click_on_a_page_and_its_navigation_are_one_moment(stream: list[Event]) -> None:
    by_visit = defaultdict(list)
    for event in stream:
        by_visit[event["sessionId"]].append(event)
    pairs = [pair for visit in by_visit.values() for pair in pairwise(visit)]
    followed = [(a, b) for a, b in pairs if a["action"] == "click" and b["action"] == "navigate"]
    gaps = [occurred(navigate) - occurred(click) for click, navigate in followed]
    assert len(gaps) > COUNT / 5
    together = sum(gap < timedelta(milliseconds=100) for gap in gaps)
    assert together > 0.95 * len(gaps)


def test_sign_in_redirects_carry_secrets_to_be_scrubbed(stream: list[Event]) -> None:
    subjects = " ".join(str(event["subject"]) for event in stream)
    for secret in ("#access_token=", "?code=", "&code=", "#id_token=", "login_hint="):
        assert secret in subjects


# -- the calendar --------------------------------------------------------------------------


def test_easter_is_right() -> None:
    known = [date(2000, 4, 23), date(2008, 3, 23), date(2011, 4, 24), date(2024, 3, 31), date(2026, 4, 5)]
    assert [easter(day.year) for day in known] == known


def test_holidays_that_move_with_easter_are_kept() -> None:
    carnival, good_friday, corpus_christi = date(2026, 2, 17), date(2026, 4, 3), date(2026, 6, 4)
    assert {carnival, good_friday, corpus_christi, date(2026, 9, 7), date(2026, 11, 20)} <= holidays(2026)


def test_weekends_holidays_and_christmas_are_quiet(stream: list[Event], the_year: Year) -> None:
    days = per_day(stream)
    usual = COUNT / 250
    for number in range(365):
        day = the_year.day(number)
        if day.weekday() >= 5 or day in holidays(day.year):
            assert days[day] < 0.5 * usual, day
    assert days[date(2025, 12, 30)] < 0.5 * days[date(2025, 12, 9)]
    assert presence(date(2026, 6, 5)) < 0.5  # the Friday after Corpus Christi


def test_people_come_in_office_hours_and_go_to_lunch(stream: list[Event]) -> None:
    hours = Counter(occurred(event).astimezone(ZONE).hour for event in stream)
    assert sum(hours[hour] for hour in range(9, 18)) > 0.8 * COUNT
    assert hours[12] < 0.7 * min(hours[10], hours[15])
    assert hours[3] < 0.01 * COUNT


@pytest.mark.parametrize("is_office_day", [True, False])
def test_the_shares_of_a_day_add_up(is_office_day: bool) -> None:
    assert sum(slot_shares(is_office_day)) == pytest.approx(1)


def test_the_launch_is_a_step_with_a_training_week(stream: list[Event], the_year: Year) -> None:
    days = per_day(stream)

    def week(start: date) -> int:
        return sum(days[start + timedelta(days=d)] for d in range(7))

    launch = the_year.launch
    before, training, after = week(launch - timedelta(days=7)), week(launch), week(launch + timedelta(days=21))
    assert training > 1.3 * after > 1.3 * 1.3 * before


def test_nothing_was_collected_on_the_day_of_the_outage(stream: list[Event], the_year: Year) -> None:
    days = per_day(stream)
    assert the_year.outage.weekday() < 5
    assert days[the_year.outage] == 0
    assert days[the_year.outage - timedelta(days=1)] > 0


# -- the portal ----------------------------------------------------------------------------


def test_the_catalog_has_the_size_of_a_company(demo: Portal) -> None:
    assert (len(demo.people), len(demo.teams), len(demo.entities)) == (300, 25, 500)
    refs = [entity.ref for entity in demo.entities] + [person.ref for person in demo.people]
    assert len(refs) == len(set(refs))
    assert all(person.team in demo.teams for person in demo.people)


@pytest.mark.parametrize("seed", range(20))
def test_every_portal_has_docs_nobody_reads_and_no_page_twice(seed: int) -> None:
    docs = [entity.doc for entity in portal(seed).documented if entity.doc]
    assert 0.1 < sum(not doc.is_read for doc in docs) / len(docs) < 0.35
    assert all(len({page.path for page in doc.pages}) == len(doc.pages) >= 2 for doc in docs)


def test_never_read_docs_are_in_the_catalog_and_never_read(stream: list[Event], demo: Portal) -> None:
    never = [entity for entity in demo.documented if entity.doc and not entity.doc.is_read]
    reads = Counter("/".join(path(event).split("/")[:5]) for event in stream if event["action"] == "navigate")
    tabs = {path(event) for event in stream}

    def visits(entity: Entity) -> int:
        return reads[entity.doc.path if entity.doc else ""]

    assert len(never) > 15
    assert not [entity.ref for entity in never if visits(entity) or f"{entity.path}/docs" in tabs]
    assert any(entity.path in tabs for entity in never)
    assert visits(demo.documented[0]) > 0.003 * COUNT


def test_only_employees_visit_and_one_team_never_does(stream: list[Event], demo: Portal, the_year: Year) -> None:
    people = {person.ref: person for person in demo.people}
    for event in stream:
        person = people[str(event["user"])]
        day = (occurred(event).astimezone(ZONE) - timedelta(hours=3)).date()
        assert person.adopted_day <= (day - the_year.first_day).days + 1 <= person.left_day + 2
    came = Counter(people[ref].team.name for ref in {str(event["user"]) for event in stream})
    assert set(came) == {team.name for team in demo.teams} - {"legal-compliance"}
    assert len(demo.members[demo.teams[-1]]) > 1


def test_a_few_do_most_and_many_do_little(stream: list[Event]) -> None:
    by_person = [count for _, count in Counter(event["user"] for event in stream).most_common()]
    assert len(by_person) > 200
    assert sum(by_person[:60]) > 0.55 * COUNT
    assert by_person[0] < 0.1 * COUNT


def test_some_frequent_searches_find_nothing(stream: list[Event]) -> None:
    found, fruitless = Counter[str](), Counter[str]()
    for event in stream:
        if event["action"] == "search":
            (found if event["value"] else fruitless)[str(event["subject"])] += 1
    assert fruitless["vpn"] > 50
    assert len(fruitless) >= 10
    assert not fruitless.keys() & found.keys()
    assert 0.1 < fruitless.total() / (fruitless.total() + found.total()) < 0.4


def test_discoveries_name_the_rank_of_what_was_found(stream: list[Event], demo: Portal) -> None:
    pages = {f"{e.doc.path}/{page.path}" for e in demo.documented if e.doc and e.doc.is_read for page in e.doc.pages}
    paths = {entity.path for entity in demo.entities} | pages
    ranks, targets = Counter[object](), Counter[bool]()
    for event in stream:
        if event["action"] == "discover":
            ranks[event["value"]] += 1
            assert target(event) in paths
            targets[target(event) in pages] += 1
    assert ranks[1] > ranks[2] > ranks[4] > 0
    assert targets[False] > targets[True] > 0.1 * ranks.total()


def target(event: Event) -> object:
    assert isinstance(event["attributes"], dict)
    return event["attributes"]["to"]


def test_every_discovery_follows_a_search_of_its_visit_that_found_so_many(stream: list[Event]) -> None:
    searches: dict[object, Event] = {}
    for event in stream:
        if event["action"] == "search":
            searches[event["sessionId"]] = event
        elif event["action"] == "discover":
            found = searches[event["sessionId"]]["value"]
            assert isinstance(event["value"], int)
            assert isinstance(found, int)
            assert 1 <= event["value"] <= found


def test_popular_results_are_found_by_many_words_and_spellings(stream: list[Event]) -> None:
    terms: dict[object, str] = {}
    led: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in stream:
        if event["action"] == "search":
            terms[event["sessionId"]] = str(event["subject"])
        elif event["action"] == "discover":
            entity = "/".join(str(target(event)).split("/")[2:5])
            led[entity][terms[event["sessionId"]]] += 1
    most_wanted = max(led.values(), key=Counter.total)
    folded = {term.casefold() for term in most_wanted}
    assert len(most_wanted) > len(folded) >= 4


def test_docs_are_read_in_their_reader_and_on_the_tab_of_their_entity(stream: list[Event]) -> None:
    reads = [path(event).split("/") for event in stream if event["action"] == "navigate"]
    in_reader = sum(parts[1] == "docs" and len(parts) > 5 for parts in reads)
    on_tab = sum(parts[1] == "catalog" and parts[5:6] == ["docs"] and len(parts) > 6 for parts in reads)
    assert in_reader > on_tab > 0.1 * in_reader


def test_some_template_runs_are_abandoned_and_the_rest_save_time(stream: list[Event], demo: Portal) -> None:
    templates = {template.ref: template for template in demo.of_kind("template")}
    started, created = 0, 0
    for event in stream:
        context = event["context"]
        assert isinstance(context, dict)
        started += event["subject"] == "Next Step (1)"
        if event["action"] == "create":
            created += 1
            template = templates[context["entityRef"]]
            assert (event["value"], event["attributes"]) == (
                template.minutes_saved,
                {"templateSteps": template.form_steps},
            )
    assert 0.6 * started < created < 0.95 * started
