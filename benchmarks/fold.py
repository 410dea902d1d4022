"""What folding a journal costs with the whole protocol on: two years of `sample`, in memory."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from alluse.backtests import DigestedLog, Headers, backtest
from alluse.demo import CONFIGURATION
from alluse.plans import RunRequest, prepare
from benchmarks.workbench import Bench, Level, Line, Report
from infra.stream.contract import Message
from processors.book import snapshot
from processors.book.intake import chain_head, clock_tick, decode_marks, decode_record
from processors.book.journal import Chain, read_keys
from processors.book.sequencer import Sequencer
from processors.runtime.memory import MemoryLog
from schemas.codec import Codec

AT_ONCE = snapshot.FOLDED_AT_ONCE
METHOD = (
    "In memory, one process, CPU seconds of the process (other work may share the machine). The demo's run of two "
    "years of `sample` (four tickers, GEN, REV and COM, approvals answered) is played once and its journal kept; the "
    "partition that holds the book is folded by a fresh sequencer: keys, hash chain, every decision again, every event "
    "encoded and its digest compared. The bare loop does the same without a rule: keys, hash chain, marks, clock ticks "
    "and the heads of chains decoded, every other record decoded whole. Restore: snapshots of the book and the "
    "partition at the end of the run, read, hashed, compared and loaded, no tail."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """The bare loop and the fold, a round each."""
    report = Report("fold", "Folding a journal with the whole protocol on", METHOD)
    last = None if scale >= 1 else "2011-05-31"
    log = _Kept(4)
    document, _ = backtest(prepare(RunRequest("sample", to_day=last, config=CONFIGURATION)), 0.0, log=log)
    messages = log.journal()
    kinds = Counter(Codec.load().name_of(message.value or b"") for message in messages)
    report.notes.append(
        f"{len(messages):,} entries, {document['orders']['proposed']} orders: "
        + ", ".join(f"{count:,} {name}" for name, count in kinds.most_common(5))
    )
    for number in range(rounds):
        bare = _rate(messages, _bare)
        sequencer = Sequencer(log.fullest)
        fold = _rate(messages, lambda parts, s=sequencer: [s.fold_all(part) for part in parts])
        report.add({"round": number, "variant": "bare loop", "entries_per_s": bare})
        report.add({"round": number, "variant": "fold", "entries_per_s": fold})
        report.add({"round": number, "variant": "restore", **_restore(sequencer)})
        bench.say(f"fold, round {number + 1}: {fold:,} entries/s and core, bare loop {bare:,}")
    _tell(report)
    return report


class _Kept(DigestedLog):
    """Keeps the journal whole."""

    def __init__(self, partitions: int) -> None:
        super().__init__(partitions)
        self._entries: dict[int, list[Message]] = {p: [] for p in range(partitions)}

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = None
    ) -> None:
        """As the backtest's log, and a copy of every entry."""
        super().append(topic, partition, key, value, headers)
        if topic == "journal":
            entries = self._entries[partition]
            entries.append(Message(topic, len(entries), key, value, headers))

    @property
    def fullest(self) -> int:
        """The partition that holds the book."""
        return max(self._entries, key=lambda partition: len(self._entries[partition]))

    def journal(self) -> list[Message]:
        """Its entries."""
        return self._entries[self.fullest]


def _rate(messages: Sequence[Message], fold: Callable[[Iterable[Sequence[Message]]], object]) -> int:
    parts = [messages[start : start + AT_ONCE] for start in range(0, len(messages), AT_ONCE)]
    began = time.process_time()
    fold(parts)
    return round(len(messages) / (time.process_time() - began))


def _bare(parts: Iterable[Sequence[Message]]) -> None:
    codec, chain = Codec.load(), Chain()
    marks, chains, clock = (codec.header(name) for name in ("Marks", "OptionChain", "ClockTick"))
    read: dict[bytes, Callable[[bytes], object]] = {marks: len, chains: chain_head, clock: clock_tick}
    for part in parts:
        values = [message.value or b"" for message in part]
        decode_marks([value for value in values if value[:5] == marks])
        for key, message, value in zip(read_keys([message.key or b"" for message in part]), part, values, strict=True):
            read.get(value[:5], decode_record)(value)
            chain.follow(key, message.key or b"", value)


def _restore(sequencer: Sequencer) -> Line:
    partition = sequencer.partition
    partition.changed.update(partition.books)
    outputs = snapshot.take(sequencer)
    size = sum(len(output.value or b"") for output in outputs)
    log = MemoryLog(sequencer.number + 1)
    for output in outputs:
        log.append(*output)
    began = time.process_time()
    fresh = Sequencer(sequencer.number)
    snapshot.restore(fresh, _Snapshots(log, sequencer.number))
    seconds = time.process_time() - began
    assert fresh.chain.previous == sequencer.chain.previous
    return {"restore_ms": round(seconds * 1e3, 1), "bytes": size}


class _Snapshots:
    """A log of snapshots without a tail (LogReader)."""

    def __init__(self, log: MemoryLog, partition: int) -> None:
        self._log, self._partition = log, partition

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The last record of each key."""
        return {m.key or b"": m.value or b"" for m in self._log.records(topic, self._partition)}

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:  # noqa: ARG002 - as LogReader says
        """None: the journal ends with the snapshot."""
        return ()

    def end(self, topic: str) -> int:  # noqa: ARG002 - as LogReader says
        """Nothing follows."""
        return 0


def _tell(report: Report) -> None:
    report.columns = ("variant", "entries a second and core", "of the bare loop's")
    for variant in ("bare loop", "fold"):
        ratios = report.ratios(variant, "bare loop", "entries_per_s")
        report.rows.append((variant, report.spread(variant, "entries_per_s"), f"{statistics.median(ratios):.2f}"))
    rate = statistics.median(report.of("fold", "entries_per_s"))
    report.levels.append(Level("fold, entries a second and core", ">= 50,000", f"{rate:,.0f}", rate >= 50_000))
    restore = statistics.median(report.of("restore", "restore_ms"))
    size = report.of("restore", "bytes")[0]
    report.levels.append(
        Level(
            f"restore of the book after the run ({size / 1e3:.0f} kB)", "<= 100 ms", f"{restore:.0f} ms", restore <= 100
        )
    )
