"""How addresses are shown: without the passwords and tokens that they may hold."""

from __future__ import annotations

import hashlib
import re

MASK = "••••••"

_web = re.compile(r"(?i)\s*https?:")
# Up to the last @: a password that is not quoted may have anything in it, and what is shown may be no URL at all.
_password = re.compile(r"(?s)^([^:/?#@]*://|//)?([^:/?#@]*):.*@")
_user = re.compile(r"(?s)^([^:/?#@]*:?//).*@")
# A host that was forgotten: what stands for its port is none.
_no_port = re.compile(r"^([^:/?#@]*://[^/?#@\[\]]*?):(?!\d*(?:[/?#,]|$))[^/?#]*")
# Names of parameters whose value is a secret; `sslkey` and `passfile` are names of files.
_secret_parameter = re.compile(
    r"(?i)(?<![^?&;\s])((?!sslkey=|passfile=)[\w.%-]*(?:pass|pwd|secret|token|key|credential|signature)[\w.%-]*)=[^&#\s]*"
)
_parameter = re.compile(r"([^?&;#=]*)=[^&;#]*|[^?&;#=]+")
_url = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*:/{1,2}[^\s\"<>`\\]+")


def masked_url(url: str) -> str:
    """An address without what may be secret in it: the password, of a web address also the user and its query's values.

    What is no address at all comes back without what may be a password in it.
    """
    url = _no_port.sub(rf"\1:{MASK}", url) if "@" not in url else url
    if _web.match(url) is None:
        return _secret_parameter.sub(rf"\1={MASK}", _password.sub(rf"\1\2:{MASK}@", url))
    # A token may stand in the user's place, and in a parameter of any name.
    bare = _user.sub(rf"\1{MASK}@", url) if _user.match(url) else _password.sub(rf"\1\2:{MASK}@", url)
    place, hash_, fragment = bare.partition("#")
    place, mark, query = place.partition("?")
    masked = _parameter.sub(lambda found: f"{found[1]}={MASK}" if found[1] is not None else MASK, query)
    return place + mark + masked + (hash_ + MASK if fragment else hash_)


def masked_text(text: str) -> str:
    """A text with every address in it masked: a message of a library, a line of a log."""
    return _url.sub(lambda found: masked_url(found[0]), text) if ":/" in text else text


_MESSAGE_LENGTH = 300
_DATABASES = ("_duckdb", "duckdb", "asyncpg")
# From a quote to the last one of its kind: a quoted text may have quotes in it. And what PostgreSQL shows of a row.
_QUOTED = tuple(re.compile(pattern) for pattern in (r"'.*'", r'".*"', r"`.*`", r"\(.*\)"))


def fingerprint(text: str) -> str:
    """What a text is known by where it must not be shown: the same for the same text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def without_values(error: BaseException) -> str:
    """What an error is, without what it is about: its class, and its message's first line with nothing that is quoted.

    Of an error of a database the class alone: its message may be any part of a statement or of a row.
    """
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if name.partition(".")[0] in _DATABASES:
        return name
    line = f"{name}: {error}".strip().partition("\n")[0]
    for quoted in _QUOTED:
        line = quoted.sub("…", line)
    return line[:_MESSAGE_LENGTH]
