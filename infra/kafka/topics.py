"""The topic table: what each topic is for, how it is kept, and the code that makes it so (architecture, "Topics")."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from infra.errors import UnavailableError
from infra.kafka.clients import MAX_MESSAGE_BYTES
from infra.kafka.cluster import Cluster, reason_of

FOREVER_MS = 2**63 - 1
DAYS_KEPT = 7

Kept = Literal["for good", "days", "compacted"]


@dataclass(frozen=True)
class Topic:
    """One row of the table. `partitions`: how many, or None for P, the log's number of book partitions."""

    name: str
    key: str
    writer: str
    kept: Kept
    partitions: int | None = None
    max_message_bytes: int = 1 << 20

    def configs(self) -> dict[str, str]:
        """The broker's settings for it; all of them are compared when the topic exists already."""
        if self.kept == "days":
            # By append time, or history fed today would be deleted today; the event's time is in the record.
            kept = {
                "cleanup.policy": "delete",
                "retention.ms": str(DAYS_KEPT * 86_400_000),
                "retention.bytes": "-1",
                "message.timestamp.type": "LogAppendTime",
            }
        else:
            kept = {
                "cleanup.policy": "compact" if self.kept == "compacted" else "delete",
                "retention.ms": "-1",
                "retention.bytes": "-1",
                "message.timestamp.type": "CreateTime",
                # Event time may be decades before or after the broker's clock.
                "message.timestamp.before.max.ms": str(FOREVER_MS),
                "message.timestamp.after.max.ms": str(FOREVER_MS),
            }
        return {**kept, "compression.type": "producer", "max.message.bytes": str(self.max_message_bytes)}


_TABLE = (
    Topic("market.ticks", "symbol", "market data gateways", "days"),
    Topic("market.bars", "symbol", "market processor", "for good"),
    Topic("market.marks", "fanned out", "market processor", "days"),
    Topic("market.state", "symbol", "market processor", "compacted"),
    Topic("starlab.instructions", "book", "STAR-LAB", "for good"),
    Topic("commands", "book", "operators, approvals, configuration", "for good"),
    Topic("broker.reports", "book", "broker gateways", "for good"),
    Topic("broker.state", "book", "broker gateways", "compacted", max_message_bytes=MAX_MESSAGE_BYTES),
    Topic("clock.ticks", "fanned out", "clock", "days"),
    Topic("journal", "journal entry", "book processor", "for good", max_message_bytes=4 << 20),
    Topic("signals", "book", "book processor", "for good"),
    Topic("orders", "book", "book processor", "for good"),
    Topic("fills", "book", "book processor", "for good"),
    Topic("accounts", "book", "book processor", "for good"),
    Topic("ledger", "book", "book processor", "for good"),
    Topic("protocol", "book", "book processor", "for good"),
    Topic("alerts", "book", "book processor", "for good"),
    Topic("alert-deliveries", "book", "monitor", "for good"),
    Topic("monitor.state", "book", "monitor", "compacted", max_message_bytes=MAX_MESSAGE_BYTES),
    Topic("snapshots", "book, with its partition", "book processor", "compacted", max_message_bytes=MAX_MESSAGE_BYTES),
    Topic("dead-letters", "book", "all", "for good", max_message_bytes=4 << 20),
    Topic("audit.checkpoints", "partition", "notary", "for good", partitions=1),
)
TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in _TABLE}


def ensure_topics(
    client: AdminClient,
    cluster: Cluster,
    *,
    partitions: int = 4,
    replication: int = -1,
    only: Collection[str] | None = None,
    timeout_s: float = 60.0,
) -> list[str]:
    """Make the topics that are not there yet (all, or `only` these); return the full names of those made.

    `partitions` is P; it is fixed for the life of a log. `replication` -1 is the cluster's own default. Safe when
    several call it at once. Raises UnavailableError `KAFKA_TOPIC_DIFFERS` when a topic is there with another number of
    partitions or another setting (nothing is made then), `KAFKA_TOPICS_FAILED` when the cluster refuses.
    """
    rows = [TOPICS[name] for name in (TOPICS if only is None else only)]
    wanted = {cluster.topic(row.name): (row, row.partitions or partitions) for row in rows}
    try:
        there = client.list_topics(timeout=timeout_s).topics
        missing = [name for name in wanted if name not in there]
        _require_same(client, {name: wanted[name] for name in wanted if name in there}, timeout_s)
        news = [NewTopic(name, wanted[name][1], replication, config=wanted[name][0].configs()) for name in missing]
        made: list[str] = []
        lost_race: list[str] = []
        for name, future in (client.create_topics(news, operation_timeout=timeout_s) if news else {}).items():
            try:
                future.result(timeout_s)
                made.append(name)
            except KafkaException as error:
                if reason_of(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
                lost_race.append(name)
        _await_visible(client, [*made, *lost_race], timeout_s)
        _require_same(client, {name: wanted[name] for name in lost_race}, timeout_s)
    except KafkaException as error:
        raise UnavailableError(
            "KAFKA_TOPICS_FAILED",
            f"The topics could not be made or looked at on {cluster.bootstrap}: {reason_of(error).str()}.",
            "Check that the cluster runs and that this client may describe and create topics.",
        ) from error
    return made


def _await_visible(client: AdminClient, names: Collection[str], timeout_s: float) -> None:
    """Until the brokers know them: the controller has made a topic a moment before."""
    deadline = time.monotonic() + timeout_s
    while missing := set(names) - set(client.list_topics(timeout=timeout_s).topics):
        if time.monotonic() > deadline:
            raise UnavailableError(
                "KAFKA_TOPICS_FAILED",
                f"Made, but not visible after {timeout_s:.0f} s: {', '.join(sorted(missing))}.",
                "Look at the brokers' logs and disks, then try again.",
            )
        time.sleep(0.02)


def _require_same(client: AdminClient, expected: Mapping[str, tuple[Topic, int]], timeout_s: float) -> None:
    if not expected:
        return
    counted = client.list_topics(timeout=timeout_s).topics
    resources = {name: ConfigResource(ConfigResource.Type.TOPIC, name) for name in expected}
    described = client.describe_configs(list(resources.values()), request_timeout=timeout_s)
    differences: list[str] = []
    for name, (row, partitions) in expected.items():
        count = len(counted[name].partitions) if name in counted else 0
        if count != partitions:
            differences.append(f"{name} has {count} partitions instead of {partitions}")
        actual = described[resources[name]].result(timeout_s)
        differences += [
            f"{name} has {key}={actual[key].value} instead of {value}"
            for key, value in row.configs().items()
            if actual[key].value != value
        ]
    if differences:
        raise UnavailableError(
            "KAFKA_TOPIC_DIFFERS",
            f"{'; '.join(differences)}.",
            "The number of partitions is fixed for the life of a log: use another ALLUSE_NAMESPACE, "
            "or the number that the log was made with; mend other settings with Kafka's own tools.",
        )
