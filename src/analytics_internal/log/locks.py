"""Advisory locks of one installation. A database may hold several installations, each in its own schema."""

from __future__ import annotations

from typing import Literal

from analytics_internal.log.connection import Connection

# The numbers are arbitrary and must never change: replicas of different versions must use the same locks.
MIGRATIONS: Literal[7_008_000_001] = 7_008_000_001
PARTITIONS: Literal[7_008_000_002] = 7_008_000_002
SEQUENCES: Literal[7_008_000_003] = 7_008_000_003
DESTINATIONS: Literal[7_008_000_004] = 7_008_000_004
"""One lock for each name (forward/holds.py)."""

# Advisory locks span the database. With the schema in the key, installations do not wait for each other.
_TAKE = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), $1))"


async def take(connection: Connection, lock: int) -> None:
    """Wait for a lock and hold it until the transaction ends."""
    await connection.execute(_TAKE, lock)
