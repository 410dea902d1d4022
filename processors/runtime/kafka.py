"""The Kafka runtime: runs a processor exactly once over a cluster.

A process joins the processor's consumer group (KIP-848, server-side `range`) only to learn which partitions it owns.
Each
owned partition has one thread with its own reader, its own transactional producer (`transactional.id` = processor and
partition, so that a successor fences exactly the writer it replaces) and its own task. What a batch gives and the
offsets it has consumed are committed in ONE transaction.

Whatever goes wrong with a transaction - an abort, a commit whose answer is unknown, a fence - ends the same way:
producer
and task are thrown away, a new producer takes the same transactional id (which settles what became of the last
transaction), a new task is restored from the log, and reading goes on from the committed offsets (architecture.md,
decisions; librdkafka issue 5423, KIP-890).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from infra.collector import collect_rarely
from infra.kafka.clients import group_consumer, reader, transactional_producer
from infra.kafka.cluster import Cluster, reason_of
from infra.stream.contract import (
    MendableTask,
    Message,
    Output,
    PoisonedInput,
    Processor,
    Task,
    UnfinishedTask,
    ValueTask,
)
from schemas.arrow import warm_up

_log = logging.getLogger("alluse.runtime")

BATCH_MOST = 10_000
"""Records a transaction at most; at low load it is whatever has arrived."""
VALUES_MOST = 50_000
"""The same for a ValueTask, which makes no object a record: its transactions may hold more."""
POLL_S = 0.1
COMMIT_DEADLINE_S = 60.0
READ_DEADLINE_S = 60.0
"""How long a read of the log outlasts a broker that is away."""
IDLE_COMMIT_S = 1.0
"""Offsets of records that caused no output are committed this often."""
SEND_S = 10.0
"""Timeout of the call that puts the offsets into the transaction."""
STUCK_S = 15.0
"""That call may never return when the group's coordinator goes away in it, whatever its timeout (librdkafka issues 5456
and 5511). A worker that is in it for longer is given up: a successor's `init_transactions` fences its producer."""
SETTLE_S = 5.0
"""A fenced writer waits this long to hear whether its partition was given to somebody else."""


class Rebuild(Exception):  # noqa: N818  # not every exception is an error
    """The transaction is not known to have been committed: start again from what the log says."""

    def __init__(self, reason: str, *, fenced: bool = False) -> None:
        super().__init__(reason)
        self.fenced = fenced


class KafkaLog:
    """Committed records of the log's topics, by partition."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # A fetch that waits for more would hold up the next topic.
        self._consumer = reader(cluster, overrides={"fetch.wait.max.ms": 10})

    def end(self, topic: str, partition: int) -> int:
        """The last stable offset: after the last record that a reader may see, markers included."""
        place = TopicPartition(self._cluster.topic(topic), partition)
        deadline = time.monotonic() + READ_DEADLINE_S
        while True:
            try:
                _, high = self._consumer.get_watermark_offsets(place, timeout=10)
                return high
            except KafkaException as error:
                if not _passing(reason_of(error)) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def records(self, topic: str, partition: int, from_offset: int = 0) -> Iterator[Message]:
        """Committed records from an offset to the end as it is now."""
        end = self.end(topic, partition)
        if from_offset >= end:
            return
        place = TopicPartition(self._cluster.topic(topic), partition, from_offset)
        self._consumer.assign([place])
        deadline = time.monotonic() + READ_DEADLINE_S
        try:
            while True:
                first = self._consumer.poll(1.0)
                if first is None:
                    if time.monotonic() > deadline:
                        raise KafkaException(
                            KafkaError(KafkaError._TIMED_OUT, f"{topic} {partition} from {from_offset}")
                        )
                    continue
                deadline = time.monotonic() + READ_DEADLINE_S
                # `consume` alone would wait its whole time for the last, incomplete batch.
                for message in (first, *self._consumer.consume(BATCH_MOST - 1, 0)):
                    error = message.error()
                    if error is None:
                        yield as_message(topic, message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if (message.offset() or 0) >= end:
                            return
                    elif not _passing(error):
                        raise KafkaException(error)
        finally:
            self._consumer.unassign()

    def compacted(self, topic: str, partition: int) -> dict[bytes, bytes]:
        """The last value of each key of a compacted topic."""
        last: dict[bytes, bytes] = {}
        for message in self.records(topic, partition):
            if message.key is None:
                continue
            if message.value is None:
                last.pop(message.key, None)
            else:
                last[message.key] = message.value
        return last

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


class _PartitionLog:
    """A task's view of the log (LogReader)."""

    def __init__(self, log: KafkaLog, partition: int) -> None:
        self._log, self._partition = log, partition

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        return self._log.compacted(topic, self._partition)

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        return self._log.records(topic, self._partition, from_offset)

    def end(self, topic: str) -> int:
        return self._log.end(topic, self._partition)


def as_message(topic: str, message: KafkaMessage) -> Message:
    """A consumed record under its short topic name."""
    headers = message.headers()
    pairs = [(name, value or b"") for name, value in headers] if headers else None
    return Message(topic, message.offset() or 0, message.key(), message.value(), pairs)  # pyright: ignore[reportArgumentType]


class _Worker(threading.Thread):
    """Owns one partition of a processor until told to stop."""

    def __init__(self, cluster: Cluster, processor: Processor, partition: int) -> None:
        super().__init__(name=f"{processor.name}-{partition}", daemon=True)
        self._cluster, self._processor, self._partition = cluster, processor, partition
        self._short = {cluster.topic(topic): topic for topic in processor.inputs}
        self._full = {topic: cluster.topic(topic) for topic in processor.inputs}
        self._topics: dict[str, str] = {}
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.progress = 0
        """transactions committed: a worker that lives but does not advance shows here"""
        self.records = 0
        self._poison: PoisonedInput | None = None
        self._sending_since: float | None = None

    def stuck(self) -> bool:
        """Whether it is in a call that should have returned long ago. Nothing can be done for it but to leave it."""
        since = self._sending_since
        return since is not None and time.monotonic() - since > STUCK_S

    def run(self) -> None:
        pause = 0.05
        while not self.stopping.is_set():
            try:
                self._live()
            except PoisonedInput as error:
                if self._poison is not None and self._poison.args == error.args:
                    self.failure = error
                    return
                _log.error("poison input: %s", error.__cause__ or error, extra={"partition": self._partition})
                self._poison = error
            except Rebuild as error:
                _log.warning("rebuilding partition %d: %s", self._partition, error)
                self.stopping.wait(SETTLE_S if error.fenced else pause)
                pause = min(2.0, pause * 2)
            except KafkaException as error:
                if not _passing(reason_of(error)):
                    self.failure = error
                    return
                _log.warning("partition %d: %s", self._partition, reason_of(error).str())
                self.stopping.wait(pause)
                pause = min(2.0, pause * 2)
            except Exception as error:  # noqa: BLE001  # the runner raises it in the process's main thread
                self.failure = error
                return

    def _live(self) -> None:
        """From taking over to handing back."""
        producer = transactional_producer(self._cluster, f"{self._processor.name}-{self._partition}")
        _until_done(lambda: producer.init_transactions(5.0), self.stopping)
        log = KafkaLog(self._cluster)
        try:
            task = self._processor.task(self._partition)
            task.restore(_PartitionLog(log, self._partition))
        finally:
            log.close()
        if self._poison is not None and isinstance(task, MendableTask):
            task.mend(self._poison)
        consumer = reader(
            self._cluster,
            overrides={
                "group.id": self._cluster.group(f"{self._processor.name}.positions"),
                "enable.partition.eof": False,
            },
        )
        try:
            places = [TopicPartition(self._full[topic], self._partition) for topic in self._processor.inputs]
            committed = consumer.committed(places, timeout=30)
            begin = [
                TopicPartition(place.topic, place.partition, place.offset if place.offset >= 0 else OFFSET_BEGINNING)
                for place in committed
            ]
            consumer.assign(begin)
            self._loop(task, consumer, producer)
        finally:
            consumer.close()

    def _loop(self, task: Task, consumer: Consumer, producer: Producer) -> None:
        paused: frozenset[str] = frozenset()
        values = task if isinstance(task, ValueTask) and len(self._processor.inputs) == 1 else None
        rest = task if isinstance(task, UnfinishedTask) else None
        most = BATCH_MOST if values is None else VALUES_MOST
        pending, last_commit = False, time.monotonic()
        metadata = consumer.consumer_group_metadata()
        while not self.stopping.is_set():
            more = rest is not None and rest.unfinished()
            first = consumer.poll(0 if more else POLL_S)
            if first is not None:
                batch = [first, *consumer.consume(most - 1, 0)]
                outputs = self._handle_values(values, batch) if values else task.handle(self._messages(batch))
                self.records += len(batch)
                pending = True
            else:
                outputs = task.handle([]) if more else []
            now = time.monotonic()
            if outputs or (pending and now - last_commit > IDLE_COMMIT_S):
                self._commit(producer, outputs, task.positions(), metadata)
                self._poison = None
                pending, last_commit = False, now
            if paused or task.full():
                paused = self._pause(consumer, paused, task.full())
        if pending:
            self._commit(producer, [], task.positions(), metadata)

    def _messages(self, batch: Sequence[KafkaMessage]) -> list[Message]:
        _require_records(batch)
        short = self._short
        return [as_message(short[message.topic() or ""], message) for message in batch]

    def _handle_values(self, task: ValueTask, batch: Sequence[KafkaMessage]) -> list[Output]:
        _require_records(batch)
        topic = self._processor.inputs[0]
        values: list[bytes] = list(map(KafkaMessage.value, batch))  # pyright: ignore[reportAssignmentType]
        return task.handle_values(values, (batch[-1].offset() or 0) + 1, lambda i: as_message(topic, batch[i]))

    def _pause(self, consumer: Consumer, before: frozenset[str], now: frozenset[str]) -> frozenset[str]:
        for change, topics in ((consumer.pause, now - before), (consumer.resume, before - now)):
            if topics:
                change([TopicPartition(self._full[topic], self._partition) for topic in topics])
        return now

    def _commit(
        self, producer: Producer, outputs: Sequence[Output], positions: dict[str, int], metadata: object
    ) -> None:
        """One transaction. Raises Rebuild when it is not certain that it was committed by this producer alone."""
        names = self._topics
        try:
            producer.begin_transaction()
            produce = producer.produce
            for topic, partition, key, value, headers in outputs:
                name = names.get(topic)
                if name is None:
                    name = names[topic] = self._cluster.topic(topic)
                while True:
                    try:
                        if headers is None:
                            produce(name, value, key, partition)
                        else:
                            produce(name, value, key, partition, headers=dict(headers))
                        break
                    except BufferError:
                        while len(producer) > 0:
                            producer.poll(0.05)
            offsets = [
                TopicPartition(self._full[topic], self._partition, offset) for topic, offset in positions.items()
            ]
            if offsets:
                self._send_offsets(producer, offsets, metadata)
        except KafkaException as error:
            raise self._rebuild(error, "before the commit") from error
        self._commit_until_answered(producer)
        self.progress += 1

    def _send_offsets(self, producer: Producer, offsets: list[TopicPartition], metadata: object) -> None:
        self._sending_since = time.monotonic()
        try:
            producer.send_offsets_to_transaction(offsets, metadata, SEND_S)
            if self.stuck():
                raise Rebuild("the offsets were taken late; its successor has begun")
        finally:
            self._sending_since = None

    def _commit_until_answered(self, producer: Producer) -> None:
        """A commit that times out may have happened: it is called again until its deadline, never aborted."""
        deadline, timed_out = time.monotonic() + COMMIT_DEADLINE_S, False
        while True:
            try:
                producer.commit_transaction(5.0)
                break
            except KafkaException as error:
                reason = reason_of(error)
                if not reason.retriable() or time.monotonic() > deadline:
                    raise self._rebuild(error, "in the commit") from error
                timed_out = True
        if timed_out:
            raise Rebuild("a commit was answered late; the next transaction runs on a new producer")

    def _rebuild(self, error: KafkaException, where: str) -> Rebuild:
        reason = reason_of(error)
        fenced = reason.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
        return Rebuild(f"{reason.name()} {where}: {reason.str()}", fenced=fenced)


def _require_records(batch: Sequence[KafkaMessage]) -> None:
    """Raises KafkaException for the first message that is none but an error."""
    for error in filter(None, map(KafkaMessage.error, batch)):
        raise KafkaException(error)


def _passing(reason: KafkaError) -> bool:
    """Errors that heal: the broker is away or its coordinator moves."""
    return reason.retriable() or reason.code() in (
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._FENCED,
    )


def _until_done(call: object, stopping: threading.Event) -> None:
    """Repeat a call that times out while a broker is away."""
    assert callable(call)
    while not stopping.is_set():
        try:
            call()
            return
        except KafkaException as error:
            if not _passing(reason_of(error)):
                raise
            stopping.wait(0.1)
    raise Rebuild("stopped before taking over")


class ProcessorRunner:
    """One process's share of a processor: a group membership and a worker for each partition owned."""

    def __init__(self, cluster: Cluster, processor: Processor, *, instance: str) -> None:
        self._cluster, self._processor = cluster, processor
        self._member = group_consumer(cluster, processor.name, instance=instance)
        self._workers: dict[int, _Worker] = {}

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises what a worker failed on."""
        warm_up()
        collect_rarely()
        topics = [self._cluster.topic(topic) for topic in self._processor.inputs]
        self._member.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not stop.is_set():
                message = self._member.poll(0.2)
                if message is not None and (error := message.error()) is not None and error.fatal():
                    raise KafkaException(error)
                for partition, worker in list(self._workers.items()):
                    if worker.failure is not None:
                        raise worker.failure
                    if worker.stuck():
                        self._replace(partition)
        finally:
            self._stop(list(self._workers))
            self._member.close()

    def advanced(self) -> dict[int, tuple[int, int]]:
        """(transactions, records) of each partition owned, for status and watchdogs."""
        return {partition: (w.progress, w.records) for partition, w in self._workers.items()}

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """The group gave partitions: the membership itself reads nothing, the workers do."""
        consumer.incremental_assign(places) if self._cluster.group_protocol == "consumer" else consumer.assign(places)
        consumer.pause(places)
        for partition in sorted({place.partition for place in places}):
            if partition not in self._workers:
                self._start(partition)

    def _start(self, partition: int) -> None:
        worker = self._workers[partition] = _Worker(self._cluster, self._processor, partition)
        worker.start()

    def _replace(self, partition: int) -> None:
        """Leave a stuck worker to itself. Should its call return, it ends; its producer can't commit any more."""
        _log.error("partition %d: a call into the Kafka client does not return, starting anew", partition)
        self._workers.pop(partition).stopping.set()
        self._start(partition)

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._stop(sorted({place.partition for place in places}))
        if self._cluster.group_protocol == "consumer":
            consumer.incremental_unassign(places)

    def _stop(self, partitions: Sequence[int]) -> None:
        """Let workers finish their transaction, together."""
        leaving = [self._workers.pop(p) for p in partitions if p in self._workers]
        for worker in leaving:
            worker.stopping.set()
        deadline = time.monotonic() + COMMIT_DEADLINE_S + 30
        for worker in leaving:
            while worker.is_alive() and not worker.stuck() and time.monotonic() < deadline:
                worker.join(0.1)


def run_processor(cluster: Cluster, processor: Processor, *, stop: threading.Event, instance: str) -> None:
    """Run a processor in this process until `stop` is set. `instance` names the process, stable over its restarts."""
    ProcessorRunner(cluster, processor, instance=instance).run(stop)
