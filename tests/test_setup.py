"""What `make` says on a machine that lacks something, before it installs anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = (
    "tests/nats.lock",
    "requirements.lock", "requirements-dev.lock", "backstage/yarn.lock",
    *(f"backstage/{folder}/package-lock.json" for folder in ("standalone", "newest", "tools")),
)  # fmt: skip
OTHERS = ("sh", "make", "cat", "cut", "git", "sha256sum")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with nothing installed, beside a folder ``bin`` of all the programs there are."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in OTHERS:
        (programs / name).symlink_to(str(shutil.which(name)))
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for file in ("Makefile", "pyproject.toml", *LOCKS):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    add(tmp_path, "python3", f'exec "{sys.executable}" "$@"')
    # It is asked for its version, and by a script that looks at the version itself.
    add_node(tmp_path, "22.12.0")
    add(tmp_path, "npm", "exit 1")
    return tmp_path


def add(machine: Path, name: str, script: str) -> None:
    program = machine / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def add_node(machine: Path, version: str) -> None:
    """The machine's Node, which says that it is of another version."""
    node = shutil.which("node")
    pretend = f"Object.defineProperty(process.versions, 'node', {{value: '{version}'}})"
    (machine / "version.cjs").write_text(pretend)
    script = f'[ "$1" = --version ] && echo v{version} && exit\nexec "{node}" -r "{machine}/version.cjs" "$@"'
    add(machine, "node", script)


def said(machine: Path) -> str:
    """The sentence with which `make install` ends."""
    done = subprocess.run(
        ["make", "install"],
        cwd=machine,
        env={"PATH": str(machine / "bin")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert not (machine / ".venv").exists()
    sentence, *rest = done.stderr.splitlines()
    assert [line for line in rest if not line.startswith("make")] == []
    return sentence


def needs(machine: Path) -> subprocess.CompletedProcess[str]:
    script = ["sh", ".ci/needs", "python3"]
    return subprocess.run(
        script, cwd=machine, env={"PATH": str(machine / "bin")}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("program", "named"),
    [("node", "Node.js 20.19, 22.12 or newer"), ("npm", "npm is needed"), ("python3", "Python 3.11 or newer")],
)
def test_a_program_that_is_missing_is_named_in_one_sentence(machine: Path, program: str, named: str) -> None:
    (machine / "bin" / program).unlink()
    sentence = said(machine)
    assert named in sentence
    assert f"'{program}'" in sentence


@pytest.mark.parametrize("version", ["18.20.8", "20.18.3", "21.7.3", "22.11.0"])
def test_a_node_that_cannot_build_the_page_is_named_with_its_version(machine: Path, version: str) -> None:
    add_node(machine, version)
    sentence = said(machine)
    assert "Node.js 20.19, 22.12 or newer" in sentence
    assert f"'node' is v{version}" in sentence


@pytest.mark.parametrize("version", ["20.19.0", "22.12.0", "24.11.1"])
def test_a_node_that_builds_the_page_is_enough(machine: Path, version: str) -> None:
    add_node(machine, version)
    assert needs(machine).stderr == ""


def test_a_python_that_is_too_old_is_named_with_its_version(machine: Path) -> None:
    old = f'[ "$1" = -V ] && echo Python 3.9.2 && exit\nexec "{sys.executable}" -c "raise SystemExit(1)"'
    add(machine, "python3", old)
    assert "'python3' is Python 3.9.2" in said(machine)


def test_a_python_without_venv_is_told_which_package_has_it(machine: Path) -> None:
    lacking = f'case "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"'
    add(machine, "python3", lacking)
    assert "python3-venv" in said(machine)
