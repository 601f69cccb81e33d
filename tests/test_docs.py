"""What the documentation tells a reader to type works, and what it points at is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import command
from tests.service import running_service

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
READMES = ("README.md", "README.pt-BR.md")


def commands(document: Path) -> Iterator[list[str]]:
    """The lines of a document's `sh` blocks, in words."""
    for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def our_commands() -> list[tuple[str, list[str]]]:
    return [
        (str(document.relative_to(ROOT)), words[1:])
        for document in DOCUMENTS
        for words in commands(document)
        if Path(words[0]).name == "analytics-internal"
    ]


@pytest.mark.parametrize("document", READMES)
def test_the_make_targets_of_the_readme_exist(document: str) -> None:
    targets = {words[1] for words in commands(ROOT / document) if words[0] == "make"}
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("arguments", [words for _, words in our_commands() if words[0] == "serve"], ids=" ".join)
def test_a_documented_serve_has_settings_that_are_understood(arguments: list[str]) -> None:
    done = command(*arguments, *([] if "--print-config" in arguments else ["--print-config"]))
    assert done.returncode == 0, done.stderr


def test_the_other_documented_commands_run(tmp_path: Path) -> None:
    documented = [words for _, words in our_commands() if words[0] != "serve"]
    assert documented
    with running_service(tmp_path) as service:
        for words in documented:
            files = [part for word in words for part in (map(str, sorted(ROOT.glob(word))) if "*" in word else [word])]
            done = command(*files, "--url", service.url)
            assert done.returncode == 0, (words, done.stderr)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_points_at_is_there(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_files_and_targets_that_contributors_are_told_of_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    files = re.findall(r"`((?:src|backstage|tests|docs|bench|scripts)/[\w./-]+)[`,]", text)
    targets = re.findall(r"`make ([\w-]+)", text)
    makefile = (ROOT / "Makefile").read_text()
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_both_readmes_tell_the_same() -> None:
    english, portuguese = (list(commands(ROOT / name)) for name in READMES)
    assert english == portuguese
