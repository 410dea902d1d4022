"""Start of broker and processor, takeover after kill -9, restore by the journal's tail, memory of 1,000 books."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import stage
from benchmarks.workbench import Bench, Level, Report
from domain.identity import partition_of
from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.settings import load_settings
from infra.stream.contract import LogReader, Message, Output
from processors.book import task as book_task
from processors.book.task import BookTask
from processors.runtime.kafka import KafkaLog

PARTITIONS, BOOKS = 4, 1_000
TAILS = (0, 10_000, 50_000)
METHOD = (
    "Broker: format, first start and start on the same data, until a metadata request is answered, in a home of "
    "its own. Processor: from creating the process to its first committed journal entry readable (Python's "
    "start, joining the group, `init_transactions`, restore of an empty log). Takeover: two book processors, "
    f"{PARTITIONS} partitions, {BOOKS:,} books; one is killed with SIGKILL, then a command goes to each of its "
    "partitions; from the kill to the last answer readable. Restore: `BookTask.restore` from Kafka, with an own "
    "reader, of a partition with one book after a snapshot and a tail of quiet Marks entries (one price each). "
    f"Memory: resident set of one processor process that holds {BOOKS:,} books of four partitions, each taken "
    "over by ImportBook."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """One after the other."""
    report = Report("takeover", "Start, takeover, restore, memory", METHOD)
    report.columns = ("what", "median (min..max)")
    for number in range(rounds):
        report.add({"round": number, "variant": "broker", **_broker()})
        report.add({"round": number, "variant": "processor", "first_commit_s": _first_commit(bench)})
    bench.say(f"takeover: broker and processor {report.lines[-2:]}")
    for tail in TAILS:
        for number, seconds in enumerate(_restores(bench, int(tail * scale), rounds)):
            report.add({"round": number, "variant": f"restore {tail}", "seconds": seconds})
        bench.say(f"takeover: restore of {tail}: {report.lines[-1]['seconds']} s")
    for number, line in enumerate(_takeovers(bench, min(rounds, 3), max(8, int(BOOKS * scale)))):
        report.add({"round": number, "variant": "takeover", **line})
        bench.say(f"takeover: {line}")
    _tell(report)
    return report


def _broker() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="alluse-bench-broker-") as home:
        broker = LocalBroker(Path(home), load_settings().cache)
        try:
            began = time.monotonic()
            broker.start()
            first = time.monotonic() - began
            broker.stop()
            began = time.monotonic()
            broker.start()
            again = time.monotonic() - began
        finally:
            broker.stop()
    return {"first_start_s": round(first, 2), "restart_s": round(again, 2)}


def _first_commit(bench: Bench) -> float:
    cluster = bench.fresh_log(partitions=PARTITIONS)
    first, _ = stage.opened(PARTITIONS, (), recorded=False)
    bench.write(cluster, first)
    child = bench.child("processor", cluster, processor="book", topic="commands")
    stage.await_entries(cluster, PARTITIONS, 1)
    seconds = time.monotonic() - child.started
    child.stop()
    bench.drop(cluster)
    return round(seconds, 2)


class _Partition(LogReader):
    """One partition's log, as the runtime gives it to a task."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The last value of each key."""
        return self._log.compacted(topic, 0)

    def records(self, topic: str, from_offset: int = 0) -> Iterator[Message]:
        """All records from an offset."""
        return self._log.records(topic, 0, from_offset)

    def end(self, topic: str) -> int:
        """The end of a topic."""
        return self._log.end(topic, 0)


def _restores(bench: Bench, tail: int, rounds: int) -> list[float]:
    """Seconds to restore a partition whose journal goes on for `tail` entries after its snapshot."""
    cluster = bench.fresh_log(partitions=1)
    made = stage.set_up(bench, cluster, 1, stage.books(1))
    before = book_task.SNAPSHOT_EVERY
    values = stage.marks(tail + 4, 1)
    try:
        # The first mark brings the snapshot, the others stay behind it.
        book_task.SNAPSHOT_EVERY = 1
        with stage.Stage(cluster, 1) as staged:
            bench.write(cluster, [Output("market.marks", 0, None, value) for value in values[:4]])
            staged.until(made + 4)
        book_task.SNAPSHOT_EVERY = 1 << 60
        with stage.Stage(cluster, 1) as staged:
            bench.write(cluster, stage.on_partition(0, "market.marks", values[4 : 4 + tail]))
            staged.until(made + len(values))
    finally:
        book_task.SNAPSHOT_EVERY = before
    found: list[float] = []
    for _ in range(rounds):
        log = KafkaLog(cluster)
        task = BookTask(0)
        began = time.perf_counter()
        task.restore(_Partition(log))
        found.append(round(time.perf_counter() - began, 3))
        log.close()
        assert task.chain.sequence == made + len(values), f"restored to {task.chain.sequence} of {made + len(values)}"
    bench.drop(cluster)
    return found


def _takeovers(bench: Bench, rounds: int, count: int) -> list[dict[str, float]]:
    names = stage.books(count)
    found: list[dict[str, float]] = []
    for number in range(rounds):
        cluster = bench.fresh_log(partitions=PARTITIONS)
        made = stage.set_up(bench, cluster, PARTITIONS, names)
        alone = bench.child("processor", cluster, processor="book", topic="commands", instance="a")
        _fees(bench, cluster, names, number * 1_000)
        made += PARTITIONS
        stage.await_entries(cluster, PARTITIONS, made)
        time.sleep(1)
        memory = alone.rss_mb()
        other = bench.child("processor", cluster, processor="book", topic="commands", instance="b")
        time.sleep(8)  # until it has its half
        _fees(bench, cluster, names, number * 1_000 + 100)
        made += PARTITIONS
        stage.await_entries(cluster, PARTITIONS, made)
        killed = time.monotonic()
        alone.kill()
        _fees(bench, cluster, names, number * 1_000 + 200)
        stage.await_entries(cluster, PARTITIONS, made + PARTITIONS, 60)
        seconds = time.monotonic() - killed
        other.stop()
        log = KafkaLog(cluster)
        entries = sum(stage.chained(log, p) for p in range(PARTITIONS))
        log.close()
        assert entries == made + PARTITIONS, f"{entries} entries of {made + PARTITIONS}"
        bench.drop(cluster)
        found.append({"takeover_s": round(seconds, 2), "rss_mb": memory, "books": count})
    return found


def _fees(bench: Bench, cluster: Cluster, names: list[str], first: int) -> None:
    """One command to each partition."""
    chosen = {partition_of(name, PARTITIONS): name for name in names}
    assert len(chosen) == PARTITIONS
    bench.write(
        cluster,
        [stage.command(n, stage.fee(first + p, n, stage.START_US + 5), PARTITIONS) for p, n in sorted(chosen.items())],
    )


def _tell(report: Report) -> None:
    report.rows += [
        ("broker, format and first start, s", report.spread("broker", "first_start_s", 2)),
        ("broker, start on its data, s", report.spread("broker", "restart_s", 2)),
        ("book processor, process made to first commit readable, s", report.spread("processor", "first_commit_s", 2)),
        *(
            (f"restore with a tail of {tail:,} entries, s", report.spread(f"restore {tail}", "seconds", 2))
            for tail in TAILS
        ),
        ("takeover after kill -9, two processes, s", report.spread("takeover", "takeover_s", 1)),
        (f"resident memory with {report.of('takeover', 'books')[0]:,} books, MB", report.spread("takeover", "rss_mb")),
    ]
    takeover, restore = max(report.of("takeover", "takeover_s")), report.median(f"restore {TAILS[-1]}", "seconds")
    memory = report.median("takeover", "rss_mb")
    report.levels += [
        Level("takeover after kill -9, the longest", "<= 10 s", f"{takeover:.1f} s", takeover <= 10),
        Level(f"restore with a tail of {TAILS[-1]:,} entries", "<= 2 s", f"{restore:.2f} s", restore <= 2),
        Level("memory with 1,000 books", "< 300 MB", f"{memory:.0f} MB", memory < 300),
    ]
