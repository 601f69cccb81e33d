"""What libpq's options in a database URL become."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest

from analytics_internal.log.database_url import DRIVERS, UnusableUrl, missing_file, parse

URL = "postgresql://ana:secret-%40@db.example:6432/usage"
# All keywords of libpq 18, with a value that is honoured or does no harm.
HONOURED = {
    "host": "other.example", "port": "5433", "dbname": "usage", "user": "ana", "password": "hush", "passfile": "/p",
    "service": "usage", "servicefile": "/s", "sslmode": "verify-ca", "sslnegotiation": "postgres", "sslcert": "/c",
    "sslkey": "/k", "sslpassword": "hush", "sslrootcert": "/r", "sslcrl": "/l", "krbsrvname": "postgres",
    "ssl_min_protocol_version": "TLSv1.2", "ssl_max_protocol_version": "TLSv1.3", "gsslib": "gssapi",
    "target_session_attrs": "read-write", "connect_timeout": "10", "keepalives": "1", "keepalives_idle": "30",
    "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "20000", "channel_binding": "prefer",
    "gssencmode": "disable", "gssdelegation": "0", "client_encoding": "UTF8", "sslcompression": "0", "sslsni": "1",
    "sslcertmode": "allow", "requiressl": "0", "load_balance_hosts": "disable", "min_protocol_version": "3.0",
    "max_protocol_version": "latest", "replication": "false", "application_name": "usage",
    "fallback_application_name": "usage", "options": "-c search_path=usage", "hostaddr": "10.0.0.1",
}  # fmt: skip
REFUSED = {
    "channel_binding": "require", "gssencmode": "require", "requirepeer": "postgres", "require_auth": "scram-sha-256",
    "client_encoding": "LATIN1", "sslcrldir": "/d", "sslcertmode": "require", "scram_client_key": "c2VjcmV0",
    "oauth_client_secret": "hush", "sslkeylogfile": "/k", "min_protocol_version": "3.2", "replication": "database",
    "sslmode": "on", "target_session_attrs": "leader", "connect_timeout": "soon", "keepalives_idle": "1m",
    "options": "work_mem", "ssl_min_protocol_version": "SSLv3", "sslnegotiation": "none", "gsslib": "mit",
}  # fmt: skip


def with_option(name: str, value: str) -> str:
    return f"{URL}?{name}={quote(value, safe='')}"


@pytest.mark.parametrize("name", HONOURED)
def test_an_option_of_libpq_is_never_taken_for_a_setting_of_the_server(name: str) -> None:
    parsed = parse(with_option(name, HONOURED[name]))

    assert set(parsed.settings) <= {"search_path"}
    given = [part.partition("=")[0] for part in parsed.dsn.partition("?")[2].split("&") if part]
    assert set(given) <= DRIVERS


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_its_name_without_a_secret(name: str) -> None:
    with pytest.raises(UnusableUrl, match=f"^{name}: ") as refusal:
        parse(with_option(name, REFUSED[name]))

    assert "hush" not in str(refusal.value)
    assert "c2VjcmV0" not in str(refusal.value)


def test_other_names_are_settings_of_the_session() -> None:
    url = f"{URL}?search_path=%22usage%22&role=writer&options=-c%20work_mem%3D8MB%20--geqo%3Doff%20-cjit=on"

    settings = parse(url).settings

    assert settings == {"search_path": '"usage"', "role": "writer", "work_mem": "8MB", "geqo": "off", "jit": "on"}


def test_an_option_without_a_value_counts_as_not_given() -> None:
    parsed = parse(f"{URL}?sslmode=&connect_timeout=&channel_binding=")

    assert (parsed.dsn, parsed.settings) == (URL, {})


def test_timeouts_are_those_of_libpq() -> None:
    given = {text: parse(f"{URL}?connect_timeout={text}").connect_timeout_s for text in ("1", "2", "30")}

    assert given == {"1": 2, "2": 2, "30": 30}
    assert parse(f"{URL}?connect_timeout=0").connect_timeout_s > 86_400


def test_keepalives_are_options_of_the_socket() -> None:
    options = parse(f"{URL}?keepalives_idle=30&keepalives_count=3&tcp_user_timeout=0").socket_options
    off = parse(f"{URL}?keepalives=0").socket_options

    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options
    assert (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3) in options
    assert len(options) == 2 + hasattr(socket, "TCP_KEEPIDLE")
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0) in off


def test_hostaddr_replaces_the_host_name() -> None:
    assert parse(f"{URL}?hostaddr=10.0.0.1").dsn == "postgresql://ana:secret-%40@10.0.0.1:6432/usage"
    assert parse(f"{URL}?hostaddr=fd00::1").dsn == "postgresql://ana:secret-%40@[fd00::1]:6432/usage"
    with pytest.raises(UnusableUrl, match="hostaddr"):
        parse(f"{URL}?hostaddr=10.0.0.1&sslmode=verify-full")


def test_several_hosts_are_noticed_wherever_they_are_named() -> None:
    assert parse("postgresql://a,b/usage").has_many_hosts
    assert parse("postgresql:///usage?host=a,b").has_many_hosts
    assert not parse("postgresql://ana:se,cret@a/usage").has_many_hosts


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_file(f"{URL}?sslrootcert=/nowhere/ca.pem") == (
        "sslrootcert: /nowhere/ca.pem: No such file or directory"
    )
    assert missing_file(f"{URL}?sslrootcert=system") is None
    monkeypatch.setenv("PGSSLCRL", "/nowhere/crl.pem")
    assert missing_file(URL) == "PGSSLCRL: /nowhere/crl.pem: No such file or directory"


def test_the_servers_name_in_errors_has_neither_user_nor_password() -> None:
    assert parse(URL).place == "PostgreSQL at db.example:6432"
    assert parse("postgresql:///usage?host=%2Frun%2Fpg&password=secret").place == "PostgreSQL at /run/pg"
