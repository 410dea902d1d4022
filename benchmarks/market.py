"""The market processor on the Kafka runtime beside the tuned bare consumer and quixstreams."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from benchmarks import market_fold
from benchmarks.workbench import Bench, Level, Report, spread
from infra.kafka.clients import admin, producer
from infra.kafka.cluster import Cluster
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec

PARTITIONS, SYMBOLS = market_fold.PARTITIONS, market_fold.SYMBOLS
TICKS, QUIX_TICKS = 2_000_000, 100_000
OURS, LIMIT, PEER = "market processor", "bare consumer", "quixstreams"
METHOD = (
    f"{PARTITIONS} partitions, {SYMBOLS} symbols, about 75 ticks a symbol and second, lz4, written once before. "
    "Ours: `MarketProcessor` on the Kafka runtime, one process with a thread a partition: decode, validation "
    f"(protocol 5.2), bars of 1 s and 1 min, marks to {PARTITIONS} book partitions, state to a compacted topic, "
    "all in the transaction of the offsets. Limit: `consume(10000)` of all partitions in one process, "
    "`fetch.queue.backoff.ms=5`, nothing done with the records, nothing written. Peer: quixstreams, exactly "
    f"once, tumbling window of 1 s with an OHLC reduce, state in RocksDB with changelog, the first {QUIX_TICKS:,} "
    "ticks. Clock: from the first record in the process's hands to the answer of the last commit; interpreter "
    "start and joining the group are left out. Checked each round: every closed 1 s bar equals numpy's."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """Interleaved rounds."""
    report = Report("market", "Market processor", METHOD)
    count = int(TICKS * scale)
    source, counts, truth = _write(bench, count)
    for number in range(rounds):
        line = bench.child(
            "consume", source, source=source.topic("market.ticks"), partitions=PARTITIONS, records=count
        ).result()
        report.add({"round": number, "variant": LIMIT, **line})
        ours = bench.fresh_log(partitions=PARTITIONS, borrowed={"market.ticks": source.topic("market.ticks")})
        before = bench.broker_cpu_s()
        line = _ours(bench, ours, count, profile=False)
        line["broker_cpu_s_per_m"] = round((bench.broker_cpu_s() - before) / count * 1e6, 2)
        line["bars"] = _check(ours, truth)
        report.add({"round": number, "variant": OURS, **line})
        bench.drop(ours)
        peer = bench.fresh_log(partitions=PARTITIONS, only=())
        line = bench.child("quix", peer, source=source.topic("market.ticks"), records=min(count, QUIX_TICKS)).result()
        report.add({"round": number, "variant": PEER, **line})
        bench.drop(peer)
        bench.say(f"market, round {number + 1}: {[(x['variant'], x['rate']) for x in report.lines[-3:]]}")
    if bench.profile:
        ours = bench.fresh_log(partitions=PARTITIONS, borrowed={"market.ticks": source.topic("market.ticks")})
        report.profiles[OURS] = _ours(bench, ours, count, profile=True)["profile"]
        bench.drop(ours)
    bench.drop(source)
    _tell(report, counts)
    return report


def _ours(bench: Bench, cluster: Cluster, count: int, *, profile: bool) -> dict[str, Any]:
    return bench.child(
        "processor",
        cluster,
        processor="market",
        topic="market.ticks",
        partitions=PARTITIONS,
        records=count,
        profile=profile,
    ).result()


Truth = dict[tuple[str, int], tuple[int, ...]]


def _write(bench: Bench, count: int) -> tuple[Cluster, list[int], Truth]:
    """The ticks; how many a partition; each closed bar by symbol and second."""
    source = bench.fresh_log(partitions=PARTITIONS, only=("market.ticks",))
    # quixstreams windows by the record's time: it must be the event's. Then nothing may be deleted by age.
    keep = admin(source)
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in (("retention.ms", "-1"), ("message.timestamp.type", "CreateTime"))
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, source.topic("market.ticks"), incremental_configs=entries)
    for future in keep.incremental_alter_configs([resource]).values():
        future.result(30)
    client = producer(source, overrides={"batch.size": 262_144, "linger.ms": 50})
    name, truth, codec = source.topic("market.ticks"), Truth(), Codec.load()
    counts: list[int] = []
    for partition, values in market_fold.ticks(count):
        counts.append(len(values))
        batch: Any = codec.decode_batch("Tick", values)
        columns: dict[str, Any] = {field: batch.column(field) for field in ("symbol", "time_us", "last_e4", "size")}
        symbols: list[str] = columns["symbol"].to_pylist()
        times: npt.NDArray[np.int64] = columns["time_us"].to_numpy()
        for value, symbol, at in zip(values, symbols, times.tolist(), strict=True):
            while True:
                try:
                    client.produce(name, value, symbol, partition, timestamp=at // 1000)
                    break
                except BufferError:
                    client.poll(0.05)
        client.poll(0)
        truth |= _bars(symbols, times, columns["last_e4"].to_numpy(), columns["size"].to_numpy())
    if client.flush(120):
        raise RuntimeError("the broker did not take all ticks")
    return source, counts, truth


def _bars(
    symbols: list[str], times: npt.NDArray[np.int64], last: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> Truth:
    """Every bar of a second before the partition's last: (open, high, low, close, volume, ticks)."""
    names, code = np.unique(np.array(symbols), return_inverse=True)
    second = times // 1_000_000
    order = np.lexsort((np.arange(len(times)), second, code))
    c, s, p, v = code[order], second[order], last[order], size[order]
    begin = np.flatnonzero(np.r_[True, (c[1:] != c[:-1]) | (s[1:] != s[:-1])])
    end = np.r_[begin[1:], len(c)]
    high, low, volume = np.maximum.reduceat(p, begin), np.minimum.reduceat(p, begin), np.add.reduceat(v, begin)
    found: Truth = {}
    for i, b in enumerate(begin.tolist()):
        if s[b] < second[-1]:
            found[(str(names[c[b]]), int(s[b]) * 1_000_000)] = (
                int(p[b]), int(high[i]), int(low[i]), int(p[end[i] - 1]), int(volume[i]), int(end[i]) - b,
            )  # fmt: skip
    return found


def _check(cluster: Cluster, truth: Truth) -> int:
    """Read the bars of a second back; raises AssertionError unless each closed one is there once and right."""
    codec, log, seen = Codec.load(), KafkaLog(cluster), 0
    kind = codec.header("Bar")
    for partition in range(PARTITIONS):
        values = [m.value for m in log.records("market.bars", partition) if m.value is not None and m.value[:5] == kind]
        for row in codec.decode_batch("Bar", values).to_pylist():
            if row["seconds"] != 1:
                continue
            want = truth.get((row["symbol"], row["start_us"]))
            got = tuple(row[k] for k in ("open_e4", "high_e4", "low_e4", "close_e4", "volume", "ticks"))
            assert want == got, f"bar {row}: expected {want}"
            seen += 1
    log.close()
    assert seen == len(truth), f"{seen} bars of {len(truth)}"
    return seen


def _tell(report: Report, counts: list[int]) -> None:
    report.columns = (
        "variant",
        "ticks",
        "ticks/s, median (min..max)",
        "of the bare consumer",
        "CPU s / M",
        "peak RSS MB",
    )
    for variant in (LIMIT, OURS, PEER):
        report.rows.append(
            (
                variant, f"{report.median(variant, 'records'):,.0f}", report.spread(variant, "rate"),
                spread(report.ratios(variant, LIMIT, "rate"), 3), report.spread(variant, "cpu_s_per_m", 2),
                report.spread(variant, "peak_rss_mb"),
            )
        )  # fmt: skip
    of_limit, of_peer = report.ratios(OURS, LIMIT, "rate"), report.ratios(OURS, PEER, "rate")
    report.levels += [
        Level("of the bare consumer", ">= 0.5, aim 0.6", spread(of_limit, 3), statistics.median(of_limit) >= 0.5),
        Level("of quixstreams", ">= 30", spread(of_peer, 1), statistics.median(of_peer) >= 30),
    ]
    report.notes.append(
        f"Ticks a partition: {counts}. Closed 1 s bars checked each round: {report.of(OURS, 'bars')[0]:,.0f}."
    )
