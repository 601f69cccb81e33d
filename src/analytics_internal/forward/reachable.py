"""Which addresses a destination may be at. Cloud providers give credentials away to whoever asks at link-local ones."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpcore

from analytics_internal.errors import AnalyticsError

CONNECT_S = 10.0
"""How long one address of a host may take to answer before the next one is tried."""
REFUSED_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "instance-data"})
REFUSED_NETWORKS: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("169.254.0.0/16"),  # link-local; metadata of nearly every provider
    IPv4Network("100.100.100.200/32"),  # Alibaba Cloud
    IPv4Network("168.63.129.16/32"),  # Azure
    IPv4Network("192.0.0.192/32"),  # Oracle Cloud
    IPv6Network("fe80::/10"),  # link-local
    IPv6Network("fd00:ec2::/32"),  # Amazon
    IPv6Network("fd20:ce::254/128"),  # Google Cloud
    IPv6Network("fd00:42::42/128"),  # Scaleway
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_NUMBERS = re.compile(r"[0-9a-fA-FxX.]+")
_COMPATIBLE = IPv6Network("::/96")


class RefusedAddress(AnalyticsError):
    """The address is one that no destination may be at; its text names it."""


def is_refused(address: str) -> bool:
    """Whether no destination may be at an IP address, however it is spelled. False for what is no IP address."""
    found = _parsed(address.strip("[]").partition("%")[0].rstrip("."))
    return found is not None and any(one in network for one in _meanings(found) for network in REFUSED_NETWORKS)


def is_refused_name(host: str) -> bool:
    """Whether a host is refused before it is looked up."""
    return host.rstrip(".").lower() in REFUSED_NAMES or is_refused(host)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        pass
    try:  # 2852039166, 0xa9fea9fe, 0251.0376.0251.0376
        return IPv4Address(socket.inet_aton(address)) if _NUMBERS.fullmatch(address) else None
    except OSError:
        return None


def _meanings(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the IPv4 addresses that it may lead to."""
    found = [address]
    if isinstance(address, IPv6Address):
        embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _COMPATIBLE or any(address in network for network in _NAT64):
            embedded.append(IPv4Address(int(address) & 0xFFFFFFFF))
        found += [one for one in embedded if one is not None]
    return found


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked: a name that is looked up twice may have changed meanwhile."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers. Raises RefusedAddress, or what httpcore raises."""
        failure: Exception | None = None
        for address in await allowed_addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout or CONNECT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "a look-up without addresses"
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def allowed_addresses(host: str, port: int) -> list[str]:
    """The IP addresses of a host that a destination may be at.

    Raises:
        RefusedAddress: there is none. httpcore.ConnectError: the name was not found.
    """
    if is_refused_name(host):
        raise RefusedAddress(f"{host} is a link-local or metadata address, which no destination may be at")
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} was not found: {getattr(error, 'strerror', None) or error}") from error
    found = list(dict.fromkeys(str(address[0]) for *_, address in answers))
    allowed = [address for address in found if not is_refused(address)]
    if not allowed:
        raise RefusedAddress(
            f"{host} is at {', '.join(found)}, a link-local or metadata address, which no destination may be at"
        )
    return allowed
