"""No test that needs a browser, the workspace or the built page comes into the fast ring unseen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rings import FIXTURES, FOLDERS, TESTS, described, rings_of

# Only a folder of the ring and a conftest, whose fixtures bring the ring with them, import what starts these programs.
STARTERS = {
    "running_chromium": "browser",
    "running_portal": "workspace",
    "running_backend": "workspace",
    "running_pgbouncer": "pgbouncer",
}


def test_every_test_of_this_run_has_the_markers_of_its_folder_and_its_fixtures(request: pytest.FixtureRequest) -> None:
    missing = {
        item.nodeid: ring
        for item, folder, fixtures in described(request.session.items)
        for ring in rings_of(folder, fixtures)
        if item.get_closest_marker(ring) is None
    }
    assert request.session.items
    assert missing == {}


@pytest.mark.parametrize("fixture", FIXTURES)
def test_a_fixture_brings_its_ring_into_any_folder(fixture: str) -> None:
    assert FIXTURES[fixture] in rings_of("log", ["pool", fixture])
    assert rings_of("log", ["pool"]) == set()


def test_only_a_folder_of_a_ring_starts_what_the_ring_needs() -> None:
    starting = [(file, name) for file in TESTS.rglob("*.py") for name in _imported(file) if name in STARTERS]
    assert {name for _, name in starting} == set(STARTERS)
    wrong = [
        (file, name)
        for file, name in starting
        if file.name != "conftest.py" and STARTERS[name] not in FOLDERS.get(file.relative_to(TESTS).parts[0], set())
    ]
    assert wrong == []


def test_only_a_folder_of_the_workspace_looks_into_the_workspace() -> None:
    looking = {
        file.relative_to(TESTS).parts[0]
        for file in TESTS.rglob("*.py")
        if "node_modules" in file.read_text() and file != Path(__file__)
    }
    assert looking <= {folder for folder, rings in FOLDERS.items() if "workspace" in rings}


def _imported(file: Path) -> list[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return [alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
