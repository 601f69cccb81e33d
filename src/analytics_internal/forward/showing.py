"""How a destination is configured, as it may be shown: without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, SecretBytes, SecretStr

from analytics_internal.forward.configuration import Configured, configure, options_of
from analytics_internal.forward.destination import Options
from analytics_internal.forward.secret import Secret, SecretMissing
from analytics_internal.masking import MASK, masked_text, masked_url

# Options of others' types may keep secrets in plain texts. `key` alone names a record's key.
_secret_name = re.compile(r"(?i)pass|pwd|secret|token|credential|signature|private|[a-z]_?key$|headers$")


def shown(given: Sequence[object]) -> list[dict[str, Any]]:
    """Each destination of the setting in force: common fields and options with their defaults; secrets masked.

    The values are texts, numbers, lists and fields by name. Raises UnusableDestination.
    """
    return [_shown(one) for one in configure(given)]


class Described(msgspec.Struct, frozen=True):
    """A configured destination, and where its events go: without secrets; empty if the type has no address."""

    configured: Configured
    to: str


def described(given: Sequence[object]) -> dict[str, Described]:
    """The destinations of the setting by name, in its order. Raises UnusableDestination."""
    return {one.name: Described(one, _place(options_of(one))) for one in configure(given)}


def missing_secrets(configured: Configured) -> list[str]:
    """Which secrets of a destination are not where they should be, one sentence for each. Reads files."""
    return list(_missing_in(options_of(configured)))


def _missing_in(value: object) -> Iterator[str]:
    # Imported here: whoever has no destinations needs no HTTP client.
    from analytics_internal.forward.web import WebUrl

    if isinstance(value, Secret | WebUrl):
        try:
            value.read()
        except SecretMissing as error:
            yield str(error)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _missing_in(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from _missing_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _missing_in(part)


def _place(options: Options) -> str:
    return masked_text(options.whereto())


def _shown(configured: Configured) -> dict[str, Any]:
    fields = _by_name(configured.fields)
    common: dict[str, Any] = {"name": configured.name, "type": configured.type}
    options = _by_name(options_of(configured))
    rest: dict[str, Any] = {"people": configured.people, "start": _plain(configured.start)}
    if configured.filters is not None:
        rest["filters"] = configured.filters
    if any(fields.values()):
        rest["fields"] = {name: value for name, value in fields.items() if value}
    return common | options | rest


def _by_name(model: BaseModel) -> dict[str, Any]:
    return {
        name: _masked(name, value) for name in type(model).model_fields if (value := getattr(model, name)) is not None
    }


def _masked(name: str, value: object) -> Any:
    """A value without secrets: those of the type `Secret`, and texts of options whose name says that they are."""
    if isinstance(value, Secret):
        return value.place or MASK
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, BaseModel):
        return _by_name(value)
    is_secret = _secret_name.search(name) is not None
    if isinstance(value, Mapping):
        return {key: _masked(name if is_secret else str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(name, part) for part in value]
    if is_secret and not isinstance(value, bool | int | float | None):
        return MASK
    return _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool | int | float | None):
        return value
    return masked_url(str(value)) if isinstance(value, str | Path) or "://" in str(value) else str(value)
