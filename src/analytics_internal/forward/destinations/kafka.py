"""Kafka: one message an event, written by an idempotent producer, confirmed by all replicas in sync."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, model_validator

from analytics_internal.forward.brokers import (
    ANSWER_LIMIT_S,
    CLOSE_LIMIT_S,
    OPEN_LIMIT_S,
    TlsOptions,
    check_reachable,
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
from analytics_internal.forward.secret import Secret

PORT = 9092
POLL_S = 0.1
"""How long a thread waits for reports at once."""
REPORTS_LIMIT_S = 2.0
"""How long reports may take once the producer is over: one of them says what was wrong."""
TOPIC_LIMIT_S = 3.0
"""How long a topic may be unknown: brokers may make it when somebody asks for it."""
_OWN = re.compile(
    r"(bootstrap\.servers|metadata\.broker\.list|client\.id|(sasl\.mechanisms?|sasl\.username|sasl\.password)"
    r"|security\.protocol|ssl\.(ca|certificate|key)\.(location|password)|compression\.(codec|type)|message\.max\.bytes)"
)
"""Properties that have an option of their own."""
_GUARANTEES = re.compile(
    r"(enable\.(idempotence|gapless\.guarantee)|(request\.required\.)?acks|max\.in\.flight.*|retries"
    r"|message\.send\.max\.retries|(delivery|message)\.timeout\.ms|transactional?\..*|queue\.buffering\.(?!max\.ms).*"
    r"|delivery\.report\..*|.*_cb|default\.topic\.config|test\..*|plugin\..*|produce\.offset\.report)"
)
"""Properties with which events could be lost, come in another order or go nowhere."""
_SECRET = re.compile(r"password|secret|\.pem$|jaas|token(?!\.endpoint)")
_OF_THE_MESSAGE = frozenset(
    {
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
    }
)
"""The broker will never take the message; everything else is for an operator to mend."""
_DENIED = frozenset(
    {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM}
)
_PASSING = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})
_CONSEQUENCES = frozenset(
    {
        KafkaError._FATAL,
        KafkaError._GAPLESS_GUARANTEE,
        KafkaError._INVALID_DIFFERENT_RECORD,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._PURGE_QUEUE,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    }
)
"""Said of messages that only came along with the one that was wrong."""
_CONTENT_TYPE = ("content-type", b"application/json")
# What librdkafka would print says `error_cb` as well.
_silent = logging.getLogger("analytics_internal.librdkafka")
_silent.propagate = False
_silent.addHandler(logging.NullHandler())
_secret: TypeAdapter[Secret] = TypeAdapter(Secret)


def _server(text: str) -> str:
    if "://" in text:
        raise ValueError("must be addresses like host:9092, without a scheme")
    url = server_address(text, ("kafka",), PORT)
    if "@" in url.netloc:
        raise ValueError("must not contain a user or a password: there are the options user and password")
    return url.netloc


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError: a property must not be set here."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if _OWN.fullmatch(name):
            raise ValueError(f"must not contain {name}, for which there is an option")
        if _GUARANTEES.fullmatch(name):
            raise ValueError(f"must not contain {name}: events could be lost or come in another order")
        if isinstance(value, dict) or (isinstance(value, str) and _SECRET.search(name)):
            value = _secret.validate_python(value)  # noqa: PLW2901
        elif not isinstance(value, str | int | float):
            raise ValueError(f"must have a text, a number, true, false or a secret as {name}")
        found[name] = value
    return found


class KafkaOptions(TlsOptions):
    """The connection is encrypted with ``tls`` or a ``ca_file`` or a certificate of our own."""

    servers: Annotated[
        tuple[Annotated[str, AfterValidator(_server)], ...],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
    ]
    """Some brokers of the cluster, like ``host:9092``: they name the others."""
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    key: Literal["destination", "person", "item", "none"] = "destination"
    """Events with the same key come into the same partition, and Kafka keeps their order. See `Kafka.key_of`."""
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "lz4"
    max_message_bytes: int = Field(default=1_000_000, ge=1_000, le=1_000_000_000)
    """No larger than the topic's ``max.message.bytes``."""
    tls: bool = False
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] | None = None
    user: str | None = None
    password: Secret | None = None
    librdkafka: Annotated[dict[str, Any], AfterValidator(_properties)] = Field(default_factory=dict)
    """Further properties of the client; a value may be a secret."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.user is not None and self.sasl_mechanism is None:
            raise ValueError("user needs a sasl_mechanism")
        if self.user is None and (self.sasl_mechanism or "").startswith(("PLAIN", "SCRAM")):
            raise ValueError(f"sasl_mechanism {self.sasl_mechanism} needs user and password")
        return self

    def whereto(self) -> str:
        return f"{self.topic} on {', '.join(self.servers)}"

    def secrets(self) -> list[str]:
        """All of them. Raises SecretMissing."""
        given = [self.password, self.key_password, *self.librdkafka.values()]
        return [secret.read() for secret in given if isinstance(secret, Secret)]

    def properties(self) -> dict[str, Any]:
        """The client's properties, secrets among them. Raises SecretMissing."""
        is_tls = self.tls or self.has_tls_files
        chosen: Mapping[str, object] = {
            "security.protocol": f"{'sasl_' if self.sasl_mechanism else ''}{'ssl' if is_tls else 'plaintext'}",
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.user,
            "sasl.password": self.password,
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.certificate_file,
            "ssl.key.location": self.key_file or self.certificate_file,
            "ssl.key.password": self.key_password,
        }
        return {
            # As the clients in Java choose a partition, so that the same key is in the same one for all.
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            # Brokers forget the address of a dead connection for this long.
            "reconnect.backoff.max.ms": 1_000,
            **{name: _plain(value) for name, value in {**self.librdkafka, **chosen}.items() if value is not None},
            "bootstrap.servers": ",".join(self.servers),
            "compression.type": self.compression,
            "message.max.bytes": self.max_message_bytes,
            "enable.idempotence": True,
            # Nothing is written after a message that failed: a batch that is sent again stays in order.
            "enable.gapless.guarantee": True,
            # The worker decides how long to wait.
            "message.timeout.ms": 0,
        }


def _plain(value: object) -> object:
    return value.read() if isinstance(value, Secret) else value if isinstance(value, int | float) else str(value)


class _Sending:
    """What is known of the messages of a batch. The reports come in the thread that polls, one at a time."""

    def __init__(self) -> None:
        self.waiting = 0
        self.problems: dict[int, KafkaError] = {}

    def reported(self, index: int, problem: KafkaError | None, _: Message) -> None:
        self.waiting -= 1
        if problem is not None:
            self.problems[index] = problem


class Kafka(Destination[KafkaOptions]):
    """Hands a whole batch to the producer and waits for the report on each message.

    A producer with which something failed is not used again, and what it still holds is thrown away: the worker sends
    the batch again.
    """

    Options: ClassVar[type[Options]] = KafkaOptions
    limits = Limits(events=2_000, bytes=4 << 20)
    takes_documents = True

    def __init__(self, name: str, options: KafkaOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self._producer: Producer | None = None
        self._trouble: KafkaError | None = None
        """What the producer said last about its connections."""
        self._is_down = False
        """Whether no broker was there when the producer tried them all."""
        self._is_over = False
        """Whether the producer will write nothing more."""
        self._secrets: list[str] = []
        # A task that is cancelled leaves its thread waiting, and a producer must not be closed meanwhile.
        self._in_use = threading.Lock()

    async def open(self) -> None:
        await self.close()
        self._trouble, self._is_over, self._is_down = None, False, False
        self._secrets = self.options.secrets()
        for server in self.options.servers:
            url = server_address(server, ("kafka",), PORT)
            await check_reachable(str(url.hostname), url.port or PORT)
        try:
            properties = {**self.options.properties(), "client.id": f"analytics-internal-{self.name}"}
            self._producer = Producer({**properties, "error_cb": self._on_error}, logger=_silent)
        except (KafkaException, TypeError, ValueError) as error:
            raise ReceiverUnavailable(f"the options cannot be used: {self._said(error)}") from error
        try:
            await self._check_topic(self._producer)
        except BaseException:
            await self.close()
            raise

    async def _check_topic(self, producer: Producer) -> None:
        """Raises ReceiverUnavailable: no broker answers, or there is no such topic for us."""
        problem: KafkaError | None
        started = time.monotonic()
        while True:
            try:
                problem = await asyncio.to_thread(self._ask_for_topic, producer)
                if problem is None:
                    return
                limit_s = TOPIC_LIMIT_S if problem.code() in _PASSING else 0
            except KafkaException as error:
                problem, limit_s = error.args[0], OPEN_LIMIT_S
            producer.poll(0)
            if self._is_denied() or self._is_down or time.monotonic() > started + limit_s:
                raise self._unavailable(problem)
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await asyncio.to_thread(_end, producer, self._in_use)

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        if self._producer is None:
            # After a refusal the worker sends the halves without opening anew.
            await self.open()
        assert self._producer is not None
        refusals: list[Refusal] = []
        try:
            sending = self._hand_over(self._producer, batch, refusals)
            await self._wait(self._producer, sending)
            if not sending.problems and not sending.waiting:
                return refusals
            refusals = self._judged(sending.problems, len(batch.events))
        except BaseException:
            await self.close()
            raise
        await self.close()
        return refusals

    def _hand_over(self, producer: Producer, batch: Batch, refusals: list[Refusal]) -> _Sending:
        """Give the producer all messages. It keeps them in memory, which the limits bound, and does not wait."""
        sending = _Sending()
        for index, (event, value) in enumerate(zip(batch.events, batch.encoded, strict=True)):
            try:
                producer.produce(
                    self.options.topic,
                    value,
                    key=self.key_of(event),
                    headers=[("id", str(event.id).encode()), _CONTENT_TYPE],
                    on_delivery=partial(sending.reported, index),
                )
            except KafkaException as error:
                problem: KafkaError = error.args[0]
                if problem.code() == KafkaError._FATAL:
                    # The producer ended meanwhile. The reports on the messages before say what was wrong.
                    sending.problems[index] = problem
                    break
                if problem.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise self._unavailable(problem) from error
                detail = f"{len(value)} bytes are more than max_message_bytes: {self.options.max_message_bytes}"
                refusals.append(Refusal(index, detail, "too_large"))
            except BufferError as error:
                raise ReceiverUnavailable("the producer's memory is full") from error
            else:
                sending.waiting += 1
        return sending

    async def _wait(self, producer: Producer, sending: _Sending) -> None:
        """Return when there is a report on each message, or there will be none."""
        progress = time.monotonic()
        while before := sending.waiting:
            was_over = self._is_over
            await asyncio.to_thread(self._poll, producer)
            if sending.waiting < before or (self._is_over and not was_over):
                progress = time.monotonic()
            elif self._is_denied() or (was_over and time.monotonic() > progress + REPORTS_LIMIT_S):
                return
            elif time.monotonic() > progress + ANSWER_LIMIT_S:
                said_last = f"; last: {self._said(self._trouble)}" if self._trouble is not None else ""
                raise ReceiverUnavailable(
                    f"{', '.join(self.options.servers)} did not confirm {sending.waiting} messages within "
                    f"{ANSWER_LIMIT_S:g} s{said_last}"
                )

    def _judged(self, problems: Mapping[int, KafkaError], count: int) -> list[Refusal]:
        """What the first message that is wrong by itself asks for: to raise, or to refuse the only message."""
        causes = [problem for _, problem in sorted(problems.items()) if problem.code() not in _CONSEQUENCES]
        refused = next((problem for problem in causes if problem.code() in _OF_THE_MESSAGE), None)
        if refused is None:
            problem = causes[0] if causes else self._trouble or next(iter(problems.values()), None)
            raise self._unavailable(problem or KafkaError(KafkaError._FAIL))
        detail, answer = f"the broker refuses it: {refused.str()}", f"{refused.name()}: {refused.str()}"
        # A broker judges all messages that came in one request together, so only a single one is known to be wrong.
        if count > 1:
            raise BatchRefused(detail, status=refused.code(), answer=answer)
        too_large = refused.code() in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)
        return [Refusal(0, detail, "too_large" if too_large else "refused", refused.code(), answer)]

    def _ask_for_topic(self, producer: Producer) -> KafkaError | None:
        """What the cluster says is wrong with the topic. Raises KafkaException."""
        with self._in_use:
            found = producer.list_topics(self.options.topic, 5 * POLL_S)
        problem: KafkaError | None = found.topics[self.options.topic].error
        return problem

    def _poll(self, producer: Producer) -> None:
        """Take reports for a while. After an error with which the producer is over it raises that once."""
        with self._in_use:
            try:
                producer.poll(POLL_S)
            except KafkaException as error:
                self._is_over = True
                self._on_error(error.args[0])
            except SystemError:
                # What Python says if a report is taken at the same moment. The report has been taken.
                self._is_over = True

    def key_of(self, event: Outgoing) -> bytes | None:
        """What decides on the partition.

        ``destination``: the same for all, so that all are in one partition, in the log's order. ``person``: who did
        it, else the session. ``item``: the entity, else the path, else the subject. None: any partition.
        """
        match self.options.key:
            case "destination":
                text: str | None = self.name
            case "person":
                text = event.user or (str(event.session_id) if event.session_id is not None else None)
            case "item":
                text = event.entity or event.path or event.subject
            case "none":
                text = None
        return text.encode() if text else None

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._is_down = True
        elif not self._is_denied():
            self._trouble = error

    def _is_denied(self) -> bool:
        """Whether waiting is of no use: the credentials are wrong."""
        return self._trouble is not None and self._trouble.code() in _DENIED

    def _unavailable(self, problem: KafkaError) -> ReceiverUnavailable:
        shown = problem
        if self._trouble is not None and (self._is_denied() or problem.code() == KafkaError._TRANSPORT):
            shown = self._trouble
        # The library's own codes are negative, and no broker's answer.
        status, answer = (shown.code(), self._said(shown)) if shown.code() > 0 else (None, "")
        return ReceiverUnavailable(
            f"{', '.join(self.options.servers)}: {self._said(shown)}", status=status, answer=answer
        )

    def _said(self, error: KafkaError | BaseException) -> str:
        text = f"{error.name()}: {error.str()}" if isinstance(error, KafkaError) else said(error)
        return said(Exception(text), self._secrets)


def _end(producer: Producer, lock: threading.Lock) -> None:
    """Throw away what is not sent, and end the producer's threads."""
    # SystemError: as in `_poll`.
    with lock, contextlib.suppress(KafkaException, RuntimeError, SystemError):
        producer.purge()
        producer.flush(CLOSE_LIMIT_S)
        producer.close()
