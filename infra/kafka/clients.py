"""Kafka clients with the settings that were measured (docs/decisions/0001-local-servers-and-clients.md).

Every function takes `overrides`, librdkafka properties that win over the ones set here, for tests and benchmarks.
Raises RequestError `SETTINGS_INVALID` when librdkafka refuses a property.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from infra.kafka.cluster import Cluster, invalid_property

_log = logging.getLogger("alluse.kafka")
_Client = TypeVar("_Client", Consumer, Producer, AdminClient)

MAX_MESSAGE_BYTES = 8 << 20
TRANSACTION_TIMEOUT_MS = 15_000


def group_consumer(
    cluster: Cluster, group: str, *, instance: str | None = None, overrides: Mapping[str, object] | None = None
) -> Consumer:
    """A member of a consumer group (its name without namespace): read_committed, no auto-commit, from the beginning.

    By KIP-848 with the server's `range` assignor, which keeps co-partitioned topics together; with the classic protocol
    by static membership, for which `instance` names this member (required then, stable over restarts).
    """
    if cluster.group_protocol == "consumer":
        membership: dict[str, object] = {"group.protocol": "consumer", "group.remote.assignor": "range"}
    else:
        if instance is None:
            raise ValueError("the classic group protocol needs a stable instance name")
        membership = {
            "group.protocol": "classic",
            "group.instance.id": cluster.named(instance),
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1500,
        }
    properties = {**_reading(cluster), "group.id": cluster.group(group), **membership, **(overrides or {})}
    return _make(Consumer, properties, logger=True)


def reader(cluster: Cluster, *, overrides: Mapping[str, object] | None = None) -> Consumer:
    """A consumer outside of any group, for `assign()` at chosen offsets; signals the end of a partition.

    It joins no group and commits nothing; librdkafka wants a group name all the same.
    """
    properties = {
        **_reading(cluster),
        "group.id": cluster.group("reader"),
        "enable.partition.eof": True,
        **(overrides or {}),
    }
    return _make(Consumer, properties, logger=True)


def transactional_producer(cluster: Cluster, name: str, *, overrides: Mapping[str, object] | None = None) -> Producer:
    """A producer for transactions; `name` is the logical producer, stable over restarts, so that a successor fences it.

    The caller calls `init_transactions`. No delivery callback is needed: the commit reports failures.
    """
    properties = {
        **_writing(cluster),
        "transactional.id": cluster.transactional_id(name),
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "linger.ms": 0,  # the commit flushes
        **(overrides or {}),
    }
    return _make(Producer, properties, logger=True)


def producer(cluster: Cluster, *, overrides: Mapping[str, object] | None = None) -> Producer:
    """An idempotent producer without transactions (gateways, feeds of inputs)."""
    properties = {**_writing(cluster), "enable.idempotence": True, "linger.ms": 5, **(overrides or {})}
    return _make(Producer, properties, logger=True)


def admin(cluster: Cluster, *, overrides: Mapping[str, object] | None = None) -> AdminClient:
    """An administration client; keep it in a name while its futures are open."""
    return _make(AdminClient, {**cluster.client_properties(), "error_cb": _report, **(overrides or {})}, logger=False)


def _reading(cluster: Cluster) -> dict[str, object]:
    return {
        **cluster.client_properties(),
        "error_cb": _report,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "fetch.queue.backoff.ms": 5,  # the default, 1000, makes small records arrive at a fifth of the rate
        "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
        "fetch.max.bytes": 64 << 20,
    }


def _writing(cluster: Cluster) -> dict[str, object]:
    return {
        **cluster.client_properties(),
        "error_cb": _report,
        "acks": "all",
        "partitioner": "murmur2_random",  # the Java clients' own, so that every tool puts a key into the same partition
        "retry.backoff.ms": 1,  # the default, 100, is paid by every transaction begun right after the last one
        "compression.type": "lz4",
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 512 << 10,
        "message.max.bytes": MAX_MESSAGE_BYTES,
    }


def _make(kind: Callable[..., _Client], properties: dict[str, object], *, logger: bool) -> _Client:
    try:
        # librdkafka's own log comes to Python's where the client is polled for it; an AdminClient never is.
        return kind(properties, logger=_log) if logger else kind({**properties, "log_level": 3})
    except KafkaException as error:
        raise invalid_property(error) from error


def _report(error: KafkaError) -> None:
    """Transport errors heal by themselves and are said once each; all others are for whoever gets the exception too."""
    level = logging.ERROR if error.fatal() else logging.WARNING
    _log.log(level, error.str(), extra={"error": error.name(), "fatal": error.fatal(), "retriable": error.retriable()})
