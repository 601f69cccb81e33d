"""Connections to the log's PostgreSQL, set up the same way everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:  # generic for the type checker only
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection | PoolConnectionProxy


class UnsupportedServer(RuntimeError):
    """The server is older than PostgreSQL 15."""


async def connect_pool(dsn: str, size: int, command_timeout_s: float = 30) -> Pool:
    """A pool of connections that speak JSONB as bytes and UTC."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=set_up,
        command_timeout=command_timeout_s,
        server_settings={
            "application_name": "analytics-internal",
            "TimeZone": "UTC",
            "jit": "off",
            # An acknowledged event must be on disk, whatever the server's default is.
            "synchronous_commit": "on",
        },
    )


async def set_up(connection: Connection) -> None:
    """Refuse servers that are too old; JSONB goes in and out as JSON text in bytes."""
    version = connection.get_server_version()
    if version.major < 15:
        raise UnsupportedServer(f"PostgreSQL 15 or newer is needed; this server is {version.major}.{version.minor}")
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _encode_jsonb(text: bytes) -> bytes:
    return b"\x01" + text  # the version of the binary form


def _decode_jsonb(data: bytes) -> bytes:
    return bytes(data[1:])
