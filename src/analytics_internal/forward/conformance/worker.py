"""The service's worker without a log and a database, and what the tests check of errors and refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args
from uuid import UUID, uuid4

from analytics_internal.forward.destination import (
    MAX_ANSWER_LENGTH,
    Batch,
    BatchRefused,
    DeadReason,
    DeliveryError,
    Destination,
    Options,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import Secret

PATIENCE_S = 60.0
"""How long anything may take before the test fails. No test expects to be faster."""


class Worker:
    """Does with a destination what the service's worker does, with a list in place of the log."""

    def __init__(self, destination: Destination[Any]) -> None:
        self.destination = destination
        destination.log_id = uuid4()
        self._log: dict[int, Outgoing] = {}

    async def deliver(self, events: Sequence[Outgoing]) -> list[UUID]:
        """Send events in batches within the limits; a refused one is halved. Returns the ids of the delivered."""
        self._log.update((event.position, event) for event in events)
        dead: set[UUID] = {event.id for event in events if encoded_by(self.destination, event) is None}
        for group in self._groups([event for event in events if event.id not in dead]):
            dead |= await self._send(group)
        return [event.id for event in events if event.id not in dead]

    async def deliver_in_the_end(self, events: Sequence[Outgoing]) -> None:
        """Open and deliver, again and again while the receiver is away."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                await self.destination.open()
                await self.deliver(events)
                return
            except ReceiverUnavailable as error:
                check_error(self.destination, error)
                await self.destination.close()
                if time.monotonic() > end:
                    raise AssertionError(f"the receiver is back, and gets nothing: {error}") from error
                await asyncio.sleep(0.1)

    async def failure(self, events: Sequence[Outgoing]) -> DeliveryError:
        """The error that sending ends with, checked."""
        try:
            await self.destination.open()
            await self.destination.send(self.batch(events))
        except DeliveryError as error:
            check_error(self.destination, error)
            return error
        raise AssertionError("delivered to a receiver that took nothing")

    def batch(self, events: Sequence[Outgoing]) -> Batch:
        """A batch of these events, and with ``Limits.block`` of those that complete their block."""
        fresh_after, block = 0, self.destination.limits.block
        if block is not None:
            fresh_after = events[0].position - 1
            known = self._log | {event.position: event for event in events}
            place = (events[0].position - 1) // block
            last = events[-1].position
            events = [known[at] for at in sorted(known) if (at - 1) // block == place and at <= last]
        pairs = [(event, encoded_by(self.destination, event)) for event in events]
        kept = [(event, encoded) for event, encoded in pairs if encoded is not None]
        return Batch([event for event, _ in kept], [encoded for _, encoded in kept], fresh_after)

    def _groups(self, events: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
        """The events in batches that are as large as the limits allow."""
        limits = self.destination.limits
        group: list[Outgoing] = []
        size = 0
        for event in events:
            more = len(encoded_by(self.destination, event) or b"") + limits.bytes_between
            full = len(group) >= limits.events or size + more > limits.bytes
            if limits.block is not None and group:
                full = (group[-1].position - 1) // limits.block != (event.position - 1) // limits.block
            if group and full:
                yield group
                group, size = [], 0
            group.append(event)
            size += more
        if group:
            yield group

    async def _send(self, events: Sequence[Outgoing]) -> set[UUID]:
        """Send one batch; returns the ids of what was refused."""
        batch = self.batch(events)
        try:
            refusals = await self.destination.send(batch)
        except BatchRefused as error:
            check_error(self.destination, error)
            if len(events) == 1:
                return {events[0].id}
            middle = len(events) // 2
            return await self._send(events[:middle]) | await self._send(events[middle:])
        for refusal in refusals:
            check_refusal(refusal, batch)
        return {batch.events[refusal.index].id for refusal in refusals}


def check_error(destination: Destination[Any], error: DeliveryError) -> None:
    """An error is a sentence for the operator, and shows no secret."""
    assert str(error).strip(), f"an error without a word: {error!r}"
    assert len(error.answer) <= MAX_ANSWER_LENGTH
    assert "\0" not in f"{error}{error.answer}", "PostgreSQL keeps no text with a zero"
    assert error.retry_after_s is None or error.retry_after_s >= 0
    for secret in secrets_of(destination.options):
        assert secret not in f"{error} {error!r} {error.answer}", f"{type(error).__name__} shows a secret"


def check_refusal(refusal: Refusal, batch: Batch) -> None:
    """A refusal is of an event of the batch, and says why."""
    assert 0 <= refusal.index < len(batch.events), "a refusal of an event that is not in the batch"
    assert refusal.reason in get_args(DeadReason)
    assert refusal.detail.strip(), "a refusal without a word"
    assert "\0" not in refusal.detail + refusal.answer, "PostgreSQL keeps no text with a zero"


def secrets_of(value: object) -> set[str]:
    """Every secret in the options of a type."""
    if isinstance(value, Secret):
        return {value.read()}
    if isinstance(value, Options):
        return secrets_of([getattr(value, name) for name in type(value).model_fields])
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return set().union(*(secrets_of(one) for one in value)) if value else set()
    return set()


def distinct(ids: Sequence[UUID]) -> list[UUID]:
    """Ids in the order of their first arrival."""
    return list(dict.fromkeys(ids))


def encoded_by(destination: Destination[Any], event: Outgoing) -> bytes | None:
    """The event as it is sent; None if it can never be delivered, for a reason that is checked."""
    try:
        encoded = destination.encode(event)
    except Undeliverable as error:
        _check_reason(error, event)
        return None
    assert isinstance(encoded, bytes), "encode returns bytes"
    most = destination.limits.event_bytes
    return encoded if most is None or len(encoded) <= most else None


def _check_reason(error: Undeliverable, event: Outgoing) -> None:
    assert error.reason in get_args(DeadReason)
    assert str(error).strip(), f"undeliverable without a word: {event}"
