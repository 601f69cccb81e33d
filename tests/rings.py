"""The slower rings of the tests: what they need besides PostgreSQL and DuckDB, and how a test comes into one.

``make test-fast`` leaves these rings out. A test is in a ring by its folder, by a fixture that it uses, also through
others, or by what it starts; only ``slow`` is also written beside single tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType

import pytest

TESTS = Path(__file__).parent
FOLDERS: dict[str, set[str]] = {
    "bridge": {"workspace"},
    "crash": {"slow"},
    "insights": set(),
    "module": {"workspace", "browser"},
    "page": {"workspace", "browser", "page"},
    "walk": {"workspace", "browser"},
}
FIXTURES = {"browser": "browser", "pgbouncer": "pgbouncer"}
STARTERS = {"running_service", "ServiceProcess", "command_process", "COMMAND"}
"""What starts a service or a command of a test's own: some seconds each. Most tests of HTTP share the conftest's."""


def rings_of(folder: str, fixtures: Collection[str]) -> set[str]:
    """The rings of a test, by the first folder it stands in below ``tests`` and the names of all its fixtures."""
    return FOLDERS.get(folder, set()) | {ring for fixture, ring in FIXTURES.items() if fixture in fixtures}


def mark(items: list[pytest.Item]) -> None:
    """Give each test the markers of its rings, and say which tests must run in one process with ``pytest-xdist``.

    The tests of a file share their services.
    """
    for item, folder, fixtures in described(items):
        for ring in sorted(rings_of(folder, fixtures)):
            item.add_marker(ring)
        if starts_a_service(item):
            item.add_marker("service")
        item.add_marker(pytest.mark.xdist_group(folder if folder in FOLDERS else str(item.path)))


def described(items: Collection[pytest.Item]) -> Iterator[tuple[pytest.Item, str, Collection[str]]]:
    """Each test with its folder and its fixtures."""
    for item in items:
        assert isinstance(item, pytest.Function)
        yield item, item.path.relative_to(TESTS).parts[0], item.fixturenames


def starts_a_service(item: pytest.Item) -> bool:
    """Whether a test's function, a fixture or another function of its file that it uses names one of ``STARTERS``."""
    assert isinstance(item, pytest.Function)
    own = vars(item.module)
    waiting = {*item.fixturenames, *_names_in(inspect.unwrap(item.function).__code__)}
    seen: set[str] = set()
    while waiting:
        seen.add(name := waiting.pop())
        function = inspect.unwrap(getattr(own.get(name), "_get_wrapped_function", lambda name=name: own.get(name))())
        if inspect.isfunction(function) and function.__module__ == item.module.__name__:
            waiting |= _names_in(function.__code__) - seen
    return bool(seen & STARTERS)


def _names_in(code: CodeType) -> set[str]:
    """The names of other things that a function's code has, with those of the functions in it."""
    inner = [_names_in(part) for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*inner)
