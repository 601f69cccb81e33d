"""The log's id key. Stored ids are derived with it, so that no sender can use another sender's ids."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from analytics_internal.event import key_of
from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL

# Allows for wrong browser clocks, and for services of the earlier version that run on beside the first new one.
MARGIN = timedelta(days=1)


class IdKey(msgspec.Struct):
    """The log's current id key, and until when events may have been stored without one."""

    key: bytes
    older_until: datetime | None
    """Ids with an earlier time may be stored as sent; None if no event is older than the key."""
    log_id: UUID | None = None
    """The log that has this key."""

    def of(self, sender: str | None) -> bytes | None:
        """The key of one sender's ids."""
        return key_of(sender, self.key) if sender is not None else None

    async def read_again(self, connection: Connection) -> None:
        """Take the key of a database that holds another log than before."""
        found = await read(connection)
        self.key, self.older_until, self.log_id = found.key, found.older_until, found.log_id


async def read(connection: Connection) -> IdKey:
    """Read the id key of the log on this connection."""
    row = await connection.fetchrow(SQL["id_key"])
    assert row is not None, "id_key has no row: the schema was tampered with"
    older_until = row["older_before"] + MARGIN if row["older_before"] is not None else None
    return IdKey(row["key"], older_until, row["log_id"])
