import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.event.event import Event
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.log import tail
from analytics_internal.log.connection import Pool, connect_pool
from analytics_internal.log.writer import MAX_BATCH_EVENTS, LogUnavailable, LogWriter, Overloaded, WriterLimits
from tests.log.model import Entry, LogModel, emptied, explained, refused_reasons, statuses, whole_log
from tests.samples import ANA, BO, event, rejection

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MONTHS = [NOW, NOW, NOW, NOW - timedelta(days=40), NOW + timedelta(days=300)]
# Few ids, few contents: repetitions and conflicts are the rule.
IDS = [uuid7(month) for month in MONTHS]
POOL_OF_EVENTS = [
    event(subject, person=person, id_=id_, occurred_at=NOW)
    for id_ in IDS
    for subject, person in (("/a", ANA), ("/b", ANA), ("/a", BO))
]
entries = st.sampled_from(POOL_OF_EVENTS) | st.builds(rejection)
submissions = st.lists(entries, min_size=1, max_size=6)


@asynccontextmanager
async def running(pool: Pool, limits: WriterLimits | None = None) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool, limits)
    writer.start()
    yield writer
    await writer.close()


@pytest.fixture
async def second_pool(dsn: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(dsn, size=4)
    yield pool
    await pool.close()


async def assert_is_the_models(pool: Pool, model: LogModel) -> None:
    log = await whole_log(pool)
    assert {stored.id: (stored.subject, stored.user) for stored in log} == {
        id_: (stored.subject, stored.person) for id_, stored in model.rows.items()
    }
    assert len(log) == len(model.rows)
    assert Counter(await refused_reasons(pool)) == Counter(model.refused)
    counts = await pool.fetch("SELECT reason, sum(events)::int FROM rejected_count GROUP BY reason")
    assert {row[0]: row[1] for row in counts} == Counter(model.refused)


# --- one after the other: the verdicts are the model's


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 1), submissions), max_size=8))
async def test_any_batches_of_two_replicas_get_the_models_verdicts(
    pool: Pool, second_pool: Pool, steps: list[tuple[int, list[Entry]]]
) -> None:
    await emptied(pool)
    model = LogModel()

    async with running(pool) as first, running(second_pool) as second:
        for replica, batch in steps:
            verdicts = await (first, second)[replica].append(batch)
            assert statuses(verdicts) == model.append(batch)

    await assert_is_the_models(pool, model)


@settings(max_examples=40)
@given(batches=st.lists(submissions, max_size=8))
async def test_batches_that_share_a_commit_get_the_models_verdicts(pool: Pool, batches: list[list[Entry]]) -> None:
    await emptied(pool)
    model = LogModel()

    async with running(pool, WriterLimits(flushers=1)) as writer:
        verdicts = await asyncio.gather(*(writer.append(batch) for batch in batches))

    assert [statuses(each) for each in verdicts] == [model.append(batch) for batch in batches]
    await assert_is_the_models(pool, model)


# --- all at once: the verdicts are the model's in some order


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 1), submissions), min_size=2, max_size=6))
async def test_any_interleaving_of_two_replicas_is_some_order(
    pool: Pool, second_pool: Pool, steps: list[tuple[int, list[Entry]]]
) -> None:
    await emptied(pool)

    async with running(pool) as first, running(second_pool) as second:
        verdicts = await asyncio.gather(*((first, second)[replica].append(batch) for replica, batch in steps))

    done: list[tuple[Sequence[Entry], list[str]]] = [
        (batch, statuses(each)) for (_, batch), each in zip(steps, verdicts, strict=True)
    ]
    assert explained(done)
    log = await whole_log(pool)
    sent = {entry.id for _, batch in steps for entry in batch if isinstance(entry, Event)}
    assert Counter(stored.id for stored in log) == Counter(sent)
    stored_as = {
        (entry.id, entry.subject, entry.person)
        for batch, each in done
        for entry, status in zip(batch, each, strict=True)
        if isinstance(entry, Event) and status == "stored"
    }
    assert stored_as == {(stored.id, stored.subject, stored.user) for stored in log}


async def test_cursors_never_skip_or_repeat_while_replicas_write(pool: Pool, second_pool: Pool) -> None:
    chance = random.Random(7)
    seen: list[int] = []
    is_done = False

    async def follow() -> None:
        async with pool.acquire() as connection:
            while not is_done or len(seen) < (await tail.head(connection)).position:
                after = len(seen)
                up_to = min(after + chance.randint(1, 40), (await tail.head(connection)).position)
                seen.extend([stored.position async for stored in tail.read(connection, after, up_to)])
                await asyncio.sleep(0)

    async def write(writer: LogWriter) -> None:
        for _ in range(30):
            await writer.append([event(f"/{chance.randint(1, 50)}") for _ in range(chance.randint(1, 25))])

    async with running(pool) as first, running(second_pool) as second:
        following = asyncio.create_task(follow())
        await asyncio.gather(*(write(writer) for writer in (first, second, first, second)))
        is_done = True
        await following

    assert seen == list(range(1, len(await whole_log(pool)) + 1))


@settings(max_examples=15)
@given(sizes=st.lists(st.integers(1, 30), max_size=12), steps=st.lists(st.integers(1, 50), min_size=1))
async def test_a_cursor_reads_the_whole_log_in_any_steps(pool: Pool, sizes: list[int], steps: list[int]) -> None:
    await emptied(pool)
    async with running(pool) as writer:
        for size in sizes:
            await writer.append([event() for _ in range(size)])

    seen: list[int] = []
    async with pool.acquire() as connection:
        for step in [*steps, *[50] * 8]:
            up_to = min(len(seen) + step, sum(sizes))
            seen += [stored.position async for stored in tail.read(connection, len(seen), up_to)]

    assert seen == list(range(1, sum(sizes) + 1))


async def test_names_are_made_once_by_all_replicas(pool: Pool, second_pool: Pool) -> None:
    def batch() -> list[Event]:
        return [event(f"/{n}", person=f"user:default/p{n % 7}", action=f"act{n % 3}") for n in range(60)]

    async with running(pool) as first, running(second_pool) as second:
        await asyncio.gather(*(writer.append(batch()) for writer in (first, second) * 4))

    for table, name, expected in (("item", "(action_id, subject)", 60), ("person", "ref", 7), ("action", "name", 3)):
        counted = await pool.fetchrow(f"SELECT count(*), count(DISTINCT {name}) FROM {table}")
        assert counted is not None
        assert tuple(counted) == (expected, expected)


async def test_a_submission_larger_than_a_commit_is_stored_whole(pool: Pool) -> None:
    batch = [event(f"/{n % 5}") for n in range(MAX_BATCH_EVENTS + 1_000)]

    async with running(pool) as writer:
        verdicts = await writer.append(batch)
        again = await writer.append(batch)

    assert {verdict.status for verdict in verdicts} == {"stored"}
    assert {verdict.status for verdict in again} == {"duplicate"}
    async with pool.acquire() as connection:
        steps = range(0, len(batch), 501)
        log = [[stored.id async for stored in tail.read(connection, step, step + 501)] for step in steps]
    assert [id_ for step in log for id_ in step] == [one.id for one in batch]


# --- refused events


async def test_refused_events_are_kept_counted_and_capped(pool: Pool) -> None:
    limits = WriterLimits(rejected_events=5)

    async with running(pool, limits) as writer:
        for n in range(12):
            await writer.append([rejection(f"number {n}")])

    details = await pool.fetch("SELECT detail FROM rejected_event ORDER BY rejected_id")
    assert [row[0] for row in details] == [f"number {n}" for n in range(7, 12)]
    assert await pool.fetchval("SELECT sum(events) FROM rejected_count") == 12


async def test_refused_events_are_kept_for_a_limited_time(pool: Pool) -> None:
    async with running(pool, WriterLimits(rejected_retention=timedelta(days=30))) as writer:
        await writer.append([rejection("old", datetime.now(UTC) - timedelta(days=31)), rejection("new")])

    assert [row[0] for row in await pool.fetch("SELECT detail FROM rejected_event")] == ["new"]


async def test_a_conflict_is_kept_as_it_was_sent(pool: Pool) -> None:
    first = event("/a", occurred_at=NOW)
    other = event("/b?query=x", id_=first.id, occurred_at=NOW)

    async with running(pool) as writer:
        verdicts = await writer.append([first, other])

    assert statuses(verdicts) == ["stored", "conflict"]
    kept = await pool.fetchrow("SELECT event_id, person, payload FROM rejected_event")
    assert kept is not None
    assert (kept[0], kept[1]) == (str(first.id), ANA)
    assert '"subject":"/b?query=x"' in kept[2]


# --- overload and the end


@pytest.mark.parametrize("limits", [WriterLimits(buffer_events=3), WriterLimits(buffer_bytes=150)])
async def test_what_does_not_fit_the_buffer_is_refused_and_not_stored(pool: Pool, limits: WriterLimits) -> None:
    writer = LogWriter(pool, limits)
    waiting = asyncio.create_task(writer.append([event("/fits"), event("/fits")], size=100))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await writer.append([event("/refused"), event("/refused")], size=100)
    writer.start()
    verdicts = await waiting
    await writer.append([event("/fits again")], size=100)
    await writer.close()

    assert statuses(verdicts) == ["stored", "stored"]
    assert [stored.subject for stored in await whole_log(pool)] == ["/fits", "/fits", "/fits again"]


async def test_close_commits_and_answers_all_that_was_accepted(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    accepted = [asyncio.create_task(writer.append([event(f"/{n}")])) for n in range(50)]
    await asyncio.sleep(0)

    await writer.close()

    assert all(task.done() and statuses(task.result()) == ["stored"] for task in accepted)
    assert len(await whole_log(pool)) == 50
    with pytest.raises(Overloaded):
        await writer.append([event()])


async def test_a_client_that_hangs_up_takes_nothing_back(pool: Pool) -> None:
    writer = LogWriter(pool)
    hung_up = asyncio.create_task(writer.append([event("/hung up")]))
    patient = asyncio.create_task(writer.append([event("/patient")]))
    await asyncio.sleep(0)

    hung_up.cancel()
    writer.start()
    verdicts = await patient
    await writer.close()

    assert statuses(verdicts) == ["stored"]
    assert {stored.subject for stored in await whole_log(pool)} == {"/hung up", "/patient"}


# --- lost connections


@pytest.mark.slow
async def test_killed_connections_lose_and_double_nothing(pool: Pool, second_pool: Pool, dsn: str) -> None:
    chance = random.Random(11)
    acked: Counter[str] = Counter()
    killed = 0
    is_done = False

    async def kill() -> None:
        nonlocal killed
        killer = await connect_pool(dsn, size=1)
        while not is_done:
            await asyncio.sleep(chance.uniform(0, 0.03))
            killed += await killer.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS one"
            )
        await killer.close()

    async def write(writer: LogWriter, client: int) -> None:
        for n in range(10):
            # Every third event has no id of its client's: it is not sent again, and must not be stored twice.
            batch = [event(f"/{client}/{n}/{k}") for k in range(3)]
            batch[2] = msgspec.structs.replace(batch[2], has_own_id=False)
            for attempt in range(100):
                try:
                    await writer.append(batch[: 3 if attempt == 0 else 2])
                except LogUnavailable:
                    continue
                acked.update(one.subject for one in batch[: 3 if attempt == 0 else 2])
                break

    async with running(pool) as first, running(second_pool) as second:
        killing = asyncio.create_task(kill())
        await asyncio.gather(*(write(writer, client) for client, writer in enumerate((first, second) * 4)))
        is_done = True
        await killing

    stored = Counter(stored.subject for stored in await whole_log(pool))
    assert killed > 10
    assert max(stored.values()) == 1
    assert acked.keys() <= stored.keys()
    assert {f"/{client}/{n}/{k}" for client in range(8) for n in range(10) for k in range(2)} <= stored.keys()


async def test_a_database_that_is_gone_is_not_pretended_to_be_there(dsn: str) -> None:
    pool = await connect_pool(dsn, size=2, command_timeout_s=1)
    writer = LogWriter(pool, WriterLimits(command_timeout_s=1))
    writer.start()
    await pool.close()

    with pytest.raises(LogUnavailable):
        await writer.append([event()])

    await writer.close()


# --- what belongs to one event


@pytest.mark.parametrize(
    "spoil",
    [
        {"person": "user:default/\ud800"},
        {"subject": "/nul\0"},
        {"original_subject": "half \udc00 a character"},
        {"attributes": b'{"n": 1e1000000}'},
        {"attributes": b'{"not": json}'},
        {"context": b"[" * 20_000 + b"]" * 20_000},
        {"value": "no number"},
        {"content_hash": 2**70},
        {"occurred_at": datetime.max.replace(tzinfo=UTC)},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
async def test_an_event_that_cannot_be_stored_fails_none_of_its_neighbours(
    pool: Pool, spoil: dict[str, object]
) -> None:
    good = [event(f"/{n}") for n in range(40)]
    bad = msgspec.structs.replace(event("/bad"), **spoil)

    async with running(pool) as writer:
        verdicts = await asyncio.gather(
            writer.append(good[:20]), writer.append([*good[20:30], bad, *good[30:]]), writer.append([event("/alone")])
        )

    assert statuses(verdicts[0]) == ["stored"] * 20
    told = statuses(verdicts[1])
    assert told[:10] + told[11:] == ["stored"] * 20
    assert statuses(verdicts[2]) == ["stored"]
    if told[10] != "stored":  # the database could hold it after all
        assert told[10] == "unstorable"
        assert await refused_reasons(pool) == ["unstorable"]
        assert await pool.fetchval("SELECT event_id FROM rejected_event") == str(bad.id)


async def test_many_events_that_cannot_be_stored_are_refused_one_by_one(pool: Pool) -> None:
    events = [event(f"/{n}") for n in range(30)]
    batch = [msgspec.structs.replace(one, subject="\0") if n % 3 == 0 else one for n, one in enumerate(events)]

    async with running(pool) as writer:
        verdicts = await writer.append(batch)
        again = await writer.append([one for n, one in enumerate(batch) if n % 3])

    assert statuses(verdicts) == ["unstorable" if n % 3 == 0 else "stored" for n in range(30)]
    assert set(statuses(again)) == {"duplicate"}
    assert await pool.fetchval("SELECT position FROM log_head") == 20
    assert await refused_reasons(pool) == ["unstorable"] * 10


async def test_a_refusal_that_cannot_be_kept_as_it_is_keeps_its_reason(pool: Pool) -> None:
    odd = msgspec.structs.replace(rejection("odd"), payload="a\0b", person="\ud800")

    async with running(pool) as writer:
        verdicts = await writer.append([rejection("before"), odd, event(), rejection("after")])

    assert statuses(verdicts) == ["invalid_event", "invalid_event", "stored", "invalid_event"]
    assert sorted([row[0] for row in await pool.fetch("SELECT detail FROM rejected_event")]) == [
        "after",
        "before",
        "odd",
    ]


async def test_a_value_of_the_database_own_making_is_refused_for_one_event(pool: Pool) -> None:
    """A check that somebody has put on the table."""
    async with running(pool) as writer:
        await writer.append([event()])
        await pool.execute("ALTER TABLE event ADD CHECK (value IS NULL OR value < 100)")
        verdicts = await writer.append([event("/a"), event("/b", more={"value": 1000}), event("/c")])

    assert statuses(verdicts) == ["stored", "unstorable", "stored"]


async def test_an_obstacle_for_every_event_rejects_none(pool: Pool) -> None:
    """A trigger for a maintenance, a column that somebody added: the events are taken when it is gone."""
    events = [event(f"/{n}") for n in range(5)]
    async with running(pool) as writer:
        await writer.append([event()])
        await pool.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'until six'; END$$;"
            "CREATE TRIGGER maintenance BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        with pytest.raises(LogUnavailable):
            await writer.append(events)
        await pool.execute("DROP TRIGGER maintenance ON event; ALTER TABLE event ADD needed text NOT NULL DEFAULT 'x'")
        await pool.execute("ALTER TABLE event ALTER needed DROP DEFAULT")
        with pytest.raises(LogUnavailable):
            await writer.append(events)
        await pool.execute("ALTER TABLE event DROP needed")
        verdicts = await writer.append(events)

    assert statuses(verdicts) == ["stored"] * 5
    assert await refused_reasons(pool) == []
