"""RabbitMQ: one persistent message an event, published into an exchange and confirmed by the broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)
from pydantic import AfterValidator, Field, field_validator, model_validator
from yarl import URL

from analytics_internal.forward.brokers import (
    ANSWER_LIMIT_S,
    CLOSE_LIMIT_S,
    OPEN_LIMIT_S,
    TlsOptions,
    check_reachable,
    checked_pattern,
    filled,
    said,
    server_address,
)
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    Destination,
    Limits,
    Options,
    ReceiverUnavailable,
    Refusal,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import Secret, SecretMissing
from analytics_internal.masking import masked_url

PORTS = {"amqp": 5672, "amqps": 5671}
MAX_KEY_BYTES = 255
"""Of a routing key, by the protocol."""
_BATCH_BYTES = 4 << 20
_FAILURES = (AMQPError, ChannelInvalidStateError, ConnectionError, OSError, RuntimeError)


def _parsed(text: str) -> tuple[URL, str | None]:
    """An address, and its password as it is spelled. Raises ValueError: it is none; the text repeats nothing of it."""
    try:
        address = server_address(text, tuple(PORTS), PORTS.get(text.partition("://")[0], 0))
        url = URL(text)
        if url.scheme not in PORTS or not url.host:
            raise ValueError
    except ValueError as error:
        problem = str(error) if str(error).startswith("must") else "must be like amqp://user:password@host"
        raise ValueError(problem) from None
    return url, address.password


class RabbitMQOptions(TlsOptions):
    """Where events are published. The exchange and a queue that is bound to it must exist."""

    url: Secret
    """``amqp://user:password@host/virtual-host``, or ``amqps://`` for an encrypted connection."""
    exchange: str = Field(default="", max_length=127)
    """Empty: the default exchange, in which the routing key is the name of a queue."""
    routing_key: Annotated[str, AfterValidator(lambda pattern: checked_pattern(pattern, r"[\x00-\x1f\x7f]", r".*"))] = (
        Field(default="", max_length=MAX_KEY_BYTES)
    )
    """May contain ``{action}`` and ``{plugin}``."""
    mandatory: bool = True
    """Whether an event for which no queue is bound is an error. If not, the broker drops it."""
    in_flight: int = Field(default=1, ge=1, le=10_000)
    """How many messages are published before their confirmations are awaited: with more than one, a later one may
    come before one that a full queue refuses."""
    max_message_bytes: int = Field(default=16 << 20, ge=1_000, le=512 << 20)
    """No larger than the broker's ``max_message_size``."""

    @model_validator(mode="after")
    def _names_a_place(self) -> Self:
        if not self.exchange and not self.routing_key:
            raise ValueError("routing_key is required without an exchange: it is the name of the queue")
        return self

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: Secret) -> Secret:
        if url.is_written:
            _parsed(url.read())
        return url

    def whereto(self) -> str:
        try:
            address = self.url.read()
        except SecretMissing:
            address = ""
        # Without its scheme a text may be all password.
        is_address = address.partition("://")[0] in PORTS
        return f"{self.exchange or self.routing_key} on {masked_url(address) if is_address else self.url}"


class RabbitMQ(Destination[RabbitMQOptions]):
    """Publishes messages in the order of the log, and waits for the confirmation of each.

    With ``in_flight`` above one it begins with a single message after ``open`` and doubles: a queue that is full
    refuses that one, and no later message comes before it.
    """

    Options: ClassVar[type[Options]] = RabbitMQOptions
    takes_documents = True

    def __init__(self, name: str, options: RabbitMQOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self.limits = Limits(events=1_000, bytes=_BATCH_BYTES, event_bytes=min(options.max_message_bytes, _BATCH_BYTES))
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None
        self._secrets: list[str] = []
        self._place = ""
        """The broker's address for messages, without the password."""
        self._together = 1

    async def open(self) -> None:
        await self.close()
        url = self._read_url()
        await check_reachable(str(url.host), url.port or PORTS[url.scheme])
        context = self.options.tls_context() if url.scheme == "amqps" else None
        self._together = 1
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                self._connection = await aio_pika.connect(
                    url,
                    ssl_context=context,
                    client_properties={"connection_name": f"analytics-internal {self.name}"},
                )
                self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._exchange = (
                    await self._channel.get_exchange(self.options.exchange)
                    if self.options.exchange
                    else self._channel.default_exchange
                )
        except TimeoutError as error:
            await self.close()
            raise ReceiverUnavailable(f"{self._place} did not answer within {OPEN_LIMIT_S:g} s") from error
        except _FAILURES as error:
            await self.close()
            raise self._unavailable(error) from error
        except BaseException:
            await self.close()
            raise

    def _read_url(self) -> URL:
        """Raises SecretMissing, ReceiverUnavailable."""
        text = self.options.url.read()
        try:
            url, spelled_password = _parsed(text)
        except ValueError as error:
            raise ReceiverUnavailable(f"url: {error}") from None
        place = f"{url.scheme}://{url.host}:{url.port or PORTS[url.scheme]}{url.path}"
        self._secrets = [text, *(one for one in (url.password, url.raw_password, spelled_password) if one)]
        self._place = said(Exception(place), self._secrets)
        return url

    async def close(self) -> None:
        connection, self._connection, self._channel, self._exchange = self._connection, None, None, None
        if connection is not None:
            with contextlib.suppress(TimeoutError, *_FAILURES):
                await asyncio.wait_for(connection.close(), CLOSE_LIMIT_S)

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        if self._exchange is None:
            # After a refusal the worker sends the halves without opening anew.
            await self.open()
        assert self._exchange is not None
        first = 0
        try:
            while first < len(batch.events):
                last = min(first + self._together, len(batch.events))
                await self._publish(self._exchange, batch, range(first, last))
                self._together = min(2 * self._together, self.options.in_flight)
                first = last
        except ChannelPreconditionFailed as error:
            await self.close()
            # The broker closes the channel, and does not say which message is too large.
            detail = f"{self._place}: {self._said(error)}"
            if len(batch.events) == 1:
                return [Refusal(0, detail, "too_large" if "size" in detail else "refused", answer=self._said(error))]
            raise BatchRefused(detail, answer=self._said(error)) from error
        except _FAILURES as error:
            await self.close()
            raise self._unavailable(error) from error
        except BaseException:
            await self.close()
            raise
        return []

    async def _publish(self, exchange: AbstractExchange, batch: Batch, part: range) -> None:
        """Publish a part of a batch. Raises what went wrong with the first message that was not confirmed."""
        # Each waits for the one before it to be written: aiormq has a lock, which is given out in order.
        publishing = [
            asyncio.ensure_future(
                exchange.publish(
                    _message(batch.events[index], batch.encoded[index]),
                    self._routing_key(batch.events[index]),
                    mandatory=self.options.mandatory,
                )
            )
            for index in part
        ]
        try:
            _, missing = await asyncio.wait(publishing, timeout=ANSWER_LIMIT_S)
        finally:
            for one in publishing:
                one.cancel()
            outcomes = await asyncio.gather(*publishing, return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        # A channel that is closed says why to some, and to others only that it is closed.
        failed.sort(key=lambda outcome: isinstance(outcome, ChannelInvalidStateError))
        if failed:
            raise failed[0]
        if missing:
            raise ReceiverUnavailable(
                f"{self._place} did not confirm {len(missing)} messages within {ANSWER_LIMIT_S:g} s; "
                "it may be out of memory or disk"
            )

    def _routing_key(self, event: Outgoing) -> str:
        key = filled(self.options.routing_key, event)
        return key.encode()[:MAX_KEY_BYTES].decode("utf-8", "ignore")

    def _unavailable(self, error: BaseException) -> ReceiverUnavailable:
        text = self._said(error)
        if isinstance(error, PublishError):
            exchange = f"the exchange {self.options.exchange!r}" if self.options.exchange else "the default exchange"
            text = f"no queue takes messages from {exchange} with this routing key ({text}): bind one"
        elif isinstance(error, DeliveryError):
            text = f"a queue does not take the message now ({text}); it may be full"
        elif isinstance(error, AuthenticationError | ProbableAuthenticationError):
            text = f"the user or the password is wrong, or has no right to the virtual host ({text})"
        return ReceiverUnavailable(f"{self._place}: {text}", answer=self._said(error))

    def _said(self, error: BaseException) -> str:
        return said(error, self._secrets)


def _message(event: Outgoing, body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        message_id=str(event.id),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        timestamp=event.occurred_at,
        app_id="analytics-internal",
        headers={"position": event.position},
    )
