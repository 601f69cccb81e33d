"""RabbitMQ, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from analytics_internal.forward import configuration
from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance, Receiver
from analytics_internal.forward.destination import BatchRefused, ReceiverUnavailable
from analytics_internal.forward.destinations import rabbitmq as rabbitmq_type
from analytics_internal.forward.destinations.rabbitmq import RabbitMQ
from tests.forward.destinations.elsewhere import run_elsewhere
from tests.forward.destinations.made import batch_of, made, outgoing
from tests.forward.destinations.tcp_proxy import TcpProxy
from tests.ports import closed_port
from tests.rabbitmq_server import MAX_MESSAGE_BYTES, RabbitServer, rabbitmq_program

# A broker takes five to twenty seconds to start.
needs_broker = [
    pytest.mark.slow,
    pytest.mark.skipif(rabbitmq_program() is None, reason="needs the program rabbitmq-server (Debian's package)"),
]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    with RabbitServer(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


@contextlib.asynccontextmanager
async def channel_of(broker: RabbitServer) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(f"amqp://guest:guest@{broker.address}/") as connection:
        yield await connection.channel()


@pytest.fixture
async def channel(broker: RabbitServer) -> AsyncIterator[AbstractChannel]:
    async with channel_of(broker) as own:
        yield own


@pytest.fixture
async def queue(channel: AbstractChannel) -> AsyncIterator[AbstractQueue]:
    made_of = await channel.declare_queue(f"events-{next(_numbers)}", durable=True)
    yield made_of
    await made_of.delete(if_unused=False, if_empty=False)


def destination(place: RabbitServer | str, **options: Any) -> RabbitMQ:
    """As it is made of the settings."""
    url = place if isinstance(place, str) else f"amqp://guest:guest@{place.address}/"
    made_of = configuration.make(configure([{"name": "events", "type": "rabbitmq", "url": url, **options}])[0])
    assert isinstance(made_of, RabbitMQ)
    return made_of


@contextlib.asynccontextmanager
async def opened(broker: RabbitServer, **options: Any) -> AsyncIterator[RabbitMQ]:
    made_of = destination(broker, **options)
    await made_of.open()
    try:
        yield made_of
    finally:
        await made_of.close()


async def taken(queue: AbstractQueue) -> list[AbstractIncomingMessage]:
    """All messages of a queue."""
    count = (await queue.declare()).message_count or 0
    found: list[AbstractIncomingMessage] = []
    if count:
        async with queue.iterator(no_ack=True) as messages:
            async for message in messages:
                found.append(message)
                if len(found) == count:
                    break
    return found


def positions(messages: Sequence[AbstractIncomingMessage]) -> list[int]:
    return [json.loads(message.body)["position"] for message in messages]


class Queue(Receiver):
    """A queue of the broker, behind a proxy."""

    def __init__(self, broker: RabbitServer) -> None:
        self._broker = broker
        self._name = f"under-test-{next(_numbers)}"
        self._ids: list[UUID] = []
        self.proxy = TcpProxy(broker.port)
        run_elsewhere(self._declare({}))

    async def _declare(self, arguments: dict[str, Any]) -> None:
        """Begin anew with another queue of the same name, and keep what has arrived."""
        async with channel_of(self._broker) as channel:
            with contextlib.suppress(aio_pika.exceptions.ChannelNotFoundEntity):
                old = await channel.get_queue(self._name)
                self._ids += [UUID(message.message_id) for message in await taken(old)]
                await old.delete(if_unused=False, if_empty=False)
        async with channel_of(self._broker) as channel:
            await channel.declare_queue(self._name, durable=True, arguments=arguments)

    async def _take(self) -> None:
        async with channel_of(self._broker) as channel:
            queue = await channel.get_queue(self._name)
            self._ids += [UUID(message.message_id) for message in await taken(queue)]

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": f"amqp://guest:guest@127.0.0.1:{self.proxy.port}/", "routing_key": self._name}

    def received(self) -> Sequence[UUID]:
        run_elsewhere(self._take())
        return list(self._ids)

    def stop(self) -> None:
        self.proxy.cut()

    def start(self) -> None:
        self.proxy.join()

    def hang(self) -> None:
        self.proxy.hold()

    def overload(self) -> None:
        run_elsewhere(self._declare({"x-max-length": 0, "x-overflow": "reject-publish"}))

    def recover(self) -> None:
        self.proxy.release()
        run_elsewhere(self._declare({}))


class TestRabbitMQ(Conformance):
    pytestmark = needs_broker
    kind = RabbitMQ

    @pytest.fixture
    def receiver(self, broker: RabbitServer) -> Iterator[Queue]:
        queue = Queue(broker)
        with queue.proxy:
            yield queue


class TestBroker:
    pytestmark = needs_broker

    async def test_events_are_persistent_messages_in_the_order_of_the_log(
        self, broker: RabbitServer, queue: AbstractQueue
    ) -> None:
        events = made(1, 2_500)
        async with opened(broker, routing_key=queue.name) as rabbitmq:
            for start in range(0, 2_500, 1_000):
                assert await rabbitmq.send(batch_of(rabbitmq, events[start : start + 1_000])) == []
        messages = await taken(queue)
        assert positions(messages) == list(range(1, 2_501))
        assert [message.message_id for message in messages] == [str(event.id) for event in events]
        first = messages[0]
        assert first.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert (first.content_type, first.headers) == ("application/json", {"position": 1})
        assert first.timestamp == events[0].occurred_at.replace(microsecond=0)

    async def test_a_topic_exchange_gets_routing_keys_made_of_action_and_plugin(
        self, broker: RabbitServer, channel: AbstractChannel, queue: AbstractQueue
    ) -> None:
        exchange = await channel.declare_exchange("portal", "topic", durable=True)
        await queue.bind(exchange, "backstage.#")
        async with opened(broker, exchange="portal", routing_key="backstage.{action}.{plugin}") as rabbitmq:
            events = [outgoing(1), outgoing(2, action="a b.c", plugin=None), outgoing(3, action="語" * 128)]
            await rabbitmq.send(batch_of(rabbitmq, events))
        keys = [message.routing_key for message in await taken(queue)]
        assert keys[:2] == ["backstage.navigate.techdocs", "backstage.a_b_c._"]
        assert keys[2] == "backstage." + "語" * 81

    async def test_what_no_queue_takes_is_an_outage_or_dropped_as_configured(
        self, broker: RabbitServer, channel: AbstractChannel
    ) -> None:
        await channel.declare_exchange("unbound", "fanout", durable=True)
        async with opened(broker, exchange="unbound") as rabbitmq:
            with pytest.raises(ReceiverUnavailable, match="no queue takes messages from the exchange 'unbound'"):
                await rabbitmq.send(batch_of(rabbitmq, made(1, 3)))
        async with opened(broker, exchange="unbound", mandatory=False) as rabbitmq:
            assert await rabbitmq.send(batch_of(rabbitmq, made(1, 3))) == []

    async def test_a_missing_exchange_is_an_outage_that_names_it(self, broker: RabbitServer) -> None:
        with pytest.raises(ReceiverUnavailable, match="no exchange 'absent'"):
            await destination(broker, exchange="absent").open()

    async def test_an_exchange_that_is_deleted_meanwhile_is_an_outage(
        self, broker: RabbitServer, channel: AbstractChannel
    ) -> None:
        exchange = await channel.declare_exchange("deleted", "fanout")
        async with opened(broker, exchange="deleted", mandatory=False) as rabbitmq:
            await rabbitmq.send(batch_of(rabbitmq, made(1, 100)))
            await exchange.delete()
            with pytest.raises(ReceiverUnavailable, match="no exchange 'deleted'"):
                await rabbitmq.send(batch_of(rabbitmq, made(101, 200)))

    async def test_a_full_queue_gets_everything_in_order_when_there_is_room(
        self, broker: RabbitServer, channel: AbstractChannel
    ) -> None:
        arguments: dict[str, Any] = {"x-max-length": 130, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue("full", durable=True, arguments=arguments)
        events = made(1, 400)
        rabbitmq = destination(broker, routing_key="full", in_flight=1)
        await rabbitmq.open()
        got: list[AbstractIncomingMessage] = []
        sent = failures = 0
        while sent < len(events):
            try:
                await rabbitmq.send(batch_of(rabbitmq, events[sent : sent + 100]))
                sent += 100
            except ReceiverUnavailable as error:
                failures += 1
                assert "a queue does not take the message now" in str(error)  # noqa: PT017 - one of many attempts
                got += await taken(queue)
                await rabbitmq.close()
                await rabbitmq.open()
        await rabbitmq.close()
        got += await taken(queue)
        await queue.delete(if_unused=False, if_empty=False)
        assert failures > 0
        assert list(dict.fromkeys(positions(got))) == list(range(1, 401))

    async def test_a_message_that_is_too_large_for_the_broker_is_found_and_refused(
        self, broker: RabbitServer, queue: AbstractQueue
    ) -> None:
        events = made(1, 4)
        events[2] = outgoing(3, attributes={"text": "x" * MAX_MESSAGE_BYTES})
        async with opened(broker, routing_key=queue.name) as rabbitmq:
            with pytest.raises(BatchRefused, match="size"):
                await rabbitmq.send(batch_of(rabbitmq, events))
            (refusal,) = await rabbitmq.send(batch_of(rabbitmq, [events[2]]))
            assert refusal.reason == "too_large"
            assert await rabbitmq.send(batch_of(rabbitmq, [events[3]])) == []
        assert list(dict.fromkeys(positions(await taken(queue)))) == [1, 2, 4]

    async def test_a_broker_that_confirms_nothing_is_an_outage(
        self, broker: RabbitServer, queue: AbstractQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rabbitmq_type, "ANSWER_LIMIT_S", 0.3)
        monkeypatch.setattr(rabbitmq_type, "CLOSE_LIMIT_S", 0.2)
        with TcpProxy(broker.port) as proxy:
            rabbitmq = destination(f"amqp://guest:guest@127.0.0.1:{proxy.port}/", routing_key=queue.name)
            await rabbitmq.open()
            proxy.hold()
            with pytest.raises(ReceiverUnavailable, match=r"did not confirm 1 messages within 0\.3 s"):
                await rabbitmq.send(batch_of(rabbitmq, made(1, 10)))
            await rabbitmq.close()

    async def test_a_wrong_password_is_an_outage_that_does_not_show_it(self, broker: RabbitServer) -> None:
        rabbitmq = destination(f"amqp://guest:another-p%40ss@{broker.address}/", routing_key="x")
        with pytest.raises(ReceiverUnavailable, match="the user or the password is wrong") as caught:
            await rabbitmq.open()
        for shown in (str(caught.value), caught.value.answer, repr(rabbitmq.options)):
            assert "another-p" not in shown

    async def test_a_killed_broker_gets_every_event_when_it_is_back(self, broker: RabbitServer) -> None:
        events = made(1, 2_000)
        async with channel_of(broker) as channel:
            await channel.declare_queue("killed", durable=True)
        rabbitmq = destination(broker, routing_key="killed")
        await rabbitmq.open()
        await rabbitmq.send(batch_of(rabbitmq, events[:500]))
        sending = asyncio.create_task(rabbitmq.send(batch_of(rabbitmq, events[500:1_500])))
        await asyncio.sleep(0.05)
        broker.kill()
        with pytest.raises(ReceiverUnavailable):
            await sending
        await rabbitmq.close()
        with pytest.raises(ReceiverUnavailable):
            await rabbitmq.open()
        await asyncio.to_thread(broker.start)
        await rabbitmq.open()
        await rabbitmq.send(batch_of(rabbitmq, events[500:1_500]))
        await rabbitmq.send(batch_of(rabbitmq, events[1_500:]))
        await rabbitmq.close()
        async with channel_of(broker) as channel:
            messages = await taken(await channel.get_queue("killed"))
        assert list(dict.fromkeys(positions(messages))) == list(range(1, 2_001))
        ids = {event.position: str(event.id) for event in events}
        assert all(ids[json.loads(message.body)["position"]] == message.message_id for message in messages)


async def test_where_nobody_listens_is_an_outage() -> None:
    with closed_port() as port, pytest.raises(ReceiverUnavailable, match=f"amqp://127.0.0.1:{port}"):
        await destination(f"amqp://guest:guest@127.0.0.1:{port}/", routing_key="x").open()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://guest:hidden@host", "url: must be addresses like host:port, or with amqp:// or amqps://"),
        ("amqp://guest:hidden@169.254.169.254/", "url: must not be a link-local"),
        ("amqp://guest:hidden@host:port/", "url: must be addresses"),
    ],
)
async def test_a_url_that_cannot_be_used_is_an_outage_that_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, url: str, text: str
) -> None:
    monkeypatch.setenv("RABBITMQ_URL", url)
    given = {"name": "events", "type": "rabbitmq", "url": {"env": "RABBITMQ_URL"}, "routing_key": "x"}
    with pytest.raises(ReceiverUnavailable) as caught:
        await configuration.make(configure([given])[0]).open()
    assert str(caught.value).startswith(text)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "routing_key is required without an exchange"),
        ({"routing_key": "a.{user}"}, "routing_key: has an unknown placeholder {user}"),
        ({"routing_key": "a\nb"}, "routing_key: must be words"),
        ({"routing_key": "a", "in_flight": 0}, "in_flight: must be 1 or more"),
        ({"routing_key": "a", "url": "http://u:hidden@host"}, "url: must be addresses like host:port, or with amqp://"),
        ({"routing_key": "a", "url": "amqp://u:hidden@"}, "url: must be addresses like"),
        ({"routing_key": "a", "url": "amqp://u:hidden@host:x"}, "url: must be addresses like"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], line: str) -> None:
    given = {"name": "events", "type": "rabbitmq", "url": "amqp://guest:hidden@host/", **options}
    with pytest.raises(UnusableDestination) as caught:
        configure([given])
    assert f"events: {line}" in str(caught.value)
    assert "hidden" not in str(caught.value)
