"""Of several replicas exactly one works a destination, and another one takes over when that one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from analytics_internal.forward import holds as holding_module
from analytics_internal.forward.holds import Connect, HoldsLost, holding
from analytics_internal.log import Connection, connect
from tests.log.pgbouncer import RunPgbouncer

NAMES = ["audit", "lake", "queue"]


def to(dsn: str) -> Connect:
    async def open_connection() -> Connection:
        return await connect(dsn, 60)

    return open_connection


async def eventually(is_so: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(300):
        while not await is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def terminate_holders(dsn: str) -> int:
    """End the sessions that hold locks of destinations, as a killed server or network does."""
    connection = await asyncpg.connect(dsn)
    ended = await connection.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await connection.close()
    return int(ended)


async def test_a_destination_that_one_process_holds_is_free_for_no_other(dsn: str) -> None:
    async with holding(to(dsn)) as first, holding(to(dsn)) as second:
        assert await first.take(["audit", "lake"]) == ["audit", "lake"]
        assert await second.take(NAMES) == ["queue"]
        assert await first.take(NAMES) == []
        assert (first.names, second.names) == ({"audit", "lake"}, {"queue"})


async def test_what_one_process_held_is_free_after_it(dsn: str) -> None:
    async with holding(to(dsn)) as second:
        async with holding(to(dsn)) as first:
            await first.take(NAMES)
            assert await second.take(NAMES) == []
        assert await second.take(NAMES) == NAMES


async def test_a_lost_connection_is_noticed_at_once_and_frees_all(dsn: str) -> None:
    async with holding(to(dsn)) as first, holding(to(dsn)) as second:
        await first.take(NAMES)

        await terminate_holders(dsn)

        await first.wait()  # returns before its time, or the next line does not raise
        with pytest.raises(HoldsLost):
            await first.take(NAMES)
        assert await second.take(NAMES) == NAMES


async def test_a_process_that_is_silent_loses_what_it_holds(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It froze, or its machine is gone: the server sees no end of the connection."""
    monkeypatch.setattr(holding_module, "LEASE_S", 1)
    async with holding(to(dsn)) as frozen, holding(to(dsn)) as other:
        await frozen.take(NAMES)

        async def takes_over() -> bool:
            return bool(await other.take(NAMES))

        await eventually(takes_over)
        with pytest.raises(HoldsLost):
            await frozen.take(NAMES)


async def test_installations_in_one_database_do_not_wait_for_each_other(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE SCHEMA other")
    await connection.close()
    async with holding(to(dsn)) as here, holding(to(f"{dsn}&search_path=other")) as there:
        assert await here.take(["lake"]) == ["lake"]
        assert await there.take(["lake"]) == ["lake"]


async def test_what_holds_them_keeps_nothing_from_being_vacuumed(dsn: str) -> None:
    async with holding(to(dsn)) as holds:
        await holds.take(NAMES)
        connection = await asyncpg.connect(dsn)
        kept = await connection.fetch(
            "SELECT state, backend_xmin, backend_xid FROM pg_stat_activity WHERE pid IN "
            "(SELECT pid FROM pg_locks WHERE locktype = 'advisory') AND datname = current_database()"
        )
        await connection.close()

    assert [tuple(row) for row in kept] == [("idle in transaction", None, None)]


async def test_a_server_that_cannot_be_reached_is_no_hold() -> None:
    with pytest.raises(HoldsLost):
        async with holding(to("postgresql://postgres@/nowhere?host=/nowhere")):
            pass


async def test_locks_hold_through_a_pooler(dsn: str, pgbouncer: RunPgbouncer) -> None:
    with pgbouncer(dsn) as pooled:
        async with holding(to(pooled)) as second:
            async with holding(to(pooled)) as first:
                assert await first.take(["audit"]) == ["audit"]
                # Other clients use the same few sessions of the server meanwhile.
                clients = [await connect(pooled) for _ in range(4)]
                await asyncio.gather(*(client.fetchval("SELECT count(*) FROM event") for client in clients))
                assert await second.take(NAMES) == ["lake", "queue"]
                assert await first.take(NAMES) == []
                for client in clients:
                    await client.close()
            assert await second.take(NAMES) == ["audit"]
