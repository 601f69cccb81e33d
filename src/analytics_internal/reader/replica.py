"""The reader: a columnar cursor on the log that answers every query.

It catches up when it is asked, commits its position with its rows, and throws itself away and starts again from the
log when its file is missing, damaged or of another log.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram

from analytics_internal.log import tail
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.writer import PASSING, LogUnavailable
from analytics_internal.logs import fingerprint, without_values
from analytics_internal.reader.duckdb import Cursor, Damaged, ReaderFile, is_damage, remove
from analytics_internal.reader.lanes import Lanes, OutOfMemory

T = TypeVar("T")
READER_FILE = "reader.duckdb"
CHUNK_EVENTS = 250_000
"""Events of one transaction while catching up: bounds memory, scratch space and what a kill loses."""
PATIENCE_S = 20.0
"""How long a question waits for a reader that is far behind."""

log = structlog.get_logger(__name__)
reader_position = Gauge("analytics_internal_reader_position", "Position in the log that the reader has reached")
log_position = Gauge("analytics_internal_log_position", "Position of the newest event when the reader last looked")
catch_up_seconds = Histogram(
    "analytics_internal_reader_catch_up_seconds",
    "Time a question waited for the reader to catch up",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 20, 60),
)
rebuilds_total = Counter(
    "analytics_internal_reader_rebuilds_total", "Times the reader started again from the log", ["reason"]
)


class Behind(Exception):
    """The reader is still reading the log; ask again later."""

    def __init__(self, position: int, head: int) -> None:
        super().__init__(f"the reader has read {position:,} of {head:,} events of the log")
        self.position = position
        self.head = head


class Freshness(msgspec.Struct, frozen=True):
    """What an answer includes: everything up to ``position``, which is all that was acknowledged before ``as_of``."""

    position: int
    as_of: datetime


class Limits(msgspec.Struct, frozen=True):
    """What questions may use."""

    time_s: float = 30
    """Of one question, and of its waiting for its turn."""
    scratch: str = "2GB"
    """Disk space of all questions together for what does not fit into memory."""


class Replica:
    """The reader of one service. Its file belongs to one process; several services have one each."""

    def __init__(
        self, pool: Pool, path: Path, memory_limit: str = "512MB", threads: int = 2, limits: Limits | None = None
    ) -> None:
        self._pool = pool
        self._path = path
        self._memory_limit = memory_limit
        self._threads = threads
        self._file: ReaderFile | None = None
        self._cursor: Cursor | None = None
        self._damaged: ReaderFile | None = None
        self._promised = 0
        self._limits = limits or Limits()
        self._lanes = Lanes(self._limits.time_s)
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")
        self._round: asyncio.Task[Freshness] | None = None
        self._next_round: asyncio.Task[Freshness] | None = None

    @property
    def folder(self) -> Path:
        """Where the reader's file is, and whatever else is kept on disk for a while."""
        return self._path.parent

    @property
    def position(self) -> int:
        return self._cursor.position if self._cursor is not None else 0

    async def close(self) -> None:
        for task in (self._round, self._next_round):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
        await self._lanes.interrupt_all()
        if self._file is not None:
            await self.in_thread(self._file.close)
        self._lanes.close()
        self._workers.shutdown()

    async def query(
        self, sql: str, fetch: Callable[..., T], parameters: Mapping[str, object] | None = None, cost_s: float = 0
    ) -> T:
        """Run a question on the rows as they are; ``fetch`` takes DuckDB's cursor in a thread.

        ``catch_up`` comes before the first question. ``cost_s`` is what the question is expected to take. Cancelled, it
        is interrupted.

        Raises:
            Damaged: the file cannot be used, or is being rebuilt; after the next ``catch_up`` it is whole.
            Busy, TooSlow, OutOfMemory: as ``Lanes.run``.
        """
        file = self._file
        if file is None or self.position < self._promised:
            raise Damaged("the reader is being rebuilt from the log")
        try:
            return await self._lanes.run(
                file.question_cursor, lambda cursor: fetch(cursor.execute(sql, dict(parameters or {}))), cost_s
            )
        except duckdb.Error as error:
            is_replaced = self._file is not file
            if not (is_replaced or is_damage(error)):
                raise
            # The SQL, and what DuckDB says of it, name people.
            log.error("reader failed", error=type(error).__name__, question=fingerprint(sql))
            # A round may be reading into this file just now: the next one throws it away.
            self._damaged = file
            raise Damaged("the reader's file could not be read; it is made again from the log") from error

    async def catch_up(self, patience_s: float = PATIENCE_S) -> Freshness:
        """Read on to the head as of now, and say how far that is. Concurrent callers share the work.

        Raises:
            Behind: it takes longer than ``patience_s``; reading goes on.
            LogUnavailable: the log's head could not be read.
        """
        started = time.perf_counter()
        # A round that has looked at the head already may miss what was acknowledged since: wait for the one after it.
        if self._next_round is not None and not self._next_round.done():
            task = self._next_round  # not begun yet, even when the round before it is done
        elif self._round is not None and not self._round.done():
            task = self._next_round = asyncio.create_task(self._read_on_after(self._round))
        else:
            task = self._round = asyncio.create_task(self._read_on())
        try:
            return await asyncio.wait_for(asyncio.shield(task), patience_s)
        except TimeoutError:
            raise Behind(self.position, int(log_position._value.get())) from None
        finally:
            catch_up_seconds.observe(time.perf_counter() - started)

    async def _read_on_after(self, previous: asyncio.Task[Freshness]) -> Freshness:
        with contextlib.suppress(Exception):
            await previous
        self._round, self._next_round = self._next_round, None
        return await self._read_on()

    async def _read_on(self) -> Freshness:
        try:
            return await self._read_to_head()
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            # The file is whole, and reading it all again would need no less.
            raise OutOfMemory("the reader has not enough memory or disk space to read on in the log") from error
        except (duckdb.Error, Damaged) as error:
            log.warning("reader file cannot be used", error=without_values(error))
            await self._start_again("damaged")
            return await self._read_to_head()
        except PASSING as error:
            raise LogUnavailable("the log's head could not be read") from error

    async def _read_to_head(self) -> Freshness:
        if self._file is not None and self._file.is_deleted():
            await self._start_again("deleted")
        if self._file is not None and self._file is self._damaged:
            await self._start_again("damaged")
        if self._file is None:
            await self._open()
        as_of = datetime.now(UTC)
        async with self._pool.acquire() as connection:
            head = await tail.head(connection)
            log_position.set(head.position)
            if self._cursor is not None and not await _is_of_this_log(connection, self._cursor, head):
                await self._start_again("another log")
            if self.position < head.position:
                await self._read_chunks(connection, head)
        self._promised = self.position
        reader_position.set(self.position)
        return Freshness(self.position, as_of)

    async def _open(self) -> None:
        try:
            self._file = await self.in_thread(self._open_file)
            self._cursor = await self.in_thread(self._file.cursor)
        except Damaged as error:
            log.warning("reader file cannot be used", error=without_values(error))
            await self._start_again("damaged")

    async def _start_again(self, reason: str) -> None:
        """Throw the file away; everything in it comes back from the log."""
        log.warning("reader starts again from the log", reason=reason)
        rebuilds_total.labels(reason).inc()
        await self._lanes.interrupt_all()  # DuckDB would hand out the old database again for as long as one uses it
        if self._file is not None:
            with contextlib.suppress(Exception):  # a damaged file may not even close
                await self.in_thread(self._file.close)
        await self.in_thread(lambda: remove(self._path))
        self._cursor = None
        self._file = await self.in_thread(self._open_file)

    def _open_file(self) -> ReaderFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for left_over in self._path.parent.glob("chunk-*.csv"):  # by a kill
            left_over.unlink(missing_ok=True)
        return ReaderFile(self._path, self._memory_limit, self._threads, self._limits.scratch)

    async def _read_chunks(self, connection: Connection, head: tail.Head) -> None:
        started, first = time.monotonic(), self.position
        while self.position < head.position:
            up_to = min(self.position + CHUNK_EVENTS, head.position)
            await self._read_chunk(connection, head, up_to)
            reader_position.set(self.position)
            if head.position - first > CHUNK_EVENTS:
                log.info(
                    "reading the log",
                    position=self.position,
                    head=head.position,
                    percent=round(100 * self.position / head.position, 1),
                    events_per_s=round((self.position - first) / (time.monotonic() - started)),
                )

    async def _read_chunk(self, connection: Connection, head: tail.Head, up_to: int) -> None:
        assert self._file is not None
        file = self._file
        with tempfile.NamedTemporaryFile(prefix="chunk-", suffix=".csv", dir=self._path.parent) as csv:
            path = Path(csv.name)
            await tail.copy_columns(connection, self.position, up_to, path)
            unnamed = await self.in_thread(lambda: file.stage(path))
        names = await self._names_of(connection, file, unnamed)
        last_event_id = await tail.event_id_at(connection, up_to)
        cursor = Cursor(head.log_id, up_to, last_event_id)
        await self.in_thread(lambda: file.append(names, cursor, up_to - self.position))
        self._cursor = cursor

    async def _names_of(
        self, connection: Connection, file: ReaderFile, unnamed: Mapping[str, list[int]]
    ) -> dict[str, Sequence[Sequence[object]]]:
        found: dict[str, Sequence[Sequence[object]]] = {
            table: await tail.names(connection, table, ids) for table, ids in unnamed.items() if ids
        }
        if "item" in found:
            new_actions = file.missing_actions(row[1] for row in found["item"] if isinstance(row[1], int))
            found["action"] = await tail.names(connection, "action", new_actions)
        return found

    def in_thread(self, run: Callable[[], T]) -> Awaitable[T]:
        """Run something blocking on the reader's own threads."""
        return asyncio.get_running_loop().run_in_executor(self._workers, run)


async def _is_of_this_log(connection: Connection, cursor: Cursor, head: tail.Head) -> bool:
    """A database put back from a backup has the same log id but may have gone on differently."""
    if cursor.log_id != head.log_id or cursor.position > head.position:
        return False
    return cursor.position == 0 or await tail.event_id_at(connection, cursor.position) == cursor.last_event_id
