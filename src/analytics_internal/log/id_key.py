"""The log's key of ids: what keeps one person's ids apart from everybody else's."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from analytics_internal.event import key_of
from analytics_internal.log.connection import Connection
from analytics_internal.log.statements import SQL

# Browsers' clocks, and services of the version before that go on for a while beside the first new one.
MARGIN = timedelta(days=1)


class IdKey(msgspec.Struct):
    """The key of the log as it is now, and until when events may have been stored without one."""

    key: bytes
    older_until: datetime | None
    """Ids of a time before this may be stored as they were sent; None where no event is older than the key."""
    log_id: UUID | None = None
    """The log whose key it is."""

    def of(self, sender: str | None) -> bytes | None:
        """The key of one sender's ids."""
        return key_of(sender, self.key) if sender is not None else None

    async def read_again(self, connection: Connection) -> None:
        """The database is another log than before: its key is what ids follow from, now and after a restart."""
        found = await read(connection)
        self.key, self.older_until, self.log_id = found.key, found.older_until, found.log_id


async def read(connection: Connection) -> IdKey:
    """The key of the log that the connection leads to."""
    row = await connection.fetchrow(SQL["id_key"])
    assert row is not None, "id_key has no row: the schema was tampered with"
    older_until = row["older_before"] + MARGIN if row["older_before"] is not None else None
    return IdKey(row["key"], older_until, row["log_id"])
