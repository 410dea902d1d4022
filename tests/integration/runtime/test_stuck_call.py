"""A call into librdkafka that never returns: `send_offsets_to_transaction` may outlast any timeout when the group's
coordinator goes away in it (librdkafka issues 5456 and 5511)."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.stream.contract import LogReader, Message, Output
from processors.runtime import kafka
from processors.runtime.kafka import KafkaLog, ProcessorRunner

INPUT, OUTPUT, PARTITION = "commands", "orders", 1


class Copy:
    """A processor that copies its input."""

    name, inputs = "copy", (INPUT,)

    def task(self, partition: int) -> _CopyTask:
        return _CopyTask(partition)


class _CopyTask:
    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._read: dict[str, int] = {}

    def restore(self, log: LogReader) -> None:
        """Its place is the committed offset alone."""

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        if messages:
            self._read[INPUT] = messages[-1].offset + 1
        return [Output(OUTPUT, self._partition, m.key, m.value) for m in messages]

    def positions(self) -> dict[str, int]:
        return self._read

    def full(self) -> frozenset[str]:
        return frozenset()


class StuckCall:
    """Producers of partition 1 of which the first never returns from the call, until it is let go."""

    def __init__(self) -> None:
        self.entered, self.left = threading.Event(), threading.Event()
        self.let_go = threading.Event()
        self._real = kafka.transactional_producer

    def producer(self, cluster: Cluster, name: str) -> Any:
        made = self._real(cluster, name)
        if name != f"copy-{PARTITION}" or self.entered.is_set():
            return made
        return _Stuck(made, self)

    def hold(self) -> None:
        self.entered.set()
        self.let_go.wait()


class _Stuck:
    def __init__(self, real: Producer, call: StuckCall) -> None:
        self._real, self._call = real, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __len__(self) -> int:
        return len(self._real)

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        self._call.hold()
        self._real.send_offsets_to_transaction(*arguments)

    def commit_transaction(self, *arguments: Any) -> None:
        try:
            self._real.commit_transaction(*arguments)
        finally:
            self._call.left.set()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Generator[StuckCall]:
    call = StuckCall()
    monkeypatch.setattr(kafka, "transactional_producer", call.producer)
    monkeypatch.setattr(kafka, "SEND_S", 0.5)
    monkeypatch.setattr(kafka, "STUCK_S", 1.0)
    yield call
    call.let_go.set()


@contextmanager
def running(cluster: Cluster) -> Generator[ProcessorRunner]:
    runner, stop = ProcessorRunner(cluster, Copy(), instance="copy-0"), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            runner.run(stop)
        except BaseException as error:  # noqa: BLE001  # shown by the test
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield runner
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive(), "it ends when it is told to, whatever is stuck"
    assert not failures


def copied(cluster: Cluster, count: int) -> list[bytes | None]:
    """The output once it has `count` records; a moment more for those too many."""
    log, deadline = KafkaLog(cluster), time.monotonic() + 60
    while len(list(log.records(OUTPUT, PARTITION))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    return [m.value for m in log.records(OUTPUT, PARTITION)]


def send(cluster: Cluster, *values: bytes) -> None:
    client = producer(cluster)
    for value in values:
        client.produce(cluster.topic(INPUT), value, b"key", PARTITION)
    assert client.flush(30) == 0


def test_its_partition_goes_on_with_another_producer_and_nothing_is_doubled(cluster: Cluster, stuck: StuckCall) -> None:
    # given a transaction that is stuck before its commit
    keep = admin(cluster)
    ensure_topics(keep, cluster, partitions=4)
    with running(cluster):
        send(cluster, b"1", b"2")
        assert stuck.entered.wait(60)
        # then what it held is done by its successor
        assert copied(cluster, 2) == [b"1", b"2"]
        # and when the call comes back after all, the old transaction is not committed
        stuck.let_go.set()
        send(cluster, b"3")
        assert copied(cluster, 3) == [b"1", b"2", b"3"]
        assert not stuck.left.wait(1)


def test_a_processor_with_a_stuck_call_ends_when_told(cluster: Cluster, stuck: StuckCall) -> None:
    # given one that is stuck
    keep = admin(cluster)
    ensure_topics(keep, cluster, partitions=4)
    with running(cluster):
        send(cluster, b"1")
        assert stuck.entered.wait(60)
    # then it has ended all the same (above), and a successor does what it held, once
    with running(cluster):
        assert copied(cluster, 1) == [b"1"]
