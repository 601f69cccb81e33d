"""Types of third parties: the documented one is installed, found, and passes the conformance test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.service
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "destinations.md"
HIDDEN = {"kafka": "confluent_kafka", "nats": "nats", "otlp": "opentelemetry", "rabbitmq": "aio_pika"}
"""The types with libraries of their own, and what they import."""


def code_blocks() -> list[str]:
    """The code of the part on types of one's own, in its order."""
    _, _, part = PAGE.read_text().partition("\n## A type of your own\n")
    return re.findall(r"^```\w+\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The documented package, built and installed into a folder; and the folder with its sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    project, module, test, _ = code_blocks()
    (source / "pyproject.toml").write_text(project)
    (source / "analytics_opensearch.py").write_text(module)
    (source / "test_analytics_opensearch.py").write_text(test)
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    alone = ["--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *alone, str(source)], check=True, capture_output=True, timeout=300)
    return source, target


def run(code: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120, check=True
    )


def test_an_installed_package_adds_its_type(installed: tuple[Path, Path]) -> None:
    _, target = installed
    *_, setting = code_blocks()
    code = f"""
import yaml
from analytics_internal.forward.configuration import configure, make
(configured,) = configure(yaml.safe_load({setting!r})["destinations"])
destination = make(configured)
print(type(destination).__module__, destination.options.index)
"""
    assert run(code, target).stdout.split() == ["analytics_opensearch", "portal-events"]


def test_without_the_package_its_type_is_unknown() -> None:
    code = """
from analytics_internal.forward.configuration import UnusableDestination, type_named
try:
    type_named("opensearch")
except UnusableDestination as error:
    print(error)
"""
    assert run(code).stdout.startswith("type: unknown: opensearch; allowed are")


def test_the_documented_type_passes_the_conformance_test(installed: tuple[Path, Path]) -> None:
    source, target = installed
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_analytics_opensearch.py"],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d passed", done.stdout), done.stdout


BROKEN = {
    "raises": ("broken_type:Raises", "raise ValueError('a mistake')"),
    "missing": ("broken_type:NotThere", ""),
    "imports": ("broken_type:Imports", "import not_installed"),
    "function": ("broken_type:function", "def function(): ..."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_type_of_a_third_party_that_does_not_work_is_named(tmp_path: Path, name: str) -> None:
    place, code = BROKEN[name]
    (tmp_path / "broken_type.py").write_text(code)
    information = tmp_path / "broken_type-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-type\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[analytics_internal.destinations]\n{name} = {place}\n")
    printed = run(
        f"""
from analytics_internal.forward.configuration import UnusableDestination, configure
try:
    configure([{{"name": "mine", "type": {name!r}}}])
except UnusableDestination as error:
    print(error)
""",
        tmp_path,
    ).stdout
    assert printed.startswith(f"mine: type: {name} cannot be loaded: ")


def test_a_type_of_a_third_party_does_not_replace_one_of_ours(tmp_path: Path) -> None:
    information = tmp_path / "other-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[analytics_internal.destinations]\nwebhook = other:Webhook\n")
    code = "from analytics_internal.forward.configuration import type_named\nprint(type_named('webhook').__module__)"
    assert run(code, tmp_path).stdout.strip() == "analytics_internal.forward.destinations.webhook"


def test_a_type_whose_library_is_missing_says_which_extra_to_install() -> None:
    code = f"""
import json, sys
hidden = {HIDDEN!r}
sys.modules.update(dict.fromkeys(hidden.values()))
from analytics_internal.forward.configuration import UnusableDestination, configure
said = {{}}
for name in hidden:
    try:
        configure([{{"name": "x", "type": name}}])
    except UnusableDestination as error:
        said[name] = str(error)
print(json.dumps(said))
"""
    said = json.loads(run(code).stdout)
    assert said == {
        name: f"x: type: {name} needs a library that is not installed: "
        f"pip install 'backstage-analytics-internal[{name}]'"
        for name in HIDDEN
    }
