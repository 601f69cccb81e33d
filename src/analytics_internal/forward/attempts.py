"""What a worker has learned of its receiver. It stays when the connection to PostgreSQL is made anew."""

from __future__ import annotations

import time

from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.destination import DeliveryError, ReceiverUnavailable
from analytics_internal.forward.receiver import Receiver
from analytics_internal.forward.retries import Backoff, BatchSize, Breaker


class _RefusesEverything(ReceiverUnavailable):
    """The receiver has refused so many events in a row that the mistake is hardly in the events."""


class Attempts:
    """The receiver, when it is tried again, and with how much."""

    def __init__(self, configured: Configured, backoff: Backoff, breaker: Breaker) -> None:
        self._configured = configured
        self._backoff = backoff
        self._breaker = breaker
        self._receiver: Receiver | None = None
        self._size: BatchSize | None = None
        self._not_before = 0.0
        self._largest_taken = 0
        self._has_died = False

    @property
    def receiver(self) -> Receiver:
        """Raises ReceiverUnavailable: its type cannot be made."""
        if self._receiver is None:
            self._receiver = Receiver(self._configured)
        return self._receiver

    @property
    def most_events(self) -> int:
        """Of the next request."""
        if self._size is None:
            self._size = BatchSize(self.receiver.limits.events)
        block = self.receiver.limits.block
        if block is not None:
            return block
        return 1 if self._breaker.is_open else self._size.limit

    @property
    def waits_s(self) -> float:
        """How long until the next attempt."""
        return max(0.0, self._not_before - time.monotonic())

    def try_now(self) -> None:
        """Somebody says that the receiver is well again."""
        self._not_before = 0.0
        self._backoff.succeeded()
        self._breaker.delivered()

    def failed(self, error: DeliveryError) -> float:
        """Returns how long to wait."""
        if isinstance(error, _RefusesEverything):
            delay_s = self._backoff.longest_s
        else:
            delay_s = self._backoff.failed(error.retry_after_s)
            if self._size is not None:
                self._size.failed(self._backoff.failures)
        self._not_before = time.monotonic() + delay_s
        return delay_s

    def taken(self, delivered: int, refused: int, is_halving: bool, has_ended_halving: bool) -> None:
        """The receiver took some events of a request and refused others.

        Raises:
            _RefusesEverything: wait before the next one.
        """
        assert self._size is not None
        if delivered:
            self._backoff.succeeded()
            self._breaker.delivered()
        if is_halving:
            self._has_died = self._has_died or refused > 0
            self._largest_taken = max(self._largest_taken, delivered)
            if has_ended_halving:
                # No event was at fault: there were too many of them.
                if not self._has_died:
                    self._size.refused_above(self._largest_taken)
                self._has_died, self._largest_taken = False, 0
        elif delivered:
            self._size.delivered(delivered)
        if refused and not delivered:
            self._breaker.refused(refused)
            if self._breaker.is_open:
                raise _RefusesEverything(
                    f"the receiver refused the last {self._breaker.refused_in_a_row:,} events; "
                    "further ones are tried one by one"
                )

    async def pause(self) -> None:
        """Hold no connection to a receiver that gets nothing for a while."""
        if self._receiver is not None and self._receiver.is_open:
            await self._receiver.close()

    async def close(self) -> None:
        if self._receiver is not None:
            await self._receiver.close()
