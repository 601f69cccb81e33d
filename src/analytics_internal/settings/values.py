"""The types of settings: allowed values, and the error messages for others."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from analytics_internal.event import normalise_entity_ref
from analytics_internal.listening import hosts_of
from analytics_internal.log import database_url
from analytics_internal.web_address import NoWebAddress, in_one_spelling, public

_postgres_scheme = re.compile(r"(?i:postgres(ql)?)://")
# The user, one or several hosts with their ports, the database, and parameters by name.
_postgres_host = r"(\[[0-9a-zA-Z:.%]*\]|[^\s/?#@:,\[\]]*)(:\d*)?"
_any_postgres_url = re.compile(
    rf"(?i:postgres(ql)?)://([^\s/?#@\[\]]*@)?{_postgres_host}(,{_postgres_host})*"
    r"(/[^\s?#@]*)?(\?([^\s=&#]+=[^\s&#]*(&|$))*)?"
)


SEVERAL = "several_not_allowed"
"""The type of an error that has a line for each thing that is wrong."""


def refusal(allowed: str) -> PydanticCustomError:
    """The error for a value that is not allowed; says what is."""
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def _split(value: object) -> object:
    """Lists may be written as one text, as the environment needs it: with commas, or in JSON."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):  # the only way to write an empty list: an empty variable counts as not set
        try:
            return json.loads(value)
        except ValueError:
            raise refusal('must be a list, written with commas like a, b or in JSON like ["a", "b"]') from None
    return [part.strip() for part in value.split(",") if part.strip()]


def _web(spelling: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        try:
            return spelling(value)
        except NoWebAddress:
            raise refusal("must be a URL that starts with http:// or https://") from None

    return AfterValidator(check)


def _postgres_url(value: str) -> str:
    # The driver's own message about an invalid URL may contain parts of the password.
    if _postgres_scheme.match(value) is None:
        raise refusal("must be a URL that starts with postgresql:// or postgres://")
    if _any_postgres_url.fullmatch(value) is None:
        raise refusal(
            "must be a URL like postgresql://user:password@host/database; in a password, percent-encode all but "
            "letters, digits, `-`, `.`, `_` and `~` (%40 for @)"
        )
    try:
        database_url.parse(value)
    except database_url.UnusableUrl as error:
        raise refusal(f"cannot be used: {error}") from None
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        similar = get_close_matches(value, available_timezones(), 1, 0.5)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise refusal(f"must be the IANA name of a time zone, like America/Sao_Paulo{hint}")
    return value


def _memory(value: str) -> str:
    if re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", value) is None:
        raise refusal("must be a size with its unit, like 512MB or 2GiB")
    return value


def bytes_of(size: str) -> int:
    """The bytes of a size like 512MB."""
    found = re.fullmatch(r"([\d.]+) ?([KMGT])(i?)B", size)
    assert found is not None, "a setting that was not checked"
    return int(float(found[1]) * (1024 if found[3] else 1000) ** ("KMGT".index(found[2]) + 1))


def _who(value: str) -> str:
    ref = normalise_entity_ref(value, "user")
    if value != "*" and (ref is None or not ref.startswith(("user:", "group:"))):
        raise refusal(
            "must be the entity ref of a person or a group, like user:default/ana or group:default/platform, "
            'or "*" for everyone who is signed in'
        )
    return value


def _group(value: str) -> str:
    ref = normalise_entity_ref(value, "group")
    if ref is None or not ref.startswith("group:"):
        raise refusal("must be the entity ref of a group, like group:default/platform")
    return ref


def _token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 16:
        raise refusal("must have at least 16 characters")
    return value


def _portal_token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 8 or not value.get_secret_value().isascii():
        raise refusal("must have at least 8 characters, as backend.auth.externalAccess demands")
    return value


def _list(value: object) -> object:
    """A list may be written as JSON, as the environment needs it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list):
        raise refusal('must be a list of destinations; in the environment in JSON, like [{"name": "lake", …}]')
    return value


def _destinations(given: list[Any]) -> list[Any]:
    if given:
        # Imported here: whoever has no destinations needs none of it.
        from analytics_internal.forward import UnusableDestination, configure

        try:
            configure(given)
        except UnusableDestination as error:
            # Texts alone get from here to the message.
            raise PydanticCustomError(SEVERAL, "{lines}", {"lines": "\n".join(error.lines)}) from None
    return given


def _folder(path: Path) -> Path:
    if not str(path).isascii() and sys.getfilesystemencoding() != "utf-8":
        raise refusal("must have ASCII letters only in this locale, or set LC_ALL=C.UTF-8 or PYTHONUTF8=1")
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise refusal("must be an absolute path: there is no home folder for ~") from None


def _joined(value: object) -> object:
    """Addresses may be a list, as in a file or from repeated flags."""
    is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return ", ".join(value) if is_list and isinstance(value, list) else value


def _hosts(value: str) -> str:
    if not hosts_of(value):
        raise refusal("must be an address like 127.0.0.1 or ::, or several, separated by commas")
    return value


Hosts = Annotated[str, BeforeValidator(_joined), AfterValidator(_hosts)]
# Public addresses have no user and no query; addresses that only the service uses may need both.
PublicUrl = Annotated[str, _web(public)]
OwnUrl = Annotated[str, _web(in_one_spelling)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
FolderPath = Annotated[Path, AfterValidator(_folder)]
Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Who = Annotated[list[Annotated[str, AfterValidator(_who)]], NoDecode, BeforeValidator(_split)]
Groups = Annotated[list[Annotated[str, AfterValidator(_group)]], NoDecode, BeforeValidator(_split)]
Token = Annotated[SecretStr, AfterValidator(_portal_token)]
FilePath = FolderPath
Tokens = Annotated[list[Annotated[SecretStr, AfterValidator(_token)]], NoDecode, BeforeValidator(_split)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lambda text: str(text).lower())]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Memory = Annotated[str, AfterValidator(_memory)]
Destinations = Annotated[list[Any], NoDecode, BeforeValidator(_list), AfterValidator(_destinations)]
