"""kill -9 at random moments of a run: afterwards the journal is, byte for byte, what the memory runtime makes of the
inputs."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from domain.calendar import DAY, day_number
from domain.inputs import SessionCalendar
from gateways.market.port import MarketDataRequest
from gateways.market.sources import open_source
from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.postgres import Database
from infra.stream.contract import Output
from processors.book.digest import EVENT_TOPICS, digest_of
from processors.runtime.kafka import KafkaLog
from processors.runtime.memory import MemoryLog
from projections.catalogue import HISTORY, PROJECTIONS
from projections.kafka import KafkaLog as OutputTopics
from projections.migrate import migrate
from projections.rebuild import rebuild
from schemas.codec import Codec
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
        assert run.kills == KILLS
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
        assert run.kills == KILLS
        same_as_oracle(run, log, oracle)


def test_a_killed_kafka_loses_and_doubles_nothing(
    own_broker: LocalBroker, database: Database, tmp_path: Path, moments: list[int], oracle: tuple[str, MemoryLog]
) -> None:
    migrate(database)
    assert own_broker.bootstrap is not None
    cluster = Cluster(own_broker.bootstrap)

    crashes: list[int] = []

    def crash() -> None:
        crashes.append(own_broker.pid or 0)
        own_broker.kill()
        own_broker.start()

    with RunOnKafka(cluster, RECORDING, tmp_path, database=database) as run:
        log = KafkaLog(cluster)
        run.feed()
        run.finish(log, [(at, crash) for at in moments], limit_s=60 * KILLS)
        assert len(set(crashes)) == KILLS, "each time another Kafka process was killed"
        same_as_oracle(run, log, oracle)
        await_projections(log, database)
    same_as_rebuilt(database, OutputTopics(cluster))


def test_a_kafka_that_stands_still_for_a_while_holds_nothing_up_for_ever(
    own_broker: LocalBroker, tmp_path: Path, moments: list[int], oracle: tuple[str, MemoryLog]
) -> None:
    # given a broker that is frozen, again and again, for longer than its own session, the first times at the start
    assert own_broker.bootstrap is not None
    cluster = Cluster(own_broker.bootstrap)
    chance = random.Random(KILLS)

    def freeze() -> None:
        assert own_broker.pid is not None
        os.kill(own_broker.pid, signal.SIGSTOP)
        try:
            time.sleep(chance.uniform(4, 8))
        finally:
            os.kill(own_broker.pid, signal.SIGCONT)

    with RunOnKafka(cluster, RECORDING, tmp_path) as run:
        run.feed()
        for _ in range(3):
            freeze()
            time.sleep(chance.uniform(0, 2))
        # then the run goes on when it is back, and ends as it does without
        log = KafkaLog(cluster)
        run.finish(log, [(at, freeze) for at in moments], limit_s=240 + 60 * KILLS)
        same_as_oracle(run, log, oracle)


def test_killed_projections_end_as_a_fresh_rebuild_would(
    cluster: Cluster, database: Database, tmp_path: Path, moments: list[int]
) -> None:
    migrate(database)
    with RunOnKafka(cluster, RECORDING, tmp_path, database=database) as run:
        log, source = KafkaLog(cluster), OutputTopics(cluster)
        run.feed()
        run.finish(log, [(at, lambda: run.kill("projections-0")) for at in moments], limit_s=60 * KILLS)
        await_projections(log, database)
    assert run.kills == KILLS
    same_as_rebuilt(database, source)


def await_projections(log: KafkaLog, database: Database) -> None:
    """Until every event is projected, once."""
    events = digest_of(log.records, PARTITIONS).events
    deadline = time.monotonic() + 120
    while (projected := len(dump(database, HISTORY)["events"])) < events:
        assert time.monotonic() < deadline, f"{projected} of {events} events projected"
        time.sleep(0.5)
    time.sleep(1)  # both projections take the same records; the other one may be a batch behind
    assert len(dump(database, HISTORY)["events"]) == events


def same_as_rebuilt(database: Database, source: OutputTopics) -> None:
    grown = dump(database)
    for name in PROJECTIONS:
        rebuild(database, name, source)
    assert dump(database) == grown


def same_as_oracle(run: RunOnKafka, log: KafkaLog, oracle: tuple[str, MemoryLog]) -> None:
    digest, memory = oracle
    for partition in range(PARTITIONS):
        assert run.journal(log, partition) == journal_of(memory, partition), f"partition {partition} differs"
    assert run.digest(log) == digest


def test_the_broker_agrees_with_every_book_after_every_session(oracle: tuple[str, MemoryLog]) -> None:
    # given every event of the run without kills, which the others equal
    log, codec = oracle[1], Codec.load()
    events = [
        codec.decode(message.value or b"")
        for topic in EVENT_TOPICS
        for partition in range(PARTITIONS)
        for message in log.records(topic, partition)
        if message.key is not None
    ]
    compared = [plain for name, plain in events if name == "ReconciliationCompleted"]
    request = MarketDataRequest(RECORDING.symbols, RECORDING.first, RECORDING.last)
    (calendar,) = [r for m in open_source("sample").moments(request) for r in m.records if type(r) is SessionCalendar]
    sessions = [day for day in calendar.sessions if day_number(RECORDING.first) <= day <= day_number(RECORDING.last)]
    # then each book was compared after each session, to the cent, and something had happened
    for book in RECORDING.books:
        ends = [e for e in compared if e["occasion"] == "EOD" and e["envelope"]["system_id"] == book]
        assert [e["envelope"]["occurred_at_us"] // DAY for e in ends][: len(sessions)] == sessions
        assert len({e["book_cash"] for e in ends}) > 1
    assert all(e["broker_cash"] == e["book_cash"] for e in compared)
    assert not [plain for name, plain in events if name == "ReconciliationBreakDetected"]
    # and every posting balances
    postings = [plain for name, plain in events if name == "LedgerPosted"]
    assert postings
    assert all(sum(line["amount"] for line in plain["lines"]) == 0 for plain in postings)


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
