"""Secrets of destinations: written in the settings, or better in an environment variable or a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from analytics_internal.errors import AnalyticsError
from analytics_internal.masking import MASK

FORMS = 'a text, {"env": "NAME"} or {"file": "/path"}'


class SecretMissing(AnalyticsError):
    """The environment variable is not set, or the file cannot be read; the message names it."""


class Secret:
    """A secret, or where it is. It is read whenever it is needed, so a file may be replaced while the service runs."""

    def __init__(self, text: str | None = None, env: str | None = None, file: Path | None = None) -> None:
        self._text, self._env, self._file = text, env, file

    @property
    def is_written(self) -> bool:
        """Whether the secret itself is in the settings, so that it can be checked with them."""
        return self._text is not None

    def read(self) -> str:
        """The secret, without white space around it. Raises SecretMissing."""
        if self._env is not None:
            if not (found := os.environ.get(self._env, "").strip()):
                raise SecretMissing(f"the environment variable {self._env} is not set")
            return found
        if self._file is not None:
            try:
                return self._file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeError) as error:
                raise SecretMissing(f"{self._file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
        assert self._text is not None, "a secret without a place"
        return self._text

    @property
    def place(self) -> dict[str, str] | None:
        """Where the secret is, as it is written in the settings; None if it is written there itself."""
        if self._env is not None:
            return {"env": self._env}
        return {"file": str(self._file)} if self._file is not None else None

    def __repr__(self) -> str:
        """Where the secret is, never what it is."""
        if self._env is not None:
            return f"{{env: {self._env}}}"
        return f"{{file: {self._file}}}" if self._file is not None else MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._text, self._env, self._file))

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_parsed)


def _absolute(place: str) -> Path:
    """A file as the working folder and the home folder have it now."""
    with contextlib.suppress(RuntimeError):  # without a home folder `~` is a name like others
        return Path(place).expanduser().absolute()
    return Path(place).absolute()


def _parsed(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value.strip():
        return Secret(value.strip())
    if isinstance(value, dict) and len(value) == 1:
        (kind, place), *_ = value.items()
        if isinstance(place, str) and place and kind in ("env", "file"):
            return Secret(env=place) if kind == "env" else Secret(file=_absolute(place))
    raise PydanticCustomError("not_allowed", "{allowed}", {"allowed": f"must be {FORMS}"})
