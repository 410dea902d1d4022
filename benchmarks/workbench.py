"""What every benchmark stands on: a broker of its own in a temporary home, fresh logs, processes that are measured.

The machine's speed drifts, so a benchmark interleaves its variants in rounds; ratios inside one round count.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer

from infra.kafka.broker import LocalBroker
from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.settings import CHECKOUT
from infra.stream.contract import Output

Line = dict[str, Any]
"""A raw result: one run of one variant."""


@dataclass(frozen=True)
class Borrowing(Cluster):
    """A log of its own that reads some topics of another: many runs over one recording, each with fresh outputs."""

    borrowed: Mapping[str, str] = field(default_factory=dict[str, str])
    """topic name to the full name of the topic that is read in its place"""

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return self.borrowed.get(name) or self.named(name)


class Child:
    """A measured process: `python -m benchmarks.children KIND JSON`. It prints JSON lines; the last is its result."""

    def __init__(self, folder: Path, number: int, kind: str, arguments: Line) -> None:
        self.started = time.monotonic()
        self._errors = folder / f"child-{number}-{kind}.log"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.children", kind, json.dumps(arguments)],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.pid = self._process.pid

    def line(self) -> Line:
        """The next line that it prints; blocks until then."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            self._process.wait(60)
            raise RuntimeError(f"a measured process ended early: {self._errors.read_text()[-2000:]}")
        return json.loads(text)

    def result(self, limit_s: float = 300) -> Line:
        """Its result, when it has ended by itself."""
        try:
            out, _ = self._process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"a measured process took more than {limit_s:.0f} s, see {self._errors}") from None
        if self._process.returncode != 0:
            raise RuntimeError(f"a measured process failed: {self._errors.read_text()[-2000:]}")
        return json.loads(out.splitlines()[-1])

    def stop(self, limit_s: float = 90) -> Line:
        """Ask it to end; its result."""
        self._process.send_signal(signal.SIGTERM)
        return self.result(limit_s)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait(30)

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def rss_mb(self) -> float:
        """Memory that it holds now."""
        return round(psutil.Process(self.pid).memory_info().rss / 1e6, 1)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.alive():
            self.kill()


class Bench:
    """The surroundings of one invocation."""

    def __init__(self, broker: LocalBroker, folder: Path, say: Callable[[str], None], *, profile: bool = False) -> None:
        bootstrap = broker.bootstrap
        assert bootstrap is not None
        self.broker, self.folder, self.say, self.profile = broker, folder, say, profile
        self.bootstrap: str = bootstrap
        self._logs = itertools.count()
        self._children: list[Child] = []
        self._admin = admin(Cluster(bootstrap))

    def fresh_log(
        self, *, partitions: int, borrowed: Mapping[str, str] | None = None, only: Iterable[str] | None = None
    ) -> Borrowing:
        """A new log with its topics; `borrowed` topics are read elsewhere."""
        cluster = Borrowing(self.bootstrap, namespace=f"b{next(self._logs)}", borrowed=borrowed or {})
        wanted = TOPICS_OF_A_RUN if only is None else only
        ensure_topics(
            self._admin, cluster, partitions=partitions, only=[name for name in wanted if name not in cluster.borrowed]
        )
        self._await_leaders(cluster)
        return cluster

    def _await_leaders(self, cluster: Cluster) -> None:
        """A client that asks a busy broker too early for a new topic keeps the wrong answer for long."""
        while True:
            topics = self._admin.list_topics(timeout=30).topics
            own = [topic for name, topic in topics.items() if name.startswith(f"{cluster.namespace}.")]
            if all(partition.leader >= 0 for topic in own for partition in topic.partitions.values()):
                break
            time.sleep(0.05)
        time.sleep(0.3)

    def drop(self, cluster: Cluster) -> None:
        """Delete a log's topics, so that the disk holds no more than a few runs."""
        prefix = f"{cluster.namespace}."
        names = [name for name in self._admin.list_topics(timeout=30).topics if name.startswith(prefix)]
        for future in self._admin.delete_topics(names).values() if names else ():
            future.result(30)

    def write(self, cluster: Cluster, records: Iterable[Output], *, wait_s: float = 120) -> int:
        """Append records, acknowledged; how many."""
        client, count = producer(cluster), 0
        for topic, partition, key, value, _ in records:
            produce(client, cluster.topic(topic), partition, key, value)
            count += 1
        if client.flush(wait_s):
            raise RuntimeError("the broker did not take all records")
        return count

    def child(self, kind: str, cluster: Cluster, **arguments: Any) -> Child:
        """Start a measured process."""
        borrowed: Mapping[str, str] = cluster.borrowed if isinstance(cluster, Borrowing) else dict[str, str]()
        base = {"bootstrap": cluster.bootstrap, "namespace": cluster.namespace, "borrowed": dict(borrowed)}
        made = Child(self.folder, len(self._children), kind, {**base, **arguments})
        self._children.append(made)
        return made

    def broker_cpu_s(self) -> float:
        """CPU seconds that the broker has used so far."""
        pid = self.broker.pid
        assert pid is not None
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system

    def close(self) -> None:
        """End what was started."""
        for child in self._children:
            child.end()


TOPICS_OF_A_RUN = (
    *("market.ticks", "market.bars", "market.marks", "market.state", "commands", "broker.reports", "clock.ticks"),
    *("journal", "signals", "orders", "fills", "accounts", "ledger", "protocol", "alerts", "snapshots", "dead-letters"),
)


def produce(client: Producer, name: str, partition: int, key: bytes | None, value: bytes | None) -> None:
    """Hand a record to a producer, waiting while its queue is full."""
    while True:
        try:
            client.produce(name, value, key, partition)
            break
        except BufferError:
            client.poll(0.05)
    client.poll(0)


@dataclass
class Level:
    """A level to reach, and what was measured."""

    what: str
    wanted: str
    measured: str
    reached: bool


@dataclass
class Report:
    """What a benchmark found."""

    name: str
    title: str
    method: str
    """what is and is not included"""
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    levels: list[Level] = field(default_factory=list[Level])
    notes: list[str] = field(default_factory=list[str])
    lines: list[Line] = field(default_factory=list[Line])
    profiles: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, line: Line) -> Line:
        """Keep a raw result."""
        self.lines.append({"benchmark": self.name, **line})
        return line

    def of(self, variant: str, key: str) -> list[float]:
        """A figure of all rounds of a variant."""
        return [line[key] for line in self.lines if line.get("variant") == variant and line.get(key) is not None]

    def spread(self, variant: str, key: str, digits: int = 0) -> str:
        """`median (min..max)` of a figure."""
        return spread(self.of(variant, key), digits)

    def ratios(self, variant: str, limit: str, key: str) -> list[float]:
        """The figure of one variant over that of another, round by round."""
        return [a / b for a, b in zip(self.of(variant, key), self.of(limit, key), strict=False)]

    def median(self, variant: str, key: str) -> float:
        """Median of a figure."""
        return statistics.median(self.of(variant, key))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """`median (min..max)`."""
    if not values:
        return "-"
    middle, low, high = statistics.median(values), min(values), max(values)
    if len(values) == 1:
        return f"{middle:,.{digits}f}"
    return f"{middle:,.{digits}f} ({low:,.{digits}f}..{high:,.{digits}f})"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def own_memory_mb() -> float:
    """Memory that this process holds."""
    return psutil.Process(os.getpid()).memory_info().rss / 1e6
