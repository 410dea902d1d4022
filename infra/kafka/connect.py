"""The Kafka that the settings name: a cluster, or the local broker, started if it is not running."""

from __future__ import annotations

from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.settings import Settings


def open_cluster(settings: Settings, *, timeout_s: float = 5.0) -> tuple[Cluster, LocalBroker | None]:
    """The cluster to use and, when it is the local one, its broker (stop it if `broker.started_here`).

    Raises UnavailableError `KAFKA_UNREACHABLE` for a named cluster that does not answer, and what
    `LocalBroker.start` raises for the local one.
    """
    if settings.kafka_bootstrap_servers:
        cluster = settings.cluster(settings.kafka_bootstrap_servers)
        cluster.require_reachable(timeout_s)
        return cluster, None
    broker = LocalBroker(settings.home, settings.cache)
    return settings.cluster(broker.start()), broker
