"""The reader: a columnar cursor on the log that answers every query.

It catches up when it is asked, commits its position with its rows, and throws itself away and starts again from the
log when its file is missing, damaged or of another log.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import duckdb
import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram

from analytics_internal.dimensions import TABLES
from analytics_internal.errors import ReaderBehind
from analytics_internal.log import (
    NO_ACTION,
    TRANSIENT_ERRORS,
    CatalogState,
    Connection,
    LogReplaced,
    LogUnavailable,
    Place,
    Pool,
    missing_names,
    tail,
)
from analytics_internal.masking import fingerprint, without_values
from analytics_internal.reader.catalog import Basis
from analytics_internal.reader.holes import Missing
from analytics_internal.reader.lanes import Lanes, OutOfMemory
from analytics_internal.reader.reader_file import Damaged, ReaderFile, is_damage, is_out_of_space, remove

T = TypeVar("T")
READER_FILE = "reader.duckdb"
CHUNK_EVENTS = 250_000
"""Events of one transaction while catching up: bounds memory, scratch space and what a kill loses."""
ANOTHER_LOG = "another log"
MAX_REBUILDS = 3
"""How often one round starts again from the log before it gives up."""
PATIENCE_S = 20.0
"""How long a question waits for a reader that is far behind."""

log = structlog.get_logger(__name__)
reader_position = Gauge("analytics_internal_reader_position", "Position in the log that the reader has reached")
log_position = Gauge("analytics_internal_log_position", "Position of the newest event when the reader last looked")
catalog_revision = Gauge("analytics_internal_catalog_revision", "Revision of the catalog that the reader answers from")
catalog_read_at = Gauge(
    "analytics_internal_catalog_read_timestamp_seconds", "When the catalog was last read, by any service"
)
catalog_failing = Gauge("analytics_internal_catalog_failing", "1 while the catalog cannot be read")
catch_up_seconds = Histogram(
    "analytics_internal_reader_catch_up_seconds",
    "Time a question waited for the reader to catch up",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 20, 60),
)
rebuilds_total = Counter(
    "analytics_internal_reader_rebuilds_total", "Times the reader started again from the log", ["reason"]
)


class Behind(ReaderBehind):
    """A question has waited long enough for the reader."""

    def __init__(self, position: int, head: int) -> None:
        super().__init__(f"the reader has read {position:,} of {head:,} events of the log")


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
        self,
        pool: Pool,
        path: Path,
        memory_limit: str = "512MB",
        threads: int = 2,
        limits: Limits | None = None,
        zone: ZoneInfo | None = None,
        eligible_groups: Sequence[str] = (),
    ) -> None:
        """``zone``: whose days are counted; UTC if not given. ``eligible_groups``: as in ``catalog.Basis``."""
        self._pool = pool
        self._path = path
        self._zone = zone or ZoneInfo("UTC")
        self._eligible_groups = sorted(eligible_groups)
        self.catalog: CatalogState | None = None
        """How the portal's catalog was known when the reader last looked."""
        self._memory_limit = memory_limit
        self._threads = threads
        self._file: ReaderFile | None = None
        self._cursor: Place | None = None
        self._damaged: ReaderFile | None = None
        self._promised = 0
        self._head_position = 0
        self.log_changes = 0
        """How often the database had another log than the one that was read."""
        self._limits = limits or Limits()
        self._lanes = Lanes(self._limits.time_s)
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")
        self._counting: asyncio.Task[None] | None = None
        self._round: asyncio.Task[Freshness] | None = None
        self._next_round: asyncio.Task[Freshness] | None = None

    @property
    def folder(self) -> Path:
        """Where the reader's file is, and whatever else is kept on disk for a while."""
        return self._path.parent

    @property
    def position(self) -> int:
        return self._cursor.position if self._cursor is not None else 0

    def missing(self, position: int) -> Missing | None:
        """The events up to a position that the log has lost; None when it has them all."""
        return self._file.holes.up_to(position) if self._file is not None else None

    async def place_of(self, position: int) -> Place:
        """Which state of the log has this position. Raises LogUnavailable."""
        cursor = self._cursor
        if cursor is not None and cursor.position == position:
            return cursor
        try:
            async with self._pool.acquire() as connection:
                return (await tail.head_with_place(connection, position))[1]
        except (LogReplaced, *TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            raise LogUnavailable("the log could not be read") from error

    def item_counted_as(self, item_id: int) -> int:
        """The item that a stored item is counted as, as far as the reader has read: links to both lead to it."""
        return self._file.item_counted_as(item_id) if self._file is not None else item_id

    async def close(self) -> None:
        for task in (self._round, self._next_round):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
        await self._lanes.interrupt_all()
        with contextlib.suppress(duckdb.Error):
            await self._until_counted()
        # A round that was cancelled may still have its thread in the file.
        await asyncio.to_thread(self._workers.shutdown)
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
        self._lanes.close()

    @property
    def names(self) -> dict[str, int]:
        """How many names the reader knows, by table."""
        return self._file.counts_of_names() if self._file is not None else {}

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
        return await self.ask(lambda cursor: fetch(cursor.execute(sql, dict(parameters or {}))), sql, cost_s)

    async def ask(self, ask: Callable[[duckdb.DuckDBPyConnection], T], sql: str, cost_s: float = 0) -> T:
        """As ``query``, but ``ask`` runs ``sql`` itself. It may be called again before it has ended."""
        file = self._file
        if file is None or self.position < self._promised:
            raise Damaged("the reader is being rebuilt from the log")
        try:
            return await self._lanes.run(file.question_cursor, ask, cost_s)
        except duckdb.Error as error:
            is_replaced = self._file is not file
            if not (is_replaced or is_damage(error)):
                raise
            # The SQL, and what DuckDB says of it, name people.
            log.error("reader failed", error=type(error).__name__, question=fingerprint(sql))
            # A round may be reading into this file just now: the next one throws it away.
            self._damaged = file
            raise Damaged("the reader's file could not be read; it is made again from the log") from error

    def counted_until(self, position: int) -> int:
        """Up to where the day tables have counted the events that an answer as of a position is about."""
        return self._file.segments.end_before(position) if self._file is not None else 0

    async def use_zone(self, zone: ZoneInfo) -> None:
        """Count days in a zone from now on. Of an open file the days are numbered anew; it takes seconds at most."""
        if zone.key == self._zone.key:
            return
        before, self._zone = self._zone, zone
        if self._file is None:
            return
        try:
            await self.catch_up()
            file = self._file
            await self.in_thread(lambda: file.use_zone(zone))
        except BaseException:
            self._zone = before  # whoever asks next has it done
            raise

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
            raise Behind(self.position, self._head_position) from None
        finally:
            catch_up_seconds.observe(time.perf_counter() - started)

    async def _read_on_after(self, previous: asyncio.Task[Freshness]) -> Freshness:
        with contextlib.suppress(Exception):
            await previous
        self._round, self._next_round = self._next_round, None
        return await self._read_on()

    async def _read_on(self) -> Freshness:
        for attempt in range(1, MAX_REBUILDS + 1):
            try:
                return await self._read_to_head()
            except (duckdb.OutOfMemoryException, MemoryError) as error:
                # The file is whole, and reading it all again would need no less.
                raise OutOfMemory("the reader has not enough memory or disk space to read on in the log") from error
            except (duckdb.Error, Damaged) as error:
                if is_out_of_space(error):  # the file is whole, and goes on as soon as there is room
                    raise OutOfMemory("the reader has not enough disk space to read on in the log") from error
                if attempt == MAX_REBUILDS:
                    raise
                log.warning("reader file cannot be used", error=without_values(error))
                await self._start_again("damaged")
            except LogReplaced as error:
                log.warning("the log was replaced", error=str(error))
                # Connections that are left may lead to the log that was there before.
                await self._pool.expire_connections()
                await self._start_again(ANOTHER_LOG)
            except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
                raise LogUnavailable("the log's head could not be read") from error
        raise LogUnavailable("the log changes faster than it can be read, or log_head is damaged")

    async def _read_to_head(self) -> Freshness:
        if self._file is not None and self._file.is_deleted():
            await self._start_again("deleted")
        if self._file is not None and self._file is self._damaged:
            await self._start_again("damaged")
        if self._file is None:
            await self._open()
        as_of = datetime.now(UTC)
        async with self._pool.acquire() as connection:
            head = await self._head(connection)
            self._head_position = head.position
            log_position.set(head.position)
            if head.catalog is not None:
                await self._read_catalog(connection, head.catalog)
            if self.position < head.position:
                await self._read_chunks(connection, head)
        self._promised = self.position
        reader_position.set(self.position)
        return Freshness(self.position, as_of)

    async def _head(self, connection: Connection) -> tail.Head:
        """The head of the log that the file is of. Raises LogReplaced."""
        if self._cursor is not None:
            return await tail.require(connection, self._cursor)
        head, _ = await tail.head_with_place(connection, 0)
        return head

    async def _read_catalog(self, connection: Connection, state: CatalogState) -> None:
        """Read the portal's catalog if it is another one than the file has."""
        assert self._file is not None
        file = self._file
        if file.catalog_basis == Basis(state.version, self._eligible_groups):
            self._knows(state)
            return
        with tempfile.TemporaryDirectory(prefix="catalog-", dir=self._path.parent) as folder:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                version = await tail.copy_catalog(connection, Path(folder))
            basis = Basis(version, self._eligible_groups)
            await self.in_thread(lambda: file.read_catalog(Path(folder), basis))
        self._knows(state)

    def _knows(self, state: CatalogState) -> None:
        if state != self.catalog:
            self.catalog = state
            catalog_revision.set(state.revision)
            catalog_read_at.set(state.read_at.timestamp() if state.read_at is not None else 0)
            catalog_failing.set(state.failing_since is not None)

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
        self.log_changes += reason == ANOTHER_LOG
        # From now on a question is told that the file is made again, and is asked again then.
        file, self._file, self._cursor = self._file, None, None
        await self._lanes.interrupt_all()  # DuckDB would hand out the old database again for as long as one uses it
        with contextlib.suppress(duckdb.Error):
            await self._until_counted()
        if file is not None:
            with contextlib.suppress(Exception):  # a damaged file may not even close
                await self.in_thread(file.close)
        await self.in_thread(lambda: remove(self._path))
        self._file = await self.in_thread(self._open_file)

    def _open_file(self) -> ReaderFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for left_over in self._path.parent.glob("chunk-*.csv"):  # by a kill
            left_over.unlink(missing_ok=True)
        for folder in self._path.parent.glob("catalog-*"):
            shutil.rmtree(folder, ignore_errors=True)
        file = ReaderFile(self._path, self._memory_limit, self._threads, self._limits.scratch)
        if file.zone != self._zone.key:
            file.use_zone(self._zone)
        return file

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
            # One snapshot of one database: rows, names and place belong together even where a pooler or a failover
            # leads the next statement elsewhere.
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                now = await self._head(connection)
                if now.log_id != head.log_id or now.position < up_to:
                    raise LogReplaced("the log became another one while it was read")
                known = await self.in_thread(lambda: file.known_attributes(up_to - self.position))
                await tail.copy_columns(connection, self.position, up_to, path, known)
                unnamed = await self.in_thread(lambda: file.stage(path))
                names = await self._names_of(connection, file, unnamed)
                _, cursor = await tail.head_with_place(connection, up_to)
        await self.in_thread(lambda: file.append(names, cursor, up_to - self.position))
        self._cursor = cursor
        if file.is_segment_due(up_to):
            await self._until_counted()
            # While the next events are read from the log.
            self._counting = asyncio.create_task(self._count_days(file, up_to))

    async def _count_days(self, file: ReaderFile, position: int) -> None:
        try:
            await self.in_thread(lambda: file.count_days(position))
        except duckdb.Error as error:
            if not (isinstance(error, duckdb.OutOfMemoryException) or is_out_of_space(error)):
                raise
            log.warning("days could not be counted: questions count events", error=without_values(error))

    async def _until_counted(self) -> None:
        """Wait for the day tables. Raises duckdb.Error: the file is damaged."""
        counting, self._counting = self._counting, None
        if counting is not None:
            await counting

    async def _names_of(
        self, connection: Connection, file: ReaderFile, unnamed: Mapping[str, list[int]]
    ) -> dict[str, Sequence[Sequence[object]]]:
        found: dict[str, Sequence[Sequence[object]]] = {
            table: await _named_or_unknown(connection, table, ids) for table, ids in unnamed.items() if ids
        }
        if "item" in found:
            actions = (row[1] for row in found["item"] if isinstance(row[1], int))
            found["action"] = await _named_or_unknown(connection, "action", file.missing_actions(actions))
        return found

    def in_thread(self, run: Callable[[], T]) -> Awaitable[T]:
        """Run something blocking on the reader's own threads."""
        return asyncio.get_running_loop().run_in_executor(self._workers, run)


async def _named_or_unknown(connection: Connection, table: str, ids: list[int]) -> list[tuple[object, ...]]:
    """The rows of one naming table, id first; where one is missing, the one that stands for it."""
    rows = await tail.names(connection, table, ids)
    for number in sorted(set(ids) - {row[0] for row in rows}):
        if number != NO_ACTION:
            missing_names.report(table, number)
        text = missing_names.unknown(table, number)
        nothing = (None,) * len(TABLES[table].members)
        rows.append((number, NO_ACTION, text, None) if table == "item" else (number, *(nothing or (text,))))
    return rows
