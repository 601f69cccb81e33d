"""The worker of one destination when the database can be read, but does not do all that it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from analytics_internal.forward import reading
from analytics_internal.forward.destination import Batch, Limits
from analytics_internal.forward.reading import LogEvent
from analytics_internal.log.connection import Connection, Pool
from tests.forward.scripted import takes
from tests.forward.working import PATIENCE_S, Worked, destination


@pytest.fixture
async def worked(pool: Pool, dsn: str) -> AsyncIterator[Worked]:
    async with destination(pool, dsn) as worked:
        yield worked


async def test_nothing_is_sent_while_the_database_cannot_keep_that_it_was(worked: Worked, dsn: str) -> None:
    async def while_the_database_becomes_read_only(batch: Batch) -> None:
        worked.inbox.answer = takes
        worked.dsn = f"{dsn}&default_transaction_read_only=on"
        await worked.lose_connection()

    worked.inbox.answer = while_the_database_becomes_read_only
    await worked.store("/1", "/2")
    async with worked.working():
        await connected(worked, times=4)
        assert worked.inbox.attempts == [[1, 2]]
        worked.dsn = dsn
        await worked.caught_up()

    assert worked.inbox.attempts == [[1, 2]] * 2


@pytest.mark.parametrize(
    "lacking", ["INSERT ON dead_letter", "UPDATE ON dead_letter", "DELETE ON dead_letter", "UPDATE ON replay"]
)
async def test_nothing_is_sent_without_the_rights_to_keep_what_becomes_of_it(
    worked: Worked, dsn: str, lacking: str
) -> None:
    role = f"forwards_{uuid4().hex}"
    everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    await worked.pool.execute(f"CREATE ROLE {role}; GRANT {everything} TO {role}; REVOKE {lacking} FROM {role}")
    worked.dsn = f"{dsn}&role={role}"
    await worked.store("/1", "/2")
    try:
        async with worked.working():
            await connected(worked, times=3)
            assert worked.inbox.attempts == []
            await worked.pool.execute(f"GRANT {lacking} TO {role}")
            await worked.caught_up()
    finally:
        await worked.pool.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert worked.inbox.attempts == [[1, 2]]


async def test_what_a_standby_lacked_when_it_was_read_is_not_passed(
    worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a pooler a worker's connection outlives a failover, also between its look at the head and its reading."""
    read = reading.read

    async def read_from_the_standby(connection: Connection, after: int, up_to: int) -> list[LogEvent]:
        monkeypatch.setattr(reading, "read", read)
        await worked.pool.execute("DELETE FROM event WHERE batch_id = (SELECT max(batch_id) FROM log_batch)")
        await worked.pool.execute("DELETE FROM log_batch WHERE first_position = 3")
        await worked.pool.execute("UPDATE log_head SET position = 2")
        return await read(connection, after, up_to)

    async def while_others_write_to_it(batch: Batch) -> None:
        worked.inbox.answer = takes
        async with destination(worked.pool, worked.dsn, "another") as other:
            await other.store("/103", "/104")

    monkeypatch.setattr(reading, "read", read_from_the_standby)
    worked.inbox.limits = Limits(events=2)
    worked.inbox.answer = while_others_write_to_it
    await worked.store("/1", "/2")
    await worked.store("/3", "/4")
    async with worked.working():
        row = await worked.until(lambda row: row.position == 4)

    assert [event.subject for event in worked.inbox.arrived] == ["/1", "/2", "/103", "/104"]
    assert (row.delivered, row.missing) == (4, 0)


async def connected(worked: Worked, times: int) -> None:
    """Wait until the worker has begun anew so often."""
    seen = {id(worked.connection): worked.connection}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen[id(worked.connection)] = worked.connection
            if len(seen) > times:
                return
            await asyncio.sleep(0.005)
