"""A run in memory: the same processors on the same bytes without Kafka, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from alluse.outcomes import Outcome
from alluse.plans import Plan
from gateways.broker.paper import PaperBroker
from infra.collector import collect_rarely
from processors.book.digest import EVENT_TOPICS, LogDigest
from processors.book.snapshot import SHARED
from processors.book.task import BookProcessor
from processors.market.task import MarketProcessor
from processors.runtime.memory import Headers, MemoryLog, MemoryRuntime
from schemas.codec import Codec

MOMENTS_A_TURN = 200
_KEPT = frozenset({"snapshots"})
_UNREAD = frozenset({"market.bars", "market.state", "broker.state"})
"""Nobody in a backtest reads them; a task that is made anew in memory needs the journal and snapshots alone."""

Progress = Callable[[int, Outcome, LogDigest], None]


class DigestedLog(MemoryLog):
    """Digests what is published on the way, and holds of it only what somebody still reads."""

    def __init__(self, partitions: int) -> None:
        super().__init__(partitions, retained=_KEPT)
        self.digest = LogDigest(partitions)
        self.outcome = Outcome()
        self.dead_letters = 0
        self._codec = Codec.load()
        self._progress = self._codec.header("BookProgress")
        self._covered = [0] * partitions

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = None
    ) -> None:
        """Add a record, or only take note of it."""
        if topic == "journal":
            self.digest.entry(partition, key or b"", value or b"")
        elif topic in EVENT_TOPICS:
            if (value or b"")[:5] != self._progress:
                self.digest.event(partition, value or b"")
                self.outcome.event(*self._codec.decode(value or b""))
            if topic != "orders":
                return
        elif topic in _UNREAD:
            return
        elif topic == "dead-letters":
            self.dead_letters += 1
        elif topic == "snapshots" and key == SHARED:
            # A book that fails is folded again from its last snapshot: the journal before that one is not needed.
            self.forget("journal", partition, self._covered[partition])
            self._covered[partition] = self.end("journal", partition)
        super().append(topic, partition, key, value, headers)


def backtest(
    plan: Plan, setup_s: float, progress: Progress | None = None, log: DigestedLog | None = None
) -> tuple[dict[str, Any], Outcome]:
    """Feed the plan, run the processors until nothing is left to do; the result of interface.md and what it counts."""
    started = time.monotonic()
    collect_rarely()
    opened = plan.opened
    log = log or DigestedLog(opened.partitions)
    runtime = MemoryRuntime(
        log,
        [
            (MarketProcessor(opened.market_partitions, opened.partitions, opened.grid_us), opened.market_partitions),
            (BookProcessor(), opened.partitions),
            (PaperBroker(), opened.partitions),
        ],
    )
    inputs = 0
    for turn, (time_us, outputs) in enumerate(plan.feed(), 1):
        for output in outputs:
            log.append(*output)
        inputs += len(outputs)
        if turn % MOMENTS_A_TURN == 0 or plan.pace is not None:
            runtime.run()
            runtime.forget_read()
            if progress is not None:
                progress(time_us, log.outcome, log.digest)
    runtime.run()
    run_s = time.monotonic() - started
    first, last = plan.from_day.isoformat(), plan.to_day.isoformat()
    return log.outcome.document(first, last, inputs, log.digest, setup_s, run_s), log.outcome
