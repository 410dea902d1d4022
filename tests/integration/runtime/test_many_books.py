"""1,000 books on a live log, two processes, a rebalance between them, a crash, poison records: every command once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from domain import commands as c
from domain import inputs as i
from domain.identity import partition_of
from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.settings import CHECKOUT
from infra.stream.contract import Message
from processors.book.digest import digest_of
from processors.book.journal import read_key
from processors.book.task import BookTask
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec

P = 4
BOOKS = [f"S{number:04d}" for number in range(1000)]
POISONED = BOOKS[10:1000:100]
DAY_US = 86_400_000_000
T0 = 18_000 * DAY_US
CODEC = Codec.load()


class Live:
    """A live log and what is written to it."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        keep = admin(cluster)
        ensure_topics(keep, cluster, partitions=P)
        self.log = KafkaLog(cluster)
        self._producer = producer(cluster)
        days = list(range(17_995, 18_040))
        opens, closes = [d * DAY_US + 50_000_000_000 for d in days], [d * DAY_US + 73_000_000_000 for d in days]
        calendar = i.SessionCalendar(T0, days, opens, closes, [d + 1 for d in days], [17_995], [-18_000])
        for partition in range(P):
            opened = i.LogOpened("many", P, 1, "CRC32", 1_000_000, 100_000, False)
            self.put("commands", partition, None, CODEC.encode_record(opened))
            self.put("market.marks", partition, None, CODEC.encode_record(i.MarketCalendar(0, 0, T0, calendar)))
        self.flush()

    def put(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        self._producer.produce(self.cluster.topic(topic), value, key, partition)
        self._producer.poll(0)

    def command(self, book: str, record: object) -> None:
        self.raw(book, CODEC.encode_record(record))

    def raw(self, book: str, value: bytes) -> None:
        self.put("commands", partition_of(book, P), book.encode(), value)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0

    def fee_everywhere(self, round_: str) -> None:
        for book in BOOKS:
            header = c.CommandHeader(f"{round_}-{book}", book, T0 + 10, 0, "USER", "ops", "OPERATOR", round_)
            self.command(book, c.RecordFee(header, f"{book}-GEN-001", 100, ""))
        self.flush()

    def entries(self) -> Counter[str]:
        """Journal entries of commands, by disposition."""
        return Counter(
            key.disposition
            for partition in range(P)
            for message in self.log.records("journal", partition)
            if (key := read_key(message.key or b"")).source == "commands"
        )

    def await_calendar(self) -> None:
        """A live log takes inputs as they arrive: books can be founded where the calendar has been journalled."""
        waiting, deadline = set(range(P)), time.monotonic() + 60
        while waiting:
            assert time.monotonic() < deadline, f"no calendar in partitions {waiting}; see {self.folder}"
            for partition in list(waiting):
                sources = {read_key(m.key or b"").source for m in self.log.records("journal", partition)}
                if "market/0" in sources:
                    waiting.remove(partition)

    def await_commands(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while sum(self.entries().values()) < count:
            assert time.monotonic() < deadline, f"{self.entries()} of {count}; see {self.folder}"
            time.sleep(0.3)

    @contextmanager
    def process(self, name: str) -> Generator[subprocess.Popen[bytes]]:
        arguments = ["book", self.cluster.bootstrap, self.cluster.namespace, name]
        with (self.folder / f"{name}.log").open("ab") as out:
            started = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.runtime.child", *arguments],
                cwd=CHECKOUT,
                stdout=out,
                stderr=out,
            )
        try:
            yield started
        finally:
            started.kill()
            started.wait()


class _Folded:
    """LogReader of one partition."""

    def __init__(self, log: KafkaLog, partition: int, *, snapshots: bool) -> None:
        self._log, self._partition, self._snapshots = log, partition, snapshots

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        return self._log.compacted(topic, self._partition) if self._snapshots else {}

    def records(self, topic: str, from_offset: int = 0) -> Iterator[Message]:
        return self._log.records(topic, self._partition, from_offset)

    def end(self, topic: str) -> int:
        return self._log.end(topic, self._partition)


def test_every_command_counts_once_through_rebalance_crash_and_poison(cluster: Cluster, tmp_path: Path) -> None:
    live = Live(cluster, tmp_path)

    with live.process("book-a") as first:
        live.await_calendar()
        for book in BOOKS:
            header = c.CommandHeader(f"create-{book}", book, T0, 0, "USER", "ops", "OWNER", book)
            live.command(book, c.CreateSystem(header, 100_000_000, "subject", "DU1", {"env.mode": "SIM"}))
        live.flush()
        live.await_commands(P + 1000)
        with live.process("book-b"):  # a second process joins: partitions move to it
            live.fee_everywhere("one")
            for book in POISONED:
                live.raw(book, b"\0\0\0\0")
            live.fee_everywhere("two")
            live.fee_everywhere("one")  # every command again: answered from state
            first.kill()
            live.fee_everywhere("three")
            live.await_commands(P + 1000 + 4 * 1000 + len(POISONED))

    live.log.close()
    live.log = KafkaLog(cluster)
    healthy = 1000 - len(POISONED)
    assert live.entries() == {
        "taken": P + 1000 + 1000 + 2 * healthy,
        "duplicate": healthy,
        "parked": 4 * len(POISONED),
    }
    digest_of(live.log.records, P)  # the chain holds, and every entry has the events it was journalled with
    for partition in range(P):
        task = BookTask(partition)
        task.restore(_Folded(live.log, partition, snapshots=False))
        again = BookTask(partition)
        again.restore(_Folded(live.log, partition, snapshots=True))
        assert again.chain.previous == task.chain.previous
        for name, book in task.partition.books.items():
            assert book.accounts[f"{name}-GEN-001"].balance("FEES") == (100 if name in POISONED else 300)
            assert book.parked == (name in POISONED)
    letters = [m for partition in range(P) for m in live.log.records("dead-letters", partition)]
    assert len(letters) == 4 * len(POISONED), "the poison records and what came behind them, whole"
