from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.event.addresses import (
    Portal,
    doc_page_of,
    path_of,
    scrub,
    scrub_event,
    scrub_tree,
    stored_path,
    stored_subject,
)
from analytics_internal.event.entity_refs import entity_ref_of, normalise_entity_ref, spelled_entity_ref
from analytics_internal.event.search_terms import folded, spelling_of

AT_ROOT = Portal()
UNDER_BASE = Portal.at("https://Portal.Example/dev/")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/", "/"),
        ("/catalog", "/catalog"),
        ("/catalog/", "/catalog"),
        ("//catalog///default", "/catalog/default"),
        ("/catalog?filters[kind]=component#top", "/catalog"),
        ("/catalog#top?not=a-query", "/catalog"),
        ("https://elsewhere.example/a/b/?c=d", "https://elsewhere.example/a/b"),
        ("https://ana:secret@elsewhere.example/a", "https://elsewhere.example/a"),
        ("HTTPS://Elsewhere.Example/Path", "https://elsewhere.example/Path"),
    ],
)
def test_a_path_is_the_address_alone(address: str, path: str) -> None:
    assert AT_ROOT.normalised_path(address) == path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/dev/catalog", "/catalog"),
        ("/dev", "/"),
        ("/developers", "/developers"),
        ("https://portal.example/dev/docs?x=1", "/docs"),
        ("https://PORTAL.example/dev", "/"),
        ("https://portal.example:443/dev/docs", "/docs"),
        ("https://portal.example.evil/dev", "https://portal.example.evil/dev"),
    ],
)
def test_the_portals_own_origin_and_base_path_are_cut_off(address: str, path: str) -> None:
    assert UNDER_BASE.normalised_path(address) == path


@pytest.mark.parametrize("action", ["search", "discover"])
def test_what_a_person_typed_stays_whole(action: str) -> None:
    assert scrub(action, "/how to? #urgent", AT_ROOT) == "/how to? #urgent"
    assert path_of(action, "/how to?", {}, {}, AT_ROOT) is None


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        ("/search?query=payments&state=xyz", "/search?query=payments"),
        (
            "/catalog?filters[kind]=api&filters[user]=all&token=1",
            "/catalog?filters%5Bkind%5D=api&filters%5Buser%5D=all",
        ),
        ("/callback#access_token=abc", "/callback"),
        ("/callback?code=abc&query=#query=abc", "/callback?query="),
        ("/a?queryx=1&xquery=2", "/a"),
        ("https://ana:pw@host.example/a?mail=ana@example.com", "https://host.example/a"),
        ("Dependencies?", "Dependencies?"),
    ],
)
def test_of_a_subject_only_the_allowed_parameters_are_kept(subject: str, kept: str) -> None:
    assert scrub("navigate", subject, AT_ROOT) == kept


def test_the_allow_list_can_be_changed() -> None:
    portal = Portal.at(None, frozenset({"tab"}))

    assert scrub("navigate", "/a?tab=2&query=x", portal) == "/a?tab=2"


def test_addresses_are_scrubbed_wherever_they_stand() -> None:
    value = {"a": ["/x?code=1", {"to": "docs?code=2"}], "https://u:p@h/x?code=3": "no address?"}

    assert scrub_tree(value, AT_ROOT) == {"a": ["/x", {"to": "docs"}], "https://h/x": "no address?"}


def test_only_the_subject_of_a_whole_search_event_is_a_text() -> None:
    search = {"action": "search", "subject": "/a?b", "attributes": {"action": "search", "subject": "/a?b"}}

    assert scrub_event(search, AT_ROOT) == {**search, "attributes": {"action": "search", "subject": "/a"}}


@pytest.mark.parametrize(
    ("target", "context", "path"),
    [
        ("/docs/default/component/a?x=1", {}, "/docs/default/component/a"),
        ("docs", {"pluginId": "catalog", "entityRef": "Component:a"}, "/catalog/default/component/a/docs"),
        ("docs", {"pluginId": "techdocs", "entityRef": "component:default/a"}, None),
        ("docs", {"pluginId": "catalog"}, None),
        ("../docs", {"pluginId": "catalog", "entityRef": "component:default/a"}, None),
        ("mailto:ana@example.com", {"pluginId": "catalog", "entityRef": "component:default/a"}, None),
        (7, {}, None),
    ],
)
def test_a_click_leads_to_its_target(target: object, context: dict[str, object], path: str | None) -> None:
    assert path_of("click", "Docs", {"to": target}, context, AT_ROOT) == path


@pytest.mark.parametrize(
    ("attributes", "context", "path", "ref"),
    [
        ({}, {"entityRef": "Template:Default/Service"}, None, "template:default/service"),
        ({"kind": "Component", "namespace": "Team", "name": "A"}, {}, None, "component:team/a"),
        ({"kind": "component", "name": "a"}, {}, None, "component:default/a"),
        ({}, {}, "/catalog/default/component/a/ci-cd", "component:default/a"),
        ({}, {}, "/docs/Default/Component/A", "component:default/a"),
        ({}, {}, "/docs/default/component/a/how-to/deploy", "component:default/a"),
        ({}, {}, "/catalog/default/component/a/docs/how-to/deploy", "component:default/a"),
        ({"namespace": "default", "templateName": "Svc"}, {}, "/create/templates/default/Svc", "template:default/svc"),
        ({}, {}, "/create/tasks/1", None),
        ({}, {}, "https://elsewhere.example/catalog/default/component/a", None),
        ({}, {}, "/catalog/default/component", None),
        ({"kind": "", "name": "a"}, {"entityRef": "not a ref"}, "/catalog", None),
    ],
)
def test_an_event_concerns_the_entity_that_it_names(
    attributes: dict[str, object], context: dict[str, object], path: str | None, ref: str | None
) -> None:
    assert entity_ref_of("navigate", attributes, context, path) == ref


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        ("/docs/default/component/a/second", "component:default/a"),
        ("/catalog/default/group/guests", "group:default/guests"),
        ("https://elsewhere.example/a", None),
        (None, None),
    ],
)
def test_a_search_result_concerns_what_it_leads_to(path: str | None, ref: str | None) -> None:
    on_another_entity = {"entityRef": "component:default/other", "pluginId": "catalog"}

    assert entity_ref_of("discover", {}, on_another_entity, path) == ref


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/docs/default/component/a", "/docs/default/component/a"),
        ("/docs/default/component/a/how-to/Deploy", "/docs/default/component/a/how-to/Deploy"),
        ("/docs/Default/Component/A/Second/", "/docs/default/component/a/Second"),
        ("/docs/default/component/a/index.html", "/docs/default/component/a"),
        ("/docs/default/component/a/docs", "/docs/default/component/a/docs"),
        ("/catalog/default/component/a/docs", "/docs/default/component/a"),
        ("/catalog/default/component/a/docs/how-to/Deploy", "/docs/default/component/a/how-to/Deploy"),
        ("/catalog/default/component/a/docs/index.html", "/docs/default/component/a"),
        ("/catalog/default/component/a", None),
        ("/catalog/default/component/a/ci-cd/docs", None),
        ("/catalog/default/component/a/docs-of-old", None),
        ("/docs", None),
        ("/docs/default/component", None),
        ("/docs/default/component/a b", None),
        ("/api-docs/default/component/a", None),
        ("https://elsewhere.example/docs/default/component/a", None),
    ],
)
def test_a_page_of_documentation_is_the_same_in_the_reader_and_on_the_entitys_tab(path: str, page: str | None) -> None:
    assert doc_page_of(path) == page


@given(st.sampled_from(["/docs/default/api/A", "/catalog/default/api/A/docs", "/catalog/default/api/A"]), st.text())
def test_a_page_of_documentation_is_its_own_page_and_its_entitys(start: str, text: str) -> None:
    path = AT_ROOT.normalised_path(f"{start}/{quote(text)}")

    page = doc_page_of(path)

    assert page is None or doc_page_of(page) == page
    assert page is None or entity_ref_of("navigate", {}, {}, page) == entity_ref_of("navigate", {}, {}, path)


@pytest.mark.parametrize(
    ("term", "spelling", "common"),
    [
        ("payments api", "payments api", "payments api"),
        ("  Payments\t  API\n", "Payments API", "payments api"),
        ("\u00a0STRASSE\u3000", "STRASSE", "strasse"),
        ("straße", "straße", "strasse"),
        ("ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"),
        (" \u2003", "", ""),
    ],
)
def test_search_terms_are_compared_without_case_and_white_space(term: str, spelling: str, common: str) -> None:
    assert (spelling_of(term), folded(term)) == (spelling, common)


@given(st.text())
def test_spelling_twice_changes_nothing_and_folds_to_the_same(term: str) -> None:
    assert spelling_of(spelling_of(term)) == spelling_of(term)
    assert folded(spelling_of(term)) == folded(term) == folded(folded(term))


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("user:default/ana", "user:default/ana"),
        (" User:Default/Ana ", "user:default/ana"),
        ("user:ana", "user:default/ana"),
        ("team/ana", "user:team/ana"),
        ("ana", "user:default/ana"),
        ("", None),
        ("a b", None),
        ("a/b/c", None),
        ("user:default/", None),
        ("user:default/a\0b", None),
        ("x" * 256, None),
    ],
)
def test_refs_compare_as_backstages_do(text: str, ref: str | None) -> None:
    assert normalise_entity_ref(text, "user") == ref


@given(st.text())
def test_a_normalised_ref_is_its_own_normal_form(text: str) -> None:
    ref = normalise_entity_ref(text, "user")

    assert ref is None or normalise_entity_ref(ref) == ref


@given(st.text(), st.text(), st.text())
def test_a_normalised_path_is_its_own_normal_form(path: str, query: str, fragment: str) -> None:
    plain = Portal().normalised_path(f"/{quote(path)}?{query}#{fragment}")

    assert Portal().normalised_path(plain) == plain
    assert "?" not in plain
    assert "#" not in plain


@given(st.text(max_size=40), st.sampled_from(["/", "https://h.example/", "HTTP://u@h/", "//h/"]))
def test_scrubbing_twice_is_scrubbing_once(text: str, start: str) -> None:
    once = scrub("navigate", start + text, AT_ROOT)

    assert scrub("navigate", once, AT_ROOT) == once


@given(st.text("ab=&%+[]41query filters?", max_size=200))
def test_the_kept_parameters_are_those_of_the_standard_library(query: str) -> None:
    found = parse_qsl(query, keep_blank_values=True, errors="replace")
    kept = [(name, value) for name, value in found if name.partition("[")[0] in Portal().kept_query_parameters]

    assert scrub("navigate", f"/p?{query}", Portal()) == (f"/p?{urlencode(kept)}" if kept else "/p")


def test_of_more_parameters_than_an_address_has_the_rest_is_cut() -> None:
    many = "&".join(f"query={number}" for number in range(10_000))
    late = "a&" * 10_000 + "query=late"

    assert scrub("navigate", f"/p?{many}", Portal()).count("query=") == 50
    assert scrub("navigate", f"/p?{late}", Portal()) == "/p"


@pytest.mark.parametrize(
    "address",
    [
        "javascript://%0aalert(1)", "JavaScript://x", "vbscript://x", "file:///etc/passwd", "data://text/html,x",
        "ftp://h.example/a", "//evil.example/a", "/\\evil.example", "/\t/evil.example", "/a\nb", "https://\\evil.example",
        "https:///evil.example", "java\tscript://x", "http://", "blob:https://h.example/1", "/\x00/evil.example",
    ],
)  # fmt: skip
def test_what_leads_to_no_page_is_no_path(address: str) -> None:
    assert path_of("click", address, {}, {}, AT_ROOT) is None
    assert path_of("click", "Docs", {"to": address}, {}, AT_ROOT) is None
    assert path_of("click", "x", {"to": address}, {"pluginId": "catalog", "entityRef": "component:a"}, AT_ROOT) is None


@pytest.mark.parametrize("target", ["\\evil.example", "a\\..\\b", "java\tscript:alert(1)", "a\nb"])
def test_a_relative_target_leads_nowhere_else(target: str) -> None:
    context = {"pluginId": "catalog", "entityRef": "component:default/a"}

    assert path_of("click", "Docs", {"to": target}, context, AT_ROOT) is None


def test_a_router_may_be_at_a_path_that_begins_with_two_slashes() -> None:
    assert path_of("navigate", "//catalog", {}, {}, AT_ROOT) == "/catalog"
    assert path_of("navigate", "//\\evil.example", {}, {}, AT_ROOT) is None
    assert path_of("navigate", "/dev/\\evil.example", {}, {}, UNDER_BASE) is None
    assert path_of("click", "https://portal.example/dev/\\evil.example", {}, {}, UNDER_BASE) is None
    assert path_of("click", "/docs?a=line\nbreak", {}, {}, AT_ROOT) == "/docs"


@pytest.mark.parametrize(
    "address",
    ["/docs/default/component/caf%C3%A9/", "/docs//default/component/caf%c3%a9", "/docs/default/component/cafe\u0301",
     "https://portal.example/dev/docs/default/component/caf%C3%A9?x#y", "/dev/d%6Fcs/default/component/café"],
)  # fmt: skip
def test_one_page_is_one_path_page_and_entity(address: str) -> None:
    path = path_of("click", "Docs", {"to": address}, {}, UNDER_BASE)

    assert path == "/docs/default/component/café"
    assert doc_page_of(path) == path
    assert entity_ref_of("click", {}, {}, path) == "component:default/café"
    assert entity_ref_of("click", {}, {"entityRef": "Component:caf%C3%A9"}, None) == "component:default/café"
    assert entity_ref_of("click", {"kind": "component", "name": "CAF%C3%89"}, {}, None) == "component:default/café"


def test_the_portals_base_path_is_spelled_the_same_way() -> None:
    portal = Portal.at("https://portal.example/caf%C3%A9/")

    assert portal.normalised_path("/café/docs") == portal.normalised_path("/caf%c3%a9/docs") == "/docs"


@pytest.mark.parametrize("term", ["caf%C3%A9", "caf%c3%a9", "CAFÉ", "cafe\u0301", " caf%C3%A9%20"])
def test_one_search_term_is_one_in_every_spelling(term: str) -> None:
    assert folded(term) == "café"


odd_pieces = st.sampled_from(["/", "%", "%4", "\ufb00", "%2F", "%c3%a9", "e\u0301", "İ", "\u212a", "a", " ", "%FF"])


@given(st.lists(odd_pieces, max_size=9).map("".join))
def test_every_derived_name_is_its_own_normal_form(text: str) -> None:
    path = stored_path("/" + text)
    ref = spelled_entity_ref(f"component:default/{text}")

    assert path is None or stored_path(path) == path
    assert stored_subject("navigate", stored_subject("navigate", text)) == stored_subject("navigate", text)
    assert ref is None or spelled_entity_ref(ref) == ref
    assert folded(folded(text)) == folded(text)
    assert spelling_of(spelling_of(text)) == spelling_of(text)
