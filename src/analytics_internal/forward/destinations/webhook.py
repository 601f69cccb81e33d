"""Webhooks, signed as standardwebhooks.com has it, with events as plain JSON or as CloudEvents."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from analytics_internal.forward.destination import Batch, Destination, Limits, Refusal
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.secret import Secret, SecretMissing
from analytics_internal.forward.web import SPARE_S, WebOptions, WebReceiver

SHORTEST_KEY = 24
"""Bytes, as Standard Webhooks demands."""
_JSON = (b'{"events":[', b"]}", "application/json")
_CLOUDEVENTS = (b"[", b"]", "application/cloudevents-batch+json; charset=UTF-8")
# What an attribute of a CloudEvent must not contain: controls, surrogates and noncharacters.
_UNSAID = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_json = msgspec.json.Encoder()


def _one_or_two(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else (value,)


def _usable(secrets: tuple[Secret, ...]) -> tuple[Secret, ...]:
    for secret in secrets:
        if secret.is_written:
            try:
                _key_of(secret)
            except SecretMissing as error:
                raise ValueError(str(error)) from None
    return secrets


Secrets = Annotated[
    tuple[Secret, ...], BeforeValidator(_one_or_two), Field(min_length=1, max_length=2), AfterValidator(_usable)
]


class WebhookOptions(WebOptions):
    secret: Secrets | None = None
    """Signs requests: ``whsec_`` and a key in base64. During a rotation both the new and the old one."""
    format: Literal["json", "cloudevents"] = "json"
    source: str = Field(default="/analytics-internal", min_length=1)
    """Of CloudEvents: a URI reference that says where events come from."""
    gzip: bool = False
    max_events: int = Field(default=500, ge=1, le=10_000)
    """Of one request."""
    max_bytes: int = Field(default=1 << 20, ge=64 << 10, le=64 << 20)
    """Of one request, before it is compressed."""


class Webhook(Destination[WebhookOptions]):
    """An HTTP address that takes events in batches."""

    Options: ClassVar = WebhookOptions
    takes_documents = True

    def __init__(self, name: str, options: WebhookOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self._beginning, self._end, self._media_type = _JSON if options.format == "json" else _CLOUDEVENTS
        most = options.max_bytes - len(self._beginning) - len(self._end)
        self.limits = Limits(
            events=options.max_events, bytes=most, event_bytes=most - 1, send_s=options.timeout_s + SPARE_S
        )
        self._receiver = WebReceiver.of(options)

    async def open(self) -> None:
        self._keys()
        await self._receiver.open()

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        if self.options.format == "json":
            return document(event, self.renamed)
        return _cloudevent(event, self.options.source, document(event, self.renamed))

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        body = self._beginning + b",".join(batch.encoded) + self._end
        headers = {"content-type": self._media_type, **signature(body, self._keys())}
        await self._receiver.post(body, headers, compressed=self.options.gzip)
        return ()

    def _keys(self) -> list[bytes]:
        return [_key_of(secret) for secret in self.options.secret or ()]


def signature(body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of Standard Webhooks. The same body has the same id whenever it is sent."""
    id_ = f"msg_{hashlib.blake2b(body, digest_size=16).hexdigest()}"
    timestamp = str(int(time.time()))
    headers = {"webhook-id": id_, "webhook-timestamp": timestamp}
    if keys:
        signed = b".".join((id_.encode(), timestamp.encode(), body))
        found = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
        headers["webhook-signature"] = " ".join(f"v1,{one}" for one in found)
    return headers


def _key_of(secret: Secret) -> bytes:
    try:
        key = base64.b64decode(secret.read().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SHORTEST_KEY:
        raise SecretMissing(
            f"the secret {secret!r} must be whsec_ and at least {SHORTEST_KEY} bytes in base64: "
            "make one with `echo whsec_$(openssl rand -base64 32)`"
        )
    return key


def _cloudevent(event: Outgoing, source: str, data: bytes) -> bytes:
    """One event in the JSON format of CloudEvents 1.0.2. Its data is the event as `format: json` has it."""
    built: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": "io.backstage.analytics." + (_UNSAID.sub("", event.action) or "event"),
        "time": event.occurred_at,
        "datacontenttype": "application/json",
        # An extension in the registry of CloudEvents: texts that sort like the log.
        "sequence": f"{event.position:019d}",
    }
    if subject := _UNSAID.sub("", event.subject):
        built["subject"] = subject
    return _json.encode({**built, "data": msgspec.Raw(data)})
