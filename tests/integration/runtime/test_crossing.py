"""Commands from book to book over Kafka, sender and receiver killed at random: the same log as in memory."""

import datetime as dt
import os
import random
import time
from pathlib import Path

import pytest

from domain import book as rules
from domain.commands import RecordFee
from infra.kafka.cluster import Cluster
from processors.book.crossing import origin_of
from processors.runtime.kafka import KafkaLog
from tests.integration.runtime.recorded_run import PARTITIONS, Recording, RunOnKafka, in_memory, journal_of
from tests.integration.runtime.relay import fee, relay

KILLS = 20 if os.environ.get("ALLUSE_CHAOS") else 4
LAST = dt.date(2011, 5, 31) if os.environ.get("ALLUSE_CHAOS") else dt.date(2011, 3, 25)
FIRST = dt.date(2011, 3, 1)
BOOKS = ("S001", "S002", "S004", "S005")
"""In partitions 1, 3, 2, 0."""
PATHS = ("S001,S002,S001", "S005,S004;S001,S005", "S002,S002", "S004,S005,S001;S002", "S001,S005")
HOUR_US = 3_600_000_000


def fees() -> tuple[RecordFee, ...]:
    """One every 31 hours, by day and by night."""
    begin = int(dt.datetime.combine(FIRST, dt.time(11), dt.UTC).timestamp() * 1e6)
    count = (LAST - FIRST).days * 24 // 31
    made: list[RecordFee] = []
    for number in range(count):
        book, _, paths = PATHS[number % len(PATHS)].partition(",")
        made.append(fee(f"f{number}", book, begin + number * 31 * HOUR_US, paths))
    return tuple(made)


def test_killed_senders_and_receivers_leave_the_log_as_it_is_in_memory(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setitem(rules.COMMAND_RULES, RecordFee, relay)
    recording = Recording(FIRST, LAST, BOOKS, commands=fees())
    digest, memory, _ = in_memory(recording)
    crossed = [m.key for p in range(PARTITIONS) for m in memory.records("commands", p) if origin_of(m)]
    assert set(crossed) == {book.encode() for book in BOOKS}
    chance = random.Random(os.environ.get("ALLUSE_SEED", request.node.name))
    begin = recording.commands[0].header.time_us
    moments = sorted(chance.randrange(begin, recording.until_us) for _ in range(KILLS))

    with RunOnKafka(cluster, recording, tmp_path, {"relay": 2}, book="relay") as run:
        log = KafkaLog(cluster)

        def kill(both: bool) -> None:
            time.sleep(chance.random() / 20)
            for number in (0, 1) if both else (chance.randrange(2),):
                run.kill(f"relay-{number}")

        run.feed()
        run.finish(log, [(at, lambda n=n: kill(n % 3 == 2)) for n, at in enumerate(moments)], limit_s=60 * KILLS)
        assert run.restarts >= 1, "nothing was killed"
        for partition in range(PARTITIONS):
            assert run.journal(log, partition) == journal_of(memory, partition), f"partition {partition} differs"
        assert run.digest(log) == digest
        found = [m.key for p in range(PARTITIONS) for m in log.records("commands", p) if origin_of(m)]
        assert found == crossed, "every command once"
