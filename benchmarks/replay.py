"""Events of a finished run read from Kafka and decoded to Arrow, beside the broker's own consumer benchmark."""

from __future__ import annotations

import datetime as dt
import os
import statistics
import subprocess
from itertools import cycle, islice

from benchmarks.workbench import Bench, Level, Report, produce, spread
from domain.events import TOPIC_OF
from gateways.broker.paper import PaperBroker
from gateways.market.feed import command, commands_complete, market_records, opening
from gateways.market.port import MarketDataRequest
from gateways.market.sources import open_source
from infra.kafka.clients import producer
from infra.kafka.cluster import Cluster
from infra.kafka.jars import ensure_jars
from infra.kafka.java import find_java
from infra.settings import load_settings
from infra.stream.contract import Output
from processors.book.task import BookProcessor
from processors.market import MarketProcessor
from processors.runtime.memory import MemoryLog, MemoryRuntime

PARTITIONS, EVENTS, BATCH = 4, 600_000, 10_000
TOPIC = "protocol"
BROKERS, PLAIN = "ConsumerPerformance", "consume alone, one process"
ONE, TWO = "replay to Arrow, one process", "replay to Arrow, two processes"
METHOD = (
    "The events of a run over recorded-style prices (three books, `sample`, March 2011, on the memory runtime), "
    f"all kinds as they came, repeated to {EVENTS:,} and written to one topic of {PARTITIONS} partitions (one "
    f"topic, because ConsumerPerformance takes one), lz4. Ours: `consume({BATCH})`, `schemas.batches.in_batches` "
    "(every column, validated, record ends checked; decoding in a thread beside the reading), in one process and in "
    "two with half of the partitions each. Limit: ConsumerPerformance from the broker's jars, its own "
    "`fetch.nMsg.sec` (without the group's first rebalance), JVM warm-up included. Clock: first batch in hand to "
    "last batch decoded. Checked: as many rows as events."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """Interleaved rounds."""
    report = Report("replay", "Replay to Arrow", METHOD)
    count = int(EVENTS * scale)
    cluster = bench.fresh_log(partitions=PARTITIONS, only=(TOPIC,))
    sizes = _write(cluster, count)
    for number in range(rounds):
        report.add({"round": number, "variant": BROKERS, **_broker_tool(bench, cluster, count, number)})
        for variant, halves, decode in ((PLAIN, 1, False), (ONE, 1, True), (TWO, 2, True)):
            report.add({"round": number, "variant": variant, **_ours(bench, cluster, sizes, halves, decode=decode)})
        bench.say(f"replay, round {number + 1}: {[(x['variant'], x['rate']) for x in report.lines[-4:]]}")
    bench.drop(cluster)
    _tell(report, sum(sizes.values()))
    return report


def _events() -> list[bytes]:
    """Events of a finished run, topic by topic in the journal's order."""
    log, config = (
        MemoryLog(PARTITIONS),
        {"env.mode": "SIM", "gen.tickers": "AAPL,GOOG", "rev.tickers": "IBM,MSFT", "sim.hitl_policy": "AUTO_APPROVE"},
    )
    runtime = MemoryRuntime(
        log,
        [
            (MarketProcessor(PARTITIONS, PARTITIONS), PARTITIONS),
            (BookProcessor(), PARTITIONS),
            (PaperBroker(), PARTITIONS),
        ],
    )
    for number, record in enumerate(_recording(config)):
        log.append(*record)
        if number % 20_000 == 0:
            runtime.run()
    runtime.run()
    values: list[bytes] = []
    for partition in range(PARTITIONS):
        for topic in sorted(set(TOPIC_OF.values())):
            values += [m.value for m in log.records(topic, partition) if m.key and m.value]
    return values


def _recording(config: dict[str, str]) -> list[Output]:
    from domain.commands import CommandHeader, CreateSystem
    from domain.inputs import LogOpened, Watermark
    from schemas.codec import Codec

    first, last = dt.date(2011, 3, 1), dt.date(2011, 3, 25)
    until_us = int(dt.datetime.combine(last, dt.time(23), dt.UTC).timestamp() * 1e6) + 2 * 86_400_000_000
    at = int(dt.datetime.combine(first, dt.time(10), dt.UTC).timestamp() * 1e6)
    opened = LogOpened("bench", PARTITIONS, PARTITIONS, "CRC32", 1_000_000, 100_000, True)
    records = opening(opened)
    for book in ("S001", "S002", "S007"):
        header = CommandHeader(f"create-{book}", book, at, 0, "USER", "owner", "OWNER", book)
        records.append(command(book, CreateSystem(header, 500_000_000, "subject", "DU1", config), PARTITIONS))
    records += commands_complete(opened, until_us)
    request = MarketDataRequest(("AAPL", "GOOG", "IBM", "MSFT"), first, last)
    for _, outputs in market_records(iter(open_source("sample").moments(request)), PARTITIONS):
        records += outputs
    end = Codec.load().encode_record(Watermark(until_us))
    return [*records, *(Output("market.ticks", p, None, end) for p in range(PARTITIONS))]


def _write(cluster: Cluster, count: int) -> dict[int, int]:
    """Partition to events written."""
    values, sizes, size = _events(), dict.fromkeys(range(PARTITIONS), 0), 0
    assert values, "the run has no events"
    client, name = producer(cluster, overrides={"batch.size": 262_144, "linger.ms": 50}), cluster.topic(TOPIC)
    for number, value in enumerate(islice(cycle(values), count)):
        partition = number // 1_000 % PARTITIONS
        produce(client, name, partition, None, value)
        sizes[partition] += 1
        size += len(value)
    if client.flush(120):
        raise RuntimeError("the broker did not take all events")
    return sizes


def _ours(bench: Bench, cluster: Cluster, sizes: dict[int, int], halves: int, *, decode: bool) -> dict[str, float]:
    shares = [list(range(PARTITIONS))[k::halves] for k in range(halves)]
    children = [
        bench.child(
            "replay", cluster, source=cluster.topic(TOPIC), partitions=share, batch=BATCH, decode=decode,
            records=sum(sizes[p] for p in share),
        )
        for share in shares
    ]  # fmt: skip
    lines = [child.result() for child in children]
    records = sum(line["records"] for line in lines)
    seconds = max(line["ended"] for line in lines) - min(line["began"] for line in lines)
    return {
        "records": records,
        "rate": round(records / seconds),
        "cpu_s_per_m": round(sum(line["cpu_s"] for line in lines) / records * 1e6, 2),
        "peak_rss_mb": sum(line["peak_rss_mb"] for line in lines),
    }


def _broker_tool(bench: Bench, cluster: Cluster, count: int, number: int) -> dict[str, float]:
    java = find_java()
    jars = ensure_jars(load_settings().cache, java)
    command_line = [
        *(str(java.binary), "-XX:-UsePerfData", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
        *(
            "org.apache.kafka.tools.ConsumerPerformance",
            "--bootstrap-server",
            bench.bootstrap,
            "--topic",
            cluster.topic(TOPIC),
        ),
        *("--messages", str(count), "--group", f"perf-{number}", "--timeout", "60000", "--hide-header"),
    ]
    done = subprocess.run(
        command_line, env={**os.environ, "CLASSPATH": jars.classpath}, cwd=bench.folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    # start, end, MB, MB/s, messages, messages/s, rebalance ms, fetch ms, fetch MB/s, fetch messages/s
    figures = done.stdout.strip().splitlines()[-1].split(", ")
    assert int(figures[4]) >= count, f"ConsumerPerformance read {figures[4]} of {count}"
    return {
        "records": int(figures[4]),
        "rate": round(float(figures[9])),
        "whole_rate": round(float(figures[5])),
        "mb": float(figures[2]),
    }


def _tell(report: Report, count: int) -> None:
    report.columns = ("variant", "events/s, median (min..max)", "of ConsumerPerformance", "CPU s / M", "peak RSS MB")
    for variant in (BROKERS, PLAIN, ONE, TWO):
        report.rows.append(
            (
                variant, report.spread(variant, "rate"), spread(report.ratios(variant, BROKERS, "rate"), 2),
                report.spread(variant, "cpu_s_per_m", 2), report.spread(variant, "peak_rss_mb"),
            )
        )  # fmt: skip
    size = report.of(BROKERS, "mb")[0] * (1 << 20) / count
    read = report.median(BROKERS, "rate") * size / 1e6
    report.notes.append(f"Events of {size:.0f} bytes on average; ConsumerPerformance reads {read:.0f} MB/s.")
    for variant in (ONE, TWO):
        rate, ratios = report.median(variant, "rate"), report.ratios(BROKERS, variant, "rate")
        report.levels.append(Level(variant, ">= 1,000,000 events/s", f"{rate:,.0f}", rate >= 1_000_000))
        report.levels.append(
            Level(
                f"{variant}: ConsumerPerformance is faster by",
                "<= 1.5 times",
                spread(ratios, 2),
                statistics.median(ratios) <= 1.5,
            )
        )
