"""The tree of errors: its one description is complete, and so is what the documentation says of it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import analytics_internal
from analytics_internal import errors
from analytics_internal.errors import AnalyticsError, CommandError, HttpProblem, TryLater

DOCUMENTATION = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"
# Run by Alembic, and by a process of its own.
NOT_IMPORTABLE = "analytics_internal.log.schema."


def own_exceptions() -> set[type[BaseException]]:
    """Every public exception class that a module of the program defines."""
    found: set[type[BaseException]] = set()
    for module in pkgutil.walk_packages(analytics_internal.__path__, "analytics_internal."):
        if not module.name.startswith(NOT_IMPORTABLE):
            members = vars(importlib.import_module(module.name)).values()
            found |= {
                one
                for one in members
                if isinstance(one, type)
                and issubclass(one, BaseException)
                and one.__module__ == module.name
                and not one.__name__.startswith("_")
            }
    return found


def tree_of(cls: type[BaseException]) -> Iterator[tuple[str, str | None]]:
    """Each class below one, with its parent in the tree."""
    yield cls.__name__, next((base.__name__ for base in cls.__bases__ if issubclass(base, AnalyticsError)), None)
    for below in cls.__subclasses__():
        if below.__module__.startswith("analytics_internal.") and not below.__name__.startswith("_"):
            yield from tree_of(below)


def described_tree() -> Iterator[tuple[str, str | None]]:
    """The same as the module's documentation has it: `* Base`, below it its leaves and then its other bases."""
    parents: list[str] = []
    assert errors.__doc__ is not None
    for line in errors.__doc__.splitlines():
        if base := re.fullmatch(r"((?:  )*)\* (\w+)", line):
            del parents[len(base[1]) // 2 :]
            yield base[2], parents[-1] if parents else None
            parents.append(base[2])
        elif parents and line.strip():
            assert line.startswith("  " * len(parents)), line
            yield from ((leaf, parents[-1]) for leaf in re.findall(r"\w+", line))


def problems() -> list[type[HttpProblem]]:
    """The classes of problems that are answered."""
    classes = sorted(own_exceptions(), key=lambda cls: cls.__name__)
    return [cls for cls in classes if issubclass(cls, HttpProblem) and hasattr(cls, "kind")]


def test_every_error_of_the_program_is_in_the_tree() -> None:
    assert not {cls for cls in own_exceptions() if not issubclass(cls, AnalyticsError)}


def test_the_tree_is_described_in_one_place_as_it_is() -> None:
    own_exceptions()
    assert sorted(described_tree(), key=str) == sorted(tree_of(AnalyticsError), key=str)


def test_a_kind_has_one_status_and_one_title() -> None:
    said: dict[str, set[tuple[int, str]]] = {}
    for cls in problems():
        said.setdefault(cls.kind, set()).add((cls.status, cls.title))
    assert {kind for kind, pairs in said.items() if len(pairs) > 1} == set()


@pytest.mark.parametrize("cls", problems())
def test_only_what_passes_says_when_to_try_again(cls: type[HttpProblem]) -> None:
    assert (cls.status == 503) == issubclass(cls, TryLater) == (cls.retry_after_s is not None)


def test_the_documentation_names_every_kind_with_its_status_and_title() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| (.*?) \|", DOCUMENTATION.read_text(), re.M)

    assert len(rows) == len(set(rows))
    assert set(rows) == {(cls.kind, str(cls.status), cls.title) for cls in problems()}


@pytest.mark.parametrize("module", ["cli", "http/problems"])
def test_whoever_answers_names_base_classes_only(module: str) -> None:
    tree = ast.parse((Path(analytics_internal.__path__[0]) / f"{module}.py").read_text())
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    concrete = {cls.__name__ for cls in own_exceptions() if not cls.__subclasses__()}

    assert named
    assert not concrete & named


def test_a_command_ends_with_1_for_a_failure_and_2_for_a_wrong_use() -> None:
    codes = {cls.exit_code for cls in own_exceptions() if issubclass(cls, CommandError)}
    assert codes == {CommandError.exit_code, errors.WrongUse.exit_code} == {1, 2}
