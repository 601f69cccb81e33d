"""Kafka, against librdkafka's own mock cluster, with a real consumer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import KafkaError, Producer

from analytics_internal.forward import configuration
from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance, Receiver
from analytics_internal.forward.destination import BatchRefused, ReceiverUnavailable
from analytics_internal.forward.destinations import kafka as kafka_type
from analytics_internal.forward.destinations.kafka import Kafka
from tests.bridge.tls import make_certificates
from tests.forward.destinations.kafka_cluster import KafkaCluster
from tests.forward.destinations.made import batch_of, made, outgoing
from tests.ports import closed_port

TOPIC = "backstage-events"


@pytest.fixture
def cluster() -> Iterator[KafkaCluster]:
    with KafkaCluster(brokers=2) as running:
        yield running


def destination(cluster: KafkaCluster | str, **options: Any) -> Kafka:
    """As it is made of the settings."""
    servers = cluster if isinstance(cluster, str) else cluster.servers.split(",")
    given = {"name": "events", "type": "kafka", "servers": servers, "topic": TOPIC, **options}
    made_of = configuration.make(configure([given])[0])
    assert isinstance(made_of, Kafka)
    return made_of


@contextlib.asynccontextmanager
async def opened(cluster: KafkaCluster, **options: Any) -> AsyncIterator[Kafka]:
    made_of = destination(cluster, **options)
    await made_of.open()
    try:
        yield made_of
    finally:
        await made_of.close()


def positions(cluster: KafkaCluster) -> list[int]:
    return [json.loads(message.value() or b"")["position"] for message in cluster.read(TOPIC)]


class Brokers(Receiver):
    """A cluster of its own."""

    def __init__(self) -> None:
        self.cluster = KafkaCluster()

    @property
    def options(self) -> Mapping[str, Any]:
        # Mock brokers ask for no password; what it is for is only that none is shown.
        return {
            "servers": self.cluster.servers,
            "topic": TOPIC,
            "librdkafka": {"ssl.keystore.password": "keystore-password-of-the-tests"},
        }

    def received(self) -> Sequence[UUID]:
        return [UUID(json.loads(message.value() or b"")["id"]) for message in self.cluster.read(TOPIC)]

    def stop(self) -> None:
        self.cluster.go_down()

    def start(self) -> None:
        self.cluster.come_up()

    def hang(self) -> None:
        self.cluster.hang()

    def overload(self) -> None:
        # One that the client does not try again by itself.
        self.cluster.answer_produce(*[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 100)

    def refuse(self) -> None:
        self.cluster.answer_produce(*[KafkaError.INVALID_RECORD] * 100)

    def recover(self) -> None:
        self.cluster.answer_well()
        self.cluster.answer_in_time()


class TestKafka(Conformance):
    kind = Kafka

    @pytest.fixture
    def receiver(self) -> Iterator[Brokers]:
        brokers = Brokers()
        yield brokers
        brokers.cluster.end()


async def test_by_default_all_events_are_in_one_partition_in_the_order_of_the_log(cluster: KafkaCluster) -> None:
    events = made(1, 4_500)
    async with opened(cluster) as kafka:
        for start in range(0, 4_500, 2_000):
            assert await kafka.send(batch_of(kafka, events[start : start + 2_000])) == []
    messages = cluster.read(TOPIC)
    assert [json.loads(message.value() or b"")["position"] for message in messages] == list(range(1, 4_501))
    assert len({message.partition() for message in messages}) == 1
    headers = messages[0].headers()
    assert headers == [("id", str(events[0].id).encode()), ("content-type", b"application/json")]


@pytest.mark.parametrize("key", ["person", "item"])
async def test_with_a_key_the_events_of_one_key_are_in_one_partition_and_in_order(
    cluster: KafkaCluster, key: str
) -> None:
    events = [
        outgoing(position, user=f"person-{position % 9}", entity=f"component:default/{position % 11}")
        for position in range(1, 1_001)
    ]
    async with opened(cluster, key=key) as kafka:
        await kafka.send(batch_of(kafka, events))
        keys = {event.position: kafka.key_of(event) for event in events}
    messages = cluster.read(TOPIC)
    places: dict[bytes | None, list[tuple[int | None, int]]] = {}
    for message in messages:
        position = json.loads(message.value() or b"")["position"]
        assert message.key() == keys[position]
        places.setdefault(message.key(), []).append((message.partition(), position))
    assert len(places) == {"person": 9, "item": 11}[key]
    for of_key in places.values():
        assert len({partition for partition, _ in of_key}) == 1
        assert of_key == sorted(of_key)
    assert len({message.partition() for message in messages}) > 1


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("destination", {}, b"events"),
        ("person", {"user": "ana"}, b"ana"),
        ("person", {"user": None, "session_id": UUID(int=1)}, str(UUID(int=1)).encode()),
        ("person", {"user": None}, None),
        ("item", {"entity": "component:default/größe"}, "component:default/größe".encode()),
        ("item", {"entity": None, "path": "/docs"}, b"/docs"),
        ("item", {"entity": None, "path": None, "subject": "hello"}, b"hello"),
        ("none", {}, None),
    ],
)
def test_what_the_key_is(key: str, fields: dict[str, Any], expected: bytes | None) -> None:
    assert destination("host", key=key).key_of(outgoing(1, **fields)) == expected


async def test_an_event_that_is_too_large_is_refused_and_the_others_are_delivered(cluster: KafkaCluster) -> None:
    events = made(1, 5)
    events[2] = outgoing(3, attributes={"text": "x" * 30_000})
    async with opened(cluster, max_message_bytes=20_000) as kafka:
        refusals = await kafka.send(batch_of(kafka, events))
    assert [(refusal.index, refusal.reason) for refusal in refusals] == [(2, "too_large")]
    assert "max_message_bytes: 20000" in refusals[0].detail
    assert positions(cluster) == [1, 2, 4, 5]


async def test_a_single_event_that_is_too_large_for_the_broker_says_so(cluster: KafkaCluster) -> None:
    async with opened(cluster) as kafka:
        cluster.answer_produce(KafkaError.MSG_SIZE_TOO_LARGE)
        (refusal,) = await kafka.send(batch_of(kafka, made(1, 1)))
        assert (refusal.reason, refusal.status) == ("too_large", KafkaError.MSG_SIZE_TOO_LARGE)
        assert "MSG_SIZE_TOO_LARGE" in refusal.answer
        # The producer had to be given up, and the next one works.
        assert await kafka.send(batch_of(kafka, made(2, 2))) == []


async def test_nothing_is_written_after_a_message_that_was_refused(cluster: KafkaCluster) -> None:
    """Several requests of one batch are under way at once; the second one fails."""
    events = made(1, 1_000)
    async with opened(cluster, librdkafka={"batch.num.messages": 50, "linger.ms": 50}) as kafka:
        cluster.answer_produce(0, KafkaError.MSG_SIZE_TOO_LARGE)
        with pytest.raises(BatchRefused, match="the broker refuses it"):
            await kafka.send(batch_of(kafka, events))
        written = positions(cluster)
        assert 0 < len(written) < 1_000
        assert written == list(range(1, len(written) + 1))
        # As the worker does: the halves, in order.
        await kafka.send(batch_of(kafka, events[:500]))
        await kafka.send(batch_of(kafka, events[500:]))
    got = positions(cluster)
    assert list(dict.fromkeys(got)) == list(range(1, 1_001))


@pytest.mark.parametrize(
    "code",
    [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_REQUIRED_ACKS, KafkaError.UNSUPPORTED_COMPRESSION_TYPE],
)
async def test_what_an_operator_has_to_mend_is_an_outage(cluster: KafkaCluster, code: int) -> None:
    async with opened(cluster) as kafka:
        cluster.answer_produce(code)
        with pytest.raises(ReceiverUnavailable) as caught:
            await kafka.send(batch_of(kafka, made(1, 20)))
        assert caught.value.status == code
        await kafka.close()
        await kafka.open()
        await kafka.send(batch_of(kafka, made(1, 20)))
    assert list(dict.fromkeys(positions(cluster))) == list(range(1, 21))


async def test_what_passes_by_itself_is_tried_again_by_the_client_and_doubles_nothing(cluster: KafkaCluster) -> None:
    async with opened(cluster, librdkafka={"batch.num.messages": 10}) as kafka:
        cluster.answer_produce(KafkaError.NOT_LEADER_FOR_PARTITION, 0, KafkaError.NOT_ENOUGH_REPLICAS)
        assert await kafka.send(batch_of(kafka, made(1, 100))) == []
    assert positions(cluster) == list(range(1, 101))


async def test_a_cluster_that_goes_down_in_the_middle_gets_every_event_in_order(cluster: KafkaCluster) -> None:
    events = made(1, 6_000)
    kafka = destination(cluster)
    await kafka.open()
    sent = outages = 0
    while sent < len(events):
        sending = asyncio.create_task(kafka.send(batch_of(kafka, events[sent : sent + 1_000])))
        if outages < 4:
            await asyncio.sleep(0.004 * outages)
            cluster.go_down()
            await asyncio.sleep(0.3)
            outages += 1
            if outages % 2:
                sending.cancel()
                await asyncio.wait([sending])
                await kafka.close()
                cluster.come_up()
                await kafka.open()
                continue
            cluster.come_up()
        assert await sending == []
        sent += 1_000
    await kafka.close()
    messages = cluster.read(TOPIC)
    got = [json.loads(message.value() or b"") for message in messages]
    assert list(dict.fromkeys(event["position"] for event in got)) == list(range(1, 6_001))
    ids = {event.position: str(event.id) for event in events}
    assert all(ids[event["position"]] == event["id"] for event in got)


async def test_a_cluster_that_does_not_answer_is_an_outage_and_nothing_stays_in_the_producer(
    cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = destination(cluster)
    await kafka.open()
    cluster.go_down()
    monkeypatch.setattr(kafka_type, "ANSWER_LIMIT_S", 0.3)
    with pytest.raises(ReceiverUnavailable, match="did not confirm 100 messages"):
        await kafka.send(batch_of(kafka, made(1, 100)))
    monkeypatch.undo()
    await kafka.close()
    cluster.come_up()
    await kafka.open()
    await kafka.send(batch_of(kafka, made(101, 110)))
    await kafka.close()
    assert positions(cluster) == list(range(101, 111))


async def test_a_topic_that_is_missing_or_forbidden_is_an_outage_that_names_it(
    cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_type, "TOPIC_LIMIT_S", 0.2)
    for code, text in [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, "UNKNOWN_TOPIC_OR_PART"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED"),
    ]:
        cluster.set_topic_error(TOPIC, code)
        with pytest.raises(ReceiverUnavailable, match=text):
            await destination(cluster).open()


async def test_where_nobody_listens_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_type, "OPEN_LIMIT_S", 0.5)
    with closed_port() as port, pytest.raises(ReceiverUnavailable, match=f"127.0.0.1:{port}") as caught:
        await destination(f"127.0.0.1:{port}").open()
    assert (caught.value.status, caught.value.answer) == (None, "")


async def test_a_property_that_librdkafka_does_not_know_is_named(cluster: KafkaCluster) -> None:
    with pytest.raises(ReceiverUnavailable, match="No such configuration property"):
        await destination(cluster, librdkafka={"no.such.property": 1}).open()


def test_the_client_gets_the_options_and_the_guarantees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "passw0rd-of-kafka")
    monkeypatch.setenv("OIDC_SECRET", "secret-of-oidc")
    kafka = destination(
        "a.example",
        ca_file="/ca.pem",
        sasl_mechanism="SCRAM-SHA-512",
        user="backstage",
        password={"env": "KAFKA_PASSWORD"},
        librdkafka={"sasl.oauthbearer.client.secret": {"env": "OIDC_SECRET"}, "socket.keepalive.enable": True},
    )
    properties = kafka.options.properties()
    expected = {
        "bootstrap.servers": "a.example:9092",
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "backstage",
        "sasl.password": "passw0rd-of-kafka",
        "sasl.oauthbearer.client.secret": "secret-of-oidc",
        "socket.keepalive.enable": True,
        "enable.idempotence": True,
        "compression.type": "lz4",
    }
    assert {name: properties[name] for name in expected} == expected
    assert "passw0rd" not in repr(kafka.options)
    assert "secret-of-oidc" not in repr(kafka.options)


def test_librdkafka_takes_every_option(tmp_path: Path) -> None:
    authority, certificate = make_certificates(tmp_path)
    (tmp_path / "ca.pem").write_text(authority)
    kafka = destination(
        "host",
        ca_file=str(tmp_path / "ca.pem"),
        certificate_file=str(certificate),
        key_password="unused-password",
        sasl_mechanism="SCRAM-SHA-256",
        user="backstage",
        password="passw0rd-of-kafka",
        compression="zstd",
        librdkafka={"socket.keepalive.enable": True, "linger.ms": 20, "client.rack": "a"},
    )
    Producer(kafka.options.properties()).close()


async def test_brokers_that_do_not_take_the_credentials_are_an_outage_that_does_not_show_them(
    cluster: KafkaCluster,
) -> None:
    """The mock brokers know no SASL at all."""
    kafka = destination(cluster, sasl_mechanism="PLAIN", user="backstage", password="passw0rd-of-kafka")
    with pytest.raises(ReceiverUnavailable, match=r"_AUTHENTICATION: .*SASL") as caught:
        await kafka.open()
    assert "passw0rd-of-kafka" not in f"{caught.value} {caught.value.answer}"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"servers": "kafka://host"}, "servers: must be addresses like host:9092"),
        ({"servers": "169.254.169.254:80"}, "servers: must not be a link-local"),
        ({"servers": []}, "servers: "),
        ({"topic": "a b"}, "topic: "),
        ({"key": "user"}, "key: must be 'destination', 'person', 'item' or 'none'"),
        ({"user": "x"}, "user and password belong"),
        ({"user": "x", "password": "y"}, "user needs a sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN"}, "sasl_mechanism PLAIN needs user and password"),
        ({"key_file": "/key.pem"}, "key_file and key_password need certificate_file"),
        ({"librdkafka": {"acks": 1}}, "librdkafka: must not contain acks: events could be lost"),
        ({"librdkafka": {"request.required.acks": 1}}, "librdkafka: must not contain request.required.acks"),
        ({"librdkafka": {"enable.idempotence": False}}, "librdkafka: must not contain enable.idempotence"),
        ({"librdkafka": {"max.in.flight": 6}}, "librdkafka: must not contain max.in.flight"),
        ({"librdkafka": {"delivery.timeout.ms": 6}}, "librdkafka: must not contain delivery.timeout.ms"),
        ({"librdkafka": {"transactional.id": "x"}}, "librdkafka: must not contain transactional.id"),
        ({"librdkafka": {"test.mock.num.brokers": 3}}, "librdkafka: must not contain test.mock.num.brokers"),
        ({"librdkafka": {"sasl.password": "hidden"}}, "librdkafka: must not contain sasl.password, for which there"),
        ({"librdkafka": {"linger.ms": [1]}}, "librdkafka: must have a text"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], line: str) -> None:
    given = {"name": "events", "type": "kafka", "servers": "host", "topic": "a", **options}
    with pytest.raises(UnusableDestination) as caught:
        configure([given])
    assert f"events: {line}" in str(caught.value)
    assert "hidden" not in str(caught.value)
