"""Web addresses in normal form: two that are the same for a browser become the same text."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from analytics_internal.errors import AnalyticsError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class NoWebAddress(AnalyticsError):
    """The text is not a URL that starts with http:// or https://."""


def in_one_spelling(url: str) -> str:
    """A web address with scheme and host in lower case, without default port, last slash and fragment.

    User and query stay. Raises NoWebAddress.
    """
    parts = _parts_of(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit((parts.scheme, user + _host_and_port(parts), parts.path.rstrip("/"), parts.query, ""))


def public(url: str) -> str:
    """The same without user and query, so that others may see it. Raises NoWebAddress."""
    parts = _parts_of(url)
    return urlunsplit((parts.scheme, _host_and_port(parts), parts.path.rstrip("/"), "", ""))


def origin_of(url: str) -> str:
    """Scheme, host and port as browsers write them in the header ``Origin``. Raises NoWebAddress."""
    parts = _parts_of(url)
    return f"{parts.scheme}://{_host_and_port(parts)}"


def _parts_of(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:  # brackets without an IPv6 address, a port that is not a number
        raise NoWebAddress from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or re.search(r"[\s\\]", parts.netloc):
        raise NoWebAddress
    return parts


def _host_and_port(parts: SplitResult) -> str:
    host = _host(parts.hostname or "")
    return host if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{parts.port}"


def _host(name: str) -> str:
    if ":" in name:
        try:
            return f"[{ip_address(name)}]"
        except ValueError:
            return f"[{name}]"
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise NoWebAddress from None
