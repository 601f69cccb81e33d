"""Identity sequences that are behind their table's rows.

Logical replication and table-by-table copies bring the rows but not the sequences: the next number is already taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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


async def retried(connection: Connection, table: str, id_column: str, insert: Callable[[], Awaitable[object]]) -> None:
    """Insert rows. If the table's sequence gives a number that is taken, set the sequence forward and insert again.

    Raises:
        asyncpg.InsufficientPrivilegeError: the role may not set the sequence.
    """
    try:
        await insert()
    except asyncpg.UniqueViolationError as error:
        if error.as_dict().get("constraint_name") != f"{table}_pkey":
            raise
        await _set_forward(connection, table, id_column)
        await insert()


async def _set_forward(connection: Connection, table: str, id_column: str) -> None:
    async with connection.transaction():
        await locks.take(connection, locks.SEQUENCES)
        # The table is locked so that no number is given twice: another writer may be inserting now.
        await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        reached = await connection.fetchval(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{id_column}'), max({id_column})) FROM {table}"
        )
    set_forward_total.labels(table).inc()
    log.warning("an identity sequence was behind its table and is set forward", table=table, reached=reached)
