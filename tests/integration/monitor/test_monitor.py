"""The monitor on real Kafka: what stands on the log is told, and stays told through kills."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition

from domain.commands import CommandHeader
from domain.events import AlertRaised, Envelope, OrderSubmitted
from domain.identity import partition_of
from domain.inputs import BookProgress, LogOpened
from infra.kafka.clients import admin, reader, transactional_producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.settings import CHECKOUT
from schemas.codec import Codec
from tests.harness.receivers import HookServer

PARTITIONS = 4
CODEC = Codec.load()
SECOND_US = 1_000_000


class Log:
    """A log that the test writes as the book processor does: in transactions."""

    def __init__(self, cluster: Cluster, *, recorded: bool) -> None:
        self.cluster = cluster
        self._sequence = 0
        client = admin(cluster)
        ensure_topics(client, cluster, partitions=PARTITIONS)
        self._producer: Producer = transactional_producer(cluster, "test")
        self._producer.init_transactions(30)
        opened = CODEC.encode_record(LogOpened("test", PARTITIONS, PARTITIONS, "CRC32", SECOND_US, 100_000, recorded))
        with self:
            for partition in range(PARTITIONS):
                self._producer.produce(cluster.topic("commands"), opened, None, partition)

    def __enter__(self) -> Log:
        self._producer.begin_transaction()
        return self

    def __exit__(self, *error: object) -> None:
        self._producer.commit_transaction()

    def abort(self) -> None:
        """Take back what was written since `begin`, and go on."""
        self._producer.flush()
        self._producer.abort_transaction()
        self._producer.begin_transaction()

    def alert(self, alert_id: str, *, priority: str = "CRITICAL", book: str = "S001", at_us: int = 0) -> None:
        """An alert."""
        event = AlertRaised(alert_id, "PROTOCOL_BREACH", priority, "TSLA", f"title {alert_id}", "in words")
        self._event("alerts", event, book, at_us)

    def order(self, order_id: str, at_us: int) -> None:
        """An order that goes to the broker."""
        event = OrderSubmitted(
            order_id, f"S001/S001-GEN-001/{order_id}", 1, "TSLA250613P00247500", "SELL", "OPEN", 1, 100, "DAY", 65
        )
        self._event("orders", event, "S001", at_us)

    def progress(self, promise_us: int) -> None:
        """The book partitions have reached this time."""
        value = CODEC.encode_record(BookProgress(promise_us, -1, True, 100_000, PARTITIONS))
        for partition in range(PARTITIONS):
            self._producer.produce(self.cluster.topic("orders"), value, None, partition)

    def _event(self, topic: str, event: object, book: str, at_us: int) -> None:
        self._sequence += 1
        at_us = at_us or time.time_ns() // 1000
        partition = partition_of(book, PARTITIONS)
        envelope = Envelope(
            f"e{self._sequence}", "s", 1, type(event).__name__, 1, at_us, at_us, book, f"{book}-GEN-001", "BOOK",
            "book", "c", "c", "", 0, partition, self._sequence, 0,
        )  # fmt: skip
        value = CODEC.encode_event(envelope, event)
        self._producer.produce(self.cluster.topic(topic), value, book.encode(), partition)

    def read(self, topic: str) -> list[tuple[str, dict[str, Any]]]:
        """All committed records of a topic."""
        consumer = reader(self.cluster)
        found: list[tuple[str, dict[str, Any]]] = []
        try:
            full = self.cluster.topic(topic)
            consumer.assign([TopicPartition(full, p, 0) for p in range(PARTITIONS)])
            at_end = set[int]()
            while len(at_end) < PARTITIONS:
                for message in consumer.consume(500, 0.2):
                    value = message.value()
                    if message.error() is not None:
                        at_end.add(message.partition() or 0)
                    elif isinstance(value, bytes):
                        found.append(CODEC.decode(value))
        finally:
            consumer.close()
        return found


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer()
    yield server
    server.stop()


@pytest.fixture
def start(cluster: Cluster, hook: HookServer, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a monitor; what still runs at the end is killed, and its log shown when the test failed."""
    running: list[subprocess.Popen[bytes]] = []
    settings = tmp_path / "alluse.toml"
    settings.write_text("")
    log = tmp_path / "monitor.log"

    def begin(**more: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "ALLUSE_SETTINGS": str(settings),
            "ALLUSE_NAMESPACE": cluster.namespace,
            "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
            "ALLUSE_ALERT_WEBHOOK": f"PRIMARY=http://127.0.0.1:{hook.port}/PRIMARY",
            "ALLUSE_ALERT_WEBHOOK_SECRET": "s",
            **more,
        }
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.monitor.child"],
                cwd=CHECKOUT, env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
    sys.stderr.write(log.read_text()[-8000:] if log.exists() else "")


def _until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def _told(hook: HookServer) -> Counter[str]:
    """Alert ids that the webhook has taken as first notices, with how often."""
    bodies = [json.loads(posted.body) for posted in hook.taken]
    return Counter(body["alert_id"] for body in bodies if body["kind"] == "ALERT")


def test_an_alert_is_told_once_and_an_aborted_one_never(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=False)
    with log:
        log.alert("before")
    process = start()
    _until(lambda: _told(hook)["before"] == 1)
    with log:
        log.alert("taken-back")
        log.abort()
        log.alert("after", book="S002")
    _until(lambda: _told(hook)["after"] == 1)
    process.terminate()
    assert process.wait(30) == 0
    assert _told(hook) == {"before": 1, "after": 1}
    # and it stands on the log over which channels, by reference
    delivered = [(r["alert_id"], r["channel"], r["role"]) for _, r in log.read("alert-deliveries")]
    assert sorted(delivered) == sorted((a, c, "PRIMARY") for a in ("before", "after") for c in ("log", "webhook"))


def test_a_restart_tells_nothing_again(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=False)
    with log:
        for number in range(5):
            log.alert(f"a{number}")
    first = start()
    _until(lambda: len(log.read("alert-deliveries")) == 10)
    first.terminate()
    assert first.wait(30) == 0
    second = start()
    with log:
        log.alert("last")
    _until(lambda: _told(hook)["last"] == 1)
    second.terminate()
    assert second.wait(30) == 0
    assert _told(hook) == {**{f"a{n}": 1 for n in range(5)}, "last": 1}


def test_killed_again_and_again_it_loses_nothing(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=False)
    kills = 20 if os.environ.get("ALLUSE_CHAOS") else 3
    hook.answers = [503] * 4  # the first notices fail, wait, and come through later
    written = 0
    for kill in range(kills):
        process, seen = start(), sum(_told(hook).values())
        for _ in range(10):
            with log:
                log.alert(f"a{written}", book=f"S00{written % 5}")
            written += 1
            time.sleep(0.02 * kill)
        _until(lambda seen=seen: sum(_told(hook).values()) > seen)  # in the middle of telling
        process.kill()
        process.wait()
    start()
    _until(lambda: len(_told(hook)) == written, timeout_s=120)
    assert set(_told(hook)) == {f"a{n}" for n in range(written)}


def test_what_is_stuck_is_proposed_to_the_book(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=False)
    with log:
        log.order("o1", time.time_ns() // 1000 - 70 * SECOND_US)
        log.alert("sign")
    process = start()
    _until(lambda: _told(hook)["sign"] == 1)
    _until(lambda: any(n == "RaiseAlert" for n, _ in log.read("commands")))
    process.kill()
    process.wait()
    (command,) = [r for n, r in log.read("commands") if n == "RaiseAlert"]
    header = CommandHeader(**command["header"])
    assert (header.book, header.actor_type, header.actor_id) == ("S001", "SERVICE", "monitor")
    assert (command["title"], command["source"]) == ("Order without progress", "monitor")


def test_on_a_recorded_log_time_is_the_logs_and_no_command_is_sent(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=True)
    ten_us = 1_749_477_600_000_000  # 2025-06-09 10:00 in New York
    with log:
        log.alert("c", at_us=ten_us)
        log.order("o1", ten_us)
        log.progress(ten_us + 6 * 60 * SECOND_US)
    process = start(ALLUSE_ALERT_RECORDED="all")
    _until(lambda: len(hook.taken) == 2)
    found = [json.loads(posted.body) for posted in hook.taken]
    assert [(f["kind"], f["role"]) for f in found] == [("ALERT", "PRIMARY"), ("ESCALATION", "SECONDARY")]
    process.terminate()
    assert process.wait(30) == 0
    assert {name for name, _ in log.read("commands")} == {"LogOpened"}


def test_alerts_of_a_recorded_log_stay_in_the_monitors_own_log(
    cluster: Cluster, hook: HookServer, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    log = Log(cluster, recorded=True)
    with log:
        log.alert("c", at_us=1_749_477_600_000_000)
    start()
    _until(lambda: len(log.read("alert-deliveries")) == 1)
    assert [r["channel"] for _, r in log.read("alert-deliveries")] == ["log"]
    assert hook.requests == 0
