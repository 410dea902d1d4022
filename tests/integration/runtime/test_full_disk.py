"""The disk under Kafka is full in the middle of a run: nothing is lost, and with room again it goes on."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import UnavailableError
from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from processors.runtime.kafka import KafkaLog
from tests.harness.small_disk import SmallDisk
from tests.integration.runtime.recorded_run import PARTITIONS, Recording, RunOnKafka, in_memory, journal_of

RECORDING = Recording(dt.date(2011, 3, 1), dt.date(2011, 3, 18))
NOON = int(dt.datetime(2011, 3, 9, 17, tzinfo=dt.UTC).timestamp() * 1e6)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk")
    yield made
    made.unmount()


def test_a_full_disk_under_kafka_loses_nothing(disk: SmallDisk, tmp_path: Path, cache: Path) -> None:
    digest, memory, _ = in_memory(RECORDING)
    said: list[str] = []
    with LocalBroker(disk.path, cache) as broker:
        assert broker.bootstrap is not None

        def fill() -> None:
            # when the disk is full
            disk.leave(0)
            deadline = time.monotonic() + 60
            while broker.alive():
                assert time.monotonic() < deadline, "the broker goes on with a full disk"
                time.sleep(0.1)
            # then a start is refused and says why
            with pytest.raises(UnavailableError) as refused:
                broker.start()
            said.append(refused.value.code)
            # and with room again it starts
            disk.free()
            broker.start()

        with RunOnKafka(Cluster(broker.bootstrap), RECORDING, tmp_path) as run:
            log = KafkaLog(run.cluster)
            run.feed()
            run.finish(log, [(NOON, fill)], limit_s=300)
            assert said == ["DISK_FULL"]
            for partition in range(PARTITIONS):
                assert run.journal(log, partition) == journal_of(memory, partition), f"partition {partition} differs"
            assert run.digest(log) == digest
