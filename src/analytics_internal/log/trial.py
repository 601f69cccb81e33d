"""A trial insert: whether the database takes any event at all."""

from __future__ import annotations

import asyncpg

from analytics_internal.event.uuid7 import uuid7
from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL

OK = "ok"


async def trial(connection: Connection) -> str:
    """Insert an event and roll back. Returns ``OK`` or the database's error."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(SQL["trial_event"], uuid7())
        await connection.execute(SQL["trial_place"])
    except asyncpg.PostgresError as error:
        if isinstance(error, asyncpg.PostgresConnectionError):
            raise
        return f"an event could not be stored: {error}"
    finally:
        if not connection.is_closed():
            await transaction.rollback()
    return OK
