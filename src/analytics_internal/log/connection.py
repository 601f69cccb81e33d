"""Connections to the log's PostgreSQL, directly or through a pooler like pgbouncer, all set up the same way."""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from analytics_internal.errors import AnalyticsError, CommandError
from analytics_internal.log import database_url

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    _Driver = asyncpg.Connection[asyncpg.Record]
else:  # generic for the type checker only
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection | PoolConnectionProxy
    _Driver = asyncpg.Connection

# Settings that the statements rely on, whatever the defaults of server, database and role.
# `default_transaction_read_only` is left out: an operator who sets it wants no writes.
SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # A policy that would hide rows is an error, not a wrong answer.
    "row_security": "off",
    # The service has limits of its own. Only the transaction of a service that froze during a commit ends here.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    # An acknowledged event must be on disk.
    "synchronous_commit": "on",
}
# Since PostgreSQL 17.
NEWER_SESSION = {"transaction_timeout": "0"}


class UnsupportedServer(CommandError):
    """This server cannot hold the log; the message says why and what to do."""


class Unreachable(AnalyticsError, ConnectionError):
    """The server cannot be reached; the message names the server or file and the reason."""


async def connect(url: str, command_timeout_s: float | None = None) -> _Driver:
    """Open a connection with the service's settings.

    Raises:
        UnusableUrl, Unreachable, UnsupportedServer
        asyncpg.PostgresError, asyncpg.InterfaceError: the server refuses the connection.
    """
    return await _Connector(url, command_timeout_s).connect()


async def connect_pool(url: str, size: int, command_timeout_s: float = 30) -> Pool:
    """Open a pool of such connections. Raises as ``connect``."""
    connector = _Connector(url, command_timeout_s)

    async def connect(*_: object, **__: object) -> _Driver:
        return await connector.connect()

    return await asyncpg.create_pool(min_size=1, max_size=size, connect=connect)


class _DirectConnection(_Driver):
    """A connection whose session holds no state, so nothing needs a reset after use."""

    def get_reset_query(self) -> str:
        # A connection that the server is closing fails here, not at its next user.
        return "SELECT 1"


class _PooledConnection(_DirectConnection):
    """A connection to a pooler, which may give each transaction another session of the server.

    So every statement runs in a transaction, and every transaction begins with our settings.
    """

    session: ClassVar[dict[str, str]]

    def transaction(self, **options: Any) -> Transaction:
        if self.is_in_transaction():
            return super().transaction(**options)
        return super().transaction(**{**options, "isolation": "read_committed"})

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if self.is_in_transaction() or not args:  # the driver's own BEGIN and COMMIT come this way, too
            begins = query.startswith("BEGIN") and not self.is_in_transaction()
            return await super().execute(query + self._settings() if begins else query, *args, **options)
        async with self.transaction():
            return await super().execute(query, *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._transaction():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._transaction():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._transaction():
            return await super().fetchval(query, *args, **options)

    def _transaction(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self.is_in_transaction() else self.transaction()

    def _settings(self) -> str:
        """The statement that applies our settings until the end of the transaction."""
        newer = NEWER_SESSION if self.get_server_version().major >= 17 else {}
        settings = (newer | self.session).items()
        calls = (f"pg_catalog.set_config({_literal(name)}, {_literal(value)}, true)" for name, value in settings)
        return f" SELECT {', '.join(calls)}"

    async def copy_from_query(self, query: str, *args: Any, **options: Any) -> str:
        async with self._transaction():
            return await super().copy_from_query(query, *args, **options)


class _Connector:
    """Opens connections to one server, and detects a pooler in between."""

    def __init__(self, url: str, command_timeout_s: float | None) -> None:
        self._url = database_url.parse(url)
        self._named = url
        self._command_timeout_s = command_timeout_s
        self._newer_settings = NEWER_SESSION
        self._is_direct = False

    async def connect(self) -> _Driver:
        try:
            connection = await self._open(_DirectConnection, SESSION | self._newer_settings | self._url.settings)
        except asyncpg.UndefinedObjectError as error:
            if not any(name in str(error) for name in self._newer_settings):
                raise
            self._newer_settings = {}
            return await self.connect()
        except asyncpg.ProtocolViolationError as error:
            # pgbouncer says this of settings that it does not keep per client.
            if "startup parameter" not in str(error):
                raise
            return await self._connect_to_pooler()
        if not self._is_direct and await _is_pooler(connection):
            await connection.close()
            return await self._connect_to_pooler()
        self._is_direct = True
        return await _ready(connection)

    async def _connect_to_pooler(self) -> _Driver:
        # The session's idle timeout is the pooler's business.
        settings = {name: value for name, value in SESSION.items() if name != "idle_session_timeout"}

        class Connection(_PooledConnection):
            session = settings | self._url.settings

        connection = await self._open(Connection, {})
        try:
            async with connection.transaction():
                return await _ready(connection)
        except asyncpg.PostgresConnectionError as error:
            connection.terminate()
            if "transaction blocks not allowed" not in str(error):  # pgbouncer says this with pool_mode=statement
                raise
            raise UnsupportedServer(
                "the pooler before the database refuses transactions: set its pool_mode to transaction or session, or "
                "connect to the database itself"
            ) from error

    async def _open(self, connection_class: type[_Driver], settings: dict[str, str]) -> _Driver:
        url = self._url
        if (missing := database_url.missing_file(self._named)) is not None:
            raise Unreachable(missing)
        further: dict[str, Any] = {}
        if url.trusts_system_certificates:
            further["ssl"] = ssl.create_default_context()
        if url.has_many_hosts and "target_session_attrs" not in url.dsn:
            further["target_session_attrs"] = "primary"
        if issubclass(connection_class, _PooledConnection):
            further["statement_cache_size"] = 0
        try:
            connection = await asyncpg.connect(
                url.dsn,
                timeout=url.connect_timeout_s,
                command_timeout=self._command_timeout_s,
                servicefile=url.servicefile,
                connection_class=connection_class,
                server_settings={"application_name": url.application_name, **settings},
                **further,
            )
        except TimeoutError:
            raise Unreachable(f"{url.place}: no answer within {url.connect_timeout_s:g} s") from None
        except OSError as error:
            raise Unreachable(f"{url.place}: {error.strerror or error}") from error
        _set_options(connection, url.socket_options)
        return connection


async def _is_pooler(connection: _Driver) -> bool:
    """Whether another session answers than the one we connected to."""
    try:
        # Without arguments nothing is prepared: a prepared statement would stay in another client's session.
        await connection.execute(f"SELECT 1 / (pg_catalog.pg_backend_pid() = {connection.get_server_pid()})::integer")
    except asyncpg.DivisionByZeroError:
        return True
    return False


async def _ready(connection: _Driver) -> _Driver:
    """Refuse servers that cannot hold the log. Let JSONB be read and written as bytes of JSON text."""
    version = connection.get_server_version()
    if version.major < 15:
        await connection.close()
        raise UnsupportedServer(f"PostgreSQL 15 or newer is needed; this server is {version.major}.{version.minor}")
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        await connection.close()
        raise UnsupportedServer(
            f"the database's encoding is {encoding}, which cannot hold every text: make one with CREATE DATABASE "
            "analytics ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0, and name it in database_url"
        )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )
    return connection


def _set_options(connection: Any, options: tuple[tuple[int, int, int], ...]) -> None:
    if isinstance(connection._addr, str):
        return  # a Unix socket needs no TCP options
    stream = connection._transport.get_extra_info("socket")
    for level, option, value in options:
        stream.setsockopt(level, option, value)


def _literal(text: str) -> str:
    # With a backslash only the E'' form means the same under every standard_conforming_strings.
    quoted = text.replace("'", "''")
    return f"E'{quoted}'".replace("\\", "\\\\") if "\\" in quoted else f"'{quoted}'"


def _encode_jsonb(text: bytes) -> bytes:
    return b"\x01" + text  # the binary format's version


def _decode_jsonb(data: bytes) -> bytes:
    return bytes(data[1:])
