"""The conformance test finds what is wrong with a type."""

from __future__ import annotations

import importlib
import itertools
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from unittest import SkipTest
from uuid import UUID

import msgspec
import pytest

from analytics_internal.forward.configuration import BUILT_IN, type_named
from analytics_internal.forward.conformance import (
    Conformance,
    Receiver,
    large_events,
    nasty_events,
    ordinary_events,
    recorded_events,
)
from analytics_internal.forward.destination import (
    Batch,
    BatchRefused,
    Destination,
    Limits,
    Options,
    ReceiverGone,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
)
from analytics_internal.forward.outgoing import Outgoing, document
from analytics_internal.forward.secret import Secret
from analytics_internal.forward.web import WebOptions, WebReceiver
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running


class Loft(HttpReceiver):
    """Takes events as lines."""

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.url, "headers": {"x-key": "key-of-the-loft"}}

    def take(self, request: Request) -> Reply:
        self.ids += [UUID(msgspec.json.decode(line)["id"]) for line in request.body.splitlines()]
        return Reply()


class Pigeon(Destination[WebOptions]):
    """A type with nothing wrong."""

    Options: ClassVar = WebOptions
    limits = Limits(events=100, bytes=1 << 20)

    def __init__(self, name: str, options: WebOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self.receiver = WebReceiver.of(options)

    async def open(self) -> None:
        await self.receiver.open()

    async def close(self) -> None:
        await self.receiver.close()

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        await self.receiver.post(b"\n".join(batch.encoded))
        return ()


class TestPigeon(Conformance):
    kind = Pigeon

    @pytest.fixture
    def receiver(self) -> Iterator[Loft]:
        with running(Loft()) as loft:
            yield loft


class Lenient(Pigeon):
    class Options(Options):
        model_config: ClassVar = {"extra": "ignore"}
        url: str
        headers: dict[str, str]


class Hasty(Pigeon):
    def __init__(self, name: str, options: WebOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        socket.create_connection(("127.0.0.1", self.receiver.url().port or 0)).close()


class Impossible(Pigeon):
    limits = Limits(events=0)


class Fickle(Pigeon):
    numbers = itertools.count()

    def encode(self, event: Outgoing) -> bytes:
        return document(msgspec.structs.replace(event, value=float(next(self.numbers))))


class Backwards(Pigeon):
    async def send(self, batch: Batch) -> Sequence[Refusal]:
        await self.receiver.post(b"\n".join(reversed(batch.encoded)))
        return ()


class Forgetful(Pigeon):
    """Confirms more than it sends."""

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        await self.receiver.post(b"\n".join(batch.encoded[:50]))
        return ()


class Renaming(Pigeon):
    """A new id for each attempt."""

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        new = [msgspec.structs.replace(event, id=UUID(int=time.perf_counter_ns())) for event in batch.events]
        await self.receiver.post(b"\n".join(document(event) for event in new))
        return ()


class Squeamish(Pigeon):
    """Chokes on what is unusual."""

    def encode(self, event: Outgoing) -> bytes:
        return document(event) if event.subject.isascii() else event.subject.encode("ascii")


class Wordless(Pigeon):
    def encode(self, event: Outgoing) -> bytes:
        if event.user is None:
            raise Undeliverable("unsupported", " ")
        return document(event)


class Picky(Pigeon):
    """Gives up what any receiver can take."""

    def encode(self, event: Outgoing) -> bytes:
        if event.action == "search":
            raise Undeliverable("unsupported", "no searches")
        return document(event)


class Rash(Pigeon):
    """Gives events up when the receiver is away."""

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        try:
            return await super().send(batch)
        except ReceiverUnavailable as error:
            raise BatchRefused(str(error)) from error


class Careless(Pigeon):
    """Takes any answer for a confirmation."""

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        try:
            return await super().send(batch)
        except (BatchRefused, ReceiverGone):
            return ()


class Blocking(Pigeon):
    async def send(self, batch: Batch) -> Sequence[Refusal]:
        with socket.create_connection(("127.0.0.1", self.receiver.url().port or 0)) as connection:
            body = b"\n".join(batch.encoded)
            connection.sendall(
                b"POST / HTTP/1.1\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
            )
            connection.recv(1_000)
        return ()


class Exhausted(Pigeon):
    """Cannot be opened again."""

    async def close(self) -> None:
        if self.name == "closed":
            raise RuntimeError("closed already")
        self.name = "closed"
        await super().close()


class Chatty(Pigeon):
    def __repr__(self) -> str:
        return f"Pigeon({[value.read() for value in self.options.headers.values()]})"


class Indiscreet(Pigeon):
    async def send(self, batch: Batch) -> Sequence[Refusal]:
        try:
            return await super().send(batch)
        except ReceiverUnavailable as error:
            raise ReceiverUnavailable(f"{error} {self.options.headers['x-key'].read()}") from error


BROKEN = [
    (Lenient, Conformance.test_an_unknown_option_is_an_error),
    (Hasty, Conformance.test_making_one_connects_to_nothing),
    (Impossible, Conformance.test_its_limits_are_possible),
    (Fickle, Conformance.test_encoding_needs_no_connection_and_is_the_same_each_time),
    (Backwards, Conformance.test_a_full_batch_is_delivered_in_order),
    (Forgetful, Conformance.test_a_full_batch_is_delivered_in_order),
    (Renaming, Conformance.test_a_repetition_has_the_same_ids),
    (Squeamish, Conformance.test_any_event_is_delivered_or_has_a_reason_why_not),
    (Wordless, Conformance.test_any_event_is_delivered_or_has_a_reason_why_not),
    (Picky, Conformance.test_any_event_is_delivered_or_has_a_reason_why_not),
    (Picky, Conformance.test_recorded_events_are_delivered_in_order),
    (Rash, Conformance.test_an_absent_receiver_is_an_outage_and_gets_everything_later),
    (Rash, Conformance.test_an_overloaded_receiver_is_an_outage),
    (Careless, Conformance.test_refused_events_are_named_one_by_one_or_as_a_batch),
    (Careless, Conformance.test_a_receiver_that_wants_no_more_events_says_so),
    (Blocking, Conformance.test_the_loop_runs_on_while_a_batch_is_under_way),
    (Exhausted, Conformance.test_opening_and_closing_in_any_order_is_harmless),
    (Chatty, Conformance.test_secrets_are_not_shown),
    (Indiscreet, Conformance.test_an_overloaded_receiver_is_an_outage),
]


@pytest.mark.parametrize(("kind", "check"), BROKEN, ids=lambda value: value.__name__)
def test_a_broken_type_is_found(kind: type[Destination[Any]], check: Any) -> None:
    class Tested(Conformance):
        pass

    Tested.kind = kind
    with running(Loft()) as loft, pytest.raises((AssertionError, UnicodeError, RuntimeError)):
        check(Tested(), loft)


def test_what_a_receiver_cannot_do_is_skipped() -> None:
    class Plain(Receiver):
        options: ClassVar = {}

        def received(self) -> Sequence[UUID]:
            return []

    plain = Plain()
    for fail in (plain.stop, plain.start, plain.hang, plain.overload, plain.refuse, plain.retire, plain.recover):
        with pytest.raises(SkipTest, match="this receiver"):
            fail()


def test_the_events_to_test_with_are_as_they_are_stored() -> None:
    assert {event.action for event in recorded_events()} >= {"navigate", "click", "search", "discover", "create"}
    assert len(ordinary_events(1_234)) == 1_234
    assert all(len(document(event)) > 30_000 for event in large_events(2))
    events = [*nasty_events(), *recorded_events()]
    assert len({event.id for event in events}) == len(events)
    assert [event.position for event in events] == sorted({event.position for event in events})


def test_secrets_of_options_are_found_wherever_they_are() -> None:
    from analytics_internal.forward.conformance.worker import secrets_of

    class Some(Options):
        one: Secret
        more: dict[str, tuple[Secret, ...]]

    assert secrets_of(Some.model_validate({"one": "a", "more": {"x": ["b", "c"]}})) == {"a", "b", "c"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_type_runs_the_conformance_test(name: str) -> None:
    module = importlib.import_module(f"tests.forward.destinations.test_{name.replace('-', '_')}")
    tested = [kind for key, kind in vars(module).items() if key.startswith("Test") and issubclass(kind, Conformance)]
    assert type_named(name) in [kind.kind for kind in tested]
