"""Group commit: the events of many requests are stored in one transaction, as one batch of the log."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram

from analytics_internal.errors import TryLater
from analytics_internal.event import Event, Rejection, Verdict, milliseconds_of
from analytics_internal.log import rejected
from analytics_internal.log.batch import Batch, Submission
from analytics_internal.log.batch_ids import BatchIds
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.id_key import IdKey
from analytics_internal.log.names import LogChanged
from analytics_internal.log.partitions import Month, MonthMissing, Partitions, month_of
from analytics_internal.log.rejected import OF_ONE_EVENT
from analytics_internal.log.remembered import Proof, Remembered
from analytics_internal.log.rows import EVENT_COLUMNS
from analytics_internal.log.statements import SQL
from analytics_internal.log.trial import OK, trial

MAX_BATCH_EVENTS = 5_000
"""Most events of one transaction. Batches are looked up by this bound, so it may grow but never shrink."""
ATTEMPTS = 3
MAX_RACES = 100
"""How often other writers may store an id of one batch first before that counts as an error."""
MAX_CHANGES = 5
"""How often the database may change to another log while one batch is stored before that counts as an error."""
# Errors of PostgreSQL or the network that may pass. The same batch is tried again, which its ids make safe.
TRANSIENT_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.LockNotAvailableError,
)

log = structlog.get_logger(__name__)
log_changes_total = Counter("analytics_internal_log_changes_total", "Times the database held another log than before")
waiting_events = Gauge("analytics_internal_waiting_events", "Events waiting for their commit")
batch_events = Histogram(
    "analytics_internal_batch_events",
    "Events per commit",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
commit_seconds = Histogram(
    "analytics_internal_commit_seconds",
    "Seconds per commit, from taking the batch to the database's answer",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)


class Overloaded(TryLater):
    """The buffer is full, or the service is stopping; nothing was stored."""

    kind, title, retry_after_s = "overloaded", "Too many events are waiting to be stored", 1


class LogUnavailable(TryLater):
    """PostgreSQL did not confirm: the events may or may not be stored. Sending the same ids again is safe."""

    kind, title, retry_after_s = "log-unavailable", "The database did not answer", 1


class WriterLimits(msgspec.Struct, frozen=True):
    """Limits of the writer's buffer and commits, and of the refused events it keeps."""

    buffer_events: int = 20_000
    buffer_bytes: int = 64 * 1024 * 1024
    flushers: int = 1
    linger_ms: float = 1
    rejected_events: int = 10_000
    rejected_retention: timedelta = timedelta(days=30)
    command_timeout_s: float = 30


class LogWriter:
    """Appends to the log. One per process; several processes may write to one database."""

    def __init__(self, pool: Pool, limits: WriterLimits | None = None, id_key: IdKey | None = None) -> None:
        """``id_key``: the key that event ids are derived with; read again when the database holds another log."""
        self._pool = pool
        self._id_key = id_key
        self._limits = limits or WriterLimits()
        # Ids derived with the key of one log must not be stored in another.
        self._remembered = Remembered(Proof(id_key.log_id if id_key is not None else None))
        self._batch_ids = BatchIds()
        self._queue: deque[Submission] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._partitions = Partitions()
        self._preparing: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._expects_duplicates = False
        self._flushers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        waiting_events.set_function(lambda: self._waiting)
        self._flushers = [asyncio.create_task(self._flush_forever()) for _ in range(self._limits.flushers)]

    async def close(self) -> None:
        """Refuse new events; return when all accepted ones are committed and answered."""
        self._is_closing = True
        self._wake.set()
        await asyncio.gather(*self._flushers)

    async def append(self, entries: Sequence[Event | Rejection], size: int = 0) -> list[Verdict]:
        """Store events durably, and keep the refused ones.

        Returns one verdict per entry, in the order given, after the commit. An event whose id is already stored gets
        ``duplicate`` if the content is the same, else ``rejected`` for ``conflict``. ``size`` is the entries' memory in
        bytes.

        Raises:
            Overloaded: the buffer is full or the service is stopping; nothing of this call was stored.
            LogUnavailable: PostgreSQL did not confirm.
        """
        if not entries:
            return []
        if self._is_closing:
            raise Overloaded("the service is stopping")
        limits = self._limits
        is_full = (
            self._waiting + len(entries) > limits.buffer_events or self._waiting_bytes + size > limits.buffer_bytes
        )
        if is_full and self._waiting:
            raise Overloaded(f"{self._waiting:,} events are waiting to be stored; at most {limits.buffer_events:,} may")
        self._count_waiting(len(entries), size)
        submission = Submission(entries, size)
        missing = self._partitions.missing(entry.id for entry in entries if isinstance(entry, Event))
        if missing:
            self._preparing.add(asyncio.create_task(self._queue_with_months(submission, missing)))
        else:
            self._queue.append(submission)
            self._wake.set()
        # A client that hangs up cancels only its future; its events are stored all the same.
        return await submission.future

    def _count_waiting(self, events: int, size: int) -> None:
        self._waiting += events
        self._waiting_bytes += size

    async def _queue_with_months(self, submission: Submission, missing: set[Month]) -> None:
        """Queue a submission as soon as each of its events has a partition."""
        try:
            try:
                await self._partitions.ensure(self._pool, missing)
            except TRANSIENT_ERRORS as cause:
                await self._drop_read_only_sessions(cause)
                await self._partitions.ensure(self._pool, missing)
        except Exception as cause:  # any error: the request must not hang
            log.error("month missing", error=str(cause) if isinstance(cause, MonthMissing) else repr(cause))
            self._count_waiting(-len(submission.entries), -submission.size)
            if not submission.future.done():
                submission.future.set_exception(_without_month(cause))
        else:
            self._queue.append(submission)
        finally:
            self._preparing.discard(asyncio.current_task())
            self._wake.set()

    async def keep_months_ahead(self, nearest: int | None = None) -> None:
        """Make the months that live events may need. Raises MonthMissing and the database's errors."""
        await self._partitions.keep_ahead(self._pool, nearest)

    async def _drop_read_only_sessions(self, error: BaseException) -> None:
        """After an error of a read-only session, drop all: they stay read-only when the database becomes writable."""
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            await self._pool.expire_connections()

    async def _flush_forever(self) -> None:
        is_busy = False
        while True:
            while not self._queue:
                if self._is_closing and not self._preparing:
                    return
                self._wake.clear()
                await self._wake.wait()
            # Only under load: a single request does not wait for others.
            if is_busy and self._limits.linger_ms and not self._is_closing:
                await asyncio.sleep(self._limits.linger_ms / 1000)
            if taken := self._next_submissions():
                is_busy = len(taken) > 1
                await self._store_and_answer(taken)

    def _next_submissions(self) -> list[Submission]:
        taken: list[Submission] = []
        events = 0
        while self._queue and (not taken or events + len(self._queue[0].entries) <= MAX_BATCH_EVENTS):
            submission = self._queue.popleft()
            events += len(submission.entries)
            taken.append(submission)
        return taken

    async def _store_and_answer(self, submissions: list[Submission]) -> None:
        """Store these submissions and answer each of them, also after an error."""
        started = time.perf_counter()
        error: BaseException | None = None
        try:
            await self._store(submissions)
        except (*TRANSIENT_ERRORS, LogChanged, asyncpg.PostgresError) as cause:
            log.error("log unavailable", error=repr(cause))
            error = LogUnavailable("the database did not confirm the events; sending the same ids again is safe")
        except BaseException as cause:  # raised again below, when every request is answered
            error = cause
        commit_seconds.observe(time.perf_counter() - started)
        for submission in submissions:
            self._count_waiting(-len(submission.entries), -submission.size)
            if submission.future.done():
                continue
            if (failure := error or submission.failure) is not None:
                submission.future.set_exception(failure)
            else:
                submission.future.set_result(submission.complete())
        if error is not None and not isinstance(error, Exception):
            raise error

    async def _store(self, submissions: list[Submission]) -> None:
        refused = [entry for each in submissions for entry in each.entries if isinstance(entry, Rejection)]
        batch, limits = Batch(submissions), self._limits
        attempt = changes = 0
        while True:
            try:
                async with self._pool.acquire(timeout=self._limits.command_timeout_s) as connection:
                    if batch.unsettled:
                        await self._store_events(connection, batch)
                    if refused or batch.conflicts:
                        await rejected.keep(
                            connection, refused + batch.conflicts, limits.rejected_events, limits.rejected_retention
                        )
                break
            except TRANSIENT_ERRORS as cause:
                await self._drop_read_only_sessions(cause)
                attempt += 1
                if attempt == ATTEMPTS:
                    raise
                # The commit may have happened: ids found in the log may now be our own.
                batch.is_retried = True
                await asyncio.sleep(0.1 * attempt)
            except LogChanged:
                changes += 1
                if changes == MAX_CHANGES:
                    raise
                # Open connections may still lead to the earlier log.
                await self._pool.expire_connections()
                # Parts of the batch may have been stored in the earlier log, which may be gone: start over.
                await self._make_missing_months(submissions)
                await self._read_key_again(submissions)
                batch = Batch([each for each in submissions if each.failure is None])
                batch.is_retried = True
        batch.settle_rejections()

    async def _read_key_again(self, submissions: list[Submission]) -> None:
        """Read the key of the log that is there now. Raises LogUnavailable: these ids were derived with another key."""
        if self._id_key is None:
            return
        key = self._id_key.key
        async with self._pool.acquire(timeout=self._limits.command_timeout_s) as connection:
            await self._id_key.read_again(connection)
        if self._remembered.proof == Proof():
            self._remembered.proof = Proof(self._id_key.log_id)
        entries = (entry for each in submissions for entry in each.entries)
        if self._id_key.key != key and any(isinstance(entry, Event) and entry.sent_id is not None for entry in entries):
            raise LogUnavailable("the database is another one than before; sending the same ids again is safe")

    async def _store_events(self, connection: Connection, batch: Batch) -> None:
        """Commit the batch's events. Those already stored leave the batch; the rest is tried again."""
        checks_first = self._expects_duplicates or batch.is_retried
        self._expects_duplicates = False
        failures = 0
        if self._id_key is not None and self._id_key.older_until is not None:
            await self._leave_out_stored_as_sent(connection, batch, self._id_key.older_until)
        while batch.unsettled:
            if checks_first and await self._leave_out_stored(connection, batch):
                self._expects_duplicates = True
                continue
            events = list(islice(batch.unsettled.values(), MAX_BATCH_EVENTS))
            try:
                await self._commit_or_halve(connection, batch, events)
            except asyncpg.UniqueViolationError:
                # Stored ids are looked up only now: repeated events and races with other replicas are rare.
                checks_first = True
                failures += 1
                if failures > MAX_RACES:
                    raise

    async def _commit_or_halve(self, connection: Connection, batch: Batch, events: list[Event]) -> None:
        """Commit the events. If one cannot be stored, find it by halving and refuse it alone."""
        try:
            await self._commit(connection, events)
        except OF_ONE_EVENT as cause:
            if isinstance(cause, asyncpg.SequenceGeneratorLimitExceededError):
                raise  # an error of the database, not of one event
            if len(events) == 1:
                # If the database refuses every event (an added trigger or column), this one must not be rejected.
                if (outcome := await trial(connection)) != OK:
                    log.error("the database takes no events", error=outcome)
                    raise LogUnavailable("the database takes no events; sending the same ids again is safe") from cause
                log.warning("event cannot be stored", id=str(events[0].id), error=type(cause).__name__)
                batch.refuse(events[0], cause)
                return
            half = len(events) // 2
            for part in (events[:half], events[half:]):
                await self._commit_or_halve(connection, batch, part)
        else:
            batch_events.observe(len(events))
            batch.settle_stored(events)

    async def _make_missing_months(self, submissions: list[Submission]) -> None:
        """Make the months that the database lacks now. Submissions whose month cannot be made fail."""
        self._partitions.forget()
        entries = [entry for each in submissions for entry in each.entries if isinstance(entry, Event)]
        try:
            await self._partitions.ensure(self._pool, {month_of(entry.id) for entry in entries})
        except MonthMissing as cause:
            log.error("month missing", error=str(cause))
            for submission in submissions:
                if any(isinstance(e, Event) and month_of(e.id) in cause.months for e in submission.entries):
                    submission.failure = _without_month(cause)

    async def _leave_out_stored(self, connection: Connection, batch: Batch) -> bool:
        ids = list(batch.unsettled)
        stored = await connection.fetch(SQL["ids_stored"], ids, min(ids), max(ids))
        for id_, content_hash in stored:
            batch.settle_stored_before(id_, content_hash)
        return bool(stored)

    async def _leave_out_stored_as_sent(self, connection: Connection, batch: Batch, until: datetime) -> None:
        """Find events stored before there was an id key: under their ids as sent, by the same person."""
        limit = until.timestamp() * 1000
        sent = {
            (event.sent_id, event.person): event.id
            for event in batch.unsettled.values()
            if event.sent_id is not None and event.has_own_id and milliseconds_of(event.sent_id) < limit
        }
        if not sent:
            return
        ids = [id_ for id_, _ in sent]
        for id_, content_hash, person in await connection.fetch(
            SQL["ids_stored_as_sent"], ids, min(ids), max(ids), until
        ):
            if (stored := sent.get((id_, person))) is not None:
                batch.settle_stored_before(stored, content_hash)

    async def _commit(self, connection: Connection, events: list[Event]) -> None:
        """Store events in one transaction. Raises LogChanged: the database holds another log than before."""
        remembered = self._remembered
        try:
            await self._commit_with(remembered, connection, events)
        except (LogChanged, asyncpg.CheckViolationError) as error:
            if isinstance(error, asyncpg.CheckViolationError) and error.constraint_name is not None:
                raise  # a check that somebody added; an error without a name means that a partition is gone
            log.warning("the database holds another log than before: names are looked up again", reason=str(error))
            log_changes_total.inc()
            if self._remembered is remembered:
                self._remembered = Remembered(Proof())
                self._batch_ids.forget_writer()
            raise LogChanged(str(error)) from error

    async def _commit_with(self, remembered: Remembered, connection: Connection, events: list[Event]) -> None:
        # In the order of ids, so that two replicas with the same ids cannot deadlock in the unique index.
        order = sorted(range(len(events)), key=lambda index: events[index].id)
        records, new_names = await remembered.rows.of(connection, events)
        batch_id = await self._batch_ids.following(connection)
        held = remembered.proof
        async with connection.transaction():
            if not await new_names.hold(connection):
                raise LogChanged("this database lacks names of these events")
            await connection.copy_records_to_table(
                "event",
                columns=EVENT_COLUMNS,
                records=[(batch_id, ordinal, *records[ordinal]) for ordinal in order],
                timeout=self._limits.command_timeout_s,
            )
            # The head row is locked last: other writers wait from here until our commit.
            place = await connection.fetchrow(
                SQL["take_place"], batch_id, len(events), held.log_id, held.first_position, held.batch_id
            )
            if place is None:
                raise LogChanged("this database lacks the last batch that was stored")
        remembered.prove(held, Proof(place["log_id"], place["first_position"], batch_id), new_names)


def _without_month(cause: Exception) -> LogUnavailable:
    why = str(cause) if isinstance(cause, MonthMissing) else "the database did not answer"
    return LogUnavailable(f"{why}; sending the same ids again is safe")
