"""Advisory locks of one installation: a database may hold several, each in a schema of its own."""

from __future__ import annotations

from typing import Literal

from analytics_internal.log.connection import Connection

# The numbers are arbitrary and must never change: replicas of two versions have to meet at the same lock.
MIGRATIONS: Literal[7_008_000_001] = 7_008_000_001
PARTITIONS: Literal[7_008_000_002] = 7_008_000_002
SEQUENCES: Literal[7_008_000_003] = 7_008_000_003

# Advisory locks are the database's. With the schema in the key, an installation never waits for another one's long
# question or migration.
_TAKE = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), $1))"


async def take(connection: Connection, lock: int) -> None:
    """Wait for a lock and hold it until the transaction ends."""
    await connection.execute(_TAKE, lock)
