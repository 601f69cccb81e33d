"""The rooms of the house: what a package is for, what others may use of it, and who may use whom."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "analytics_internal"
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
FACES = ["auth", "catalog", "embedded", "event", "forward", "log", "query", "reader", "scaffolder", "settings"]
"""The packages that others import names from. The rest are ends: nothing imports them but what starts them."""

# From the left to the right: a package imports only packages that stand before it.
CORRIDOR = ["event", "log", "catalog", "scaffolder", "reader", "query", "forward", "http", "process"]


def named_by(package: str) -> set[str]:
    """What a package names for others: what its ``__init__`` imports."""
    nodes = ast.walk(ast.parse((ROOT / package / "__init__.py").read_text()))
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names} - {"annotations"}


def imports_between_packages() -> Iterator[tuple[Path, str, str, str]]:
    """File, its package, the module that it imports from in another package, and the name."""
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).parts
        own = parts[0] if len(parts) > 1 else ""
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analytics_internal."):
                module = str(node.module).removeprefix("analytics_internal.")
                if module.partition(".")[0] in PACKAGES and module.partition(".")[0] != own:
                    yield from ((file, own, module, alias.name) for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_in_its_first_line_what_it_is_for(package: str) -> None:
    documentation = importlib.import_module(f"analytics_internal.{package}").__doc__ or ""
    assert documentation.partition("\n")[0].endswith((".", ":"))


def test_other_packages_use_what_a_package_names_and_no_more() -> None:
    used: dict[str, set[str]] = {package: set() for package in FACES}
    inside = []
    for file, _, module, name in imports_between_packages():
        package, _, submodule = module.partition(".")
        if package not in FACES:
            continue
        # A function that is called as its module can be imported from the module only.
        if submodule and submodule != name:
            inside.append(f"{file.relative_to(ROOT)}: {module}.{name}")
        elif not submodule:
            used[package].add(name)
    assert not inside, "import these from the package itself, and name them in its __init__"
    for package, names in used.items():
        assert names == named_by(package), package


def test_nothing_imports_what_comes_after_it() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file, own, module, _ in imports_between_packages()
        if own in CORRIDOR
        and (target := module.partition(".")[0]) in CORRIDOR
        and CORRIDOR.index(target) > CORRIDOR.index(own)
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["event", "demo"])
def test_pure_packages_know_no_database_and_no_network(package: str) -> None:
    foreign = {"asyncpg", "duckdb", "httpx", "starlette", "sqlalchemy", "uvicorn"}
    for file in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not foreign & {name.partition(".")[0] for name in names}, file
