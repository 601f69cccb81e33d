"""A destination's type at work: opened when it is needed, closed after a failure, with a time limit for every call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

import structlog

from analytics_internal.forward.configuration import Configured, make
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    DeliveryError,
    Limits,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import SecretMissing
from analytics_internal.masking import without_values

Result = TypeVar("Result")
CLOSE_LIMIT_S = 5.0

log = structlog.get_logger(__name__)


class Receiver:
    """The receiver of one destination. Whatever a type raises comes out as a DeliveryError or Undeliverable."""

    def __init__(self, configured: Configured) -> None:
        """Raises ReceiverUnavailable: the type cannot be made of its configuration."""
        self._name = configured.name
        try:
            self._destination = make(configured)
        except BaseException as error:
            raise self._bug(error, "could not be made") from error
        self._is_open = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def limits(self) -> Limits:
        return self._destination.limits

    def encode(self, event: Outgoing) -> bytes:
        """Raises Undeliverable, ReceiverUnavailable."""
        try:
            return self._destination.encode(event)
        except (Undeliverable, DeliveryError):
            raise
        except BaseException as error:
            raise self._bug(error, f"failed at the event at position {event.position}") from error

    async def send(self, batch: Batch, log_id: UUID) -> Sequence[Refusal]:
        """Deliver a batch, within the type's time limit.

        Raises:
            DeliveryError: the type was closed, and is opened again by the next call, but after BatchRefused.
        """
        try:
            if not self._is_open:
                self._destination.log_id = log_id
                await self._limited(self._destination.open())
                self._is_open = True
            refusals = list(await self._limited(self._destination.send(batch)))
            _check(refusals, batch)
        except BatchRefused:
            raise
        except DeliveryError:
            await self.close()
            raise
        except Exception as error:
            await self.close()
            raise self._bug(error, "failed") from error
        return refusals

    async def close(self) -> None:
        """Release what the type has open, also what it opened halfway. Raises nothing."""
        self._is_open = False
        try:
            await _ended(self._destination.close(), CLOSE_LIMIT_S)
        except Exception as error:
            log.warning("could not close", destination=self._name, error=_shown(error))

    async def _limited(self, call: Coroutine[Any, Any, Result]) -> Result:
        limit_s = self.limits.send_s
        try:
            return await _ended(call, limit_s)
        except _TookTooLong:
            raise ReceiverUnavailable(f"no answer within {limit_s:g} s") from None

    def _bug(self, error: BaseException, did: str) -> ReceiverUnavailable:
        if isinstance(error, SecretMissing | DeliveryError):
            return ReceiverUnavailable(str(error))
        # Its values may be secret, or name people: what a third party's type says is not ours to judge.
        log.warning(f"the type {did}", destination=self._name, error=without_values(error), exc_info=False)
        return ReceiverUnavailable(f"the type {did}: {_shown(error)}")


class _TookTooLong(Exception):
    pass


async def _ended(call: Coroutine[Any, Any, Result], limit_s: float) -> Result:
    """The call's result. One that takes too long is cancelled, and left alone if it ignores that.

    Raises:
        _TookTooLong
    """
    task = asyncio.ensure_future(_contained(call))
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_s)
        if task.cancelled():
            raise RuntimeError("it cancelled itself")
        if done:
            return task.result()
        task.cancel()
        await asyncio.wait({task}, timeout=CLOSE_LIMIT_S)
    finally:
        task.cancel()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    raise _TookTooLong


async def _contained(call: Coroutine[Any, Any, Result]) -> Result:
    """What a type raises as an Exception: SystemExit, and a panic of a library in Rust, would end the thread."""
    try:
        return await call
    except (Exception, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        raise RuntimeError(_shown(error)) from error


def _check(refusals: Sequence[Refusal], batch: Batch) -> None:
    indexes = [one.index for one in refusals]
    if len(set(indexes)) < len(indexes) or not all(0 <= index < len(batch.events) for index in indexes):
        raise ValueError(f"it refuses events that the batch does not have: {indexes[:10]}")


def _shown(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
