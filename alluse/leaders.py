"""Ends of partitions, asked with patience: a broker that has just started answers before it leads its partitions."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from alluse.plans import PARTITIONS
from infra.errors import UnavailableError
from infra.kafka.clients import reader
from infra.kafka.cluster import Cluster, reason_of
from infra.kafka.topics import TOPICS

PATIENCE_S = 30.0


def end_of(consumer: Consumer, topic: str, partition: int, patience_s: float = PATIENCE_S) -> int:
    """The last stable offset of a partition (full topic name). Raises UnavailableError `KAFKA_UNREACHABLE`."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)[1]
        except KafkaException as error:
            reason = reason_of(error)
            if time.monotonic() > deadline:
                raise UnavailableError(
                    "KAFKA_UNREACHABLE",
                    f"{topic}/{partition} has no leader that answers: {reason.str()}.",
                    "Look at the broker's log and disk, then try again.",
                ) from error
            time.sleep(0.1)


def await_leaders(cluster: Cluster) -> None:
    """Until every partition of the log answers."""
    consumer = reader(cluster)
    try:
        for row in TOPICS.values():
            for partition in range(row.partitions or PARTITIONS):
                end_of(consumer, cluster.topic(row.name), partition)
    finally:
        consumer.close()
