"""Brokers that librdkafka brings along for its own tests: they speak Kafka's protocol, and fail as they are told.

The Python library has no names for them, so its C library is called.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

PRODUCER, PRODUCE_REQUEST = 0, 0
LONG_MS = 10_000_000


@functools.cache
def _library() -> ctypes.CDLL:
    package = Path(confluent_kafka.__file__).parent
    # Beside the package on Linux, in it on macOS.
    (found, *_) = [*package.parent.glob("confluent_kafka.libs/librdkafka*"), *package.glob(".dylibs/librdkafka*")]
    library = ctypes.CDLL(str(found))
    pointer, whole = ctypes.c_void_p, ctypes.c_int
    library.rd_kafka_conf_new.restype = pointer
    library.rd_kafka_new.restype = pointer
    library.rd_kafka_new.argtypes = [whole, pointer, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_destroy.argtypes = [pointer]
    library.rd_kafka_mock_cluster_new.restype = pointer
    library.rd_kafka_mock_cluster_new.argtypes = [pointer, whole]
    library.rd_kafka_mock_cluster_destroy.argtypes = [pointer]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [pointer]
    library.rd_kafka_mock_topic_create.argtypes = [pointer, ctypes.c_char_p, whole, whole]
    library.rd_kafka_mock_topic_set_error.argtypes = [pointer, ctypes.c_char_p, whole]
    library.rd_kafka_mock_push_request_errors_array.argtypes = [
        pointer,
        ctypes.c_int16,
        ctypes.c_size_t,
        ctypes.POINTER(whole),
    ]
    library.rd_kafka_mock_clear_request_errors.argtypes = [pointer, ctypes.c_int16]
    for name in ("set_down", "set_up"):
        getattr(library, f"rd_kafka_mock_broker_{name}").argtypes = [pointer, ctypes.c_int32]
    library.rd_kafka_mock_broker_set_rtt.argtypes = [pointer, ctypes.c_int32, whole]
    return library


class KafkaCluster:
    """A cluster in this process, on loopback; topics are made when they are asked for, with four partitions."""

    def __init__(self, brokers: int = 1) -> None:
        self._library = _library()
        said = ctypes.create_string_buffer(512)
        self._client = self._library.rd_kafka_new(PRODUCER, self._library.rd_kafka_conf_new(), said, len(said))
        assert self._client, said.value
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self._brokers = range(1, brokers + 1)

    @property
    def servers(self) -> str:
        found: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return found.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)

    def set_topic_error(self, name: str, code: int) -> None:
        """What every request about a topic is answered from now on; 0: no error."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), code)

    def answer_produce(self, *codes: int) -> None:
        """What the next produce requests are answered instead of being done; 0 does one."""
        errors = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, PRODUCE_REQUEST, len(codes), errors)

    def answer_well(self) -> None:
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, PRODUCE_REQUEST)

    def go_down(self) -> None:
        """Close all connections, and take none. What is stored stays."""
        for broker in self._brokers:
            self._library.rd_kafka_mock_broker_set_down(self._cluster, broker)

    def come_up(self) -> None:
        for broker in self._brokers:
            self._library.rd_kafka_mock_broker_set_up(self._cluster, broker)

    def hang(self) -> None:
        """Do what is asked, and answer nothing."""
        self._set_round_trip(LONG_MS)

    def answer_in_time(self) -> None:
        self._set_round_trip(0)

    def _set_round_trip(self, milliseconds: int) -> None:
        for broker in self._brokers:
            self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds)

    def read(self, topic: str) -> list[Message]:
        """What a consumer gets of a topic, partition by partition, each in its order."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": "tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
            }
        )
        try:
            partitions = consumer.list_topics(topic, 10).topics[topic].partitions
            return [message for partition in sorted(partitions) for message in _read(consumer, topic, partition)]
        finally:
            consumer.close()

    def end(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _read(consumer: Consumer, topic: str, partition: int) -> Sequence[Message]:
    consumer.assign([TopicPartition(topic, partition, 0)])
    got: list[Message] = []
    while True:
        message = consumer.poll(10)
        assert message is not None, "the cluster says nothing"
        if (problem := message.error()) is None:
            got.append(message)
        elif problem.code() == KafkaError._PARTITION_EOF:
            return got
        else:
            raise AssertionError(str(problem))
