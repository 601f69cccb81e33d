"""Where the service listens: one or several addresses, on one port."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from analytics_internal.errors import CommandError

BACKLOG = 2048
# With port 0 the system chooses a free port of the first address; at another address it may be taken.
FREE_PORT_ATTEMPTS = 20
_EVERY_IPV4, _EVERY_IPV6 = "0.0.0.0", "::"
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

# A family and what `bind` takes for it.
_Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class CannotListen(CommandError):
    """An address to listen on is taken or does not belong to this machine; the message says which."""


def hosts_of(host: str) -> list[str]:
    """The addresses and names in the setting ``host``, each once; an IPv6 address may be in brackets."""
    found = [re.sub(r"^\[(.*)\]$", r"\1", part) for part in re.split(r"[,\s]+", host) if part]
    return list(dict.fromkeys(map(_plain, found)))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or name."""
    try:
        return ip_address(_plain(host)).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@contextlib.contextmanager
def listeners(host: str, port: int) -> Iterator[list[socket.socket]]:
    """The sockets to listen on, closed at the end of the context. All have the same port, also with port 0.

    ``::`` includes IPv4. Raises CannotListen when an address is taken or does not belong to this machine.
    """
    with contextlib.ExitStack() as stack:
        yield _bound_somewhere(hosts_of(host), port, stack)


def url_of(listener: socket.socket) -> str:
    """The URL of this socket, with a last slash."""
    name, port, *_ = listener.getsockname()
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


def own_url_of(listener: socket.socket) -> str:
    """The URL for this machine: nobody can connect to 0.0.0.0 or ::, so it names the loopback address instead."""
    url = url_of(listener)
    return url.replace(f"//{_EVERY_IPV4}:", "//127.0.0.1:").replace(f"//[{_EVERY_IPV6}]:", "//127.0.0.1:")


class _Taken(Exception):
    """The port is taken at an address; the message says so."""


def _bound_somewhere(hosts: Sequence[str], port: int, stack: contextlib.ExitStack) -> list[socket.socket]:
    for _ in range(FREE_PORT_ATTEMPTS if port == 0 else 1):
        try:
            return _bound(hosts, port, stack)
        except _Taken as error:
            stack.close()
            problem = str(error)
    raise CannotListen(problem)


def _bound(hosts: Sequence[str], port: int, stack: contextlib.ExitStack) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    for host in hosts:
        if not _is_covered(host, hosts):
            of_host = _bound_to(host, sockets[0].getsockname()[1] if sockets else port, sockets)
            sockets += [stack.enter_context(listener) for listener in of_host]
    return sockets


def _is_covered(host: str, hosts: Sequence[str]) -> bool:
    """Whether another host includes this one: binding both would fail."""
    if host == _EVERY_IPV6:
        return False
    if _EVERY_IPV6 in hosts:
        return True
    return host != _EVERY_IPV4 and _EVERY_IPV4 in hosts and isinstance(_address(host), IPv4Address)


def _bound_to(host: str, port: int, others: Sequence[socket.socket]) -> list[socket.socket]:
    """The sockets of one host. Of a name's addresses at least one must belong to this machine."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        taken = {listener.getsockname()[0] for listener in others}
        for family, place in _places(host, port):
            if place[0] in taken or (family == socket.AF_INET and _EVERY_IPV4 in taken):
                continue
            chosen = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_socket(family, (place[0], chosen, *place[2:])))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if not sockets and missing is not None:
            raise missing
    except OSError as error:
        for listener in sockets:
            listener.close()
        raise _error_of(error, host, port) from error
    return sockets


def _places(host: str, port: int) -> list[_Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # IPv4 first: the first address is printed, and most clients use IPv4.
    return sorted(((family, place) for family, _, _, _, place in found), key=lambda one: one[0])  # type: ignore[misc]


def _socket(family: socket.AddressFamily, place: tuple[str | int, ...]) -> socket.socket:
    is_for_both = place[0] == _EVERY_IPV6 and socket.has_dualstack_ipv6()
    return socket.create_server(place, family=family, backlog=BACKLOG, dualstack_ipv6=is_for_both)


def _error_of(error: OSError, host: str, port: int) -> Exception:
    said = error.strerror or str(error)
    # `create_server` repeats the address in its message.
    text = f"cannot listen on {host}:{port}: {said.partition(' (while')[0]}; choose another --host or --port"
    return _Taken(text) if error.errno == errno.EADDRINUSE else CannotListen(text)


def _plain(host: str) -> str:
    """An address in its normal form; a name unchanged."""
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address is not None else host


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
