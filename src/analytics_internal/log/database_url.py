"""Parse database URLs. Pure.

Each option that libpq knows is honoured, ignored as harmless, or refused by name. Any other option is a setting of the
session, like ``search_path`` or ``role``.
"""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from analytics_internal.errors import AnalyticsError

APPLICATION_NAME = "analytics-internal"
CONNECT_TIMEOUT_S = 60.0
# Options that asyncpg reads from the URL itself.
DRIVERS = frozenset({
    "host", "port", "dbname", "database", "user", "password", "passfile", "service", "sslmode", "sslnegotiation",
    "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "ssl_min_protocol_version",
    "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib",
})  # fmt: skip
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
    "gsslib": ("gssapi", "sspi"),
    "ssl_min_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
}
# Options that the driver lacks: the values that are harmless to ignore, and why others cannot be honoured.
HARMLESS = {
    "channel_binding": (("disable", "prefer"), "the driver has no channel binding"),
    "gssencmode": (("disable", "prefer"), "the driver has no GSSAPI encryption"),
    "gssdelegation": (("0",), "the driver delegates no credentials"),
    "client_encoding": (("utf8", "utf-8", "unicode", "auto"), "the service speaks UTF-8"),
    "sslcompression": (("0",), "the driver does not compress"),
    "sslsni": (("1",), "the driver always names the host"),
    "sslcertmode": (("allow", "disable"), "the driver cannot demand that the server asks for the certificate"),
    "requiressl": (("0",), "sslmode=require says the same"),
    "load_balance_hosts": (("disable", "random"), "the driver tries the hosts in their order"),
    "require_auth": (("",), "the driver uses the authentication method that the server asks for"),
    "min_protocol_version": (("3.0",), "the driver speaks version 3.0 of the protocol"),
    "max_protocol_version": (("3.0", "3.2", "latest"), "the driver speaks version 3.0 of the protocol"),
    "replication": (("false", "off", "no", "0"), "the service does not replicate"),
}
REFUSED = {
    "requirepeer": "the driver cannot check which user runs the server",
    "sslcrldir": "name one file in sslcrl",
    "sslkeylogfile": "set the variable SSLKEYLOGFILE",
    "scram_client_key": "give the password",
    "scram_server_key": "give the password",
    "oauth_issuer": "the driver has no OAuth",
    "oauth_client_id": "the driver has no OAuth",
    "oauth_client_secret": "the driver has no OAuth",
    "oauth_scope": "the driver has no OAuth",
}
# Options of the connection's socket: (constant, factor). Not every platform has each constant.
SOCKET = {
    "keepalives_idle": ("TCP_KEEPIDLE", 1),
    "keepalives_interval": ("TCP_KEEPINTVL", 1),
    "keepalives_count": ("TCP_KEEPCNT", 1),
    "tcp_user_timeout": ("TCP_USER_TIMEOUT", 1),
}
FILES = {
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "passfile": "PGPASSFILE",
}
SYSTEM_CERTIFICATES = "system"


class UnusableUrl(AnalyticsError):
    """An option of the URL cannot be honoured; the message names the option, never a secret value."""


class DatabaseUrl(msgspec.Struct, frozen=True):
    """A parsed database URL."""

    dsn: str
    """The URL for the driver, with only the options that it knows."""
    settings: dict[str, str]
    """Settings of every session, by name."""
    application_name: str
    connect_timeout_s: float
    socket_options: tuple[tuple[int, int, int], ...]
    """Level, option and value of each."""
    servicefile: str | None
    trusts_system_certificates: bool
    has_many_hosts: bool
    place: str
    """The server's name in error messages."""


def parse(url: str) -> DatabaseUrl:
    """Parse a database URL. Raises UnusableUrl: an option cannot be honoured, or its value is invalid."""
    parts = urlsplit(url)
    # Like libpq: an empty option counts as not given, and the last of a repeated one wins.
    options = {name: value for name, value in parse_qsl(parts.query, keep_blank_values=True) if value.strip()}
    _check(options)
    hosts = options.get("host") or parts.netloc.rpartition("@")[2]
    kept = {name: value for name, value in options.items() if name in DRIVERS}
    if "hostaddr" in options:
        if options.get("sslmode") == "verify-full":
            raise UnusableUrl("hostaddr: cannot be used with sslmode=verify-full; leave it out")
        parts = parts._replace(netloc=_with_host(parts.netloc, options["hostaddr"]))
        kept.pop("host", None)
    trusts_system = kept.get("sslrootcert") == SYSTEM_CERTIFICATES
    if trusts_system:
        if kept.get("sslmode", "verify-full") != "verify-full":
            raise UnusableUrl("sslrootcert: system needs sslmode=verify-full")
        del kept["sslrootcert"]
        kept.pop("sslmode", None)
    names = _session_options(options.pop("options", ""))
    known = {*DRIVERS, *HARMLESS, *SOCKET, "keepalives", "hostaddr", "connect_timeout", "servicefile"}
    names |= {name: value for name, value in options.items() if name not in known}
    fallback_name = names.pop("fallback_application_name", APPLICATION_NAME)
    return DatabaseUrl(
        dsn=urlunsplit(parts._replace(query=urlencode(kept, quote_via=quote), fragment="")),
        application_name=names.pop("application_name", fallback_name),
        settings=names,
        connect_timeout_s=_connect_timeout(options),
        socket_options=tuple(_socket_options(options)),
        servicefile=options.get("servicefile"),
        trusts_system_certificates=trusts_system,
        has_many_hosts="," in hosts,
        place=f"PostgreSQL at {unquote(hosts) or options.get('service') or 'the default place'}",
    )


def missing_file(url: str) -> str | None:
    """The error message for the first file, named by the URL or the environment, that cannot be read; else None."""
    options = dict(parse_qsl(urlsplit(url).query))
    for option, variable in FILES.items():
        name = options.get(option) or os.environ.get(variable)
        if not name or (option == "sslrootcert" and name == SYSTEM_CERTIFICATES):
            continue
        try:
            with Path(name).open("rb"):
                pass
        except OSError as error:
            return f"{option if option in options else variable}: {name}: {error.strerror}"
    return None


def _check(options: dict[str, str]) -> None:
    for name, value in options.items():
        if name in REFUSED:
            raise UnusableUrl(f"{name}: cannot be honoured: {REFUSED[name]}")
        allowed = CHOICES.get(name)
        if allowed is not None and value.replace("_", "-") not in allowed:
            raise UnusableUrl(f"{name}: must be one of {', '.join(allowed)}")
        if name in HARMLESS:
            harmless, why = HARMLESS[name]
            if value.lower() not in harmless:
                instead = f"allowed is {' or '.join(harmless)}" if any(harmless) else "leave it out"
                raise UnusableUrl(f"{name}: cannot be honoured: {why}; {instead}")


def _connect_timeout(options: dict[str, str]) -> float:
    seconds = _whole_number(options, "connect_timeout")
    if seconds is None:
        return CONNECT_TIMEOUT_S
    # Like libpq: 0 or less means no limit; else at least two seconds.
    return float(max(2, seconds)) if seconds > 0 else float(10**6)


def _socket_options(options: dict[str, str]) -> Iterator[tuple[int, int, int]]:
    is_kept_alive = _whole_number(options, "keepalives") != 0
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(is_kept_alive)
    for name, (constant, factor) in SOCKET.items():
        value = _whole_number(options, name)
        # Like libpq: 0, or an option that the platform lacks, means the system's default.
        if value is not None and value > 0 and hasattr(socket, constant):
            yield socket.IPPROTO_TCP, getattr(socket, constant), value * factor


def _whole_number(options: dict[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise UnusableUrl(f"{name}: must be a whole number") from None


def _session_options(text: str) -> dict[str, str]:
    """The settings of ``options``, as ``-c search_path=usage`` or ``--search_path=usage``."""
    try:
        words = iter(shlex.split(text))
    except ValueError:
        raise _unreadable_options() from None
    settings = {}
    for word in words:
        if word == "-c":
            setting = next(words, "")
        elif word.startswith(("-c", "--")):
            setting = word[2:]
        else:
            raise _unreadable_options()
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise _unreadable_options()
        settings[name.replace("-", "_")] = value
    return settings


def _unreadable_options() -> UnusableUrl:
    return UnusableUrl("options: must be settings of the session, like -c search_path=usage")


def _with_host(netloc: str, address: str) -> str:
    user, at, host = netloc.rpartition("@")
    port = host.rpartition(":")[2] if ":" in host and not host.endswith("]") else ""
    shown = f"[{address}]" if ":" in address else address
    return f"{user}{at}{shown}" + (f":{port}" if port else "")
