"""The output topics on Kafka: the live reader in a consumer group, and that of a rebuild. No producer."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.collector import collect_rarely
from infra.errors import UnavailableError
from infra.kafka.clients import group_consumer, reader
from infra.kafka.cluster import Cluster
from infra.postgres import Database
from projections.batch import Coordinates, LogRecord
from projections.catalogue import PROJECTIONS, TOPICS, Projection
from projections.errors import FencedError, LogGapError, SwappedError
from projections.pipeline import Pipeline
from projections.projector import Patience, Projector

_log = logging.getLogger("alluse.projections")

BATCH = 10_000
GROUP = "projections"
FENCED_PAUSE_S = 8.0
"""Longer than a session: by then Kafka has told a member that was thrown out that it is none."""


class LiveReader:
    """Keeps projections up to date from the output topics, as one member of the group `projections`.

    Where to read from is Postgres' word alone; nothing is committed to Kafka.
    """

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        projections: Sequence[Projection] = tuple(PROJECTIONS.values()),
        *,
        instance: str = "projections-0",
        batch: int = BATCH,
        patience: Patience | None = None,
    ) -> None:
        self._names = {cluster.topic(name): name for name in TOPICS}
        self._incremental = cluster.group_protocol == "consumer"
        self._batch = batch
        self._pipeline = Pipeline([Projector(database, p, patience=patience) for p in projections])
        overrides = {"auto.offset.reset": "error", "enable.partition.eof": False}
        self._consumer = group_consumer(cluster, GROUP, instance=instance, overrides=overrides)
        self._assigned: set[Coordinates] = set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Raises DatabaseUnavailableError, ReadModelsMissingError, LogGapError."""
        collect_rarely()
        self._consumer.subscribe(
            list(self._names), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        try:
            while not stop.is_set():
                self.step()
            self._pipeline.flush()
        finally:
            self.close()

    def step(self, timeout_s: float = 0.1) -> int:
        """Read what is there, at most a batch, and have it written; returns the number of records."""
        try:
            records = _records(self._consumer, self._names, self._batch, timeout_s)
            if records:
                self._pipeline.submit(records)
            elif not self._pipeline.busy():
                self._pipeline.flush()
        except FencedError as fenced:
            self._reclaim(fenced)
            return 0
        return len(records)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
        self._pipeline.close()

    # ------------------------------------------------------------------ assignment

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        places = [self._place(p) for p in partitions]
        self._flush()
        starts = self._claim(places)
        self._assigned.update(places)
        if self._incremental:
            self._consumer.incremental_assign(starts)
        else:
            self._consumer.assign(starts)

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._flush()
        self._forget(partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._flush()
        self._forget(partitions)

    def _flush(self) -> None:
        """Let the batch in hand be committed; if it was fenced, its records are read again by their owner."""
        try:
            self._pipeline.flush()
        except FencedError as fenced:
            _log.warning("%s", fenced)

    def _forget(self, partitions: list[TopicPartition]) -> None:
        places = [self._place(p) for p in partitions]
        for projector in self._pipeline.projectors:
            projector.release(places)
        self._assigned.difference_update(places)
        if self._incremental:
            self._consumer.incremental_unassign(partitions)
        else:
            self._consumer.unassign()

    def _claim(self, places: Sequence[Coordinates]) -> list[TopicPartition]:
        """Claim for every projection; read from the earliest of their offsets, repetitions change nothing."""
        claims = [projector.claim(places) for projector in self._pipeline.projectors]
        return [_topic_partition(self._full(p), min(claim[p] for claim in claims)) for p in places]

    def _reclaim(self, fenced: FencedError) -> None:
        """Go on after another owner or generation has come between. Who is still assigned after a session's length owns
        the partitions; who is not has been told so by then, and has forgotten them."""
        _log.warning("%s", fenced)
        if not isinstance(fenced, SwappedError) and self._assigned:
            paused = [_topic_partition(self._full(p), 0) for p in self._assigned]
            self._consumer.pause(paused)
            deadline = time.monotonic() + FENCED_PAUSE_S
            while time.monotonic() < deadline:
                self._consumer.poll(0.2)
            self._consumer.resume([p for p in paused if self._place(p) in self._assigned])
        for start in self._claim(sorted(self._assigned)):
            self._consumer.seek(start)

    def _place(self, partition: TopicPartition) -> Coordinates:
        return Coordinates(self._names[partition.topic], partition.partition)

    def _full(self, place: Coordinates) -> Coordinates:
        return next(Coordinates(full, place.partition) for full, name in self._names.items() if name == place.topic)


class KafkaLog:
    """The output topics outside of any group (`projections.rebuild.LogSource`)."""

    def __init__(self, cluster: Cluster, *, batch: int = BATCH, timeout_s: float = 30.0) -> None:
        self._names = {cluster.topic(name): name for name in TOPICS}
        self._batch = batch
        self._timeout_s = timeout_s
        self._consumer = reader(cluster, overrides={"auto.offset.reset": "error", "enable.partition.eof": True})

    def ends(self) -> dict[Coordinates, int]:
        """Last stable offsets of all partitions."""
        known = self._consumer.list_topics(timeout=self._timeout_s).topics
        return {
            Coordinates(name, number): self._consumer.get_watermark_offsets(
                TopicPartition(full, number), timeout=self._timeout_s
            )[1]
            for full, name in self._names.items()
            if full in known
            for number in known[full].partitions
        }

    def read(self, starts: Mapping[Coordinates, int], ends: Mapping[Coordinates, int]) -> Iterator[list[LogRecord]]:
        """From `starts` to `ends`; raises UnavailableError `KAFKA_UNREACHABLE` when nothing comes for `timeout_s`."""
        full = {name: topic for topic, name in self._names.items()}
        self._consumer.assign([_topic_partition(Coordinates(full[p.topic], p.partition), o) for p, o in starts.items()])
        open_places = {place for place, end in ends.items() if starts[place] < end}
        deadline = time.monotonic() + self._timeout_s
        while open_places:
            messages = self._consumer.consume(self._batch, 0.2)
            records: list[LogRecord] = []
            for message in messages:
                place = Coordinates(self._names[_text(message.topic())], _number(message.partition()))
                if message.error() is None:
                    record = LogRecord(place.topic, place.partition, _number(message.offset()), _bytes(message))
                    if record.offset < ends[place]:
                        records.append(record)
                    if record.offset + 1 >= ends[place]:
                        open_places.discard(place)
                elif _is_end(message):
                    # Behind the last record there may be a transaction's marker, and nothing to read.
                    if _number(message.offset()) >= ends[place]:
                        open_places.discard(place)
                else:
                    _raise(message)
            if records:
                yield records
            if messages:
                deadline = time.monotonic() + self._timeout_s
            elif time.monotonic() > deadline:
                raise UnavailableError(
                    "KAFKA_UNREACHABLE",
                    f"Nothing came from {', '.join(sorted({p.topic for p in open_places}))} for "
                    f"{self._timeout_s:.0f} s.",
                    "Check the Kafka cluster and start again.",
                )

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def _records(consumer: Consumer, names: Mapping[str, str], most: int, timeout_s: float) -> list[LogRecord]:
    """Wait for one record, then take what else has arrived."""
    first = consumer.poll(timeout_s)
    if first is None:
        return []
    records: list[LogRecord] = []
    for message in (first, *consumer.consume(most - 1, 0)):
        if message.error() is not None:
            _raise(message)
        else:
            records.append(
                LogRecord(
                    names[_text(message.topic())],
                    _number(message.partition()),
                    _number(message.offset()),
                    _bytes(message),
                )
            )
    return records


def _raise(message: Message) -> None:
    error = message.error()
    assert error is not None
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # pyright: ignore[reportPrivateUsage]  # librdkafka's local codes start so
        raise LogGapError(
            "PROJECTION_LOG_GAP",
            f"{message.topic()}/{message.partition()} does not hold the offset to go on from: {error.str()}.",
            "The log was trimmed or made anew. Rebuild the projections (`alluse ops rebuild`), after "
            "restoring the log.",
        )
    if error.fatal() or not error.retriable():
        raise KafkaException(error)


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # pyright: ignore[reportPrivateUsage]  # the same


def _topic_partition(place: Coordinates, offset: int) -> TopicPartition:
    return TopicPartition(place.topic, place.partition, offset or OFFSET_BEGINNING)


def _text(value: str | None) -> str:
    assert value is not None
    return value


def _number(value: int | None) -> int:
    assert value is not None
    return value


def _bytes(message: Message) -> bytes | None:
    value = message.value()
    assert value is None or isinstance(value, bytes)
    return value
