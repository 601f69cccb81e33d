"""The state of destinations in PostgreSQL: positions, counts, failures, dead letters, replays.

Of every destination is true: ``delivered + filtered + dead + missing = position - start_position``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from analytics_internal.errors import AnalyticsError
from analytics_internal.forward.configuration import Configured
from analytics_internal.log import MAX_BATCH_EVENTS, TICK_NS, WRITERS, Connection, load, locks, tail
from analytics_internal.masking import masked_text

SQL = load(Path(__file__).with_name("statements.sql"))
LONGEST_COMMIT = timedelta(minutes=10)
"""An event is committed within this time after it was received, or its sender was told that it was not."""
_TICKS = (TICK_NS / 1_000_000_000, WRITERS)


class HoldLost(AnalyticsError):
    """Another process forwards to this destination now, or its row is gone."""


class PositionMoved(AnalyticsError):
    """The row or the log is not what this worker knew, as after a failover to a standby: it has to read both again."""


class Watched(msgspec.Struct, frozen=True):
    """What a worker looks at before every step."""

    holder: UUID | None
    position: int
    start_position: int
    is_paused: bool
    stopped_because: str | None
    failures: int
    next_attempt_at: datetime | None
    head: int
    log_id: UUID
    earliest: int
    """Nothing up to this position was ever to be delivered, neither live nor by a replay."""
    has_queued: bool
    """Whether dead letters are to be sent again."""
    has_replay: bool


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that could not be delivered."""

    position: int
    event_id: UUID
    reason: str
    detail: str
    status: int | None = None
    answer: str | None = None


class KeptDeadLetter(DeadLetter, frozen=True, kw_only=True):
    """A dead letter as it is kept."""

    died_at: datetime
    is_queued: bool
    """Whether it is to be sent again."""


class Counts(msgspec.Struct, frozen=True):
    """What became of the positions of one step; their sum is how far it goes."""

    delivered: int = 0
    filtered: int = 0
    dead: int = 0
    missing: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.delivered + other.delivered,
            self.filtered + other.filtered,
            self.dead + other.dead,
            self.missing + other.missing,
        )

    @property
    def positions(self) -> int:
        return self.delivered + self.filtered + self.dead + self.missing


class Seen(msgspec.Struct, frozen=True):
    """An event that was read, by its position and its batch: a log that has them has all events before it, too."""

    position: int
    batch_id: int


class Control(msgspec.Struct, frozen=True):
    """What somebody may have asked for meanwhile."""

    is_paused: bool
    stopped_because: str | None

    @property
    def may_send(self) -> bool:
        return not self.is_paused and self.stopped_because is None


class Replay(msgspec.Struct, frozen=True):
    """A range of the log that is delivered once more: the events after one position up to another."""

    replay_id: int
    after_position: int
    up_to_position: int
    position: int
    """Up to here it is done."""
    asked_at: datetime | None = None
    ended_at: datetime | None = None


class Overview(msgspec.Struct, frozen=True):
    """A destination's row, with its distance from the log's head."""

    name: str
    type: str
    made_at: datetime
    start_position: int
    position: int
    moved_at: datetime
    holder: UUID | None
    held_at: datetime | None
    is_paused: bool
    stopped_because: str | None
    delivered: int
    filtered: int
    dead: int
    """How many events became dead letters, discarded and delivered ones among them."""
    missing: int
    redelivered: int
    failed_attempts: int
    delivered_at: datetime | None
    failed_at: datetime | None
    failures: int
    error: str | None
    """The newest, also if it is over: then ``failures`` is 0."""
    error_status: int | None
    error_answer: str | None
    next_attempt_at: datetime | None
    head: int
    lag_events: int
    lag_seconds: float
    """The age of the oldest event that is not yet delivered, 0 if there is none."""
    dead_letters: int
    queued: int
    """Dead letters that are to be sent again."""
    is_held: bool
    """Whether a process forwards to it now."""
    replays: Sequence[Replay] = ()
    """Those under way, and the newest if it ended."""


# --- of whoever starts forwarding


async def ensure(connection: Connection, configured: Iterable[Configured]) -> None:
    """Make a row for every destination that has none. From then on no event after its start is missed."""
    known = await positions(connection)
    for one in configured:
        if one.name not in known:
            start = await start_position(connection, one.start)
            await connection.execute(SQL["add"], one.name, one.type, start)


async def positions(connection: Connection) -> dict[str, int]:
    """The position of every destination that has a row, by name."""
    return {row["name"]: row["position"] for row in await connection.fetch(SQL["positions"])}


async def start_position(connection: Connection, start: str | datetime) -> int:
    """The position after which a new destination begins. A time is that of receiving."""
    if start == "beginning":
        return 0
    if isinstance(start, datetime):
        return await position_before(connection, start)
    return (await tail.head(connection)).position


async def position_before(connection: Connection, moment: datetime) -> int:
    """The position before the first event that was received at a time or later; the head if there is none."""
    found = await connection.fetchval(SQL["first_received_since"], moment, *_TICKS)
    return found - 1 if found is not None else (await tail.head(connection)).position


async def position_until(connection: Connection, moment: datetime) -> int:
    """The position of the last event that was received before a time; 0 if there is none."""
    found = await connection.fetchval(SQL["last_received_before"], moment, *_TICKS, LONGEST_COMMIT)
    return found or 0


# --- of a worker


async def take_over(connection: Connection, configured: Configured, holder: UUID, is_held: bool = False) -> None:
    """Be the one whose statements count, with the lock held. ``is_held``: if ``holder`` still is.

    Proves that what will be sent can be kept: a database that is read-only, or lacks a right, would get it sent again
    and again.

    Raises:
        HoldLost: the row is gone, or another one's.
        asyncpg.PostgresError
    """
    if await connection.fetchrow(SQL["take_over"], configured.name, holder, configured.type, is_held) is None:
        raise HoldLost(f"another process forwards to {configured.name}, or it has no row in the database")


async def watch(connection: Connection, name: str, holder: UUID) -> Watched:
    """The row as it is now. Raises HoldLost."""
    row = await connection.fetchrow(SQL["watch"], name)
    if row is None or row["holder"] != holder:
        raise HoldLost(f"another process forwards to {name} now")
    return Watched(**row)


async def advance(
    connection: Connection,
    name: str,
    holder: UUID,
    position: int,
    counts: Counts,
    dead_letters: Sequence[DeadLetter] = (),
    seen: Seen | None = None,
) -> Control:
    """Move the position by what ``counts`` counts, and keep the dead letters, in one transaction.

    ``position`` is where the row is now. ``seen``: the last event that was read.

    Raises:
        HoldLost
        PositionMoved: nothing was changed.
    """
    assert counts.dead == len(dead_letters), "a dead letter is not counted"
    row = await connection.fetchrow(
        SQL["advance"],
        name,
        holder,
        position,
        position + counts.positions,
        *msgspec.structs.astuple(counts),
        *_columns(dead_letters),
        seen.position if seen is not None else None,
        seen.batch_id if seen is not None else None,
        MAX_BATCH_EVENTS,
    )
    if row is None:
        await watch(connection, name, holder)
        raise PositionMoved(f"the log or the row of {name} changed since position {position:,}")
    return Control(**row)


async def settle_replayed(
    connection: Connection,
    name: str,
    holder: UUID,
    *,
    delivered: int,
    settled: Sequence[int],
    dead_letters: Sequence[DeadLetter] = (),
    replay_id: int | None = None,
    position: int | None = None,
) -> Control:
    """Keep what became of events that were sent once more.

    Dead letters at the positions ``settled`` are no more. The replay of that id is now at ``position``.

    Raises:
        HoldLost
    """
    row = await connection.fetchrow(
        SQL["settle_replayed"],
        name,
        holder,
        delivered,
        replay_id,
        position,
        list(settled),
        *_columns(dead_letters),
    )
    if row is None:
        raise HoldLost(f"another process forwards to {name} now")
    return Control(**row)


async def record_failure(
    connection: Connection,
    name: str,
    holder: UUID,
    error: str,
    status: int | None,
    answer: str | None,
    retry_in_s: float,
) -> int:
    """Keep why an attempt failed. Returns how many did since the last delivery. Raises HoldLost."""
    texts = (storable(error), status, storable(answer) if answer else None)
    failures = await connection.fetchval(SQL["record_failure"], name, holder, *texts, timedelta(seconds=retry_in_s))
    if failures is None:
        raise HoldLost(f"another process forwards to {name} now")
    return int(failures)


async def stop(
    connection: Connection, name: str, holder: UUID, because: str, status: int | None, answer: str | None
) -> None:
    """Send no more until somebody resumes it: the receiver wants no more events. Raises HoldLost."""
    texts = (storable(because), status, storable(answer) if answer else None)
    if await connection.fetchval(SQL["stop"], name, holder, *texts) is None:
        raise HoldLost(f"another process forwards to {name} now")


async def next_replay(connection: Connection, name: str) -> Replay | None:
    """The oldest replay that is not done."""
    row = await connection.fetchrow(SQL["next_replay"], name)
    return Replay(**row) if row is not None else None


async def queued_dead_letters(connection: Connection, name: str, limit: int) -> list[int]:
    """The first positions of dead letters that are to be sent again."""
    return [row[0] for row in await connection.fetch(SQL["queued_dead_letters"], name, limit)]


async def dead_positions(connection: Connection, name: str, after: int, up_to: int) -> set[int]:
    """Where there are dead letters, after one position up to another."""
    return {row[0] for row in await connection.fetch(SQL["dead_positions"], name, after, up_to)}


# --- of whoever watches and steers


async def overviews(connection: Connection, name: str | None = None) -> list[Overview]:
    """Every destination that has a row, or the one of that name."""
    # Replays first: what one of them has delivered when it ends is among the counts then.
    replays: dict[str, list[Replay]] = {}
    for row in await connection.fetch(SQL["replays"], name):
        one = dict(row)
        replays.setdefault(one.pop("destination"), []).append(Replay(**one))
    rows = await connection.fetch(SQL["overviews"], MAX_BATCH_EVENTS, name, locks.DESTINATIONS)
    return [Overview(**row, replays=replays.get(row["name"], ())) for row in rows]


async def pause(connection: Connection, name: str) -> bool:
    """Send nothing, replays included, until somebody resumes it. Returns whether there is such a destination."""
    return await connection.fetchrow(SQL["pause"], name) is not None


async def resume(connection: Connection, name: str) -> bool:
    """Go on where it was paused or stopped; what failed is tried at once. Returns as ``pause``."""
    return await connection.fetchrow(SQL["resume"], name) is not None


async def replay(connection: Connection, name: str, after: int, up_to: int | None = None) -> Replay | None:
    """Ask for the events after one position up to another (the head) once more. None: there are no such positions.

    Whoever calls it has made sure that there is such a destination.
    """
    head = (await tail.head(connection)).position
    after, last = max(after, 0), min(head if up_to is None else up_to, head)
    if after >= last:
        return None
    return Replay(await connection.fetchval(SQL["add_replay"], name, after, last), after, last, after)


async def replay_time(connection: Connection, name: str, begin: datetime, end: datetime | None = None) -> Replay | None:
    """Ask for all events once more that were received in a time; at its edges some others may be among them."""
    up_to = await position_until(connection, end) if end is not None else None
    return await replay(connection, name, await position_before(connection, begin), up_to)


async def cancel_replays(connection: Connection, name: str) -> int:
    """End the replays under way, dead letters' too. Returns how many ranges there were."""
    return int(await connection.fetchval(SQL["cancel_replays"], name))


async def queue_dead_letters(connection: Connection, name: str, positions: Sequence[int] | None = None) -> int:
    """Send these dead letters again, or all. Returns how many there are."""
    wanted = list(positions) if positions is not None else None
    return int(await connection.fetchval(SQL["queue_dead_letters"], name, wanted))


async def discard_dead_letters(connection: Connection, name: str, positions: Sequence[int] | None = None) -> int:
    """Forget these dead letters, or all. Returns how many there were."""
    wanted = list(positions) if positions is not None else None
    return int(await connection.fetchval(SQL["discard_dead_letters"], name, wanted))


async def dead_letters(connection: Connection, name: str, after: int = 0, limit: int = 100) -> list[KeptDeadLetter]:
    """The first dead letters after a position."""
    return [KeptDeadLetter(**row) for row in await connection.fetch(SQL["dead_letters"], name, after, limit)]


def storable(text: str) -> str:
    """A receiver's text as PostgreSQL can hold it, without credentials in addresses."""
    return masked_text(text.encode(errors="replace").decode().replace("\0", "�"))


def _columns(letters: Sequence[DeadLetter]) -> tuple[list[Any], ...]:
    return (
        [letter.position for letter in letters],
        [letter.event_id for letter in letters],
        [letter.reason for letter in letters],
        [storable(letter.detail) for letter in letters],
        [letter.status for letter in letters],
        [storable(letter.answer) if letter.answer else None for letter in letters],
    )
