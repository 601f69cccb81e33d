"""The file that stands for a catalog: its forms, its times, and what is wrong in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_internal.catalog.file import CatalogFile, found_in
from analytics_internal.catalog.source import CatalogUnavailable
from analytics_internal.catalog.versions import AFTER, BEFORE
from tests.catalog.kept import entity, user

WHOLE = [entity("Component", "web", owner="core"), user("ana", "core"), entity("Group", "core", children=[])]
YAML = """
# a comment
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec: {owner: core}
--- # the next
kind: User
metadata:
  name: ana
spec:
  memberOf: [core]
---
kind: Group
metadata: {name: core}
spec: {children: []}
...
"""


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("\n".join(map(json.dumps, WHOLE)), ".jsonl"),
        ("\n\n".join(map(json.dumps, WHOLE)) + "\n", ""),
        (json.dumps(WHOLE), ".json"),
        (json.dumps(WHOLE, indent=2), ""),
        (YAML, ".yaml"),
        (YAML, ""),
    ],
)
def test_every_form_says_the_same(text: str, suffix: str) -> None:
    found = found_in(text, suffix)
    assert found.refused == []
    assert [version.entity.ref for version in found.versions] == [
        "component:default/web", "user:default/ana", "group:default/core",
    ]  # fmt: skip
    assert found.versions[1].entity.groups == {"group:default/core"}
    assert not found.is_whole_history


def test_times_make_it_a_history() -> None:
    lines = [
        {**user("ana", "core"), "validTo": "2026-03-01"},
        {**user("ana", "platform"), "validFrom": "2026-03-01T00:00:00Z", "validTo": "2026-04-01T02:00:00+02:00"},
        user("bo"),
    ]
    found = found_in("\n".join(map(json.dumps, lines)))
    assert found.is_whole_history
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    times = [(one.valid_from, one.valid_to) for one in found.versions]
    assert times == [(BEFORE, march), (march, april), (BEFORE, AFTER)]


def test_yaml_knows_times_by_itself() -> None:
    found = found_in(
        "kind: User\nmetadata: {name: ana}\nvalidFrom: 2026-03-01\nvalidTo: 2026-04-01T00:00:00Z\n", ".yml"
    )
    assert [(one.valid_from.month, one.valid_to.month) for one in found.versions] == [(3, 4)]


def test_what_is_wrong_is_named_with_its_line_and_the_rest_is_taken() -> None:
    lines = [
        json.dumps(user("ana")),
        "{broken",
        json.dumps({"kind": "User"}),
        json.dumps(user("Ana")),
        json.dumps({**user("bo"), "validFrom": "yesterday"}),
        json.dumps({**user("cy"), "validFrom": "2026-03-02", "validTo": "2026-03-01"}),
        json.dumps(user("di")),
    ]
    found = found_in("\n".join(lines))
    assert [one.entity.ref for one in found.versions] == ["user:default/ana", "user:default/di"]
    assert [reason.partition(" ")[2].partition(" ")[0] for reason in found.refused] == ["2:", "3:", "4:", "5:", "6:"]
    assert found.refused[1] == "line 3: has no metadata.name"
    assert found.refused[2] == "line 4: user:default/ana is on line 1 already, for the same time"
    assert "validFrom that is no ISO 8601 time: 'yesterday'" in found.refused[3]


def test_a_broken_document_or_element_leaves_the_others() -> None:
    broken = YAML.replace("memberOf: [core]", "memberOf: [core")
    found = found_in(broken, ".yaml")
    assert [one.entity.ref for one in found.versions] == ["component:default/web", "group:default/core"]
    assert found.refused[0].startswith("line 9: is no YAML")
    found = found_in('[\n{"kind": 1},\n{"kind": "User", "metadata": {"name": "ana"}},\n{"kind": }\n]')
    assert [one.entity.ref for one in found.versions] == ["user:default/ana"]
    assert [reason[:7] for reason in found.refused] == ["line 2:", "line 4:"]


async def test_it_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "catalog.jsonl"
    source = CatalogFile(path, 300)
    with pytest.raises(CatalogUnavailable, match="cannot be read: No such file"):
        await source.read()
    path.write_text(json.dumps(user("ana")))
    first = await source.read()
    assert first is not None
    assert len(first.versions) == 1
    assert source.is_same()
    assert await source.read() is None
    path.write_text("\n".join(map(json.dumps, WHOLE)))
    assert not source.is_same()
    second = await source.read()
    assert second is not None
    assert len(second.versions) == 3
    source.forget()
    assert await source.read() is not None


async def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_bytes("kind: Größe".encode("latin-1"))
    with pytest.raises(CatalogUnavailable, match="is not UTF-8"):
        await CatalogFile(path, 300).read()
