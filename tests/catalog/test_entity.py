"""What is kept of an entity, in both forms that Backstage has for it."""

from __future__ import annotations

import pytest

from analytics_internal.catalog.entity import NotAnEntity, entity_of, minutes_of
from analytics_internal.catalog.versions import Version, rows_of
from tests.catalog.kept import Json, entity


def related(kind: str, name: str, *relations: tuple[str, str], **spec: object) -> Json:
    """An entity as the catalog's API gives it."""
    found = [{"type": type_, "targetRef": target} for type_, target in relations]
    return {**entity(kind, name), "spec": spec, "relations": found}


def test_a_document_and_the_api_say_the_same() -> None:
    document = entity("Component", "web", type="website", lifecycle="production", owner="Core", system="Shop")
    made = related("Component", "web", ("ownedBy", "group:default/core"), ("partOf", "system:default/shop"),
                   ("dependsOn", "resource:default/db"), type="website", lifecycle="production")  # fmt: skip
    assert entity_of(document) == entity_of(made)
    assert entity_of(document).owner == "group:default/core"
    assert entity_of(document).system == "system:default/shop"


def test_references_of_a_document_are_of_its_namespace() -> None:
    document = entity("User", "Ana", memberOf=["Core", "group:other/Guild", "Team:with:colons"])
    document["metadata"]["namespace"] = "Payments"
    kept = entity_of(document)
    assert (kept.ref, kept.shown_ref) == ("user:payments/ana", "user:Payments/Ana")
    assert kept.groups == {"group:payments/core", "group:other/guild"}


def test_memberships_come_from_both_sides_and_from_parents_and_children() -> None:
    versions = [
        Version(entity_of(one))
        for one in (
            related("User", "ana", ("memberOf", "group:default/core")),
            related("Group", "core", ("hasMember", "user:default/ana"), ("hasMember", "user:default/bo"),
                    ("childOf", "group:default/platform")),
            related("Group", "platform", ("parentOf", "group:default/core"), ("parentOf", "group:default/data")),
        )
    ]  # fmt: skip
    assert [row[:2] for row in rows_of(versions).memberships] == [
        ("group:default/core", "group:default/platform"),
        ("group:default/data", "group:default/platform"),
        ("user:default/ana", "group:default/core"),
        ("user:default/bo", "group:default/core"),
    ]


def test_the_title_of_people_is_their_display_name() -> None:
    ana = entity("User", "ana", title="the user", profile={"displayName": " Ana  Souza "})
    assert entity_of(ana).title == "Ana  Souza"
    assert entity_of(entity("Component", "web", title="The shop")).title == "The shop"
    assert entity_of(entity("Component", "web", title="a\x00b\ud800")).title == "a\ufffdb\ufffd"


@pytest.mark.parametrize("annotation", ["backstage.io/techdocs-ref", "backstage.io/techdocs-entity"])
def test_an_entity_with_an_annotation_has_docs(annotation: str) -> None:
    with_docs = entity("Component", "web")
    with_docs["metadata"]["annotations"] = {annotation: "dir:."}
    assert entity_of(with_docs).has_docs
    assert not entity_of(entity("Component", "web")).has_docs


@pytest.mark.parametrize(
    ("duration", "minutes"),
    [("PT4H", 240), ("PT30M", 30), ("P1DT2H", 1560), ("P1W", 10080), ("PT1.5H", 90), ("PT90S", 1.5), ("pt4h", 240),
     ("P1M", None), ("P1Y", None), ("P", None), ("PT", None), ("4 hours", None), (240, None), (None, None)],
)  # fmt: skip
def test_the_time_that_a_template_saves_is_a_duration(duration: object, minutes: float | None) -> None:
    assert minutes_of(duration) == minutes


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "is no object"),
        ({"kind": "User"}, "has no metadata.name"),
        ({"metadata": {"name": "x"}}, "has no kind"),
        ({"kind": "User", "metadata": {"name": "a b"}}, "make no ref"),
        ({"kind": "User", "metadata": {"name": "x" * 300}}, "make no ref"),
        ({"kind": 5, "metadata": "x"}, "has no kind"),
    ],
)
def test_what_is_no_entity_is_refused_with_a_reason(found: object, why: str) -> None:
    with pytest.raises(NotAnEntity, match=why):
        entity_of(found)


def test_nonsense_in_fields_that_are_kept_is_left_out() -> None:
    metadata = {"name": "x", "tags": "t", "annotations": 3, "title": []}
    spec = {"owner": [["a"], 1], "type": 1, "system": "a:b:c"}
    kept = entity_of({"kind": "Component", "metadata": metadata, "spec": spec})
    assert kept == entity_of({"kind": "Component", "metadata": metadata, "relations": [1, {"type": "ownedBy"}]})
    assert kept.tags == ()
    assert (kept.title, kept.type, kept.owner, kept.system) == (None, None, None, None)
