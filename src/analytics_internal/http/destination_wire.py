"""What the routes of destinations take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

HIGHEST = 2**62

State = Literal[
    "delivering", "up_to_date", "backfilling", "failing", "paused", "stopped", "not_running", "not_configured"
]
Count = Annotated[int, Meta(ge=0)]
Position = Annotated[int, Meta(ge=0, le=HIGHEST)]


class LastError(msgspec.Struct, frozen=True, kw_only=True):
    """Why the newest attempt failed that did; `attempts` is 0 if something was delivered since then."""

    at: datetime
    detail: str
    status: Annotated[
        int | None, Meta(description="The receiver's status, if it answered with one: HTTP's, or a broker's code")
    ]
    answer: Annotated[str | None, Meta(description="The beginning of what the receiver said")]
    attempts: Annotated[int, Meta(ge=0, description="Failed attempts since the last delivery")]
    next_attempt_at: Annotated[datetime | None, Meta(description="When it is tried again; null while it is not")]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the log that is delivered once more, beside the events that are new."""

    after: Annotated[int, Meta(ge=0, description="It begins after this position")]
    up_to: Annotated[int, Meta(ge=0, description="Its last position")]
    position: Annotated[int, Meta(ge=0, description="Up to here it is delivered")]
    asked_at: datetime


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One destination: how it is configured, and how far it is.

    `delivered + filtered + dead + missing` is `position - start_position`, always.
    """

    name: str
    type: str
    to: Annotated[str, Meta(description="Where events go, without secrets; empty if the type has no address")]
    is_configured: Annotated[bool, Meta(description="False for a name that is gone from the settings")]
    filters: Annotated[list[Any] | None, Meta(description="As configured: which events pass")]
    people: Annotated[
        Literal["named", "pseudonymous", "none"] | None, Meta(description="How people leave; null if not configured")
    ]
    state: Annotated[
        State,
        Meta(
            description="`up_to_date`: nothing waits. `delivering`: events are under way. `backfilling`: far behind, "
            "history is under way. `failing`: the last attempt failed, it is tried again. `paused`: by somebody. "
            "`stopped`: the receiver wants no more, until somebody resumes. `not_running`: configured, but no process "
            "forwards to it at this moment. `not_configured`: keeps its position for when it returns"
        ),
    ]
    stopped_because: str | None
    start_position: Annotated[int, Meta(ge=0, description="It began after this position of the log")]
    position: Annotated[int, Meta(ge=0, description="All up to here is delivered, filtered out, dead or missing")]
    head: Annotated[int, Meta(ge=0, description="The newest position of the log")]
    stored: Annotated[int, Meta(ge=0, description="Events stored since it began: `head - start_position`")]
    delivered: Count
    filtered: Annotated[int, Meta(ge=0, description="Events that its filters kept back")]
    dead: Annotated[int, Meta(ge=0, description="Events that ever became dead letters")]
    missing: Annotated[int, Meta(ge=0, description="Events that were deleted from the log before their turn")]
    redelivered: Annotated[int, Meta(ge=0, description="Events delivered by replays, dead letters among them")]
    failed_attempts: Count
    dead_letters: Annotated[int, Meta(ge=0, description="Dead letters that there are now")]
    queued_dead_letters: Annotated[int, Meta(ge=0, description="Those of them that wait to be sent again")]
    lag_events: Annotated[int, Meta(ge=0, description="Events after `position`")]
    lag_seconds: Annotated[
        float, Meta(ge=0, description="How long the oldest event after `position` has been stored; 0 if there is none")
    ]
    delivered_at: Annotated[datetime | None, Meta(description="When the receiver last confirmed something")]
    last_error: LastError | None
    replays: Annotated[list[Replay], Meta(description="Replays under way, the oldest first")]


class Destinations(msgspec.Struct, frozen=True):
    """Those that are configured, in the settings' order, and then those that have ever been."""

    destinations: list[Destination]


class DeadEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says about the event of a dead letter."""

    occurred_at: datetime
    action: str
    subject: str
    user: Annotated[str | None, Meta(description="Only for callers who may read who did what")]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that could not be delivered. It stays in the log."""

    position: Annotated[int, Meta(ge=1)]
    event_id: UUID
    reason: Annotated[
        str,
        Meta(description="`refused`, `too_large`, `too_old` or `unsupported`, or the reason of a third party's type"),
    ]
    detail: str
    status: Annotated[
        int | None, Meta(description="The receiver's status, if it answered with one: HTTP's, or a broker's code")
    ]
    answer: Annotated[str | None, Meta(description="The beginning of what the receiver said")]
    died_at: datetime
    is_queued: Annotated[bool, Meta(description="Whether it waits to be sent again")]
    event: Annotated[DeadEvent | None, Meta(description="null if it is not in the log any more")]


class DeadLetters(msgspec.Struct, frozen=True):
    """A page of dead letters by position."""

    dead_letters: list[DeadLetter]
    total: Annotated[int, Meta(ge=0, description="How many there are in all")]
    next_cursor: Annotated[Position | None, Meta(description="`cursor` of the next page; null on the last one")]


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test event."""

    is_delivered: bool
    sent: Annotated[str | None, Meta(description="The event as it was sent; null if it was not encoded")]
    error: Annotated[str | None, Meta(description="Why it was not delivered")]
    status: Annotated[
        int | None, Meta(description="The receiver's status, if it refused with one: HTTP's, or a broker's code")
    ]
    answer: Annotated[str | None, Meta(description="The beginning of what the receiver said")]
    seconds: Annotated[float, Meta(ge=0)]


Letters = Annotated[
    Literal["all"] | Annotated[list[Annotated[int, Meta(ge=1, le=HIGHEST)]], Meta(min_length=1, max_length=1_000)],
    Meta(description="`all`, or their positions"),
]


class ReplayDeadLetters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send dead letters again, shaped by today's configuration."""

    dead_letters: Letters


class ReplayPositions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send the events after one position up to another again."""

    after: Position
    up_to: Annotated[Position | None, Meta(description="null: all that is delivered already")] = None


class ReplayTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send the events again that were stored from one time up to another, without that one."""

    from_: Annotated[datetime, Meta(tz=True)] = msgspec.field(name="from")
    to: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="null: all that is delivered already")
    ] = None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """What was queued to be sent again."""

    dead_letters: Annotated[int, Meta(ge=0, description="How many dead letters")]
    after: Annotated[Position | None, Meta(description="The range of positions, if one was asked for")]
    up_to: Position | None
    events: Annotated[int, Meta(ge=0, description="Events of the range, before filters")]


class Cancelled(msgspec.Struct, frozen=True):
    """How many ranges are not replayed to their end. Dead letters that were queued stay, and are not sent."""

    replays: Count


class Discard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forget dead letters: they are not sent again. Their events stay in the log."""

    dead_letters: Letters


class Discarded(msgspec.Struct, frozen=True):
    """How many dead letters were forgotten."""

    dead_letters: Count
