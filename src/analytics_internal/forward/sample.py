"""A test event: sent to one destination through its whole shaping and type, as its next batch would be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import msgspec
import structlog

from analytics_internal.errors import AnalyticsError
from analytics_internal.event.uuid7 import uuid7
from analytics_internal.forward.child import TestResult
from analytics_internal.forward.configuration import Configured, make
from analytics_internal.forward.destination import Batch, DeliveryError
from analytics_internal.forward.holds import Connect
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.reading import LogEvent
from analytics_internal.forward.shaping import Shaper
from analytics_internal.log import tail
from analytics_internal.masking import masked_text, without_values

ACTION, SUBJECT = "test", "/analytics-internal/test"
CLOSE_LIMIT_S = 5.0

log = structlog.get_logger(__name__)


def event() -> LogEvent:
    """An event that is not in the log: its position is 0. Nobody did it."""
    now = datetime.now(UTC)
    return LogEvent(
        position=0,
        batch_id=0,
        id=uuid7(),
        occurred_at=now,
        received_at=now,
        action=ACTION,
        subject=SUBJECT,
        item_id=0,
        item=(0, SUBJECT),
        attributes=b'{"test":true}',
        path=SUBJECT,
    )


async def send(configured: Configured, connect: Connect) -> TestResult:
    """Send a test event. What goes wrong is in the result. The destination's filters do not keep it back."""
    began = time.monotonic()
    result = await _attempt(configured, connect)
    return msgspec.structs.replace(result, seconds=round(time.monotonic() - began, 3))


async def _attempt(configured: Configured, connect: Connect) -> TestResult:
    sent: str | None = None
    try:
        connection = await connect()
        try:
            shaper = await Shaper.prepare(connection, configured.model_copy(update={"filters": None}))
            head = await tail.head(connection)
        finally:
            await connection.close(timeout=CLOSE_LIMIT_S)
        shaped = shaper.shape(event())
        assert shaped is not None, "an event without filters was filtered out"
        destination = make(configured)
        destination.log_id = head.log_id
        encoded = destination.encode(shaped)
        sent = _readable(encoded, shaped)
        try:
            await destination.open()
            refusals = await destination.try_out(Batch([shaped], [encoded]))
        finally:
            with contextlib.suppress(Exception):  # what went wrong before is what counts
                async with asyncio.timeout(CLOSE_LIMIT_S):
                    await destination.close()
    except DeliveryError as error:
        return _failed(str(error), sent, error.status, error.answer)
    except AnalyticsError as error:
        return _failed(str(error), sent)
    except Exception as error:
        log.exception("a test event could not be sent", destination=configured.name)
        return _failed(without_values(error), sent)
    for refusal in refusals:
        return _failed(refusal.detail, sent, refusal.status, refusal.answer)
    return TestResult(is_delivered=True, sent=sent)


def _failed(error: str, sent: str | None, status: int | None = None, answer: str = "") -> TestResult:
    return TestResult(
        is_delivered=False, error=masked_text(error), sent=sent, status=status, answer=masked_text(answer) or None
    )


def _readable(encoded: bytes, shaped: Outgoing) -> str:
    """What was sent as text; where the receiver gets something binary, the event it is made of."""
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return document(shaped).decode()
