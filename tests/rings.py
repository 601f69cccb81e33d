"""The slower rings of the tests: what they need besides PostgreSQL and DuckDB, and how a test comes into one.

``make test-fast`` leaves these rings out. A test is in a ring by its folder or by a fixture that it uses, also through
others; only ``slow`` is also written beside single tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FOLDERS = {
    "bridge": {"workspace"},
    "crash": {"slow"},
    "module": {"workspace", "browser"},
    "page": {"workspace", "browser", "page"},
    "walk": {"workspace", "browser"},
}
FIXTURES = {"browser": "browser", "pgbouncer": "pgbouncer"}


def rings_of(folder: str, fixtures: Collection[str]) -> set[str]:
    """The rings of a test, by the first folder it stands in below ``tests`` and the names of all its fixtures."""
    return FOLDERS.get(folder, set()) | {ring for fixture, ring in FIXTURES.items() if fixture in fixtures}


def mark(items: list[pytest.Item]) -> None:
    """Give each test the markers of its rings, and say which tests must run in one process with ``pytest-xdist``.

    The tests of a file share their services. A property test is long and shares nothing but the session's.
    """
    for item, folder, fixtures in described(items):
        for ring in sorted(rings_of(folder, fixtures)):
            item.add_marker(ring)
        if item.get_closest_marker("hypothesis") is None:
            item.add_marker(pytest.mark.xdist_group(folder if folder in FOLDERS else str(item.path)))


def described(items: Collection[pytest.Item]) -> Iterator[tuple[pytest.Item, str, Collection[str]]]:
    """Each test with its folder and its fixtures."""
    for item in items:
        assert isinstance(item, pytest.Function)
        yield item, item.path.relative_to(TESTS).parts[0], item.fixturenames
