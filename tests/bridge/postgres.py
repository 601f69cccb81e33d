"""A PostgreSQL like a company's: TLS with its own certificate authority, and a password that needs quoting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from analytics_internal.embedded.server import SOCKET, EmbeddedPostgres
from tests.bridge.tls import tls_before

USER, PASSWORD = "portal@corp", "p@ss:w/rd %20 ?#+&'\""
DATABASE = "portal"


@dataclass(frozen=True)
class SecuredPostgres:
    """A running server, and its connection for Backstage."""

    admin_dsn: str
    port: int
    authority: str

    @property
    def connection(self) -> dict[str, object]:
        """``backend.database.connection``."""
        secured = {"ca": self.authority}
        return {"host": "localhost", "port": self.port, "user": USER, "password": PASSWORD, "ssl": secured}

    def dsn_of(self, database: str) -> str:
        """The administrator's DSN of a database."""
        return self.admin_dsn.replace("/analytics_internal?", f"/{database}?")


@contextlib.contextmanager
def secured_postgres(folder: Path) -> Iterator[SecuredPostgres]:
    """Run the server during the context. Only its administrator needs no password."""
    server = EmbeddedPostgres(folder)
    admin_dsn = server.start()
    rules = folder / "postgres" / "pg_hba.conf"
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    socket = Path(parse_qs(urlsplit(admin_dsn).query)["host"][0]) / SOCKET
    try:
        with tls_before(socket, folder) as (port, authority):
            yield SecuredPostgres(admin_dsn, port, authority)
    finally:
        server.stop()


async def make_user_and_databases(server: SecuredPostgres) -> None:
    """Make a user who may create databases, the database that Backstage connects to first, and a shared one."""
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        await connection.execute("SELECT pg_reload_conf()")
        password = await connection.fetchval("SELECT quote_literal($1::text)", PASSWORD)
        await connection.execute(f'CREATE ROLE "{USER}" LOGIN CREATEDB PASSWORD {password}')
        for database in ("postgres", DATABASE):
            await connection.execute(f'CREATE DATABASE {database} OWNER "{USER}"')
    finally:
        await connection.close()
