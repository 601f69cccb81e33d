import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.event.event import Event
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from analytics_internal.reader import replica as replica_module
from analytics_internal.reader.reader_file import remove, wal_of
from analytics_internal.reader.replica import Behind, Replica
from tests.log.model import emptied
from tests.reader.counts import Counts, log_counts, reader_counts, reader_positions
from tests.samples import event

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)


@pytest.fixture
async def writer(pool: Pool) -> AsyncIterator[LogWriter]:
    writer = LogWriter(pool)
    writer.start()
    yield writer
    await writer.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reader.duckdb"


@asynccontextmanager
async def reading(pool: Pool, path: Path) -> AsyncIterator[Replica]:
    replica = Replica(pool, path, "128MB", 1)
    yield replica
    await replica.close()


def some_events(count: int, seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    return [
        event(
            f"/{chance.randint(1, 40)}",
            action=chance.choice(["navigate", "click"]),
            person=chance.choice([None, "user:default/ana", "user:default/bo"]),
            occurred_at=NOW - timedelta(days=chance.randint(0, 60)),
        )
        for _ in range(count)
    ]


async def assert_equals_the_log(replica: Replica, pool: Pool) -> None:
    assert await reader_counts(replica) == await log_counts(pool)
    head = await pool.fetchval("SELECT position FROM log_head")
    assert await reader_positions(replica) == list(range(1, head + 1))
    assert replica.position == head


# --- catching up


@pytest.mark.slow
@settings(max_examples=6)
@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8), chunk=st.integers(1, 40), reopens=st.booleans())
async def test_the_reader_equals_the_log_after_any_chunks(
    pool: Pool, tmp_path: Path, sizes: list[int], chunk: int, reopens: bool
) -> None:
    await emptied(pool)
    path = tmp_path / "chunks.duckdb"
    remove(path)
    writer = LogWriter(pool)
    writer.start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica_module, "CHUNK_EVENTS", chunk)
        async with contextlib.AsyncExitStack() as stack:
            replica = await stack.enter_async_context(reading(pool, path))
            for n, size in enumerate(sizes):
                await writer.append(some_events(size, seed=n))
                await replica.catch_up()
                if reopens:
                    await stack.aclose()
                    replica = await stack.enter_async_context(reading(pool, path))

            await assert_equals_the_log(replica, pool)
    await writer.close()


async def test_an_empty_log_is_read(pool: Pool, path: Path) -> None:
    async with reading(pool, path) as replica:
        freshness = await replica.catch_up()

        assert freshness.position == 0
        await assert_equals_the_log(replica, pool)


@pytest.mark.slow
async def test_what_was_acknowledged_before_the_question_is_always_in(
    pool: Pool, path: Path, writer: LogWriter
) -> None:
    count = "SELECT count(*) FROM event JOIN item USING (item_id) WHERE subject = '{}'"

    async def write_and_ask(replica: Replica, client: int) -> None:
        chance = random.Random(client)
        for n in range(25):
            subject = f"/{client}/{n}"
            await writer.append([event(subject)])
            for _ in range(chance.randint(0, 5)):
                await asyncio.sleep(0)
            freshness = await replica.catch_up()
            rows = await replica.query(count.format(subject), lambda cursor: cursor.fetchall())
            assert rows == [(1,)]
            assert replica.position >= freshness.position

    async with reading(pool, path) as replica:
        await asyncio.gather(*(write_and_ask(replica, client) for client in range(12)))

        await assert_equals_the_log(replica, pool)


async def test_a_question_between_two_rounds_reads_no_event_twice(pool: Pool, path: Path, writer: LogWriter) -> None:
    async with reading(pool, path) as replica:

        async def ask_as_soon_as_a_round_is_done() -> None:
            while not (replica._round is not None and replica._round.done()):  # noqa: ASYNC110
                await asyncio.sleep(0)
            await replica.catch_up()

        for n in range(15):
            await writer.append(some_events(2, seed=n))
            first = asyncio.create_task(replica.catch_up())
            await asyncio.sleep(0)
            between = asyncio.create_task(ask_as_soon_as_a_round_is_done())
            await asyncio.sleep(0.002)
            following = asyncio.create_task(replica.catch_up())
            await writer.append(some_events(1, seed=n))
            await asyncio.gather(first, between, following)

        await assert_equals_the_log(replica, pool)


async def test_a_reader_that_is_far_behind_says_so_and_reads_on(pool: Pool, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(500))

    async with reading(pool, path) as replica:
        with pytest.raises(Behind):
            await replica.catch_up(patience_s=0)
        await assert_equals_the_log(replica, pool)


# --- killed


@pytest.mark.slow
async def test_a_reader_killed_while_it_catches_up_goes_on_where_it_was(
    pool: Pool, dsn: str, path: Path, writer: LogWriter
) -> None:
    chance = random.Random()
    for n in range(4):
        await writer.append(some_events(2_500, seed=n))
    killed_before_done = 0

    for _ in range(6):
        command = (sys.executable, "-m", "tests.reader.catch_up", dsn, str(path))
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        await asyncio.sleep(chance.uniform(0.01, 0.3))
        process.kill()
        rest, _ = await process.communicate()
        killed_before_done += b"done" not in rest

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)
    assert killed_before_done


# --- deleted and damaged files


async def test_a_file_deleted_while_it_is_open_is_rebuilt(pool: Pool, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(200))
    async with reading(pool, path) as replica:
        await replica.catch_up()
        remove(path)
        await writer.append(some_events(10, seed=2))

        await assert_equals_the_log(replica, pool)


@pytest.mark.slow
async def test_questions_while_a_deleted_file_is_rebuilt_are_never_answered_from_a_part(
    pool: Pool, path: Path, writer: LogWriter
) -> None:
    await writer.append(some_events(3_000))
    truth = await log_counts(pool)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica_module, "CHUNK_EVENTS", 100)
        async with reading(pool, path) as replica:
            await replica.catch_up()
            remove(path)
            answers = await asyncio.gather(*(ask_after(n * 0.003, replica) for n in range(60)))

    assert all(answer == truth for answer in answers)


async def ask_after(delay_s: float, replica: Replica) -> Counts:
    await asyncio.sleep(delay_s)
    return await reader_counts(replica)


async def test_a_file_deleted_while_it_is_closed_is_rebuilt(pool: Pool, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(200))
    async with reading(pool, path) as replica:
        await replica.catch_up()
    remove(path)
    _garbage_in_wal(path)

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    chance = random.Random()
    for _ in range(40):
        start = chance.randrange(len(data))
        data[start : start + 64] = chance.randbytes(len(data[start : start + 64]))
    path.write_bytes(data)


def _header_overwritten(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(random.randbytes(20_000) + data[20_000:])


def _cut_to(part: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * part)])

    return cut


def _no_database(path: Path) -> None:
    path.write_text("SELECT 'I am a text'")


def _garbage_in_wal(path: Path) -> None:
    wal_of(path).write_bytes(random.randbytes(5_000))


@pytest.mark.parametrize(
    "damage",
    [_overwritten, _header_overwritten, _cut_to(0), _cut_to(0.3), _cut_to(0.9), _no_database, _garbage_in_wal],
)
async def test_a_damaged_file_is_rebuilt(
    pool: Pool, path: Path, writer: LogWriter, damage: Callable[[Path], None]
) -> None:
    await writer.append(some_events(3_000))
    async with reading(pool, path) as replica:
        await replica.catch_up()
    damage(path)
    await writer.append(some_events(10, seed=2))

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)
        await writer.append(some_events(10, seed=3))
        await assert_equals_the_log(replica, pool)


@pytest.mark.slow
@settings(max_examples=25)
@given(offset=st.floats(0, 1, exclude_max=True), garbage=st.binary(min_size=1, max_size=200))
async def test_a_file_with_any_bytes_overwritten_is_right_or_rebuilt(
    pool: Pool, tmp_path: Path, offset: float, garbage: bytes
) -> None:
    path, whole = tmp_path / "damaged.duckdb", tmp_path / "whole.duckdb"
    if not whole.exists():
        writer = LogWriter(pool)
        writer.start()
        await writer.append(some_events(1_000))
        await writer.close()
        async with reading(pool, whole) as replica:
            await replica.catch_up()
    data = bytearray(whole.read_bytes())
    start = int(offset * len(data))
    data[start : start + len(garbage)] = garbage
    remove(path)
    path.write_bytes(data)

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


async def test_a_wal_with_a_torn_end_is_read_up_to_there(pool: Pool, dsn: str, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(1_000))
    command = (sys.executable, "-m", "tests.reader.catch_up", dsn, str(path))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while await process.stdout.readline() != b"done\n":
        pass
    process.kill()
    await process.wait()
    wal = wal_of(path)
    wal.write_bytes(wal.read_bytes()[:-100])

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


async def test_a_file_of_another_version_is_rebuilt(pool: Pool, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(100))
    async with reading(pool, path) as replica:
        await replica.catch_up()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE reader SET version = 0")

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


async def test_somebody_elses_database_is_replaced(pool: Pool, path: Path, writer: LogWriter) -> None:
    await writer.append(some_events(100))
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE reader (name VARCHAR); CREATE TABLE event (a INTEGER)")

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


# --- another log, another past


async def test_a_file_of_another_log_is_rebuilt(pool: Pool, path: Path) -> None:
    for seed in (1, 2):
        await emptied(pool)
        writer = LogWriter(pool)
        writer.start()
        await writer.append(some_events(100, seed=seed))
        await writer.close()

        async with reading(pool, path) as replica:
            await assert_equals_the_log(replica, pool)


async def put_back(pool: Pool, position: int) -> None:
    """The log as it was, as from a backup: the same log id, the last batches gone."""
    await pool.execute(
        "DELETE FROM event WHERE batch_id IN (SELECT batch_id FROM log_batch WHERE first_position > $1)", position
    )
    await pool.execute("DELETE FROM log_batch WHERE first_position > $1", position)
    await pool.execute("UPDATE log_head SET position = $1", position)


@pytest.mark.parametrize("written_since", [0, 20, 50, 80])
async def test_a_log_put_back_while_the_reader_is_closed_is_read_again(
    pool: Pool, path: Path, writer: LogWriter, written_since: int
) -> None:
    await writer.append(some_events(100))
    await writer.append(some_events(50, seed=2))
    async with reading(pool, path) as replica:
        await replica.catch_up()
    await put_back(pool, 100)
    await writer.append(some_events(written_since, seed=3))

    async with reading(pool, path) as replica:
        await assert_equals_the_log(replica, pool)


@pytest.mark.parametrize("written_since", [0, 20, 50, 80])
async def test_a_log_put_back_while_the_reader_is_open_is_read_again(
    pool: Pool, path: Path, writer: LogWriter, written_since: int
) -> None:
    await writer.append(some_events(100))
    await writer.append(some_events(50, seed=2))
    async with reading(pool, path) as replica:
        await replica.catch_up()
        await put_back(pool, 100)
        await writer.append(some_events(written_since, seed=3))

        await assert_equals_the_log(replica, pool)
