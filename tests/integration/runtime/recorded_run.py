"""A recorded run over a real cluster, its processors as processes of their own that are started again when they die."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self

from domain.commands import CommandHeader, CreateSystem, RecordFee
from domain.inputs import LogOpened, Watermark
from gateways.broker.paper import PaperBroker
from gateways.market.feed import COMMANDS, TICKS, command, commands_complete, market_records, opening
from gateways.market.port import MarketDataRequest
from gateways.market.sources import open_source
from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.postgres import Database
from infra.settings import CHECKOUT
from infra.stream.contract import Message, Output
from processors.book.digest import digest_of
from processors.book.task import BookProcessor
from processors.market import MarketProcessor
from processors.runtime.kafka import KafkaLog
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec

PARTITIONS = MARKET_PARTITIONS = 4
CONFIG = {"env.mode": "SIM", "gen.tickers": "AAPL,GOOG", "rev.tickers": "IBM,MSFT", "sim.hitl_policy": "AUTO_APPROVE"}


@dataclass(frozen=True, eq=False)
class Recording:
    """What is fed: the same records whatever runtime takes them."""

    first: dt.date
    last: dt.date
    books: tuple[str, ...] = ("S001",)
    config: dict[str, str] = field(default_factory=lambda: dict(CONFIG))
    source: str = "sample"
    symbols: tuple[str, ...] = ("AAPL", "GOOG", "IBM", "MSFT")
    capital: int = 500_000_000
    """cents"""
    commands: tuple[RecordFee, ...] = ()
    """of operators, by time, later than the foundings"""

    @property
    def until_us(self) -> int:
        """End of the recording: the Saturday job of the last week is in."""
        return int(dt.datetime.combine(self.last, dt.time(23), dt.UTC).timestamp() * 1e6) + 2 * 86_400_000_000

    def records(self) -> Iterable[Output]:
        """Everything that gateways and the operator write."""
        opened = LogOpened("test", PARTITIONS, MARKET_PARTITIONS, "CRC32", 1_000_000, 100_000, True)
        at = int(dt.datetime.combine(self.first, dt.time(10), dt.UTC).timestamp() * 1e6)
        founding = [
            command(
                book,
                CreateSystem(
                    CommandHeader(f"create-{book}", book, at, 0, "USER", "owner", "OWNER", book),
                    self.capital,
                    "subject",
                    "DU1",
                    self.config,
                ),
                PARTITIONS,
            )
            for book in self.books
        ]
        founding += [command(c.header.book, c, PARTITIONS) for c in self.commands]
        request = MarketDataRequest(self.symbols, self.first, self.last)
        market = chain.from_iterable(
            outputs for _, outputs in market_records(iter(open_source(self.source).moments(request)), MARKET_PARTITIONS)
        )
        end = Codec.load().encode_record(Watermark(self.until_us))
        ends = [Output(TICKS, p, None, end) for p in range(MARKET_PARTITIONS)]
        return chain(opening(opened), founding, commands_complete(opened, self.until_us), market, ends)


def empty_runtime() -> tuple[MemoryLog, MemoryRuntime]:
    """All processors over an empty memory log."""
    log = MemoryLog(PARTITIONS)
    market = MarketProcessor(MARKET_PARTITIONS, PARTITIONS)
    runtime = MemoryRuntime(
        log, [(market, MARKET_PARTITIONS), (BookProcessor(), PARTITIONS), (PaperBroker(), PARTITIONS)]
    )
    return log, runtime


def in_memory(recording: Recording) -> tuple[str, MemoryLog, MemoryRuntime]:
    """The oracle: the same recording on the memory runtime."""
    log, runtime = empty_runtime()
    for number, record in enumerate(recording.records()):
        log.append(*record)
        if number % 20_000 == 0:
            runtime.run()
    runtime.run()
    return digest_of(log.records, PARTITIONS).value(), log, runtime


class Fleet:
    """Processes of processors on a cluster, kept running; they may be killed at any moment."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        counts: dict[str, int],
        database: Database | None = None,
        partitions: int = PARTITIONS,
    ) -> None:
        self.cluster, self._folder, self._database, self._partitions = cluster, folder, database, partitions
        self._stop = threading.Event()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = self.kills = 0
        self._names = [f"{name}-{number}" for name, count in counts.items() for number in range(count)]

    def __enter__(self) -> Self:
        keep = admin(self.cluster)
        ensure_topics(keep, self.cluster, partitions=self._partitions)
        for name in self._names:
            self._start(name)
        self._keeper = threading.Thread(target=self._keep_alive, daemon=True)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._keeper.join()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()

    def _start(self, name: str) -> None:
        kind = name.rpartition("-")[0]
        arguments = [kind, self.cluster.bootstrap, self.cluster.namespace, name]
        if kind == "projections" and self._database is not None:
            arguments += [self._database.sqlalchemy_url, self._database.schema]
        with (self._folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.runtime.child", *arguments],
                cwd=CHECKOUT,
                stdout=out,
                stderr=out,
            )

    def _keep_alive(self) -> None:
        while not self._stop.wait(0.1):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    self.restarts += 1
                    self._start(name)

    def kill(self, name: str) -> None:
        """kill -9, of a process that lives; the keeper starts it again."""
        while (process := self.processes[name]).poll() is not None:
            time.sleep(0.02)
        process.kill()
        process.wait(60)
        self.kills += 1


class RunOnKafka(Fleet):
    """The recording on a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        recording: Recording,
        folder: Path,
        counts: dict[str, int] | None = None,
        database: Database | None = None,
        book: str = "book",
    ) -> None:
        wanted = {name: (counts or {}).get(name, 1) for name in ("market", book, "paper-broker")}
        if database is not None:
            wanted["projections"] = 1
        super().__init__(cluster, folder, wanted, database)
        self.recording = recording
        self._promises = dict.fromkeys(range(PARTITIONS), 0)
        self._read = dict.fromkeys(range(PARTITIONS), 0)

    def feed(self) -> None:
        """Write the whole recording."""
        client = producer(self.cluster)
        for topic, partition, key, value, _ in self.recording.records():
            while True:
                try:
                    client.produce(self.cluster.topic(topic), value, key, partition)
                    break
                except BufferError:
                    client.poll(0.1)
            client.poll(0)
        assert client.flush(120) == 0

    def progress_us(self, log: KafkaLog) -> int:
        """Event time that every book partition has reached."""
        codec = Codec.load()
        header = codec.header("BookProgress")
        for partition in self._promises:
            for message in log.records("orders", partition, self._read[partition]):
                self._read[partition] = message.offset + 1
                if message.value is not None and message.value[:5] == header:
                    self._promises[partition] = codec.decode(message.value)[1]["promise_us"]
        return min(self._promises.values())

    def finish(self, log: KafkaLog, at: Sequence[tuple[int, object]] = (), limit_s: float = 240) -> None:
        """Wait for the end of the recording; on the way call what stands in `at` (event time, callable) when
        reached."""
        due = list(at)
        deadline = time.monotonic() + limit_s
        while True:
            reached = self.progress_us(log)
            while due and reached >= due[0][0]:
                act = due.pop(0)[1]
                assert callable(act)
                act()
            if reached > self.recording.until_us:
                return
            assert time.monotonic() < deadline, (
                f"stands at {dt.datetime.fromtimestamp(reached / 1e6, dt.UTC)}; see {self._folder}"
            )
            time.sleep(0.05)

    def digest(self, log: KafkaLog) -> str:
        """Digest of the log as it stands; checks chain and events on the way."""
        return digest_of(log.records, PARTITIONS).value()

    def journal(self, log: KafkaLog, partition: int) -> list[tuple[bytes | None, bytes | None]]:
        """Keys and values of a partition's journal."""
        return [(m.key, m.value) for m in log.records("journal", partition)]


def journal_of(log: MemoryLog, partition: int) -> list[tuple[bytes | None, bytes | None]]:
    """The oracle's journal."""
    return [(m.key, m.value) for m in log.records("journal", partition)]


__all__ = ["COMMANDS", "Message", "Recording", "RunOnKafka", "in_memory", "journal_of"]
