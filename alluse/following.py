"""Following the output of a log: events as they are committed, and how far each book partition has promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from infra.kafka.clients import reader
from infra.kafka.cluster import Cluster
from processors.book.digest import EVENT_TOPICS
from schemas.codec import Codec


class Logged(NamedTuple):
    """An event as it was read."""

    topic: str
    partition: int
    offset: int
    name: str
    plain: dict[str, Any]


class Follower:
    """Reads the event topics from their beginning; not for two threads at once."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._short = {cluster.topic(topic): topic for topic in EVENT_TOPICS}
        self._codec = Codec.load()
        self._progress = self._codec.header("BookProgress")
        self._consumer = reader(cluster)
        self.promised = dict.fromkeys(range(partitions), -1)
        """event time up to which each partition is done"""
        self.next_offsets: dict[tuple[str, int], int] = {}
        """offset behind the last record of each topic and partition"""
        self._consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t in self._short for p in range(partitions)])

    def poll(self, timeout_s: float = 0.2) -> Iterator[Logged]:
        """What has been committed since; waits for the first record."""
        for message in self._consumer.consume(5_000, timeout_s):
            error = message.error()
            if error is not None:
                if error.fatal() or not (error.retriable() or error.code() == KafkaError._PARTITION_EOF):
                    raise KafkaException(error)
                continue
            topic, partition, offset = (
                self._short[message.topic() or ""],
                message.partition() or 0,
                message.offset() or 0,
            )
            value = message.value()
            assert isinstance(value, bytes)
            self.next_offsets[topic, partition] = offset + 1
            name, plain = self._codec.decode(value)
            if value[:5] == self._progress:
                self.promised[partition] = max(self.promised[partition], plain["promise_us"])
            else:
                yield Logged(topic, partition, offset, name, plain)

    def done(self, until_us: int) -> bool:
        """Whether every partition has gone past `until_us`."""
        return min(self.promised.values()) > until_us

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()
