from __future__ import annotations

from infra.kafka.cluster import Cluster
from infra.kafka.topics import TOPICS


def test_history_is_never_deleted_by_its_age() -> None:
    for topic in TOPICS.values():
        configs = topic.configs()
        if topic.kept == "days":
            assert configs["message.timestamp.type"] == "LogAppendTime", topic.name
        else:
            assert configs["retention.ms"] == "-1", topic.name
            assert configs["message.timestamp.type"] == "CreateTime", topic.name


def test_only_state_is_compacted() -> None:
    compacted = {topic.name for topic in TOPICS.values() if "compact" in topic.configs()["cleanup.policy"]}
    assert compacted == {"snapshots", "market.state", "broker.state", "monitor.state"}


def test_what_a_book_processor_reads_is_co_partitioned() -> None:
    inputs = ("market.marks", "starlab.instructions", "commands", "broker.reports", "clock.ticks", "journal", "orders")
    assert {TOPICS[name].partitions for name in inputs} == {None}


def test_a_namespace_prefixes_topics_groups_and_transactional_ids() -> None:
    cluster = Cluster("x:1", namespace="paper")
    assert cluster.topic("journal") == "paper.journal"
    assert cluster.group("book") == "paper.book"
    assert cluster.transactional_id("book-3") == "paper.book-3"
    assert Cluster("x:1").topic("journal") == "journal"
