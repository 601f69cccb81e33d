"""One backend for each of Backstage's ways to divide databases, all started at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.bridge.backend import Backend, Json, running_backend
from tests.bridge.postgres import DATABASE, SecuredPostgres, make_user_and_databases, secured_postgres
from tests.ports import reserved_port

HOOK = "hook-that-nobody-may-know"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="session")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecuredPostgres]:
    folder = tmp_path_factory.mktemp("postgres")
    with secured_postgres(folder) as server:
        await make_user_and_databases(server)
        yield server


@pytest.fixture(scope="session")
def backends(secured: SecuredPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Backend]]:
    folder = tmp_path_factory.mktemp("backends")
    shared = {**secured.connection, "database": DATABASE}
    by_schema = {"client": "pg", "pluginDivisionMode": "schema", "connection": shared}
    by_database = {"client": "pg", "prefix": "usage_", "connection": secured.connection}
    with (
        running_backend(folder / "schema", {"backend": {"database": by_schema}}) as first,
        running_backend(
            folder / "database", {"backend": {"database": by_database}, "analyticsInternal": _forwarding(folder)}
        ) as second,
        running_backend(folder / "own", _without_postgres(secured, folder)) as third,
    ):
        yield {"schema": first, "database": second, "own": third}


def _forwarding(folder: Path) -> Json:
    """Two destinations: a folder, and a webhook whose receiver is not there."""
    lake = {"name": "lake", "type": "parquet", "url": str(folder / "lake"), "start": "beginning"}
    secret = {"type": "webhook", "url": f"http://127.0.0.1:{reserved_port()}/{HOOK}", "secret": SECRET}
    audit = {"name": "audit", **secret, "filters": ["is", "entity", [None]], "fields": {"drop": ["attributes.a.b"]}}
    return {"admins": ["user:default/guest"], "destinations": [lake, audit]}


def _without_postgres(secured: SecuredPostgres, folder: Path) -> Json:
    """A backend whose plugin has another database client than `pg`.

    The driver of SQLite is not compiled here, so the rest of Backstage uses PostgreSQL. The plugin has no database for
    its signing keys, so its tokens are signed with a key from a file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    keys = [{"publicKeyFile": str(public), "privateKeyFile": str(private), "keyId": "key", "algorithm": "ES256"}]
    other = {"client": "better-sqlite3", "connection": {"directory": str(folder / "sqlite")}}
    return {
        "backend": {
            "database": {
                "client": "pg",
                "prefix": "own_",
                "connection": secured.connection,
                "plugin": {"analytics-internal": other},
            },
            "auth": {"pluginKeyStore": {"type": "static", "static": {"keys": keys}}},
        }
    }


@pytest.fixture(scope="session")
def divided_by_schema(backends: dict[str, Backend]) -> Backend:
    return _answering(backends["schema"])


@pytest.fixture(scope="session")
def divided_by_database(backends: dict[str, Backend]) -> Backend:
    return _answering(backends["database"])


@pytest.fixture(scope="session")
def with_another_client(backends: dict[str, Backend]) -> Backend:
    return _answering(backends["own"])


def _answering(backend: Backend) -> Backend:
    backend.wait_until_it_answers()
    return backend
