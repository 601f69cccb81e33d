"""Another analytics-internal."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import httpx
import msgspec

from analytics_internal.event import MAX_EVENT_BYTES
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    DeadReason,
    Destination,
    Limits,
    ReceiverGone,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
    answer_of,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import Secret
from analytics_internal.forward.web import SPARE_S, WebOptions, WebReceiver

PATH = "api/analytics-internal/events"
REQUEST_EVENTS = 1_000
REQUEST_BYTES = 1 << 20
_ENVELOPE_BYTES = 100
COMPRESSED_FROM_BYTES = 4_096
_encoder = msgspec.json.Encoder()


class AnalyticsInternalOptions(WebOptions):
    """``url`` is the other service's, or that of a portal with the bridge."""

    token: Secret | None = None
    """One of the other service's ``import_tokens``; without, it has to run with ``auth: none``."""


class _Verdict(msgspec.Struct):
    status: str
    reason: str = ""
    detail: str = ""


class _Verdicts(msgspec.Struct):
    results: list[_Verdict]


_REASONS: dict[str, DeadReason] = {"too_large": "too_large", "too_old": "too_old"}


class AnalyticsInternal(Destination[AnalyticsInternalOptions]):
    """The same events in another service of this kind, as imports: they keep their ids.

    The limits are that service's: 1,000 events (``max_batch_events``) and 1 MiB (``max_body_bytes``) a request, 32 KiB
    an event. What is sent twice is a ``duplicate`` there. It is a ``conflict`` if it had another shape the first time,
    because the configuration has changed since or because it came there on another way: the event is there once, in
    its first shape, which counts as delivered.
    """

    Options = AnalyticsInternalOptions

    def __init__(self, name: str, options: AnalyticsInternalOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self.limits = Limits(
            events=REQUEST_EVENTS,
            bytes=REQUEST_BYTES - _ENVELOPE_BYTES,
            event_bytes=MAX_EVENT_BYTES,
            send_s=options.timeout_s + SPARE_S,
        )
        self._receiver = WebReceiver.of(options, PATH)

    async def open(self) -> None:
        """Look whose log is there. Raises ReceiverGone: it is the one that the events come from."""
        await self._receiver.open()
        nothing = self._receiver.url().copy_merge_params({"after": 1 << 61, "limit": 1})
        try:
            answer = await self._receiver.get(nothing, self._headers())
        except BatchRefused:
            return  # something else is there; `send` says what
        if self.log_id is not None and _log_id(answer) == self.log_id:
            raise ReceiverGone("this destination is the service itself: its log is the one that the events come from")

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        if not event.action:
            raise Undeliverable("unsupported", "the other service needs the field `action`")
        sent = {
            "id": event.id,
            "action": event.action,
            "subject": event.subject,
            "value": event.value,
            "attributes": event.attributes,
            "context": event.context,
            "occurredAt": event.occurred_at,
            "sessionId": event.session_id,
            "user": event.user,
            "agent": event.agent,
        }
        return _encoder.encode({name: value for name, value in sent.items() if value is not None})

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        body = b'{"imported":true,"events":[' + b",".join(batch.encoded) + b"]}"
        response = await self._receiver.post(
            body,
            {"content-type": "application/json", **self._headers()},
            compressed=len(body) >= COMPRESSED_FROM_BYTES,
        )
        verdicts = _verdicts(response, len(batch.encoded))
        return [
            Refusal(
                index,
                f"{verdict.reason}: {verdict.detail}",
                _REASONS.get(verdict.reason, "refused"),
                response.status_code,
            )
            for index, verdict in enumerate(verdicts)
            if verdict.status == "rejected" and verdict.reason != "conflict"
        ]

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.options.token.read()}"} if self.options.token is not None else {}


def _log_id(answer: httpx.Response) -> UUID | None:
    try:
        return UUID(answer.headers.get("x-log-id", ""))
    except ValueError:
        return None


def _verdicts(response: httpx.Response, count: int) -> list[_Verdict]:
    """The verdicts on ``count`` events. Raises ReceiverUnavailable: that is no answer of this service."""
    try:
        verdicts = msgspec.json.decode(response.content, type=_Verdicts).results
    except (msgspec.DecodeError, UnicodeError):
        verdicts = []
    if len(verdicts) != count or any(one.status not in ("stored", "duplicate", "rejected") for one in verdicts):
        raise ReceiverUnavailable(
            "the answer is not that of analytics-internal: check the url",
            status=response.status_code,
            answer=answer_of(response.content),
        )
    return verdicts
