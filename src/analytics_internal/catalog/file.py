"""A file of entities that stands for a portal's catalog: JSON lines, a JSON array, or YAML documents.

Entities have the form of ``catalog-info.yaml`` or of the catalog's API. They may say from when until when they held
(``validFrom``, ``validTo``); if one does, the file is the whole history.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from analytics_internal.catalog.entity import NotAnEntity, entity_of
from analytics_internal.catalog.source import CatalogUnavailable, Found
from analytics_internal.catalog.versions import AFTER, BEFORE, Version

MAX_BYTES = 256 << 20
LOOK_INTERVAL_S = 5.0
_TIMES = {"validFrom": BEFORE, "validTo": AFTER}
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_separator = re.compile(r"^(---([ \t].*)?|\.\.\.[ \t]*)$")
Signature = tuple[int, int, int]
Place = tuple[int, object]
"""A line, and what begins there: an entity or why there is none."""


class CatalogFile:
    """A file that is read when it has changed."""

    def __init__(self, path: Path, interval_s: float) -> None:
        self._path = path
        self._signature: Signature | None = None
        self.interval_s = min(interval_s, LOOK_INTERVAL_S)
        self.name = str(path)

    def is_same(self) -> bool:
        """Whether the file looks as when it was read."""
        try:
            return _signature_of(self._path) == self._signature
        except OSError:
            return False

    async def read(self) -> Found | None:
        """What is in the file; None when it is the same as before. Raises CatalogUnavailable."""
        try:
            signature = _signature_of(self._path)
            if signature == self._signature:
                return None
            if signature[1] > MAX_BYTES:
                raise CatalogUnavailable(f"{self.name} has more than {MAX_BYTES >> 20} MiB")
            found = await asyncio.to_thread(lambda: found_in(self._path.read_text("utf-8-sig"), self._path.suffix))
        except OSError as error:
            raise CatalogUnavailable(f"{self.name} cannot be read: {error.strerror}") from error
        except UnicodeError as error:
            raise CatalogUnavailable(f"{self.name} is not UTF-8") from error
        self._signature = signature
        return found

    def forget(self) -> None:
        self._signature = None

    async def close(self) -> None:
        pass


def _signature_of(path: Path) -> Signature:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def found_in(text: str, suffix: str = "") -> Found:
    """The entities in a file's text. What is none is refused, with its line."""
    versions: list[Version] = []
    lines: dict[str, list[tuple[Version, int]]] = {}
    refused: list[str] = []
    is_whole_history = False
    for line, found in _entities(text, suffix):
        if isinstance(found, NotAnEntity):
            refused.append(f"line {line}: {found}")
            continue
        try:
            version = _version(found)
            for other, its_line in lines.get(version.entity.ref, ()):
                if version.valid_from < other.valid_to and other.valid_from < version.valid_to:
                    raise NotAnEntity(f"{version.entity.ref} is on line {its_line} already, for the same time")
        except NotAnEntity as error:
            refused.append(f"line {line}: {error}")
            continue
        is_whole_history = is_whole_history or (isinstance(found, dict) and not _TIMES.keys().isdisjoint(found))
        versions.append(version)
        lines.setdefault(version.entity.ref, []).append((version, line))
    return Found(versions, is_whole_history, refused)


def _version(found: object) -> Version:
    entity = entity_of(found)
    assert isinstance(found, dict), "an entity is an object"
    start, end = (_instant(name, found.get(name), default) for name, default in _TIMES.items())
    if start >= end:
        raise NotAnEntity(f"{entity.ref} has a validTo that is not after its validFrom")
    return Version(entity, start, end)


def _instant(name: str, found: object, default: datetime) -> datetime:
    if found is None:
        return default
    try:
        if isinstance(found, str):
            at = datetime.fromisoformat(found)
        elif isinstance(found, datetime):
            at = found
        elif isinstance(found, date):
            at = datetime.combine(found, time())
        else:
            raise ValueError
        at = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAnEntity(f"has a {name} that is no ISO 8601 time: {str(found)[:50]!r}") from None
    if at < _FIRST:
        return BEFORE
    return AFTER if at > _LAST else at


def _entities(text: str, suffix: str) -> Iterator[Place]:
    begins_with = text.lstrip()[:1]
    if suffix.lower() in (".yaml", ".yml") or begins_with not in ("[", "{"):
        return _yaml_documents(text)
    return _json_array(text) if begins_with == "[" else _json_lines(text)


def _json_lines(text: str) -> Iterator[Place]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _json(line)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return NotAnEntity(f"is no JSON: {error}")


def _json_array(text: str) -> Iterator[Place]:
    decoder = json.JSONDecoder()
    place, line = text.index("[") + 1, 1
    counted = 0
    between = re.compile(r"[\s,]*")
    while True:
        place = _end_of(between, text, place)
        line += text.count("\n", counted, place)
        counted = place
        if text.startswith("]", place):
            return
        try:
            found, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield line, NotAnEntity(f"is no JSON, so what follows is not read: {error}")
            return
        yield line, found


def _end_of(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found is not None else place


def _yaml_documents(text: str) -> Iterator[Place]:
    """Each document by itself, so that an error in one leaves the others."""
    document: list[str] = []
    first = 1
    for number, line in enumerate([*text.splitlines(), "---"], start=1):
        if _separator.match(line) is None:
            document.append(line)
            continue
        if any(part.strip() and not part.lstrip().startswith("#") for part in document):
            skipped = next(n for n, part in enumerate(document) if part.strip() and not part.lstrip().startswith("#"))
            yield first + skipped, _yaml("\n".join(document))
        # What stands behind the dashes belongs to the document.
        document, first = [line[3:]] if line.startswith("---") else [], number


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _yaml(text: str) -> object:
    try:
        return yaml.load(text, _LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (its line {mark.line + 1})" if mark is not None else ""
        return NotAnEntity(f"is no YAML: {getattr(error, 'problem', None) or error}{where}")
