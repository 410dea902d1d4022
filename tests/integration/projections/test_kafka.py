"""The live reader and the rebuild against a real Kafka and a real Postgres."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from infra.kafka.clients import admin, transactional_producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.postgres import Database
from projections import generations
from projections.batch import LogRecord
from projections.catalogue import PROJECTIONS, TOPICS
from projections.errors import LogGapError
from projections.kafka import KafkaLog, LiveReader
from projections.migrate import migrate
from projections.rebuild import rebuild
from tests.integration.projections.conftest import dump, offsets, project
from tests.unit.projections.factory import Log, story

PARTITIONS = 2


@pytest.fixture
def log() -> Log:
    log = Log()
    story(log, "S001", weeks=3)
    story(log, "S002", weeks=3, partition=1)
    return log


@pytest.fixture
def topics(cluster: Cluster) -> Cluster:
    ensure_topics(admin(cluster), cluster, partitions=PARTITIONS, only=TOPICS)
    return cluster


def publish(cluster: Cluster, records: list[LogRecord], *, abort_first: bool = False) -> None:
    """Write records as a book processor does: in transactions; with `abort_first` each is tried and aborted once."""
    producer = transactional_producer(cluster, "book-test")
    producer.init_transactions(30)
    for start in range(0, len(records), 25):
        for attempt in range(2 if abort_first else 1):
            producer.begin_transaction()
            for record in records[start : start + 25]:
                producer.produce(cluster.topic(record.topic), record.value, partition=record.partition)
            if abort_first and attempt == 0:
                producer.flush()
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)


class Running:
    """A live reader in a thread of its own."""

    def __init__(self, cluster: Cluster, database: Database, batch: int = 50) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._reader = LiveReader(cluster, database, batch=batch)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._reader.run(self._stop)
        except BaseException as error:  # noqa: BLE001  # handed to the test
            self.error = error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def until(true: Callable[[], bool], seconds: float = 40) -> bool:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    return False


def test_live_reader_restart_and_rebuild(topics: Cluster, models: Database, log: Log) -> None:
    # given a log written in transactions, some of them aborted first, and what it comes to
    twin = Database(models.url, models.schema + "_twin")
    half = len(log.records) // 2
    publish(topics, log.records[:half], abort_first=True)
    # when a reader follows it, stops in the middle, and another one goes on
    first = Running(topics, models)
    assert until(lambda: _count(models) == half), (first.error, _count(models))
    first.stop()
    assert first.error is None
    publish(topics, log.records[half:])
    second = Running(topics, models)
    assert until(lambda: _count(models) == len(log.records)), (second.error, _count(models))
    # then the rows are those of the log, whatever the readers' batches
    _project_twin(twin, log)
    try:
        want = dump(twin)
        assert until(lambda: dump(models) == want, 5)
        # and a rebuild under the running reader gives them again, which comes over to the new generation
        source = KafkaLog(topics)
        for name in PROJECTIONS:
            assert rebuild(models, name, source).records == len(log.records)
        source.close()
        assert dump(models) == want
        more = len(log.records)
        story(log, "S003", weeks=1)
        publish(topics, log.records[more:])
        assert until(lambda: _count(models) == len(log.records)), (second.error, _count(models))
    finally:
        second.stop()
        _drop(twin)
    assert second.error is None


def test_two_readers_share_the_partitions(topics: Cluster, models: Database, log: Log) -> None:
    # given a reader at work
    publish(topics, log.records)
    readers = [Running(topics, models)]
    assert until(lambda: _count(models) == len(log.records)), readers[0].error
    # when a second one joins
    readers.append(Running(topics, models))
    assert until(lambda: len(_owners(models)) == 2 * len(readers)), [r.error for r in readers]
    more = len(log.records)
    story(log, "S003", weeks=1)
    story(log, "S004", weeks=1, partition=1)
    publish(topics, log.records[more:])
    # then together they project everything, once
    assert until(lambda: _count(models) == len(log.records)), [r.error for r in readers]
    for reader in readers:
        reader.stop()
        assert reader.error is None
    twin = Database(models.url, models.schema + "_twin")
    _project_twin(twin, log)
    assert dump(models) == dump(twin)
    _drop(twin)


def test_a_log_that_lost_its_records_is_said(topics: Cluster, models: Database, log: Log) -> None:
    # given read models that are further than the log
    far = [record._replace(offset=record.offset + 1_000_000) for record in log.records]
    project(models, far)
    publish(topics, log.records)
    at = offsets(models)
    # when a reader starts
    reader = Running(topics, models)
    # then it says so and changes nothing
    assert until(lambda: reader.error is not None)
    assert isinstance(reader.error, LogGapError)
    after = offsets(models)
    assert {place: after[place] for place in at} == at


def _count(database: Database) -> int:
    return len(dump(database, PROJECTIONS["history"])["events"]) if dump(database, PROJECTIONS["trading"]) else 0


def _owners(database: Database) -> set[str]:
    with psycopg.connect(database.conninfo) as pg:
        rows = pg.execute(f'SELECT DISTINCT owner FROM "{database.schema}".projection_offsets'.encode()).fetchall()
    return {row[0] for row in rows}


def _project_twin(twin: Database, log: Log) -> None:
    migrate(twin)
    project(twin, log.records)


def _drop(database: Database) -> None:
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        generations.drop(pg, database.schema)
