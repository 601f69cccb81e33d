"""Group commit: events of many requests, one transaction, one place in the log's order."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal, overload
from uuid import UUID

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Gauge, Histogram

from analytics_internal.event import Event, Rejection, Verdict, milliseconds_of, wire_text
from analytics_internal.log import sequences
from analytics_internal.log.batch_ids import BatchIds
from analytics_internal.log.connection import Connection, Pool
from analytics_internal.log.id_key import IdKey
from analytics_internal.log.names import LogChanged
from analytics_internal.log.partitions import Month, MonthMissing, Partitions, month_of
from analytics_internal.log.remembered import Proof, Remembered
from analytics_internal.log.rows import EVENT_COLUMNS
from analytics_internal.log.statements import SQL
from analytics_internal.log.trial import OK, trial

MAX_BATCH_EVENTS = 5_000
"""Events of one transaction; positions of a batch are found through this bound, so it may grow but never shrink."""
ATTEMPTS = 3
MAX_DETAIL = 500
MAX_RACES = 100
"""How often other writers may be faster with an id of one batch before it is taken for a fault."""
MAX_CHANGES = 5
"""How often the log may be another one than before while one batch is stored, before that is taken for a fault."""
# What PostgreSQL or the network may answer for reasons that pass: the same batch is tried again, ids make it safe.
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
# What PostgreSQL or the driver says about a value: it belongs to one event, whose neighbours must not suffer.
OF_ONE_EVENT = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.RaiseError,
    ValueError,
    TypeError,
    OverflowError,
)

log = structlog.get_logger(__name__)
events_total = Metric("analytics_internal_events_total", "Submitted events by what became of them", ["status"])
rejected_total = Metric("analytics_internal_rejected_events_total", "Refused events by reason", ["reason"])
log_changes_total = Metric(
    "analytics_internal_log_changes_total", "Times the database was not the log that was remembered"
)
waiting_events = Gauge("analytics_internal_waiting_events", "Events that wait for their commit")
batch_events = Histogram(
    "analytics_internal_batch_events",
    "Events of one commit",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
commit_seconds = Histogram(
    "analytics_internal_commit_seconds",
    "Time of one commit, from taking the batch to the database's answer",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)


class Overloaded(Exception):
    """More events are waiting than the buffer holds, or the service is stopping; nothing was stored."""


class LogUnavailable(Exception):
    """PostgreSQL did not confirm; the events may or may not be stored. Sending the same ids again is safe."""


class WriterLimits(msgspec.Struct, frozen=True):
    """Bounds of the writer's memory and of what it keeps."""

    buffer_events: int = 20_000
    buffer_bytes: int = 64 * 1024 * 1024
    flushers: int = 1
    linger_ms: float = 1
    rejected_events: int = 10_000
    rejected_retention: timedelta = timedelta(days=30)
    command_timeout_s: float = 30


class _Submission:
    __slots__ = ("entries", "failure", "future", "size", "verdicts")

    def __init__(self, entries: Sequence[Event | Rejection], size: int) -> None:
        self.entries = entries
        self.size = size
        self.verdicts: list[Verdict | None] = [None] * len(entries)
        self.failure: Exception | None = None
        self.future: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()


class LogWriter:
    """Appends to the log. One per process; several processes may write to one database."""

    def __init__(self, pool: Pool, limits: WriterLimits | None = None, id_key: IdKey | None = None) -> None:
        """``id_key``: what the events' ids follow from; read again when the database is another log than before."""
        self._pool = pool
        self._id_key = id_key
        self._limits = limits or WriterLimits()
        # The ids of events follow from a key of one log: they belong into no other one.
        self._remembered = Remembered(Proof(id_key.log_id if id_key is not None else None))
        self._batch_ids = BatchIds()
        self._queue: deque[_Submission] = deque()
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
        """Refuse what comes from now on; return when all that was accepted is committed and answered."""
        self._is_closing = True
        self._wake.set()
        await asyncio.gather(*self._flushers)

    async def append(self, entries: Sequence[Event | Rejection], size: int = 0) -> list[Verdict]:
        """Store events durably and in one place in the log's order, and keep the refused ones.

        Returns one verdict per entry, in the order given, after the commit. Events whose id is already stored with
        the same content get ``duplicate``, with other content ``rejected`` for ``conflict``. ``size`` is the bytes
        that the entries hold in memory.

        Raises:
            Overloaded: the buffer is full or the service stops; nothing of this call was stored.
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
        submission = _Submission(entries, size)
        missing = self._partitions.missing(entry.id for entry in entries if isinstance(entry, Event))
        if missing:
            self._preparing.add(asyncio.create_task(self._queue_with_months(submission, missing)))
        else:
            self._queue.append(submission)
            self._wake.set()
        # A client that hangs up cancels its future only; what it sent is stored with the others.
        return await submission.future

    def _count_waiting(self, events: int, size: int) -> None:
        self._waiting += events
        self._waiting_bytes += size

    async def _queue_with_months(self, submission: _Submission, missing: set[Month]) -> None:
        """Let a submission join others in a commit as soon as there is a partition for each of its events."""
        try:
            try:
                await self._partitions.ensure(self._pool, missing)
            except TRANSIENT_ERRORS as cause:
                await self._see_to(cause)
                await self._partitions.ensure(self._pool, missing)
        except Exception as cause:  # whatever it is, the request must not hang
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
        """Make the months that events may need from now on. Raises MonthMissing, and what the database says."""
        await self._partitions.keep_ahead(self._pool, nearest)

    async def _see_to(self, error: BaseException) -> None:
        """Do not meet the same state again: a session that may not write never finds out that others may by now."""
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
            # Only under load: who comes alone need not wait for others.
            if is_busy and self._limits.linger_ms and not self._is_closing:
                await asyncio.sleep(self._limits.linger_ms / 1000)
            if taken := self._take():
                is_busy = len(taken) > 1
                await self._settle(taken)

    def _take(self) -> list[_Submission]:
        taken: list[_Submission] = []
        events = 0
        while self._queue and (not taken or events + len(self._queue[0].entries) <= MAX_BATCH_EVENTS):
            submission = self._queue.popleft()
            events += len(submission.entries)
            taken.append(submission)
        return taken

    async def _settle(self, submissions: list[_Submission]) -> None:
        """Store these submissions and answer every one of them, whatever happens."""
        started = time.perf_counter()
        error: BaseException | None = None
        try:
            await self._store(submissions)
        except (*TRANSIENT_ERRORS, LogChanged, asyncpg.PostgresError) as cause:
            log.error("log unavailable", error=repr(cause))
            error = LogUnavailable("the database did not confirm the events; sending the same ids again is safe")
        except BaseException as cause:  # answered below, then raised: no request may hang
            error = cause
        commit_seconds.observe(time.perf_counter() - started)
        for submission in submissions:
            self._count_waiting(-len(submission.entries), -submission.size)
            if submission.future.done():
                continue
            if (failure := error or submission.failure) is not None:
                submission.future.set_exception(failure)
            else:
                submission.future.set_result(_complete(submission))
        if error is not None and not isinstance(error, Exception):
            raise error

    async def _store(self, submissions: list[_Submission]) -> None:
        refused = [entry for each in submissions for entry in each.entries if isinstance(entry, Rejection)]
        batch = _Batch(submissions)
        attempt = changes = 0
        while True:
            try:
                async with self._pool.acquire(timeout=self._limits.command_timeout_s) as connection:
                    if batch.unsettled:
                        await self._store_events(connection, batch)
                    if refused or batch.conflicts:
                        await self._keep(connection, refused + batch.conflicts)
                break
            except TRANSIENT_ERRORS as cause:
                await self._see_to(cause)
                attempt += 1
                if attempt == ATTEMPTS:
                    raise
                # The commit may have happened: from now on, ids found in the log may be our own.
                batch.is_retried = True
                await asyncio.sleep(0.1 * attempt)
            except LogChanged:
                changes += 1
                if changes == MAX_CHANGES:
                    raise
                # Connections that are left may lead to the log that was there before.
                await self._pool.expire_connections()
                # What an earlier part of the batch found or stored was in a log that may be gone: all of it is
                # looked up again where it is stored now.
                await self._look_for_months(submissions)
                await self._read_key_again(submissions)
                batch = _Batch([each for each in submissions if each.failure is None])
                batch.is_retried = True
        batch.settle_rejections()

    async def _read_key_again(self, submissions: list[_Submission]) -> None:
        """Let ids follow from the key of the log that is there now. Raises LogUnavailable: these ids do not."""
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

    async def _store_events(self, connection: Connection, batch: _Batch) -> None:
        """Commit the batch's events. What is found to be stored already leaves the batch; the rest is tried again."""
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
                await self._commit_apart(connection, batch, events)
            except asyncpg.UniqueViolationError:
                # Rare (a client sent again, or another replica was faster), so it is looked up only when it happens.
                checks_first = True
                failures += 1
                if failures > MAX_RACES:
                    raise

    async def _commit_apart(self, connection: Connection, batch: _Batch, events: list[Event]) -> None:
        """Commit; when something cannot be stored, find the event that it belongs to and refuse that one alone."""
        try:
            await self._commit(connection, events)
        except OF_ONE_EVENT as cause:
            if isinstance(cause, asyncpg.SequenceGeneratorLimitExceededError):
                raise  # of the database, whatever the event
            if len(events) == 1:
                # A trigger or a column that somebody added refuses every event: that is nobody's final verdict.
                if (outcome := await trial(connection)) != OK:
                    log.error("the database takes no events", error=outcome)
                    raise LogUnavailable("the database takes no events; sending the same ids again is safe") from cause
                log.warning("event cannot be stored", id=str(events[0].id), error=type(cause).__name__)
                batch.refuse(events[0], cause)
                return
            half = len(events) // 2
            for part in (events[:half], events[half:]):
                await self._commit_apart(connection, batch, part)
        else:
            batch_events.observe(len(events))
            batch.settle_stored(events)

    async def _look_for_months(self, submissions: list[_Submission]) -> None:
        """Make a month that was dropped since, or that another log never had; who needs one that cannot be, fails."""
        self._partitions.forget()
        entries = [entry for each in submissions for entry in each.entries if isinstance(entry, Event)]
        try:
            await self._partitions.ensure(self._pool, {month_of(entry.id) for entry in entries})
        except MonthMissing as cause:
            log.error("month missing", error=str(cause))
            for submission in submissions:
                if any(isinstance(e, Event) and month_of(e.id) in cause.months for e in submission.entries):
                    submission.failure = _without_month(cause)

    async def _leave_out_stored(self, connection: Connection, batch: _Batch) -> bool:
        ids = list(batch.unsettled)
        stored = await connection.fetch(SQL["ids_stored"], ids, min(ids), max(ids))
        for id_, content_hash in stored:
            batch.settle_stored_before(id_, content_hash)
        return bool(stored)

    async def _leave_out_stored_as_sent(self, connection: Connection, batch: _Batch, until: datetime) -> None:
        """Find events that were stored before there was a key of ids: under their ids as sent, by who sent them."""
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
        """Store events in one transaction. Raises LogChanged: what was remembered does not hold here."""
        remembered = self._remembered
        try:
            await self._commit_with(remembered, connection, events)
        except (LogChanged, asyncpg.CheckViolationError) as error:
            if isinstance(error, asyncpg.CheckViolationError) and error.constraint_name is not None:
                raise  # somebody's own check; without a name it is the partitions: one that was there is not
            log.warning("the log is not the one that is remembered: names are found anew", reason=str(error))
            log_changes_total.inc()
            if self._remembered is remembered:
                self._remembered = Remembered(Proof())
                self._batch_ids.forget_writer()
            raise LogChanged(str(error)) from error

    async def _commit_with(self, remembered: Remembered, connection: Connection, events: list[Event]) -> None:
        # In the order of their ids: two replicas with the same ids wait for each other in the unique index, and
        # never in a circle.
        order = sorted(range(len(events)), key=lambda index: events[index].id)
        records, new_names = await remembered.rows.of(connection, events)
        batch_id = await self._batch_ids.following(connection)
        held = remembered.proof
        async with connection.transaction():
            if not await new_names.hold(connection):
                raise LogChanged("names that were made for these events are not in this database")
            await connection.copy_records_to_table(
                "event",
                columns=EVENT_COLUMNS,
                records=[(batch_id, ordinal, *records[ordinal]) for ordinal in order],
                timeout=self._limits.command_timeout_s,
            )
            # The head row is locked last: everything slow is done before other writers have to wait for our commit.
            place = await connection.fetchrow(
                SQL["take_place"], batch_id, len(events), held.log_id, held.first_position, held.batch_id
            )
            if place is None:
                raise LogChanged("this database has not the last batch that was stored")
        remembered.prove(held, Proof(place["log_id"], place["first_position"], batch_id), new_names)

    async def _keep(self, connection: Connection, rejections: list[Rejection]) -> None:
        """Keep refused events; of one that cannot be kept as it was sent, the reason alone."""
        try:
            await self._keep_together(connection, rejections)
        except OF_ONE_EVENT:
            if len(rejections) > 1:
                half = len(rejections) // 2
                await self._keep(connection, rejections[:half])
                await self._keep(connection, rejections[half:])
                return
            bare = Rejection(rejections[0].reason, ascii(rejections[0].detail)[1:-1], "", rejections[0].received_at)
            await self._keep_together(connection, [bare])

    async def _keep_together(self, connection: Connection, rejections: list[Rejection]) -> None:
        try:
            await self._keep_once(connection, rejections)
        except asyncpg.UniqueViolationError as error:
            if not sequences.is_behind(error, "rejected_event"):
                raise
            await sequences.set_forward(connection, "rejected_event", "rejected_id")
            await self._keep_once(connection, rejections)

    async def _keep_once(self, connection: Connection, rejections: list[Rejection]) -> None:
        async with connection.transaction():
            await connection.execute(
                SQL["keep_rejected"],
                [one.received_at for one in rejections],
                [one.reason for one in rejections],
                [one.detail for one in rejections],
                [one.id for one in rejections],
                [one.person for one in rejections],
                [one.payload for one in rejections],
            )
            counts = Counter(one.reason for one in rejections)
            await connection.execute(SQL["count_rejected"], list(counts), list(counts.values()))
            await connection.execute(
                SQL["trim_rejected"], self._limits.rejected_events, self._limits.rejected_retention
            )


class _Batch:
    """The events of one commit and what is known of each: which are to be stored, which are settled."""

    def __init__(self, submissions: list[_Submission]) -> None:
        self.unsettled: dict[UUID, Event] = {}
        self.conflicts: list[Rejection] = []
        self.is_retried = False
        self._places: dict[UUID, list[tuple[_Submission, int, Event]]] = {}
        self._rejections: list[tuple[_Submission, int, Rejection]] = []
        for submission in submissions:
            for index, entry in enumerate(submission.entries):
                if isinstance(entry, Rejection):
                    self._rejections.append((submission, index, entry))
                else:
                    self.unsettled.setdefault(entry.id, entry)
                    self._places.setdefault(entry.id, []).append((submission, index, entry))

    def settle_stored_before(self, id_: UUID, content_hash: int) -> None:
        """The log already had this id when we looked."""
        event = self.unsettled.pop(id_)
        # An id that we made cannot have been there before: the row is ours, from an attempt whose answer was lost.
        is_ours = self.is_retried and not event.has_own_id
        self._settle(id_, content_hash, "stored" if is_ours else "duplicate")

    def settle_stored(self, events: list[Event]) -> None:
        """These are now committed."""
        for event in events:
            del self.unsettled[event.id]
            self._settle(event.id, event.content_hash, "stored")

    def _settle(self, id_: UUID, content_hash: int, first_status: Literal["stored", "duplicate"]) -> None:
        status = first_status
        for submission, index, event in self._places.pop(id_):
            if event.content_hash == content_hash:
                submission.verdicts[index] = Verdict(str(event.known_id), status)
                status = "duplicate"
            else:
                conflict = _conflict(event)
                self.conflicts.append(conflict)
                self._rejections.append((submission, index, conflict))

    def refuse(self, event: Event, cause: Exception) -> None:
        """The database does not take this event."""
        del self.unsettled[event.id]
        said = " ".join(str(cause).split())[:MAX_DETAIL]
        detail = _encodable(f"the database cannot store this event: {said}")
        for submission, index, each in self._places.pop(event.id):
            known_id, person = str(each.known_id), _encodable(each.person)
            refused = Rejection("unstorable", detail, _kept(each), each.received_at, known_id, person)
            self.conflicts.append(refused)
            self._rejections.append((submission, index, refused))

    def settle_rejections(self) -> None:
        """What was refused is now kept."""
        for submission, index, rejection in self._rejections:
            submission.verdicts[index] = Verdict(rejection.id, "rejected", rejection.reason, rejection.detail)


def _conflict(event: Event) -> Rejection:
    id_ = str(event.known_id)
    detail = f"the id {id_} is already taken by an event with other content"
    return Rejection("conflict", detail, wire_text(event), event.received_at, id_, event.person)


def _without_month(cause: Exception) -> LogUnavailable:
    why = str(cause) if isinstance(cause, MonthMissing) else "the database did not answer"
    return LogUnavailable(f"{why}; sending the same ids again is safe")


def _kept(event: Event) -> str:
    try:
        return wire_text(event)
    except (ValueError, RecursionError):
        return ascii(event.subject)


@overload
def _encodable(text: str) -> str: ...
@overload
def _encodable(text: None) -> None: ...
def _encodable(text: str | None) -> str | None:
    """Without what UTF-8 or PostgreSQL does not have."""
    return text.encode(errors="replace").decode().replace("\0", "�") if text is not None else None


def _complete(submission: _Submission) -> list[Verdict]:
    verdicts = [verdict for verdict in submission.verdicts if verdict is not None]
    assert len(verdicts) == len(submission.entries), "an event was left without a verdict"
    for status, events in Counter(verdict.status for verdict in verdicts).items():
        events_total.labels(status).inc(events)
    for verdict in verdicts:
        if verdict.reason is not None:
            rejected_total.labels(verdict.reason).inc()
    return verdicts
