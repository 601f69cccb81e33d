"""People's ids are their own, also those that were stored before there was a key of ids."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from analytics_internal.event.event import Event
from analytics_internal.event.uuid7 import key_of, stored_id, uuid7
from analytics_internal.event.validation import Receipt
from analytics_internal.log import id_key
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.migrations import NEWEST, SCHEMA, migrate, version
from analytics_internal.log.writer import LogUnavailable, LogWriter
from tests.log.model import statuses, whole_log
from tests.samples import ANA, BO, accepted, navigation

KEY = bytes(range(32))


def sent_by(person: str, wire: dict[str, object], key: bytes | None) -> Event:
    return accepted(wire, by=Receipt(datetime.now(UTC), person, False, id_key=key_of(person, key) if key else None))


async def verdicts_on(pool: Pool, *events: Event, until: datetime | None = None) -> list[str]:
    writer = LogWriter(pool, id_key=id_key.IdKey(KEY, until))
    writer.start()
    try:
        return statuses(await writer.append(list(events)))
    finally:
        await writer.close()


def test_a_stored_id_keeps_the_time_and_is_its_senders_own() -> None:
    sent = uuid7()

    ours, theirs = (stored_id(sent, key_of(sender, KEY)) for sender in (ANA, BO))

    assert ours == stored_id(sent, key_of(ANA, KEY))
    assert len({sent, ours, theirs, stored_id(sent, key_of(ANA, KEY[::-1]))}) == 4
    assert ours.version == theirs.version == 7
    assert ours.int >> 80 == theirs.int >> 80 == sent.int >> 80


async def test_one_id_of_two_senders_is_two_events_in_one_commit_and_later(pool: Pool) -> None:
    wire = navigation("/docs", id=str(uuid7()))
    ana, bo = sent_by(ANA, wire, KEY), sent_by(BO, wire, KEY)

    together = await verdicts_on(pool, ana, bo)
    again = await verdicts_on(pool, bo, ana)

    assert (together, again) == (["stored", "stored"], ["duplicate", "duplicate"])
    assert sorted(str(stored.user) for stored in await whole_log(pool)) == [ANA, BO]


async def test_verdicts_and_kept_refusals_name_the_id_as_it_was_sent(pool: Pool) -> None:
    id_ = str(uuid7())
    writer = LogWriter(pool)
    writer.start()

    first, other = await writer.append(
        [sent_by(ANA, navigation("/docs", id=id_), KEY), sent_by(ANA, navigation("/other", id=id_), KEY)]
    )
    await writer.close()

    assert (first.id, first.status) == (id_, "stored")
    assert (other.id, other.reason) == (id_, "conflict")
    async with pool.acquire() as connection:
        kept = await connection.fetchrow("SELECT event_id, payload FROM rejected_event")
    assert kept is not None
    assert kept["event_id"] == id_
    assert msgspec.json.decode(kept["payload"])["id"] == id_


async def test_every_log_has_a_key_of_its_own(pool: Pool, dsn: str, postgres: str) -> None:
    async with pool.acquire() as connection:
        ours = await id_key.read(connection)
        await connection.execute("CREATE SCHEMA other")
    other = f"{dsn}&search_path=other"
    await migrate(other)
    elsewhere = await asyncpg.connect(other)
    theirs = await id_key.read(elsewhere)
    await elsewhere.close()

    assert len(ours.key) == len(theirs.key) == 32
    assert ours.key != theirs.key
    assert ours.older_until is None, "nothing is older than the key of an empty log"


async def test_the_key_is_that_of_the_log_that_is_there_now(pool: Pool) -> None:
    async with pool.acquire() as connection:
        key = await id_key.read(connection)
        writer = LogWriter(pool, id_key=key)
        writer.start()
        # Another log, before this process has stored anything: it has another id and another key.
        await connection.execute("UPDATE log_head SET log_id = gen_random_uuid(); UPDATE id_key SET key = $$other$$")
    wire = navigation("/read", id=str(uuid7()))
    with pytest.raises(LogUnavailable, match="another one than before"):
        await writer.append([sent_by(ANA, wire, KEY)])
    verdicts = [statuses(await writer.append([sent_by(ANA, wire, key.key)])) for _ in range(2)]
    as_sent = statuses(await writer.append([accepted(navigation("/imported"))]))
    await writer.close()

    assert key.key == b"other"
    assert verdicts == [["stored"], ["duplicate"]]
    assert as_sent == ["stored"]
    assert len(await whole_log(pool)) == 2


async def test_an_event_stored_before_the_key_is_found_when_its_sender_sends_it_again(postgres: str) -> None:
    dsn = await _first_version(postgres)
    sent = [navigation(f"/{number}", id=str(uuid7())) for number in range(3)]
    before = await connect_pool(dsn, 2)
    # Today's writer stores in the first version's tables, but for what it needs of a later one.
    await before.execute("CREATE TABLE agent (agent_id integer, digest uuid, name text)")
    await before.execute("ALTER TABLE event ADD COLUMN agent_id integer")
    assert await verdicts_on(before, *(sent_by(ANA, wire, None) for wire in sent[:2])) == ["stored", "stored"]
    await before.execute("ALTER TABLE event DROP COLUMN agent_id")
    await before.execute("DROP TABLE agent")
    await before.close()

    await migrate(dsn)
    pool = await connect_pool(dsn, 2)
    async with pool.acquire() as connection:
        key = await id_key.read(connection)
    again = [sent_by(ANA, wire, key.key) for wire in sent]
    changed = sent_by(ANA, {**sent[0], "subject": "/changed"}, key.key)
    by_another = [sent_by(BO, wire, key.key) for wire in sent]
    until = key.older_until
    verdicts = [
        await verdicts_on(pool, *again, until=until),
        await verdicts_on(pool, changed, until=until),
        await verdicts_on(pool, *by_another, until=until),
    ]
    log = await whole_log(pool)
    await pool.close()

    assert await version(dsn) == NEWEST
    assert until is not None
    assert until - timedelta(hours=23) > datetime.now(UTC)
    assert verdicts == [["duplicate", "duplicate", "stored"], ["conflict"], ["stored", "stored", "stored"]]
    assert [str(stored.id) for stored in log[:2]] == [wire["id"] for wire in sent[:2]]
    assert len(log) == 6


async def _first_version(postgres: str) -> str:
    """A database as the first version of the schema made it."""
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE DATABASE of_the_first_version")
    await connection.close()
    dsn = postgres.replace("/analytics_internal", "/of_the_first_version", 1)
    connection = await asyncpg.connect(dsn)
    await connection.execute((SCHEMA / "0001_log.sql").read_text())
    await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    await connection.close()
    return dsn
