"""kill -9 at random moments of a run: afterwards the journal is, byte for byte, what the memory runtime makes of the
inputs."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.postgres import Database
from infra.stream.contract import Output
from processors.book.digest import digest_of
from processors.runtime.kafka import KafkaLog
from processors.runtime.memory import MemoryLog
from projections.catalogue import HISTORY, PROJECTIONS
from projections.kafka import KafkaLog as OutputTopics
from projections.migrate import migrate
from projections.rebuild import rebuild
from tests.integration.projections.conftest import dump
from tests.integration.runtime.recorded_run import (
    PARTITIONS,
    Recording,
    RunOnKafka,
    empty_runtime,
    in_memory,
    journal_of,
)

KILLS = 20 if os.environ.get("ALLUSE_CHAOS") else 3
LAST = dt.date(2011, 6, 30) if os.environ.get("ALLUSE_CHAOS") else dt.date(2011, 4, 15)
RECORDING = Recording(dt.date(2011, 3, 1), LAST, books=("S001", "S002", "S007"))


@pytest.fixture(scope="module")
def oracle() -> tuple[str, MemoryLog]:
    digest, log, _ = in_memory(RECORDING)
    return digest, log


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> list[int]:
    """Event times at which something is killed, random, but the same for the same seed."""
    seed = os.environ.get("ALLUSE_SEED", request.node.name)
    first = int(dt.datetime.combine(RECORDING.first, dt.time(10), dt.UTC).timestamp() * 1e6)
    chance = random.Random(seed)
    return sorted(chance.randrange(first, RECORDING.until_us) for _ in range(KILLS))


@pytest.fixture
def own_broker(tmp_path: Path, cache: Path) -> Iterator[LocalBroker]:
    with LocalBroker(tmp_path, cache) as local:
        yield local


@pytest.mark.parametrize("name", ["market", "book", "paper-broker"])
def test_a_killed_processor_leaves_the_journal_as_it_is_without_kills(
    name: str, cluster: Cluster, tmp_path: Path, moments: list[int], oracle: tuple[str, MemoryLog]
) -> None:
    with RunOnKafka(cluster, RECORDING, tmp_path) as run:
        log = KafkaLog(cluster)
        run.feed()
        run.finish(log, [(at, lambda: run.kill(f"{name}-0")) for at in moments], limit_s=60 * KILLS)
        assert run.restarts >= 1, "nothing was killed"
        same_as_oracle(run, log, oracle)


def test_with_two_book_processes_and_one_of_them_killed(
    cluster: Cluster, tmp_path: Path, moments: list[int], oracle: tuple[str, MemoryLog]
) -> None:
    with RunOnKafka(cluster, RECORDING, tmp_path, {"book": 2}) as run:
        log = KafkaLog(cluster)
        run.feed()
        run.finish(
            log, [(at, lambda n=n: run.kill(f"book-{n % 2}")) for n, at in enumerate(moments)], limit_s=60 * KILLS
        )
        assert run.restarts >= 1, "nothing was killed"
        same_as_oracle(run, log, oracle)


def test_a_killed_kafka_loses_and_doubles_nothing(
    own_broker: LocalBroker, tmp_path: Path, moments: list[int], oracle: tuple[str, MemoryLog]
) -> None:
    assert own_broker.bootstrap is not None
    cluster = Cluster(own_broker.bootstrap)

    crashes: list[int] = []

    def crash() -> None:
        crashes.append(own_broker.pid or 0)
        own_broker.kill()
        own_broker.start()

    with RunOnKafka(cluster, RECORDING, tmp_path) as run:
        log = KafkaLog(cluster)
        run.feed()
        run.finish(log, [(at, crash) for at in moments], limit_s=60 * KILLS)
        assert len(set(crashes)) == KILLS, "each time another Kafka process was killed"
        same_as_oracle(run, log, oracle)


def test_killed_projections_end_as_a_fresh_rebuild_would(
    cluster: Cluster, database: Database, tmp_path: Path, moments: list[int]
) -> None:
    migrate(database)
    with RunOnKafka(cluster, RECORDING, tmp_path, database=database) as run:
        log, source = KafkaLog(cluster), OutputTopics(cluster)
        run.feed()
        run.finish(log, [(at, lambda: run.kill("projections-0")) for at in moments], limit_s=60 * KILLS)
        events = digest_of(log.records, PARTITIONS).events
        deadline = time.monotonic() + 120
        while (projected := len(dump(database, HISTORY)["events"])) < events:
            assert time.monotonic() < deadline, f"{projected} of {events} events projected; see {tmp_path}"
            time.sleep(0.5)
    assert run.restarts >= 1, "nothing was killed"
    time.sleep(1)  # both projections take the same records; the other one may be a batch behind
    grown = dump(database)
    assert len(grown["events"]) == events
    for name in PROJECTIONS:
        rebuild(database, name, source)
    assert dump(database) == grown


def same_as_oracle(run: RunOnKafka, log: KafkaLog, oracle: tuple[str, MemoryLog]) -> None:
    digest, memory = oracle
    for partition in range(PARTITIONS):
        assert run.journal(log, partition) == journal_of(memory, partition), f"partition {partition} differs"
    assert run.digest(log) == digest


def test_an_input_moved_by_one_place_changes_the_digest() -> None:
    records = list(Recording(dt.date(2011, 3, 1), dt.date(2011, 3, 4)).records())
    plain = journal_heads(records)
    ticks = [n for n, r in enumerate(records) if r.topic == "market.ticks" and r.key == b"AAPL"]
    one, other = ticks[len(ticks) // 2], ticks[len(ticks) // 2 + 1]
    records[one], records[other] = records[other], records[one]
    assert journal_heads(records) != plain
    records[one], records[other] = records[other], records[one]
    assert journal_heads(records) == plain, "and back again it is the same"


def journal_heads(records: Sequence[Output]) -> str:
    """Digest of what the memory runtime makes of given records."""
    log, runtime = empty_runtime()
    for record in records:
        log.append(*record)
    runtime.run()
    return digest_of(log.records, PARTITIONS).value()
