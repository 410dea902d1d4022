from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

from infra.errors import RequestError, UnavailableError
from infra.kafka.clients import admin, group_consumer, producer, reader, transactional_producer
from infra.kafka.cluster import Cluster, reason_of
from infra.kafka.topics import TOPICS, ensure_topics


def _next(consumer: Consumer, count: int) -> list[bytes | None]:
    values: list[bytes | None] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            values.append(message.value())
    return values


def test_all_topics_are_made_once(cluster: Cluster) -> None:
    client = admin(cluster)
    made = ensure_topics(client, cluster, partitions=2)
    assert sorted(made) == sorted(cluster.topic(name) for name in TOPICS)
    assert ensure_topics(client, cluster, partitions=2) == []
    there = client.list_topics(timeout=10).topics
    assert len(there[cluster.topic("journal")].partitions) == 2
    assert len(there[cluster.topic("audit.checkpoints")].partitions) == 1
    client.delete_topics([cluster.topic(name) for name in TOPICS])


def test_two_makers_at_once_agree(cluster: Cluster) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(ensure_topics(admin(cluster), cluster, only=["orders", "fills"])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [cluster.topic("fills"), cluster.topic("orders")]


def test_another_number_of_partitions_is_refused_and_nothing_is_made(cluster: Cluster) -> None:
    client = admin(cluster)
    ensure_topics(client, cluster, partitions=2, only=["journal"])
    with pytest.raises(UnavailableError, match="KAFKA_TOPIC_DIFFERS") as caught:
        ensure_topics(client, cluster, partitions=4, only=["journal", "orders"])
    assert "2 partitions instead of 4" in caught.value.message
    assert cluster.topic("orders") not in client.list_topics(timeout=10).topics


def test_a_topic_that_would_lose_history_is_refused(cluster: Cluster) -> None:
    client = admin(cluster)
    week = {"retention.ms": "604800000"}
    for future in client.create_topics([NewTopic(cluster.topic("journal"), 4, 1, config=week)]).values():
        future.result(30)
    with pytest.raises(UnavailableError, match=r"retention\.ms=604800000 instead of -1"):
        ensure_topics(client, cluster, only=["journal"])


def test_topics_are_never_made_by_accident(cluster: Cluster) -> None:
    writer = producer(cluster, overrides={"message.timeout.ms": 1000})
    writer.produce(cluster.topic("jurnal"), b"x")
    writer.flush(5)
    assert cluster.topic("jurnal") not in admin(cluster).list_topics(timeout=10).topics


def test_what_a_transaction_aborts_is_never_read(cluster: Cluster) -> None:
    ensure_topics(admin(cluster), cluster, only=["orders"])
    writer = transactional_producer(cluster, "w-0")
    writer.init_transactions(30)
    for value, commit in ((b"1", True), (b"lost", False), (b"2", True)):
        writer.begin_transaction()
        writer.produce(cluster.topic("orders"), value, partition=0)
        if commit:
            writer.commit_transaction(30)
        else:
            writer.flush(10)
            writer.abort_transaction(30)
    consumer = reader(cluster)
    consumer.assign([TopicPartition(cluster.topic("orders"), 0, 0)])
    assert _next(consumer, 2) == [b"1", b"2"]
    consumer.close()


def test_a_successor_fences_its_predecessor(cluster: Cluster) -> None:
    ensure_topics(admin(cluster), cluster, only=["orders"])
    zombie = transactional_producer(cluster, "w-0")
    zombie.init_transactions(30)
    zombie.begin_transaction()
    zombie.produce(cluster.topic("orders"), b"zombie", partition=0)
    zombie.flush(10)
    transactional_producer(cluster, "w-0").init_transactions(30)
    with pytest.raises(KafkaException) as caught:
        zombie.commit_transaction(30)
    assert reason_of(caught.value).name() in ("_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED")
    assert reason_of(caught.value).fatal()


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_co_partitioned_topics_stay_together_in_a_group(cluster: Cluster, protocol: str) -> None:
    cluster = dataclasses.replace(cluster, group_protocol=protocol)
    names = ["commands", "broker.reports"]
    ensure_topics(admin(cluster), cluster, only=names)
    members = [group_consumer(cluster, "book", instance=f"book-{n}") for n in range(2)]
    for member in members:
        member.subscribe([cluster.topic(name) for name in names])
    deadline = time.monotonic() + 30
    assigned: list[set[tuple[str, int]]] = []
    while time.monotonic() < deadline:
        for member in members:
            member.poll(0.1)
        assigned = [{(part.topic, part.partition) for part in member.assignment()} for member in members]
        if [len(parts) for parts in assigned] == [4, 4]:
            break
    for parts in assigned:
        numbers = [{number for topic, number in parts if topic == cluster.topic(name)} for name in names]
        assert len(numbers[0]) == 2
        assert numbers[0] == numbers[1]
    for member in members:
        member.close()


def test_records_older_than_any_retention_and_of_the_future_are_kept(cluster: Cluster) -> None:
    ensure_topics(admin(cluster), cluster, only=["commands"])
    writer = producer(cluster)
    writer.produce(cluster.topic("commands"), b"1998", partition=0, timestamp=884_000_000_000)
    writer.produce(cluster.topic("commands"), b"2100", partition=0, timestamp=4_102_444_800_000)
    assert writer.flush(10) == 0
    consumer = reader(cluster)
    consumer.assign([TopicPartition(cluster.topic("commands"), 0, 0)])
    assert _next(consumer, 2) == [b"1998", b"2100"]
    consumer.close()


def test_a_property_that_librdkafka_does_not_know_is_a_bad_setting(kafka: Cluster) -> None:
    wrong = dataclasses.replace(kafka, properties={"sasl.pasword": "hunter2"})
    with pytest.raises(RequestError, match=r"sasl\.pasword") as caught:
        producer(wrong)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(RequestError, match="SETTINGS_INVALID"):
        wrong.require_reachable(1.0)
