"""Identity sequences that are behind the rows of their tables.

Logical replication and copies made table by table bring the rows, not the sequences: the next number is one that a row
has already.
"""

from __future__ import annotations

import asyncpg
import structlog
from prometheus_client import Counter

from analytics_internal.log import locks
from analytics_internal.log.connection import Connection

log = structlog.get_logger(__name__)
set_forward_total = Counter(
    "analytics_internal_sequences_set_forward_total",
    "Identity sequences that were behind their table's rows",
    ["table"],
)


def is_behind(error: asyncpg.UniqueViolationError, table: str) -> bool:
    """Whether a new row was refused because its table's sequence gave a number that is taken."""
    return bool(error.as_dict().get("constraint_name") == f"{table}_pkey")


async def set_forward(connection: Connection, table: str, id_column: str) -> None:
    """Let a table's next row have a number that is free. Raises asyncpg.InsufficientPrivilegeError."""
    async with connection.transaction():
        await locks.take(connection, locks.SEQUENCES)
        # Nobody makes rows meanwhile: a number that somebody else has just taken must not be given again.
        await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        reached = await connection.fetchval(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{id_column}'), max({id_column})) FROM {table}"
        )
    set_forward_total.labels(table).inc()
    log.warning("an identity sequence was behind its table and is set forward", table=table, reached=reached)
