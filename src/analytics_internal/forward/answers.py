"""What the answer of a receiver that speaks HTTP means, and what of it is kept."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from analytics_internal.forward.destination import (
    BatchRefused,
    DeliveryError,
    ReceiverGone,
    ReceiverUnavailable,
    answer_of,
)
from analytics_internal.masking import MASK

ANSWER_BYTES = 256 << 10
"""What is read of an answer; the rest is left."""
MAX_RETRY_AFTER_S = 86_400.0
_SHORTEST_SECRET = 4
_LATER = frozenset({408, 425, 429})
# What these say is not about the events: an operator has to mend it, and no event may be lost meanwhile.
_OPERATOR = {
    401: "the credentials are missing or wrong",
    402: "the receiver asks for payment",
    403: "the credentials do not allow this",
    404: "there is nothing at this address: check the url",
    405: "this address does not take events: check the url",
    406: "this address does not take events: check the url",
    407: "the proxy asks for credentials",
    415: "this address does not take this format: check the url and the format",
    421: "this host does not serve this address: check the url",
    426: "the receiver asks for another protocol",
    451: "the receiver must not take events",
    511: "the network asks for credentials",
}


def failure_of(target: httpx.URL, answer: httpx.Response, secrets: Sequence[str]) -> DeliveryError:
    """What an answer means that is not 2xx."""
    status = answer.status_code
    said = answer_of(without(secrets, answer.content.decode("utf-8", "replace")).encode())
    detail = f"{origin_of(target)} answered {status} {answer.reason_phrase}".rstrip()
    if status == 410:
        return ReceiverGone(f"{detail}: it wants no more events", status=status, answer=said)
    after = retry_after_s(answer.headers.get("retry-after"))
    if status in _OPERATOR:
        detail = f"{detail}: {_OPERATOR[status]}"
        return ReceiverUnavailable(detail, status=status, answer=said, retry_after_s=after)
    if status in _LATER or status >= 500 or status < 400:
        return ReceiverUnavailable(detail, status=status, answer=said, retry_after_s=after)
    return BatchRefused(detail, status=status, answer=said)


def retry_after_s(value: str | None) -> float | None:
    """What a ``Retry-After`` asks for, at most MAX_RETRY_AFTER_S; None if it says nothing that can be understood."""
    if value is None:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
            return None
    return None if math.isnan(wait) else min(max(wait, 0.0), MAX_RETRY_AFTER_S)


def origin_of(url: httpx.URL) -> str:
    """Scheme, host and port: all of an address that an error shows."""
    return f"{url.scheme}://{url.netloc.decode()}"


def without(secrets: Sequence[str], text: str) -> str:
    """A text without the secrets, which receivers and proxies like to repeat."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def plain_headers(headers: httpx.Headers) -> list[tuple[str, str]]:
    """The headers of an answer whose body was decoded."""
    gone = ("content-encoding", "content-length", "transfer-encoding")
    return [(name, value) for name, value in headers.multi_items() if name not in gone]


def decoded(body: bytes, headers: httpx.Headers) -> bytes:
    """The body, also of a receiver that compresses without having been asked; at most ANSWER_BYTES."""
    if headers.get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, ANSWER_BYTES)
    except zlib.error:
        return body
