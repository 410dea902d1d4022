"""The recordings of scenarios, fed to Kafka: the same records must give the same journal and events.

Many scenarios share one set of topics, each on a partition of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from alluse.scenarios.playing import Difference, Recording, Result, play
from alluse.scenarios.stage import GRID_US, Place
from gateways.broker.paper import PaperBroker
from infra.errors import UnavailableError
from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import TOPICS, ensure_topics
from infra.stream.contract import Message, Output, Processor
from processors.book.digest import digest_of
from processors.book.task import BookProcessor
from processors.market import MarketProcessor
from processors.runtime.kafka import KafkaLog, run_processor
from schemas.codec import Codec

STALLED_S = 120.0
AT_ONCE = 48
"""Partitions, and so scenarios, of one set of topics."""


@dataclass(frozen=True)
class Replayed:
    """What Kafka made of a recording."""

    digest: str
    entries: int


def compare(kafka: Cluster, namespace: str, results: Sequence[Result], say: Callable[[str], None]) -> None:
    """Play scenarios again on Kafka, under topics of their own, and note where a log differs from that in memory."""
    for number, group in enumerate(_together(results)):
        say(f"On Kafka: {len(group)} scenarios")
        memory = [play(result.scenario, Place(n, len(group))) for n, result in enumerate(group)]
        cluster = replace(kafka, namespace=f"{namespace}_{number}")
        try:
            replayed = replay(cluster, [m.recording for m in memory if m.recording is not None])
        finally:
            admin(cluster).delete_topics([cluster.topic(name) for name in TOPICS])
        for result, wanted, found in zip(group, memory, replayed, strict=True):
            if found.digest != wanted.digest:
                before, after = (f"{one.entries} entries, {one.digest}" for one in (wanted, found))
                result.differences.append(Difference("end", "digest", before, after, "", result.scenario.line))


def _together(results: Sequence[Result]) -> Iterable[list[Result]]:
    """Scenarios that may share topics: with the same broker; those with the market processor each by itself."""
    played = [(result, result.recording) for result in results if result.recording is not None]
    for scripted in (True, False):
        many = [r for r, log in played if log.scripted == scripted and not log.through_processor]
        for start in range(0, len(many), AT_ONCE):
            yield many[start : start + AT_ONCE]
    for result, log in played:
        if log.through_processor:
            yield [result]


def replay(cluster: Cluster, recordings: Sequence[Recording]) -> list[Replayed]:
    """Feed recordings with the same broker, each to its own of as many partitions, and read the logs back.

    Raises UnavailableError `RUN_STALLED` when nothing advances.
    """
    partitions = recordings[0].place.partitions
    ensure_topics(admin(cluster), cluster, partitions=partitions)
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=run_processor, args=(cluster, processor),
            kwargs={"stop": stop, "instance": f"{processor.name}-0"}, daemon=True,
        )
        for processor in _processors(recordings, partitions)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    log = KafkaLog(cluster)
    try:
        feed_through(cluster, log, recordings)
        return [read_back(log, recording) for recording in recordings]
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        log.close()


def feed_through(
    cluster: Cluster, log: KafkaLog, recordings: Sequence[Recording], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Feed recordings to processors that run, and wait until they are through; `meanwhile` is called again and again.

    Raises UnavailableError `RUN_STALLED` when nothing advances.
    """
    feed, watch = _Feed(cluster), _Watch(log)
    # A scripted broker answers only what it was asked: its reports must not be there before the first question.
    for recording in recordings:
        feed.send(recording.outputs[: recording.founded] if recording.scripted else recording.outputs)
    feed.flush()
    scripted = [r for r in recordings if r.scripted and r.founded]
    _until(lambda: all(watch.asked(r.place.partition) for r in scripted), watch, meanwhile)
    for recording in scripted:
        feed.send(recording.outputs[recording.founded :])
    feed.flush()
    _until(lambda: all(watch.promised(r.place.partition) >= r.promised_us for r in recordings), watch, meanwhile)


def _processors(recordings: Sequence[Recording], partitions: int) -> list[Processor]:
    found: list[Processor] = [BookProcessor()]
    if any(not recording.scripted for recording in recordings):
        found.append(PaperBroker())
    if any(recording.through_processor for recording in recordings):
        found.append(MarketProcessor(1, partitions, GRID_US))
    return found


def read_back(log: KafkaLog, recording: Recording) -> Replayed:
    """What the log holds of a recording."""
    mine, entries = recording.place.partition, 0

    def records(topic: str, partition: int) -> Iterable[Message]:
        nonlocal entries
        for message in log.records(topic, partition) if partition == mine else ():
            entries += topic == "journal"
            yield message

    return Replayed(digest_of(records, recording.place.partitions).value(), entries)


class _Feed:
    """Writes to the log in order."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer = producer(cluster, overrides={"linger.ms": 5})

    def send(self, outputs: Iterable[Output]) -> None:
        for topic, partition, key, value, _ in outputs:
            while True:
                try:
                    self._producer.produce(self._cluster.topic(topic), value, key, partition)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)

    def flush(self) -> None:
        if self._producer.flush(60):
            raise UnavailableError(
                "KAFKA_FAILED",
                "Kafka has not taken the scenario's records within 60 s.",
                "`alluse doctor` looks at it.",
            )


class _Watch:
    """Follows `orders`: what the books have asked the broker, and how far they promise to be."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self._codec = Codec.load()
        self._progress = self._codec.header("BookProgress")
        self._read: dict[int, int] = {}
        self._promised: dict[int, int] = {}
        self._asked: set[int] = set()
        self.seen = 0

    def _look(self, partition: int) -> None:
        for message in self._log.records("orders", partition, self._read.get(partition, 0)):
            self._read[partition] = message.offset + 1
            self.seen += 1
            if (message.value or b"")[:5] == self._progress:
                self._promised[partition] = self._codec.decode(message.value or b"")[1]["promise_us"]
            else:
                self._asked.add(partition)

    def asked(self, partition: int) -> bool:
        if partition not in self._asked:
            self._look(partition)
        return partition in self._asked

    def promised(self, partition: int) -> int:
        self._look(partition)
        return self._promised.get(partition, 0)


def _until(reached: Callable[[], bool], watch: _Watch, meanwhile: Callable[[], None]) -> None:
    moved_at, before = time.monotonic(), -1
    while not reached():
        meanwhile()
        if watch.seen != before:
            moved_at, before = time.monotonic(), watch.seen
        elif time.monotonic() - moved_at > STALLED_S:
            raise UnavailableError(
                "RUN_STALLED",
                f"Nothing has advanced for {STALLED_S:.0f} s.",
                "Try again; `alluse doctor` looks at Kafka, and without --kafka the scenario is played in memory.",
            )
        time.sleep(0.05)
