"""A look at the plant: how far each stage has committed, where its inputs end, what event time it has reached."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from infra.kafka.clients import admin, reader
from infra.kafka.cluster import Cluster, reason_of
from processors.monitor.plant import Look, Stage
from schemas.codec import Codec, Plain
from schemas.errors import SchemaError

STAGES: Mapping[str, tuple[str, ...]] = {
    "market": ("market.ticks",),
    "book": ("commands", "broker.reports", "market.marks"),
    "paper-broker": ("orders", "market.marks"),
}
TOLD_BY: Mapping[str, str] = {"market": "market.marks", "book": "orders"}
"""On which topic a stage shows the event time that it has reached."""
LAST_RECORDS, LOOK_S = 25, 5.0


class Probe:
    """Looks when asked; not to be used by two threads at once."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._admin = admin(cluster)
        self._codec = Codec.load()

    def look(self) -> Look:
        """Everything as it is now. Raises KafkaException when the cluster does not answer."""
        consumer = reader(self._cluster)
        try:
            ends = {
                (topic, partition): self._end(consumer, topic, partition)
                for topic in sorted({*TOLD_BY.values(), *(t for topics in STAGES.values() for t in topics)})
                for partition in range(self._partitions)
            }
            times, last_tick_us = self._last_times(consumer, ends)
        finally:
            consumer.close()
        stages: dict[str, Stage] = {}
        for stage, topics in STAGES.items():
            committed = self._committed(f"{stage}.positions", topics)
            if committed:
                end = sum(ends[topic, partition] for topic, partition in committed)
                stages[stage] = Stage(sum(committed.values()), end, times.get(TOLD_BY.get(stage, ""), 0))
        return Look(time.time_ns() // 1000, last_tick_us, stages)

    def _end(self, consumer: Consumer, topic: str, partition: int) -> int:
        place = TopicPartition(self._cluster.topic(topic), partition)
        return consumer.get_watermark_offsets(place, timeout=LOOK_S, cached=False)[1]

    def _last_times(self, consumer: Consumer, ends: Mapping[tuple[str, int], int]) -> tuple[dict[str, int], int]:
        """Event time by topic, of the partition that is furthest behind; the newest price."""
        full = {self._cluster.topic(topic): topic for topic in TOLD_BY.values()}
        places = [(t, p) for t, p in ends if t in TOLD_BY.values() and ends[t, p]]
        consumer.assign(
            [TopicPartition(self._cluster.topic(t), p, max(0, ends[t, p] - LAST_RECORDS)) for t, p in places]
        )
        reached: dict[tuple[str, int], int] = {}
        newest, waiting, deadline = 0, set(places), time.monotonic() + LOOK_S
        while waiting and time.monotonic() < deadline:
            for message in consumer.consume(500, 0.2):
                place = (full[message.topic() or ""], message.partition() or 0)
                error, value = message.error(), message.value()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        waiting.discard(place)
                    continue
                if isinstance(value, bytes) and (plain := self._plain(value)) is not None:
                    at = plain.get("promise_us") or plain.get("time_us") or 0
                    if at < 1 << 62:
                        reached[place] = max(reached.get(place, 0), at)
                    newest = max([newest, *plain.get("tick_times_us", ())])
        times = {
            topic: min((at for (t, _), at in reached.items() if t == topic), default=0) for topic in TOLD_BY.values()
        }
        return times, newest

    def _plain(self, value: bytes) -> Plain | None:
        try:
            return self._codec.decode(value)[1]
        except SchemaError:
            return None

    def _committed(self, group: str, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
        full = {self._cluster.topic(topic): topic for topic in topics}
        name = self._cluster.group(group)
        asked = [TopicPartition(topic, p) for topic in full for p in range(self._partitions)]
        try:
            answer = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name, asked)])
            places = answer[name].result(LOOK_S).topic_partitions
        except KafkaException as error:
            if reason_of(error).code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            raise
        return {(full[p.topic], p.partition): p.offset for p in places if p.offset >= 0}
