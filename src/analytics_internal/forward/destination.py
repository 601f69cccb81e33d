"""What a type of destination has to offer. Built-in types and those of third parties are subclasses of `Destination`.

A type knows its receiver: how an event is written for it, what it takes at once, and what its answers mean. The worker
(`delivery.py`) knows all else: the log, the order, retries, dead letters, the position. docs/reference/destinations.md
shows how to write a type of one's own; `conformance.py` tests it.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict

from analytics_internal.errors import AnalyticsError
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.masking import masked_url

DeadReason = Literal["refused", "too_large", "too_old", "unsupported"]
MAX_ANSWER_LENGTH = 2_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Options(BaseModel):
    """The options of a type, as they are written in the settings beside the common ones. Unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def whereto(self) -> str:
        """Where events go, as an operator knows the place, without secrets."""
        return masked_url(str(getattr(self, "url", "")))


class Limits(msgspec.Struct, frozen=True):
    """What the receiver takes at once; the worker makes batches within these limits."""

    events: int = 1_000
    """Of one request."""
    bytes: int = 4 << 20
    """Of all encoded events of one request, with ``bytes_between`` for each."""
    bytes_between: int = 1
    event_bytes: int | None = None
    """Of one encoded event. A larger one is a dead letter (``too_large``)."""
    linger_s: float = 0
    """How long an event may wait for company before a batch that is not full is sent."""
    block: int | None = None
    """The log is delivered in blocks of this many positions: after ``n * block`` up to ``(n + 1) * block``.

    A batch is the beginning of one block, as far as the log goes, or the whole of it, whatever ``events`` and ``bytes``
    are; so each batch replaces the one before it. `Batch.fresh_after` says what of it is new.
    """
    send_s: float = 60
    """How long ``send`` may take before it is cancelled and counts as `ReceiverUnavailable`; ``open`` likewise."""


class Batch(msgspec.Struct, frozen=True):
    """Events for one request, in the log's order, with what ``Destination.encode`` made of each."""

    events: Sequence[Outgoing]
    encoded: Sequence[bytes]
    fresh_after: int = 0
    """With ``Limits.block``: events up to this position were delivered before, and are there to complete the block.

    In a replay this is the last position: all of it is delivered once more.
    """


class Refusal(msgspec.Struct, frozen=True):
    """An event of a batch that the receiver will never take, while it took the others."""

    index: int
    """Of the event in the batch."""
    detail: str
    reason: DeadReason = "refused"
    status: int | None = None
    answer: str = ""


class DeliveryError(AnalyticsError):
    """A batch was not delivered. ``answer`` is what the receiver said, at most MAX_ANSWER_LENGTH characters of it."""

    def __init__(
        self, detail: str, *, status: int | None = None, answer: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.answer = answer[:MAX_ANSWER_LENGTH]
        self.retry_after_s = retry_after_s


class ReceiverUnavailable(DeliveryError):
    """The receiver takes nothing now, or not our credentials: the batch is sent again later, as long as it takes."""


class BatchRefused(DeliveryError):
    """The receiver took none of the batch, and would not take the same batch later: it is halved.

    Of a batch with one event, this event becomes a dead letter.
    """


class ReceiverGone(DeliveryError):
    """The receiver asks for no more events (HTTP 410): the destination is stopped until somebody resumes it."""


class Undeliverable(AnalyticsError):
    """An event that this type can never deliver; its text says why."""

    def __init__(self, reason: DeadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: DeadReason = reason


OptionsT = TypeVar("OptionsT", bound=Options)


class Destination(abc.ABC, Generic[OptionsT]):
    """One configured destination of a type. All its methods are called in one thread, never two at once.

    An implementation keeps no queue of its own: what it holds when the process is killed would be lost.
    """

    Options: ClassVar[type[Options]] = Options
    """The type's options."""
    limits: Limits = Limits()
    """May be set by ``__init__``, if options change them."""
    takes_documents: ClassVar[bool] = False
    """Whether receivers get events as JSON objects whose top-level fields may be renamed."""
    log_id: UUID | None = None
    """Of the log that the events come from, as ``GET /events`` tells it in ``X-Log-Id``. Set before ``open``."""

    def __init__(self, name: str, options: OptionsT, renamed: dict[str, str] | None = None) -> None:
        """``name``: of the destination in the settings. ``renamed``: top-level fields and what they are to be called.

        Must not connect: ``open`` does.
        """
        self.name = name
        self.options = options
        self.renamed = renamed or {}

    async def open(self) -> None:
        """Connect, if the receiver needs that. Called before the first ``send``, and again after ``close``.

        Raises:
            ReceiverUnavailable, ReceiverGone, SecretMissing
        """

    async def close(self) -> None:
        """Release what ``open`` took. Called after a failed ``send`` as well, so that the next ``open`` begins anew."""

    def encode(self, event: Outgoing) -> bytes:
        """The event as the receiver takes it. Called again before each attempt.

        Raises:
            Undeliverable: this receiver can never get this event.
        """
        return document(event, self.renamed)

    @abc.abstractmethod
    async def send(self, batch: Batch) -> Sequence[Refusal]:
        """Deliver a batch. Returns when the receiver has confirmed it: all events but those of the refusals.

        A repetition of the same events must do no harm where the receiver allows that: use ``id`` or ``position``.

        Raises:
            ReceiverUnavailable: try again later; some of the batch may have been delivered.
            BatchRefused: nothing of it was delivered, and nothing will be as it is.
            ReceiverGone
            SecretMissing
        """

    async def try_out(self, batch: Batch) -> Sequence[Refusal]:
        """Deliver one test event that somebody wants to see arrive; may ask the receiver more than ``send`` does.

        Raises what ``send`` raises.
        """
        return await self.send(batch)


def answer_of(body: bytes) -> str:
    """The beginning of a receiver's answer as text, without characters that PostgreSQL or a terminal does not take."""
    return _CONTROL.sub("", body[: 4 * MAX_ANSWER_LENGTH].decode("utf-8", "replace"))[:MAX_ANSWER_LENGTH]
