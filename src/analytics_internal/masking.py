"""Addresses as they are shown: without passwords and tokens."""

from __future__ import annotations

import hashlib
import re

MASK = "••••••"

_web = re.compile(r"(?i)\s*https?:")
# Up to the last @: an unescaped password may contain anything, and the text may not be a URL at all.
_password = re.compile(r"(?s)^([^:/?#@]*://|//)?([^:/?#@]*):.*@")
_user = re.compile(r"(?s)^([^:/?#@]*:?//).*@")
# The host is missing: what stands in the port's place may be a password.
_no_port = re.compile(r"^([^:/?#@]*://[^/?#@\[\]]*?):(?!\d*(?:[/?#,]|$))[^/?#]*")
# Parameters with a secret value; `sslkey` and `passfile` name files.
_secret_parameter = re.compile(
    r"(?i)(?<![^?&;\s])((?!sslkey=|passfile=)[\w.%-]*(?:pass|pwd|secret|token|key|credential|signature)[\w.%-]*)=[^&#\s]*"
)
_parameter = re.compile(r"([^?&;#=]*)=[^&;#]*|[^?&;#=]+")
_url = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*:/{1,2}[^\s\"<>`\\]+")


def masked_url(url: str) -> str:
    """An address without its secrets: the password; of a web address also the user and the values of its query.

    A text that is not an address comes back without what may be a password.
    """
    url = _no_port.sub(rf"\1:{MASK}", url) if "@" not in url else url
    if _web.match(url) is None:
        return _secret_parameter.sub(rf"\1={MASK}", _password.sub(rf"\1\2:{MASK}@", url))
    # A token may be given as the user, or in any parameter.
    bare = _user.sub(rf"\1{MASK}@", url) if _user.match(url) else _password.sub(rf"\1\2:{MASK}@", url)
    place, hash_, fragment = bare.partition("#")
    place, mark, query = place.partition("?")
    masked = _parameter.sub(lambda found: f"{found[1]}={MASK}" if found[1] is not None else MASK, query)
    return place + mark + masked + (hash_ + MASK if fragment else hash_)


def masked_text(text: str) -> str:
    """A text, like a log line or a library's message, with every address in it masked."""
    return _url.sub(_masked, text) if ":/" in text else text


def _masked(found: re.Match[str]) -> str:
    # As in `http://host:7008: no answer`, where the colon belongs to the sentence.
    address = found[0].rstrip(":")
    return masked_url(address) + found[0][len(address) :]


_MESSAGE_LENGTH = 300
_DATABASES = ("_duckdb", "duckdb", "asyncpg")
# From a quote to the last one of its kind, as a quoted text may contain quotes; and PostgreSQL's (row values).
_QUOTED = tuple(re.compile(pattern) for pattern in (r"'.*'", r'".*"', r"`.*`", r"\(.*\)"))


def fingerprint(text: str) -> str:
    """A hash that stands for a text that must not be shown."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def without_values(error: BaseException) -> str:
    """An error without values: its class, and the first line of its message without quoted parts.

    Of a database error only the class: its message may quote a statement or a row.
    """
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if name.partition(".")[0] in _DATABASES:
        return name
    line = f"{name}: {error}".strip().partition("\n")[0]
    for quoted in _QUOTED:
        line = quoted.sub("…", line)
    return line[:_MESSAGE_LENGTH]
