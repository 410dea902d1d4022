"""The Kafka and the Postgres of a command: those of the settings, else the local ones of a system that is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.errors import UnavailableError
from infra.kafka.cluster import Cluster
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.postgres import Database

_UP = "Start the system with `alluse up --detach`."


def attach_cluster(settings: Settings) -> Cluster:
    """The cluster, if it answers. Raises UnavailableError `KAFKA_NOT_RUNNING`, `KAFKA_UNREACHABLE`."""
    if settings.kafka_bootstrap_servers:
        cluster = settings.cluster(settings.kafka_bootstrap_servers)
        cluster.require_reachable()
        return cluster
    from infra.kafka.broker import LocalBroker

    broker = LocalBroker(settings.home, settings.cache)
    if not broker.alive():
        raise UnavailableError("KAFKA_NOT_RUNNING", f"No local Kafka broker runs on {broker.folder}.", _UP)
    return settings.cluster(broker.attach())


def attach_database(settings: Settings) -> Database:
    """The database, if it answers. Raises UnavailableError `POSTGRES_NOT_RUNNING`, `POSTGRES_UNREACHABLE`."""
    from infra.postgres import Database, LocalPostgres, open_database

    if settings.database_url is not None:
        return open_database(settings)[0]
    server = LocalPostgres(settings.home)
    if not server.alive():
        raise UnavailableError("POSTGRES_NOT_RUNNING", f"No embedded PostgreSQL runs on {server.folder}.", _UP)
    return Database(server.url(), settings.postgres_schema)
