"""Command appended -> answer readable, at random arrivals, beside a bare transactional loop."""

from __future__ import annotations

import random
import threading
import time

from confluent_kafka import Consumer, TopicPartition

from benchmarks import stage
from benchmarks.workbench import Bench, Child, Level, Report, quantile, spread
from domain.identity import partition_of
from infra.kafka.clients import producer, reader
from infra.kafka.cluster import Cluster
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec

PARTITIONS, BOOKS, RATE, SECONDS, SLICE_S = 4, 50, 50.0, 10.0, 2.0
UNCOUNTED = 3
OURS, LIMIT = "book processor", "bare transactional loop"
METHOD = (
    f"RecordFee commands for {BOOKS} books over {PARTITIONS} partitions of a live log, Poisson arrivals at "
    f"{RATE:.0f} a second for {SECONDS:.0f} s a round, ours and the bare loop in turn "
    f"by slices of {SLICE_S:.0f} s, each a process of its own. "
    "The prober appends with `linger.ms=0` and reads the answers read_committed: from `produce()` to the "
    "command's FeeCharged event in hand. Ours: decode, idempotency, rules, two to three events, journal entry, "
    "offsets, one transaction; a thread and a producer a partition. Bare loop: one thread and one producer for "
    "all partitions, the command's bytes twice into the answer topic and the offsets, one transaction. The first "
    "three of a slice are not counted. Checked: every command answered, once."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """Ours and the bare loop in turn."""
    report = Report("latency", "Command to answer", METHOD)
    names = stage.books(BOOKS)
    ours = bench.fresh_log(partitions=PARTITIONS)
    stage.set_up(bench, ours, PARTITIONS, names)
    bare = bench.fresh_log(partitions=PARTITIONS, only=("commands", "ledger"))
    children: dict[str, tuple[Cluster, Child]] = {
        OURS: (ours, bench.child("processor", ours, processor="book", topic="commands")),
        LIMIT: (bare, bench.child("answer", bare, partitions=PARTITIONS)),
    }
    probes = {name: Probe(cluster, names) for name, (cluster, _) in children.items()}
    for probe in probes.values():
        probe.run(RATE, 2.0)  # until both answer, and once warm
    waits: dict[str, list[float]] = {name: [] for name in children}
    for number in range(rounds):
        found_in: dict[str, list[float]] = {name: [] for name in children}
        for turn in range(max(1, round(SECONDS * scale / SLICE_S))):
            for name in (OURS, LIMIT) if turn % 2 == 0 else (LIMIT, OURS):
                found_in[name] += probes[name].run(RATE, SLICE_S)
        for name, found in found_in.items():
            waits[name] += found
            line = {f"p{q}_ms": round(quantile(found, q / 100) * 1e3, 2) for q in (50, 90, 99)}
            report.add(
                {"round": number, "variant": name, "answers": len(found), **line, "max_ms": round(max(found) * 1e3, 1)}
            )
        bench.say(
            f"latency, round {number + 1}: {[(x['variant'], x['p50_ms'], x['p99_ms']) for x in report.lines[-2:]]}"
        )
    for _, child in children.values():
        child.stop()
    for probe in probes.values():
        probe.close()
    for cluster in (ours, bare):
        bench.drop(cluster)
    _tell(report, waits)
    return report


class Probe:
    """Sends commands and waits for their answers."""

    def __init__(self, cluster: Cluster, names: list[str]) -> None:
        self._cluster, self._names, self._codec = cluster, names, Codec.load()
        self._producer = producer(cluster, overrides={"linger.ms": 0})
        self._reader: Consumer = reader(cluster, overrides={"enable.partition.eof": False, "fetch.wait.max.ms": 100})
        topic = cluster.topic("ledger")
        log = KafkaLog(cluster)
        self._reader.assign([TopicPartition(topic, p, log.end("ledger", p)) for p in range(PARTITIONS)])
        log.close()
        self._number = 0
        self._sent: dict[str, float] = {}
        self._answered: dict[str, float] = {}
        self._chance = random.Random(7)

    def run(self, rate: float, seconds: float) -> list[float]:
        """Seconds from command to answer, of all commands but the first."""
        first, finished = self._number, threading.Event()
        thread = threading.Thread(target=self._read, args=(finished,))
        thread.start()
        at = time.perf_counter()
        end, topic = at + seconds, self._cluster.topic("commands")
        while time.perf_counter() < end:
            book = self._names[self._chance.randrange(len(self._names))]
            name, partition = f"fee-{self._number}", partition_of(book, PARTITIONS)
            value = self._codec.encode_record(stage.fee(self._number, book, stage.START_US + 3))
            self._number += 1
            self._sent[name] = time.perf_counter()
            self._producer.produce(topic, value, book.encode(), partition)
            self._producer.poll(0)
            at += self._chance.expovariate(rate)
            time.sleep(max(0.0, at - time.perf_counter()))
        finished.set()
        thread.join(60)
        names = [f"fee-{n}" for n in range(first, self._number)]
        lost = [name for name in names if name not in self._answered]
        assert not lost, f"{len(lost)} of {len(names)} commands have no answer"
        return [self._answered[name] - self._sent[name] for name in names[UNCOUNTED:]]

    def _read(self, finished: threading.Event) -> None:
        deadline = None
        fee = self._codec.header("FeeCharged")
        while True:
            if finished.is_set():
                deadline = deadline or time.monotonic() + 30
                if len(self._answered) >= self._number or time.monotonic() > deadline:
                    return
            message = self._reader.poll(0.1)
            if message is None or message.error() is not None:
                continue
            now, value = time.perf_counter(), message.value() or b""
            if value[:5] == fee:
                name = self._codec.decode(value)[1]["envelope"]["idempotency_key"]
                assert name not in self._answered, f"{name} was answered twice"
            else:
                kind, plain = self._codec.decode(value)
                if kind != "RecordFee":
                    continue
                name = plain["header"]["command_id"]
            self._answered.setdefault(name, now)

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()


def _tell(report: Report, waits: dict[str, list[float]]) -> None:
    report.columns = (
        "processor",
        "answers",
        "p50 ms, all rounds (a round)",
        "p90 ms",
        "p99 ms, all rounds (a round)",
        "max ms",
    )
    whole = {name: {q: quantile(found, q / 100) * 1e3 for q in (50, 90, 99)} for name, found in waits.items()}
    for name, found in waits.items():
        report.rows.append(
            (
                name,
                f"{len(found):,}",
                f"{whole[name][50]:.1f} ({spread(report.of(name, 'p50_ms'), 1)})",
                f"{whole[name][90]:.1f}",
                f"{whole[name][99]:.1f} ({spread(report.of(name, 'p99_ms'), 1)})",
                f"{max(found) * 1e3:.0f}",
            )
        )
    p50, p99 = whole[OURS][50], whole[OURS][99] / whole[LIMIT][99]
    report.levels += [
        Level("p50", "6 ms", f"{p50:.1f} ms ({p50 / whole[LIMIT][50]:.2f} of the bare loop's)", p50 <= 6),
        Level("p99 of the bare loop's, all rounds together", "<= 1.2", f"{p99:.2f}", p99 <= 1.2),
    ]
