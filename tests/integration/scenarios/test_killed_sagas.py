"""`kill -9` between any two steps of a saga, on a real Kafka: the same log as without (protocol 10).

Every entry of the journal is a transaction of its own here, so that a kill may fall between any two of them. The sagas
are played side by side, each on its partition: a kill cuts each of them somewhere else.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from alluse.scenarios.loading import load
from alluse.scenarios.on_kafka import feed_through, read_back
from alluse.scenarios.playing import Recording, Result, play
from alluse.scenarios.stage import Place
from domain.identity import partition_of
from domain.inputs import LogOpened
from gateways.broker.paper import PaperBroker
from infra.kafka.cluster import Cluster
from infra.settings import CHECKOUT
from infra.stream.contract import Output
from processors.book.digest import EVENT_TOPICS, digest_of
from processors.book.intake import decode_record
from processors.book.task import BookProcessor
from processors.runtime.kafka import KafkaLog
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from tests.integration.runtime.recorded_run import PARTITIONS, Fleet, journal_of
from tests.unit.scenarios.test_cuts import SAGAS

KILLS = 40 if os.environ.get("ALLUSE_CHAOS") else 6
BOOK = "book-by-steps"


def sagas(*, scripted: bool) -> list[Result]:
    """The sagas with that kind of broker, played in memory, each on a partition of its own."""
    found = [
        s
        for file, name, _ in SAGAS.values()
        for s in load(CHECKOUT / "scenarios" / f"{file}.yaml")
        if s.identity == name
    ]
    mine = [s for s in found if (log := play(s).recording) is not None and log.scripted == scripted]
    return [play(scenario, Place(number, len(mine))) for number, scenario in enumerate(mine)]


@pytest.mark.parametrize("scripted", [False, True], ids=["paper broker", "scripted broker"])
def test_killed_between_their_steps_they_end_as_in_memory(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest, scripted: bool
) -> None:
    # given sagas, and moments at which their process is killed: when the journal is so long
    wanted = sagas(scripted=scripted)
    recordings = [result.recording for result in wanted if result.recording is not None]
    assert len(recordings) == len(wanted) > 1
    chance = random.Random(os.environ.get("ALLUSE_SEED", request.node.name))
    entries = sum(result.entries for result in wanted)
    due = sorted(chance.randrange(1, entries) for _ in range(KILLS))
    counts = {BOOK: 1} if scripted else {BOOK: 1, "paper-broker": 1}
    log = KafkaLog(cluster)

    with Fleet(cluster, tmp_path, counts, partitions=len(wanted)) as fleet:

        def meanwhile() -> None:
            # a transaction is a record and its marker
            if due and sum(log.end("journal", p) for p in range(len(wanted))) // 2 >= due[0]:
                del due[0]
                fleet.kill(f"{BOOK}-0")

        # when they are played
        feed_through(cluster, log, recordings, meanwhile)
        assert fleet.kills > KILLS // 2
        # then every log is what it is without kills
        found = [read_back(log, recording) for recording in recordings]
    for result, replayed in zip(wanted, found, strict=True):
        assert (replayed.entries, replayed.digest) == (result.entries, result.digest), result.scenario.identity


def spread(recording: Recording) -> list[Recording]:
    """The same inputs for a log of several partitions: prices and watermarks in each, commands where their book is."""
    codec, everywhere = Codec.load(), dict[int, list[Output]]()
    for output in recording.outputs:
        record = decode_record(output.value or b"")
        if isinstance(record, LogOpened):
            output = output._replace(value=codec.encode_record(replace(record, partitions=PARTITIONS)))
        key = (output.key or b"").decode() if output.topic == "commands" else ""
        for partition in [partition_of(key, PARTITIONS)] if key else range(PARTITIONS):
            everywhere.setdefault(partition, []).append(output._replace(partition=partition))
    return [replace(recording, place=Place(p, PARTITIONS), outputs=everywhere[p]) for p in range(PARTITIONS)]


def in_memory(recordings: list[Recording]) -> MemoryLog:
    """The log that the memory runtime makes of them."""
    log = MemoryLog(PARTITIONS)
    runtime = MemoryRuntime(log, [(BookProcessor(), PARTITIONS), (PaperBroker(), PARTITIONS)])
    for recording in recordings:
        for output in recording.outputs:
            log.append(*output)
    runtime.run()
    return log


def happened(log: MemoryLog, partition: int) -> set[str]:
    """Names of the events of a partition."""
    codec = Codec.load()
    return {codec.name_of(m.value or b"") for topic in EVENT_TOPICS for m in log.records(topic, partition)}


def test_a_rev_fork_from_partition_to_partition_ends_as_in_memory(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # given a Rev fork whose new book belongs to another partition, in another process
    (scenario,) = (s for s in load(CHECKOUT / "scenarios" / "EX-12.yaml") if s.identity == "EX-12")
    parent, child = partition_of("S001", PARTITIONS), partition_of("S002", PARTITIONS)
    assert parent != child
    recording = play(scenario, Place(parent, PARTITIONS)).recording
    assert recording is not None
    recordings = spread(recording)
    memory = in_memory(recordings)
    assert {"ForkInitiated", "CapitalTransferred", "ForkCompleted"} <= happened(memory, parent)
    assert {"SystemCreated", "AccountFunded", "AccountActivated"} <= happened(memory, child)
    chance = random.Random(os.environ.get("ALLUSE_SEED", request.node.name))
    journals = [journal_of(memory, partition) for partition in range(PARTITIONS)]
    due = sorted(chance.randrange(1, sum(map(len, journals))) for _ in range(KILLS))
    log = KafkaLog(cluster)

    with Fleet(cluster, tmp_path, {BOOK: 2, "paper-broker": 1}) as fleet:

        def meanwhile() -> None:
            if due and sum(log.end("journal", p) for p in range(PARTITIONS)) // 2 >= due[0]:
                del due[0]
                fleet.kill(f"{BOOK}-{len(due) % 2}")

        # when both processes are killed now and then
        feed_through(cluster, log, recordings, meanwhile)
        assert fleet.kills > KILLS // 2
        # then every partition's journal is the same, and each command came once
        found = [[(m.key, m.value) for m in log.records("journal", p)] for p in range(PARTITIONS)]
    assert found == journals
    assert digest_of(log.records, PARTITIONS).value() == digest_of(memory.records, PARTITIONS).value()
