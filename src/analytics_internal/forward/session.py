"""The work for one destination with one connection to PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import msgspec
import structlog

from analytics_internal.forward import state
from analytics_internal.forward.attempts import Attempts
from analytics_internal.forward.blocks import Blocks
from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    DeadReason,
    DeliveryError,
    ReceiverGone,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.progress import Progress
from analytics_internal.forward.reading import LogEnds
from analytics_internal.forward.receiver import Receiver
from analytics_internal.forward.retries import FIRST_DELAY_S, LONGEST_DELAY_S
from analytics_internal.forward.source import Source
from analytics_internal.forward.state import DeadLetter, HoldLost, PositionMoved, Seen, Watched
from analytics_internal.forward.steps import Course, Step, dead_letter
from analytics_internal.log import TRANSIENT_ERRORS
from analytics_internal.masking import without_values

AHEAD = 5
"""Where filters let few events pass, as many events are read as this number of batches has, to fill one."""
SMALLEST_BUFFER = 1 << 20
MOST_LETTERS = 1_000
"""Dead letters that are read at once to be sent again."""
LONGEST_REST_S = 1.0

log = structlog.get_logger(__name__)


class Timing(msgspec.Struct, frozen=True):
    """How often a worker looks, and how long it waits."""

    poll_s: float = 0.2
    """Between two looks when there is nothing to do."""
    round_s: float = 0.1
    """Between two requests that are not full: many small ones cost more than a large one."""
    first_retry_s: float = FIRST_DELAY_S
    longest_retry_s: float = LONGEST_DELAY_S
    grace_s: float = 2.0
    """For the request under way when the worker is to end."""
    encoded_for_s: float = 5.0
    """How long a prepared request can be sent: what a receiver takes of an event may depend on its age."""


class Again(msgspec.Struct):
    """Events that are delivered once more."""

    course: Course
    up_to: int
    replay_id: int | None = None
    letters: Sequence[int] = ()
    """Positions of the dead letters that somebody wants to be sent again."""


class Session:
    """Works for one destination until it is told to end, or until the connection is lost."""

    def __init__(
        self,
        configured: Configured,
        holder: UUID,
        source: Source,
        attempts: Attempts,
        timing: Timing,
        is_ending: asyncio.Event,
    ) -> None:
        self._name = configured.name
        self._holder = holder
        self._source = source
        self._attempts = attempts
        self._timing = timing
        self._is_ending = is_ending
        self._live = Course(0)
        self._prepared: tuple[Step, float] | None = None
        self._again: Again | None = None
        self._blocks = Blocks(source, configured.name)
        self._seen: Seen | None = None
        self._progress = Progress(configured.name)
        self._log = log.bind(destination=configured.name)

    async def run(self) -> None:
        """Work on from the row's position.

        Raises:
            HoldLost, PositionMoved
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the connection is lost.
        """
        watched = await self._watch()
        self._live = Course(watched.position)
        while not self._is_ending.is_set():
            if watched.position != self._live.position:
                raise PositionMoved(f"the position of {self._name} is not where this worker has moved it")
            began, worked_s = time.monotonic(), self._source.database_s
            is_busy = False
            if await self._may_try(watched):
                try:
                    is_busy = await self._round(watched)
                except DeliveryError as error:
                    await self._failed(error)
                except (HoldLost, PositionMoved, LogEnds, asyncpg.PostgresError, *TRANSIENT_ERRORS):
                    raise
                except Exception as error:  # a mistake of ours: shown like one of the receiver
                    await self._failed(ReceiverUnavailable(f"an error of this program: {without_values(error)}"))
                    raise
            self._progress.note(self._live.position, watched.head)
            await self._rest(is_busy, began, self._source.database_s - worked_s)
            watched = await self._watch()

    async def _watch(self) -> Watched:
        return await self._source.run(state.watch, self._name, self._holder)

    async def _may_try(self, watched: Watched) -> bool:
        if watched.is_paused or watched.stopped_because is not None:
            await self._attempts.pause()
            self._forget()
            return False
        if self._attempts.waits_s and watched.next_attempt_at is None:  # somebody resumed it
            self._attempts.try_now()
        return not self._attempts.waits_s

    async def _rest(self, is_busy: bool, began: float, worked_s: float) -> None:
        """Wait until there may be more to do.

        While others write, a backfill waits as long as the database worked for it: ingest comes first.
        """
        timing = self._timing
        if not is_busy:
            rest_s = max(timing.poll_s, min(self._attempts.waits_s, 2 * timing.poll_s))
        elif self._progress.is_behind or self._live.is_halving or self._again is not None:
            rest_s = min(worked_s, LONGEST_REST_S) if self._progress.is_growing else 0.0
        else:
            rest_s = max(0.0, began + timing.round_s - time.monotonic())
        if rest_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_ending.wait(), rest_s)

    async def _round(self, watched: Watched) -> bool:
        """A step of what is new, and one of what is delivered once more. Returns whether there was anything."""
        self._blocks.earliest = watched.earliest
        is_busy = await self._step(self._live, watched, watched.head, self._settle)
        if watched.has_queued or watched.has_replay:
            if self._is_ending.is_set():
                return is_busy
            is_busy |= await self._step_again(watched)
        else:
            self._again = None
        return is_busy

    # --- steps

    async def _step(
        self, course: Course, watched: Watched, goal: int, settle: Callable[[Step, Sequence[Refusal]], Awaitable[None]]
    ) -> bool:
        """Take the next step of a course. Returns whether there was one to take."""
        step = await self._next_step(course, goal)
        if step is None:
            return False
        refusals: Sequence[Refusal] = ()
        if step.events:
            try:
                refusals = await self._send(course, step, watched)
            except BatchRefused as error:
                if len(step.events) > 1:
                    course.halve(step)
                    return True
                reason: DeadReason = "too_large" if error.status == 413 else "refused"
                refusals = [Refusal(0, str(error), reason, error.status, error.answer)]
        await settle(step, refusals)
        was_halving = course.is_halving
        course.confirmed(step)
        if step.events:
            delivered = len(step.events) - len(refusals)
            self._attempts.taken(delivered, len(refusals), was_halving, was_halving and not course.is_halving)
        return True

    async def _next_step(self, course: Course, goal: int) -> Step | None:
        """What comes next, read as far as it is needed; None if there is nothing, or nothing yet."""
        receiver, most = self._attempts.receiver, self._attempts.most_events
        prepared, self._prepared = self._prepared, None
        if prepared is not None and course is self._live and not course.is_halving:
            step, made_at = prepared
            is_fresh = time.monotonic() - made_at < self._timing.encoded_for_s
            if step.after == course.position and len(step.events) <= most and is_fresh:
                return step
        block = receiver.limits.block
        end = self._blocks.end(course.position, block) if block is not None else None
        goal = min(goal, end) if end is not None else goal
        while course.covered < goal and not self._is_filled(course, most):
            await self._source.extend(course, goal)
        if course.covered <= course.position:
            return None
        if course is self._live and self._lingers(course, goal, most, end):
            return course.leading()
        return course.step(receiver.encode, receiver.limits, most, end)

    def _lingers(self, course: Course, goal: int, most: int, end: int | None) -> bool:
        """Whether the next batch may wait for company."""
        linger_s, oldest = self._attempts.receiver.limits.linger_s, course.oldest_read_at
        is_complete = course.covered < goal or goal == end or course.is_halving or self._is_filled(course, most)
        return bool(linger_s) and not is_complete and oldest is not None and time.monotonic() - oldest < linger_s

    def _is_filled(self, course: Course, most: int, after: int | None = None) -> bool:
        """Whether enough is read, of what comes after a position, for a request or for the memory."""
        limits = self._attempts.receiver.limits
        if limits.block is None and course.size > AHEAD * max(limits.bytes, SMALLEST_BUFFER):
            return True
        return course.passing(after) >= most or course.read >= AHEAD * most

    async def _send(self, course: Course, step: Step, watched: Watched) -> Sequence[Refusal]:
        """Send a step's events, and prepare the next one meanwhile. Returns the refusals among its events.

        Raises:
            DeliveryError
        """
        receiver = self._attempts.receiver
        base = await self._blocks.base(step.after, receiver.limits.block) if receiver.limits.block else []
        events, encoded = _encoded(base, receiver)
        fresh_after = (step.after if course is self._live else step.up_to) if receiver.limits.block else 0
        batch = Batch([*events, *step.events], [*encoded, *step.encoded], fresh_after)
        sending = asyncio.create_task(receiver.send(batch, watched.log_id))
        ahead = asyncio.create_task(self._look_ahead(course, step, watched.head))
        try:
            found = await sending
        finally:
            if not sending.done() or sending.cancelled():
                sending.cancel()
                ahead.cancel()
            await asyncio.wait({sending, ahead})
        return await self._of_step(found, events)

    async def _of_step(self, refusals: Sequence[Refusal], base: Sequence[Outgoing]) -> Sequence[Refusal]:
        """The refusals among a step's own events. Of events before it in their block dead letters are kept."""
        if not base:
            return refusals
        lost = [dead_letter(base[one.index], one) for one in refusals if one.index < len(base)]
        if lost:
            await self._source.run(
                state.settle_replayed, self._name, self._holder, delivered=0, settled=(), dead_letters=lost
            )
            self._blocks.forget()
        own = (one for one in refusals if one.index >= len(base))
        return [msgspec.structs.replace(one, index=one.index - len(base)) for one in own]

    async def _look_ahead(self, course: Course, step: Step, head: int) -> None:
        """Read and encode what comes after a step that is under way. What fails here fails again in its turn."""
        receiver, most = self._attempts.receiver, self._attempts.most_events
        if course is not self._live or course.is_halving or receiver.limits.block is not None:
            return
        with contextlib.suppress(Exception):
            if course.covered < head and not self._is_filled(course, most, step.up_to):
                await self._source.extend(course, head)
            if course.passing(step.up_to) >= most:
                following = course.step(receiver.encode, receiver.limits, most, after=step.up_to)
                self._prepared = following, time.monotonic()

    async def _settle(self, step: Step, refusals: Sequence[Refusal]) -> None:
        counts, letters = step.outcome(refusals)
        assert counts.positions == step.up_to - step.after, "a position is not counted"
        self._seen = step.seen or self._seen
        await self._source.run(state.advance, self._name, self._holder, step.after, counts, letters, self._seen)
        self._blocks.delivered(step, refusals)
        self._report(letters)

    # --- once more

    async def _step_again(self, watched: Watched) -> bool:
        """A step of the oldest replay, or of dead letters that somebody wants to be sent again."""
        again = self._again = await self._asked(watched)
        if again is None:
            return False
        # What is not yet delivered for the first time waits for its turn.
        goal = min(again.up_to, self._live.position)
        block = self._attempts.receiver.limits.block
        if block is not None:
            goal = min(self._blocks.end(again.course.position, block), self._live.position)

        async def settle(step: Step, refusals: Sequence[Refusal]) -> None:
            await self._settle_again(again, step, refusals)

        is_busy = await self._step(again.course, watched, goal, settle)
        if again.course.position >= again.up_to:
            self._again = None
        if block is not None:
            self._blocks.forget()
        return is_busy

    async def _asked(self, watched: Watched) -> Again | None:
        """The work under way, if it is still asked for, or what is next: dead letters first."""
        again = self._again
        if again is not None and again.letters and watched.has_queued:
            return again
        block = self._attempts.receiver.limits.block
        if watched.has_queued:
            return await self._letters(block)
        replay = await self._source.run(state.next_replay, self._name)
        if replay is None or (again is not None and again.replay_id == replay.replay_id):
            return again if replay is not None else None
        begin = replay.position if block is None else self._blocks.begin(replay.position, block)
        return Again(Course(begin), replay.up_to_position, replay.replay_id)

    async def _letters(self, block: int | None) -> Again | None:
        letters = await self._source.run(
            state.queued_dead_letters, self._name, min(self._attempts.most_events, MOST_LETTERS)
        )
        letters = [position for position in letters if position <= self._live.position]
        if not letters:
            return None
        if block is not None:
            begin = self._blocks.begin(letters[0] - 1, block)
            end = min(self._blocks.end(begin, block), self._live.position)
            return Again(Course(begin), end, letters=[position for position in letters if position <= end])
        course = Course(letters[0] - 1)
        course.add(await self._source.at(letters), letters[-1])
        return Again(course, letters[-1], letters=letters)

    async def _settle_again(self, again: Again, step: Step, refusals: Sequence[Refusal]) -> None:
        _, dead = step.outcome(refusals)
        refused = {letter.position for letter in dead}
        asked = (position for position in again.letters if step.after < position <= step.up_to)
        await self._source.run(
            state.settle_replayed,
            self._name,
            self._holder,
            delivered=len(step.events) - len(refusals),
            settled=sorted({*step.positions, *asked} - refused),
            dead_letters=dead,
            replay_id=again.replay_id,
            position=step.up_to,
        )
        self._report(dead)

    # --- failures

    async def _failed(self, error: DeliveryError) -> None:
        """Keep what went wrong where people look for it, and wait."""
        self._prepared = None
        if isinstance(error, ReceiverGone):
            self._log.warning("stopped: the receiver wants no more events", error=state.storable(str(error)))
            await self._source.run(state.stop, self._name, self._holder, str(error), error.status, error.answer)
            return
        delay_s = self._attempts.failed(error)
        if delay_s > self._timing.encoded_for_s:
            self._forget()
        failures = await self._source.run(
            state.record_failure, self._name, self._holder, str(error), error.status, error.answer, delay_s
        )
        if failures & (failures - 1) == 0:  # the 1st, 2nd, 4th, 8th, …
            self._log.warning(
                "not delivered, trying again",
                error=state.storable(str(error)),
                failures=failures,
                in_s=round(delay_s, 1),
            )

    def _forget(self) -> None:
        """Read again before the next attempt, which may be days away: what is erased from the log is not sent."""
        self._prepared = self._again = None
        self._live.forget()
        self._blocks.forget()

    def _report(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            reasons = dict(Counter(letter.reason for letter in letters))
            self._log.warning("events became dead letters", reasons=reasons, last_position=letters[-1].position)


def _encoded(events: Sequence[Outgoing], receiver: Receiver) -> tuple[list[Outgoing], list[bytes]]:
    """Events that were delivered before, without those that have become undeliverable since."""
    kept: list[Outgoing] = []
    encoded: list[bytes] = []
    for event in events:
        with contextlib.suppress(Undeliverable):
            encoded.append(receiver.encode(event))
            kept.append(event)
    return kept, encoded
