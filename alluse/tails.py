"""Where the log ends and what stands there: how many records somebody has not read, what event time was reached."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, TopicPartition

from alluse.leaders import end_of
from alluse.plans import PARTITIONS
from infra.kafka.clients import reader
from infra.kafka.cluster import Cluster
from infra.stream.merge import FOREVER
from schemas.codec import Codec
from schemas.errors import SchemaError

Place = tuple[str, int]
"""topic and partition"""
LAST_OFFSETS = 25
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Tails:
    """The ends of a log's partitions at one moment."""

    ends: Mapping[Place, int]
    """the next offset that a committed record will have"""
    records: Mapping[Place, tuple[int, ...]]
    """offsets of the records among the last ones; a partition that could not be read to its end is missing"""
    times: Mapping[Place, int]
    """event time of the last records, of the topics that were asked for it"""

    def behind(self, place: Place, read: int) -> int:
        """Offsets from `read`, the next to read, to the end; near the end only those of records.

        Markers of transactions have offsets too, and nobody reads them: several may follow each other where several
        processors write into a partition.
        """
        missing = self.ends.get(place, 0) - read
        records = self.records.get(place)
        if records is None or missing > LAST_OFFSETS:
            return max(0, missing)
        return sum(offset >= read for offset in records)


def read_tails(cluster: Cluster, topics: Iterable[str], *, telling: Iterable[str]) -> Tails:
    """The tails of these topics, as far as they are there; event times of those in `telling`."""
    consumer = reader(cluster)
    try:
        there = consumer.list_topics(timeout=10).topics
        short = {cluster.topic(topic): topic for topic in sorted(topics)}
        ends = {
            (topic, partition): end_of(consumer, full, partition, 5.0)
            for full, topic in short.items()
            if full in there
            for partition in range(PARTITIONS)
        }
        starts = [TopicPartition(cluster.topic(t), p, max(0, end - LAST_OFFSETS)) for (t, p), end in ends.items()]
        consumer.assign(starts)
        found: dict[Place, list[int]] = {place: [] for place in ends}
        times: dict[Place, int] = {}
        codec, tell_time = Codec.load(), frozenset(telling)
        open_places = set(ends)
        deadline = time.monotonic() + PATIENCE_S
        while open_places and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                place = (short[message.topic() or ""], message.partition() or 0)
                error, offset = message.error(), message.offset()
                if error is not None or offset is None:
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        open_places.discard(place)
                    continue
                if offset < ends[place]:
                    found[place].append(offset)
                if place[0] in tell_time and (at := _time_of(codec, message.value())) is not None:
                    times[place] = max(times.get(place, at), at)
    finally:
        consumer.close()
    return Tails(ends, {place: tuple(found[place]) for place in found if place not in open_places}, times)


def _time_of(codec: Codec, value: object) -> int | None:
    if not isinstance(value, bytes):
        return None
    try:
        _, plain = codec.decode(value)
    except SchemaError:
        return None
    promise = plain.get("promise_us")
    if promise is not None:
        return None if promise >= FOREVER else promise
    if "envelope" in plain:
        return plain["envelope"]["recorded_at_us"]
    return plain.get("time_us")
