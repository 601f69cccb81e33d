"""Refused events, kept to be looked at and counted by reason and day."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import asyncpg

from analytics_internal.event import Rejection
from analytics_internal.log import sequences
from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL

# Errors of PostgreSQL or the driver about one value: they must not fail the other events of the batch.
OF_ONE_EVENT = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.RaiseError,
    ValueError,
    TypeError,
    OverflowError,
)


async def keep(connection: Connection, rejections: list[Rejection], most: int, retention: timedelta) -> None:
    """Store refused events, and delete all but the newest ``most`` of the last ``retention``.

    An event that PostgreSQL cannot store as it was sent is kept without its payload.
    """
    try:
        await _keep_together(connection, rejections, most, retention)
    except OF_ONE_EVENT:
        if len(rejections) > 1:
            half = len(rejections) // 2
            await keep(connection, rejections[:half], most, retention)
            await keep(connection, rejections[half:], most, retention)
            return
        bare = Rejection(rejections[0].reason, ascii(rejections[0].detail)[1:-1], "", rejections[0].received_at)
        await _keep_together(connection, [bare], most, retention)


async def _keep_together(connection: Connection, rejections: list[Rejection], most: int, retention: timedelta) -> None:
    async def keep_once() -> None:
        async with connection.transaction():
            fields = ("received_at", "reason", "detail", "id", "person", "payload")
            columns = ([getattr(one, name) for one in rejections] for name in fields)
            await connection.execute(SQL["keep_rejected"], *columns)
            counts = Counter(one.reason for one in rejections)
            await connection.execute(SQL["count_rejected"], list(counts), list(counts.values()))
            await connection.execute(SQL["trim_rejected"], most, retention)

    await sequences.retried(connection, "rejected_event", "rejected_id", keep_once)
