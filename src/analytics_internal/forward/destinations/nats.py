"""NATS JetStream: one message an event, in the order of the log, stored by a stream before it counts as delivered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import msgspec
import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.client import RawCredentials
from nats.aio.msg import Msg
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import NotFoundError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from analytics_internal.forward.brokers import (
    ANSWER_LIMIT_S,
    CLOSE_LIMIT_S,
    OPEN_LIMIT_S,
    TlsOptions,
    check_reachable,
    checked_pattern,
    filled,
    matching,
    said,
    server_address,
)
from analytics_internal.forward.destination import (
    Batch,
    Destination,
    Limits,
    Options,
    ReceiverUnavailable,
    Refusal,
    answer_of,
)
from analytics_internal.forward.secret import Secret

PORT = 4222
_NO_RESPONDERS = "503"
_WRONG_LAST_MESSAGE = 10070
_MESSAGE_TOO_LARGE = 10054
_HEADER_FRAME = len("NATS/1.0\r\n\r\n")


def _server(text: str) -> str:
    url = server_address(text, ("nats", "tls"), PORT)
    if url.username is not None or url.password is not None:
        raise ValueError("must not contain a user or a password: there are the options user, password and token")
    return url.geturl()


def _subject(pattern: str) -> str:
    if pattern.startswith(("$", "{")):
        raise ValueError("must begin with a word of its own")
    return checked_pattern(pattern, r"[\s*>\x00-\x1f\x7f]")


class NewStream(BaseModel):
    """What a stream is made like if there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    replicas: int = Field(default=1, ge=1, le=5)
    duplicate_window_s: float = Field(default=600, gt=0)
    """How long the server knows the id of an event and leaves out a repetition."""
    max_age_days: float | None = Field(default=None, gt=0)
    """When the server deletes a message; None: never."""


class NatsOptions(TlsOptions):
    """One of ``token``, ``user`` with ``password``, ``nkey_seed`` and ``credentials`` says who we are."""

    servers: Annotated[
        tuple[Annotated[str, AfterValidator(_server)], ...],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
    ]
    """Of one cluster: ``host:port`` or ``tls://host:port``."""
    subject: Annotated[str, AfterValidator(_subject)]
    """May contain ``{action}`` and ``{plugin}``."""
    stream: str | None = Field(default=None, pattern=r"^[^\s.*>/\\]+$")
    """The stream that takes the subject; it is looked up if it is not given."""
    create_stream: NewStream | None = None
    domain: str | None = Field(default=None, pattern=r"^[^\s.*>]+$")
    """Of JetStream, where leaf nodes have one of their own."""
    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    nkey_seed: Secret | None = None
    credentials: Secret | None = None
    """What is in a ``.creds`` file: a JWT and its seed."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ways = [self.user is not None, self.token is not None, self.nkey_seed is not None, self.credentials is not None]
        if sum(ways) > 1:
            raise ValueError("only one of user, token, nkey_seed and credentials can be given")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.create_stream is not None and self.stream is None:
            raise ValueError("create_stream needs the name of the stream in stream")
        return self

    def whereto(self) -> str:
        return f"{self.subject} on {', '.join(self.servers)}"

    def secrets(self) -> dict[str, str]:
        """Those that are given, by their names. Raises SecretMissing."""
        given = {name: getattr(self, name) for name in ("password", "token", "nkey_seed", "credentials")}
        return {name: secret.read() for name, secret in given.items() if secret is not None}


class _Message(msgspec.Struct):
    index: int
    subject: str
    event_id: str
    payload: bytes


class _Problem(msgspec.Struct):
    """Why the stream did not store a message."""

    code: int | None
    detail: str
    status: int | None = None
    answer: str = ""


class _Error(msgspec.Struct):
    code: int | None = None
    err_code: int | None = None
    description: str = ""


class _Answer(msgspec.Struct):
    """What a stream answers to a message."""

    stream: str | None = None
    seq: int | None = None
    error: _Error | None = None


_answers = msgspec.json.Decoder(_Answer)


class Nats(Destination[NatsOptions]):
    """Publishes all messages of a batch at once and waits until the stream has stored them.

    The order holds when one in the middle fails: each message says which one the stream must have stored just before
    it (``Nats-Expected-Last-Msg-Id``), so the stream refuses all that follow.
    """

    Options: ClassVar[type[Options]] = NatsOptions
    limits = Limits(events=1_000, bytes=4 << 20)
    takes_documents = True

    def __init__(self, name: str, options: NatsOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self._connection: _Connection | None = None
        self._together = self.limits.events
        """How many messages are published before their answers are awaited."""

    async def open(self) -> None:
        await self.close()
        connection = _Connection(self.name, self.options)
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                await connection.open()
        except BaseException as error:
            await connection.close()
            if isinstance(error, TimeoutError):
                raise ReceiverUnavailable(
                    connection.trouble or f"{connection.place} did not answer within {OPEN_LIMIT_S:g} s"
                ) from error
            raise
        self._connection = connection

    async def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        assert self._connection is not None, "send before open"
        waiting: list[_Message] = []
        refusals: list[Refusal] = []
        for index, (event, payload) in enumerate(zip(batch.events, batch.encoded, strict=True)):
            message = _Message(index, filled(self.options.subject, event), str(event.id), payload)
            if (excess := self._connection.excess(message)) is not None:
                refusals.append(Refusal(index, excess, "too_large"))
            else:
                waiting.append(message)
        while waiting:
            waiting = await self._publish(self._connection, waiting, refusals)
        return sorted(refusals, key=lambda refusal: refusal.index)

    async def _publish(
        self, connection: _Connection, waiting: list[_Message], refusals: list[Refusal]
    ) -> list[_Message]:
        """Publish the first of the messages that wait. Returns those that still do."""
        part = waiting[: self._together]
        problems = await connection.publish(part)
        if not problems:
            self._together = min(2 * self._together, self.limits.events)
            return waiting[len(part) :]
        first = min(problems)
        problem = problems[first]
        if problem.code == _WRONG_LAST_MESSAGE and first > 0:
            # Somebody else writes into the stream as well. The first of a part expects nothing, so each one gets on.
            self._together = max(first, 1)
            return waiting[first:]
        if problem.code == _MESSAGE_TOO_LARGE:
            refusals.append(Refusal(part[first].index, problem.detail, "too_large", problem.status, problem.answer))
            return waiting[first + 1 :]
        raise ReceiverUnavailable(problem.detail, status=problem.status, answer=problem.answer)


class _Connection:
    """A connection to one server of the cluster, which is not made again when it is lost."""

    def __init__(self, name: str, options: NatsOptions) -> None:
        self._name = name
        self._options = options
        self._secrets: dict[str, str] = {}
        self._client = NatsClient()
        self._stream = ""
        self._inbox = ""
        self._number = 0
        self._awaited: dict[int, int] = {}
        """The messages that have no answer yet: their numbers in replies, and their indexes in the batch."""
        self._problems: dict[int, _Problem] = {}
        self._answered = asyncio.Event()
        self.trouble: str | None = None
        """What the client said last about the connection."""

    @property
    def place(self) -> str:
        return ", ".join(self._options.servers)

    async def open(self) -> None:
        """Raises ReceiverUnavailable, SecretMissing."""
        self._secrets = self._options.secrets()
        for server in self._options.servers:
            url = server_address(server, ("nats", "tls"), PORT)
            await check_reachable(str(url.hostname), url.port or PORT)
        given = {name: secret for name, secret in self._secrets.items() if name in ("password", "token")}
        if "nkey_seed" in self._secrets:
            given["nkeys_seed_str"] = self._secrets["nkey_seed"]
        if "credentials" in self._secrets:
            given["user_credentials"] = _credentials(self._secrets["credentials"])  # type: ignore[assignment]
        try:
            await self._connect(given)
            self._stream = await self._find_stream()
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._on_answer)
            await self._client.flush(int(OPEN_LIMIT_S))
        except (nats.errors.Error, OSError, ValueError, ImportError) as error:
            raise ReceiverUnavailable(self.trouble or f"{self.place}: {self._said(error)}") from error

    async def _connect(self, given: dict[str, str]) -> None:
        # Every server is tried once: the worker waits before it tries again, and what was sent without an answer is
        # sent again by it and not by the client.
        needs_tls = self._options.has_tls_files or any(one.startswith("tls:") for one in self._options.servers)
        await self._client.connect(
            servers=list(self._options.servers),
            name=f"analytics-internal {self._name}",
            user=self._options.user,
            tls=self._options.tls_context() if needs_tls else None,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=1,
            connect_timeout=5,
            ping_interval=10,
            error_cb=self._on_error,
            closed_cb=self._on_closed,
            **given,  # type: ignore[arg-type]
        )

    async def _find_stream(self) -> str:
        stream = self._client.jetstream(domain=self._options.domain)
        subject, name = matching(self._options.subject), self._options.stream
        try:
            if name is None:
                return await stream.find_stream_name_by_subject(subject)
            await stream.stream_info(name)
        except NotFoundError:
            if self._options.create_stream is None or name is None:
                what = f"no stream takes the subject {subject}" if name is None else f"there is no stream {name}"
                raise ReceiverUnavailable(f"{what}: make one, or set create_stream") from None
            wanted = self._options.create_stream
            await stream.add_stream(
                StreamConfig(
                    name=name,
                    subjects=[subject],
                    storage=StorageType.FILE,
                    num_replicas=wanted.replicas,
                    duplicate_window=wanted.duplicate_window_s,
                    max_age=wanted.max_age_days * 86_400 if wanted.max_age_days is not None else None,
                )
            )
        return name

    def excess(self, message: _Message) -> str | None:
        """Why the server does not take a message of this size, if so."""
        if len(message.payload) < self._client.max_payload // 2:
            return None
        headers = self._headers(message, message.event_id)
        size = len(message.payload) + _HEADER_FRAME + sum(len(name) + len(text) + 4 for name, text in headers.items())
        if size <= self._client.max_payload:
            return None
        return f"{size} bytes with headers are more than the server takes (max_payload: {self._client.max_payload})"

    async def publish(self, messages: Sequence[_Message]) -> dict[int, _Problem]:
        """Publish messages at once and wait for the answers. Returns what was wrong with those that were not stored.

        Raises:
            ReceiverUnavailable: the connection was lost, or there was no answer.
        """
        self._awaited, self._problems = {}, {}
        self._answered.clear()
        before: str | None = None
        try:
            for index, message in enumerate(messages):
                self._number += 1
                self._awaited[self._number] = index
                reply = f"{self._inbox}.{self._number}"
                await self._client.publish(message.subject, message.payload, reply, self._headers(message, before))
                before = message.event_id
            await self._wait(messages)
        except (nats.errors.Error, OSError) as error:
            raise ReceiverUnavailable(self.trouble or f"{self.place}: {self._said(error)}") from error
        return self._problems

    async def _wait(self, messages: Sequence[_Message]) -> None:
        while self._awaited:
            without_answer = len(self._awaited)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), ANSWER_LIMIT_S)
            if self.trouble is not None:
                raise ReceiverUnavailable(self.trouble)
            if len(self._awaited) == without_answer:
                raise ReceiverUnavailable(
                    f"{self.place} did not confirm {without_answer} of {len(messages)} messages within "
                    f"{ANSWER_LIMIT_S:g} s"
                )

    def _headers(self, message: _Message, before: str | None) -> dict[str, str]:
        headers = {
            "Nats-Msg-Id": message.event_id,
            "Nats-Expected-Stream": self._stream,
            "Content-Type": "application/json",
        }
        if before is not None:
            headers["Nats-Expected-Last-Msg-Id"] = before
        return headers

    async def _on_answer(self, reply: Msg) -> None:
        index = self._awaited.pop(int(reply.subject.rpartition(".")[2]), None)
        if index is None:
            return
        if (problem := _problem(reply)) is not None:
            self._problems[index] = problem
        if not self._awaited:
            self._answered.set()

    async def _on_error(self, error: Exception) -> None:
        self._failed(self._said(error))

    async def _on_closed(self) -> None:
        last = self._client.last_error
        self._failed(self._said(last) if last is not None else "the connection was closed")

    def _failed(self, why: str) -> None:
        """Whoever waits for answers waits no longer."""
        self.trouble = f"{self.place}: {why}"
        self._answered.set()

    def _said(self, error: BaseException) -> str:
        return said(error, self._secrets.values())

    async def close(self) -> None:
        """Drop the connection, and what is not sent yet."""
        if not self._client.is_closed:
            # An AssertionError: it has not begun to connect.
            with contextlib.suppress(nats.errors.Error, OSError, TimeoutError, AssertionError):
                await asyncio.wait_for(self._client.close(), CLOSE_LIMIT_S)


def _credentials(text: str) -> RawCredentials:
    """What is in a ``.creds`` file.

    Raises:
        ReceiverUnavailable: it is something else, in which nats-py would look for ever.
    """
    lines = text.splitlines()
    for part in ("NATS USER JWT", "USER NKEY SEED"):
        if not any(f"BEGIN {part}" in line for line in lines[:-1]):
            raise ReceiverUnavailable(f"credentials: there is no {part} in it: it must be what is in a .creds file")
    return RawCredentials("\n".join([*lines, ""]))


def _problem(reply: Msg) -> _Problem | None:
    """What the stream's answer complains about; None: the message is stored, now or before."""
    if reply.headers and reply.headers.get("Status") == _NO_RESPONDERS:
        return _Problem(None, "no stream takes the subject, or its servers are not there", 503)
    try:
        answer = _answers.decode(reply.data)
    except msgspec.DecodeError:
        answer = _Answer()
    if answer.error is not None:
        error, text = answer.error, answer_of(reply.data)
        return _Problem(error.err_code, f"the stream does not store it: {error.description}", error.code, text)
    if answer.stream is None or answer.seq is None:
        return _Problem(None, "what answers on this subject is no stream of JetStream", answer=answer_of(reply.data))
    return None
