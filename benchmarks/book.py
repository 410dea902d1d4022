"""The book processor on the Kafka runtime beside a bare transactional loop: journal entries a second and core."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import stage
from benchmarks.workbench import Bench, Level, Report, spread
from infra.stream.contract import Output
from processors.runtime.kafka import KafkaLog

ENTRIES = 120_000
SYMBOLS = (1, 10)
MODES = {"live": False, "recorded": True}
BATCHES = (1_000, 10_000)
METHOD = (
    "A backlog of Marks records in market.marks (four market sources in turn, 1 or 10 prices a record), one "
    "partition, one book taken over by ImportBook whose thresholds no price reaches. Ours: `BookProcessor` on "
    "the Kafka runtime: batch decode, merge (recorded log: by event time behind the promises of its six sources; "
    "live log: as they arrive), market view, threshold index, hash-linked journal entry a record, offsets, in "
    "one transaction a batch; a process of its own, started on the finished backlog. Limit: a loop that reads "
    "the same records and only decodes, hashes and writes as many journal records by hand, 1,000 and 10,000 a "
    "transaction. Clock: first record in hand to last commit answered. Per core = entries per CPU second of the "
    "whole process, librdkafka's threads included. Checked each run: as many entries as records, each linked to "
    "the one before."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """Interleaved rounds."""
    report = Report("book", "Book processor", METHOD)
    count = int(ENTRIES * scale) // 4 * 4
    backlog = {symbols: stage.marks(count, symbols) for symbols in SYMBOLS}
    for number in range(rounds):
        for symbols, values in backlog.items():
            for mode, recorded in MODES.items():
                line = _ours(bench, values, recorded=recorded, profile=False)
                report.add({"round": number, "variant": _name(mode, symbols), **line})
                rates = f"{line['rate']}/s, {line['rate_per_core']}/s and core"
                bench.say(f"book, round {number + 1}: {_name(mode, symbols)} {rates}")
            for batch in BATCHES:
                report.add({"round": number, "variant": _name(batch, symbols), **_bare(bench, values, batch)})
    if bench.profile:
        for mode, recorded in MODES.items():
            report.profiles[_name(mode, 1)] = _ours(bench, backlog[1], recorded=recorded, profile=True)["profile"]
    _tell(report)
    return report


def _name(mode: object, symbols: int) -> str:
    kind = f"bare loop, {mode:,} a transaction" if isinstance(mode, int) else f"book processor, {mode} log"
    return f"{kind}, {symbols} price{'s' if symbols > 1 else ''}"


def _ours(bench: Bench, values: list[bytes], *, recorded: bool, profile: bool) -> dict[str, Any]:
    cluster = bench.fresh_log(partitions=1)
    made = stage.set_up(bench, cluster, 1, stage.books(1), recorded=recorded)
    bench.write(cluster, stage.on_partition(0, "market.marks", values))
    before = bench.broker_cpu_s()
    entries = len(values) + (made if recorded else 0)  # what comes before the prices is read with the rest
    line = bench.child(
        "processor", cluster, processor="book", topic="market.marks", records=entries, profile=profile
    ).result()
    line["broker_cpu_s_per_m"] = round((bench.broker_cpu_s() - before) / len(values) * 1e6, 2)
    log = KafkaLog(cluster)
    line["entries"] = stage.chained(log, 0)
    log.close()
    assert line["entries"] == len(values) + made, f"{line['entries']} entries of {len(values) + made}"
    bench.drop(cluster)
    return line


def _bare(bench: Bench, values: list[bytes], batch: int) -> dict[str, Any]:
    cluster = bench.fresh_log(partitions=1, only=("market.marks", "journal"))
    bench.write(cluster, (Output("market.marks", 0, None, value) for value in values))
    line = bench.child("loop", cluster, records=len(values), batch=batch, offset=0).result()
    log = KafkaLog(cluster)
    line["entries"] = stage.chained(log, 0)
    log.close()
    assert line["entries"] == len(values)
    bench.drop(cluster)
    return line


def _tell(report: Report) -> None:
    report.columns = (
        "variant",
        "entries/s, median (min..max)",
        "entries/s and core",
        "per core, of the bare loop (10,000)",
        "CPU s / M",
        "transactions",
        "peak RSS MB",
    )
    for symbols in SYMBOLS:
        limit = _name(BATCHES[-1], symbols)
        for mode in (*MODES, *BATCHES):
            name = _name(mode, symbols)
            report.rows.append(
                (
                    name, report.spread(name, "rate"), report.spread(name, "rate_per_core"),
                    spread(report.ratios(name, limit, "rate_per_core"), 2), report.spread(name, "cpu_s_per_m", 1),
                    report.spread(name, "transactions"), report.spread(name, "peak_rss_mb"),
                )
            )  # fmt: skip
    for mode in MODES:
        for symbols in SYMBOLS:
            rates = report.of(_name(mode, symbols), "rate_per_core")
            report.levels.append(
                Level(
                    f"entries/s and core, {mode} log, {symbols} price(s) a record",
                    ">= 50,000",
                    spread(rates),
                    statistics.median(rates) >= 50_000,
                )
            )
