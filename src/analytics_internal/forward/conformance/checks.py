"""The tests. Each works in a thread and an event loop of its own, as the worker does."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from unittest import mock

import msgspec
from pydantic import ValidationError

from analytics_internal.forward.conformance.events import large_events, nasty_events, ordinary_events, recorded_events
from analytics_internal.forward.conformance.receiver import Receiver
from analytics_internal.forward.conformance.worker import (
    PATIENCE_S,
    Worker,
    check_error,
    check_refusal,
    distinct,
    encoded_by,
    secrets_of,
)
from analytics_internal.forward.destination import (
    BatchRefused,
    DeliveryError,
    Destination,
    Options,
    ReceiverGone,
    ReceiverUnavailable,
)
from analytics_internal.masking import masked_url


class Conformance:
    """The tests. A subclass names its ``kind``, and has a fixture ``receiver`` that is new for each test."""

    kind: ClassVar[type[Destination[Any]]]

    def test_an_unknown_option_is_an_error(self, receiver: Receiver) -> None:
        self._options(receiver)
        _must_fail(ValidationError, lambda: self._options(receiver, no_such_option=1))

    def test_making_one_connects_to_nothing(self, receiver: Receiver) -> None:
        refused = AssertionError("a destination must not connect before open")
        with (
            mock.patch.object(socket.socket, "connect", side_effect=refused),
            mock.patch.object(socket.socket, "connect_ex", side_effect=refused),
            mock.patch.object(socket, "getaddrinfo", side_effect=refused),
        ):
            self._make(receiver)

    def test_its_limits_are_possible(self, receiver: Receiver) -> None:
        limits = self._make(receiver).limits
        assert limits.events >= 1, "a batch has one event at least"
        assert limits.bytes >= 1
        assert limits.bytes_between >= 0
        assert 0 <= limits.linger_s <= 3_600, "an event waits an hour for company at most"
        assert limits.event_bytes is None or 1 <= limits.event_bytes <= limits.bytes, (
            "one event has to fit into a batch"
        )
        assert limits.block is None or limits.block >= 1
        assert limits.send_s > 0, "send needs some time"

    def test_encoding_needs_no_connection_and_is_the_same_each_time(self, receiver: Receiver) -> None:
        destination, other = self._make(receiver), self._make(receiver)
        for event in [*recorded_events(), *nasty_events()]:
            before = msgspec.json.encode(event)
            first = encoded_by(destination, event)
            assert first == encoded_by(destination, event), f"encoded differently the second time: {event}"
            assert first == encoded_by(other, event), f"encoded differently by another object: {event}"
            assert msgspec.json.encode(event) == before, f"changed by encode: {event}"

    def test_recorded_events_are_delivered_in_order(self, receiver: Receiver) -> None:
        events = recorded_events()

        async def steps(worker: Worker) -> None:
            for event in events:
                await worker.deliver([event])
            assert distinct(receiver.received()) == [event.id for event in events]

        self._open_and(receiver, steps)

    def test_any_event_is_delivered_or_has_a_reason_why_not(self, receiver: Receiver) -> None:
        events = [*nasty_events(), *recorded_events()]

        async def steps(worker: Worker) -> None:
            delivered = await worker.deliver(events)
            assert distinct(receiver.received()) == delivered
            assert {event.id for event in events[-len(recorded_events()) :]} <= set(delivered), (
                "an ordinary event is lost"
            )

        self._open_and(receiver, steps)

    def test_a_full_batch_is_delivered_in_order(self, receiver: Receiver) -> None:
        destination = self._make(receiver)
        events = ordinary_events(min(destination.limits.events, 5_000) + 1)

        async def steps(worker: Worker) -> None:
            await worker.deliver(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._open_and(receiver, steps)

    def test_a_batch_of_as_many_bytes_as_allowed_is_delivered(self, receiver: Receiver) -> None:
        large = large_events(min(self._make(receiver).limits.bytes, 4 << 20) // (24 << 10) + 2)

        async def steps(worker: Worker) -> None:
            delivered = await worker.deliver(large)
            assert distinct(receiver.received()) == delivered

        self._open_and(receiver, steps)

    def test_a_repetition_has_the_same_ids(self, receiver: Receiver) -> None:
        events = recorded_events()

        async def steps(worker: Worker) -> None:
            await worker.deliver(events)
            await worker.deliver(events)
            await worker.destination.close()
            await worker.destination.open()
            await worker.deliver(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._open_and(receiver, steps)

    def test_an_absent_receiver_is_an_outage_and_gets_everything_later(self, receiver: Receiver) -> None:
        events = recorded_events()
        receiver.stop()

        async def steps(worker: Worker) -> None:
            error = await worker.failure(events)
            assert isinstance(error, ReceiverUnavailable), f"an outage makes dead letters of events: {error!r}"
            await worker.destination.close()
            receiver.start()
            await worker.deliver_in_the_end(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._run(lambda: self._closing(receiver, steps))

    def test_a_receiver_that_was_away_between_two_batches_gets_both(self, receiver: Receiver) -> None:
        first, second = recorded_events(), recorded_events()

        async def steps(worker: Worker) -> None:
            await worker.deliver(first)
            receiver.stop()
            receiver.start()
            await worker.deliver_in_the_end(second)
            assert distinct(receiver.received()) == [event.id for event in [*first, *second]]

        self._open_and(receiver, steps)

    def test_an_overloaded_receiver_is_an_outage(self, receiver: Receiver) -> None:
        self._expect(receiver, receiver.overload, ReceiverUnavailable)

    def test_a_receiver_that_wants_no_more_events_says_so(self, receiver: Receiver) -> None:
        self._expect(receiver, receiver.retire, ReceiverGone)

    def test_refused_events_are_named_one_by_one_or_as_a_batch(self, receiver: Receiver) -> None:
        events = ordinary_events(2)
        receiver.refuse()

        async def steps(worker: Worker) -> None:
            batch = worker.batch(events)
            try:
                refusals = await worker.destination.send(batch)
            except BatchRefused as error:
                check_error(worker.destination, error)
            else:
                assert {refusal.index for refusal in refusals} == {0, 1}, "a refused event counts as delivered"
                for refusal in refusals:
                    check_refusal(refusal, batch)
            receiver.recover()
            await worker.deliver_in_the_end(later := ordinary_events(2))
            assert distinct(receiver.received())[-2:] == [event.id for event in later]

        self._open_and(receiver, steps)

    def test_the_loop_runs_on_while_a_batch_is_under_way(self, receiver: Receiver) -> None:
        async def steps(worker: Worker) -> None:
            sending = asyncio.ensure_future(worker.destination.send(worker.batch(ordinary_events(5))))
            turns = 0
            while not sending.done():
                turns += 1
                await asyncio.sleep(0)
            assert turns > 2, "send blocks the loop: use asyncio.to_thread for what cannot be awaited"
            await sending

        self._open_and(receiver, steps)

    def test_a_receiver_that_hangs_blocks_nothing_and_can_be_given_up(self, receiver: Receiver) -> None:
        events = ordinary_events(3)

        async def steps(worker: Worker) -> None:
            receiver.hang()
            sending = asyncio.ensure_future(worker.destination.send(worker.batch(events)))
            await asyncio.sleep(0.2)
            assert not sending.done(), "confirmed by a receiver that says nothing"
            sending.cancel()
            await asyncio.wait([sending])
            await worker.destination.close()
            receiver.recover()
            await worker.deliver_in_the_end(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._open_and(receiver, steps)

    def test_opening_and_closing_in_any_order_is_harmless(self, receiver: Receiver) -> None:
        events = ordinary_events(2)

        async def steps(worker: Worker) -> None:
            await worker.destination.close()
            await worker.destination.open()
            await worker.destination.close()
            await worker.destination.close()
            await worker.destination.open()
            await worker.destination.open()
            await worker.deliver(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._run(lambda: self._closing(receiver, steps))

    def test_secrets_are_not_shown(self, receiver: Receiver) -> None:
        destination = self._make(receiver)
        options = destination.options
        shown = f"{destination!r} {destination} {options!r} {options} {masked_url(options.whereto())}"
        for secret in secrets_of(destination.options):
            assert secret not in shown

    def _options(self, receiver: Receiver, **more: object) -> Options:
        return self.kind.Options.model_validate({**receiver.options, **more})

    def _make(self, receiver: Receiver) -> Destination[Any]:
        return self.kind("under-test", self._options(receiver))

    def _expect(self, receiver: Receiver, fail: Callable[[], None], kind: type[DeliveryError]) -> None:
        """A failing receiver leads to this error, and gets everything when it has recovered."""
        events = ordinary_events(3)

        async def steps(worker: Worker) -> None:
            fail()
            error = await worker.failure(events)
            assert isinstance(error, kind), f"not {kind.__name__}: {error!r}"
            await worker.destination.close()
            receiver.recover()
            await worker.deliver_in_the_end(events)
            assert distinct(receiver.received()) == [event.id for event in events]

        self._open_and(receiver, steps)

    def _open_and(self, receiver: Receiver, steps: Callable[[Worker], Awaitable[None]]) -> None:
        async def opened(worker: Worker) -> None:
            await worker.destination.open()
            await steps(worker)

        self._run(lambda: self._closing(receiver, opened))

    async def _closing(self, receiver: Receiver, steps: Callable[[Worker], Awaitable[None]]) -> None:
        worker = Worker(self._make(receiver))
        try:
            await steps(worker)
        finally:
            await worker.destination.close()

    @staticmethod
    def _run(steps: Callable[[], Awaitable[None]]) -> None:
        """Run in a thread of its own, as the worker of a destination does."""
        outcome: list[BaseException] = []

        async def in_time() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await steps()

        def work() -> None:
            try:
                asyncio.run(in_time())
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(2 * PATIENCE_S)
        assert not thread.is_alive(), "the destination blocks its thread"
        if outcome:
            raise outcome[0]


def _must_fail(kind: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} was raised")
