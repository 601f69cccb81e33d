"""Where the service listens: one or several addresses, IPv4 and IPv6, on one port."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from analytics_internal.listening import CannotListen, hosts_of, is_loopback, listeners, own_url_of, url_of


def _can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "reachable"),
    [
        ("127.0.0.1", {"127.0.0.1"}),
        ("::1", {"::1"}),
        ("[::1]", {"::1"}),
        ("::ffff:127.0.0.1", {"127.0.0.1"}),
        ("::", {"127.0.0.1", "127.0.0.2", "::1"}),
        ("0:0:0:0:0:0:0:0", {"127.0.0.1", "127.0.0.2", "::1"}),
        ("0.0.0.0", {"127.0.0.1", "127.0.0.2"}),
        ("127.0.0.1,::1", {"127.0.0.1", "::1"}),
        ("::1 127.0.0.2", {"127.0.0.2", "::1"}),
        ("::, 127.0.0.1, ::1", {"127.0.0.1", "127.0.0.2", "::1"}),
        ("127.0.0.1, 0.0.0.0", {"127.0.0.1", "127.0.0.2"}),
        ("0.0.0.0, ::", {"127.0.0.1", "127.0.0.2", "::1"}),
        ("0.0.0.0, ::1", {"127.0.0.1", "127.0.0.2", "::1"}),
        ("127.0.0.1, 127.0.0.1, localhost", {"127.0.0.1"}),
    ],
)
def test_every_address_is_listened_to_on_one_port(host: str, reachable: set[str]) -> None:
    with listeners(host, 0) as sockets:
        ports = {listener.getsockname()[1] for listener in sockets}
        (port,) = ports
        found = {address for address in ("127.0.0.1", "127.0.0.2", "::1") if _can_connect(address, port)}
        assert found - {"::1"} == reachable - {"::1"}
        if socket.has_dualstack_ipv6() and "localhost" not in host:
            assert found == reachable


@pytest.mark.parametrize("host", ["::", "0.0.0.0", "127.0.0.1", "::1", "127.0.0.2"])
def test_the_own_address_can_be_asked_from_this_machine(host: str) -> None:
    with listeners(host, 0) as sockets:
        parts = urlsplit(own_url_of(sockets[0]))
        assert parts.hostname is not None
        assert parts.port is not None
        assert _can_connect(parts.hostname, parts.port)
        assert url_of(sockets[0]).startswith("http://[::" if ":" in host else f"http://{host}:")


def test_an_address_that_is_taken_is_named() -> None:
    with listeners("127.0.0.2", 0) as sockets:
        port = sockets[0].getsockname()[1]
        with (
            pytest.raises(
                CannotListen, match=rf"^cannot listen on 127\.0\.0\.2:{port}: Address already in use; choose"
            ),
            listeners("127.0.0.1,127.0.0.2", port),
        ):
            pass
        assert not _can_connect("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1, 192.0.2.1", "no-such-name.invalid"])
def test_an_address_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(CannotListen, match=rf"cannot listen on {hosts_of(host)[-1]}:\d+: "), listeners(host, 0):
        pass


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "0:0:0:0:0:0:0:1", "localhost", "LocalHost"]
)
def test_which_addresses_are_loopback(host: str) -> None:
    assert is_loopback(hosts_of(host)[0])


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "::ffff:0.0.0.0", "192.0.2.1", "fe80::1", "analytics.example", "10.1"]
)
def test_which_addresses_others_can_reach(host: str) -> None:
    assert not is_loopback(host)
