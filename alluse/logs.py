"""Choosing the log of a recorded run: each starts on a log that nothing has been written to."""

from __future__ import annotations

from alluse.homes import Home, Wanted, shown_log, with_log
from alluse.leaders import end_of
from infra.errors import RequestError
from infra.kafka.clients import reader
from infra.kafka.cluster import Cluster
from infra.postgres import Database
from infra.settings import Settings

_MOST = 9999


def choose_log(settings: Settings, cluster: Cluster, database: Database, processors: int) -> Wanted:
    """The log in use if nothing stands on it, else the next free `run_0001`, `run_0002`, ...

    Raises RequestError `LOG_IN_USE` when ALLUSE_NAMESPACE names a log that has records.
    """
    current = Home(settings).wanted(settings).log
    topics = topic_names(cluster)
    schemas = schema_names(database)
    if _fresh(settings, cluster, topics, current) and _schema(settings, current) not in _written(database, schemas):
        return Wanted(current, processors)
    if settings.namespace:
        raise RequestError(
            "LOG_IN_USE",
            f"The log {settings.namespace} (ALLUSE_NAMESPACE) has records; a recorded run starts on an empty one.",
            "Name another, or unset ALLUSE_NAMESPACE: the run then takes a new one.",
        )
    for number in range(1, _MOST):
        name = f"run_{number:04d}"
        if not any(topic.startswith(f"{name}.") for topic in topics) and _schema(settings, name) not in schemas:
            return Wanted(name, processors)
    raise RequestError(
        "NO_FREE_LOG", f"All logs run_0001 to run_{_MOST} are taken.", "Use a new ALLUSE_HOME or ALLUSE_NAMESPACE."
    )


def log_names(cluster: Cluster) -> list[str]:
    """Every log of a cluster, the main one as an empty name."""
    found = {
        topic.removesuffix("journal").rstrip(".")
        for topic in topic_names(cluster)
        if topic == "journal" or topic.endswith(".journal")
    }
    return sorted(found)


def topic_names(cluster: Cluster) -> set[str]:
    """All topics of the cluster."""
    consumer = reader(cluster)
    try:
        return set(consumer.list_topics(timeout=10).topics)
    finally:
        consumer.close()


def schema_names(database: Database) -> set[str]:
    """All schemas of the database."""
    import psycopg

    with psycopg.connect(database.conninfo, connect_timeout=5) as pg:
        return {row[0] for row in pg.execute("SELECT nspname FROM pg_namespace").fetchall()}


def _fresh(settings: Settings, cluster: Cluster, topics: set[str], log: str) -> bool:
    """Nothing stands on the topics that a run writes first."""
    named = with_log(settings, log).cluster(cluster.bootstrap)
    consumer = reader(named)
    try:
        for topic in (named.topic("commands"), named.topic("market.ticks")):
            if topic not in topics:
                continue
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                if end_of(consumer, topic, partition) > 0:
                    return False
    finally:
        consumer.close()
    return True


def _schema(settings: Settings, log: str) -> str:
    return with_log(settings, log).postgres_schema


def _written(database: Database, schemas: set[str]) -> set[str]:
    """Schemas whose projections have read something."""
    import psycopg
    from psycopg import sql

    found: set[str] = set()
    with psycopg.connect(database.conninfo, connect_timeout=5, autocommit=True) as pg:
        for schema in schemas:
            if schema == "alluse" or schema.startswith("alluse_"):
                there = pg.execute("SELECT to_regclass(%s) IS NOT NULL", [f'"{schema}".projection_offsets']).fetchone()
                if there == (True,):
                    query = sql.SQL("SELECT 1 FROM {}.projection_offsets WHERE next_offset > 0 LIMIT 1").format(
                        sql.Identifier(schema)
                    )
                    if pg.execute(query).fetchone() is not None:
                        found.add(schema)
    return found


def in_use(settings: Settings) -> str:
    """The name of the log in use, for people."""
    return shown_log(Home(settings).wanted(settings).log)
