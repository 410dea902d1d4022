"""The measured processes: `python -m benchmarks.children KIND JSON`. Each prints JSON lines, its result last."""

from __future__ import annotations

import cProfile
import io
import json
import logging
import pstats
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.workbench import Borrowing, Line
from infra.stream.contract import Message, Output, Processor, Task, ValueTask

Arguments = dict[str, Any]


class Meter:
    """From the first record in hand to the answer of the last commit: wall time, CPU time of this process."""

    def __init__(self) -> None:
        self.began = 0.0
        self._cpu = 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """The first record is in hand; later calls change nothing."""
        if not self.began:
            with self._lock:
                if not self.began:
                    self._cpu = time.process_time()
                    self.began = time.perf_counter()

    def end(self, records: int) -> Line:
        """What it took."""
        seconds, cpu = time.perf_counter() - self.began, time.process_time() - self._cpu
        # Not getrusage: its peak is inherited from the parent.
        status = Path("/proc/self/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return {
            "records": records,
            "seconds": round(seconds, 4),
            "rate": round(records / seconds),
            "cpu_s": round(cpu, 3),
            "cpu_s_per_m": round(cpu / records * 1e6, 2),
            "rate_per_core": round(records / cpu),
            "peak_rss_mb": round(peak),
        }


class Measured:
    """A processor whose tasks note when the first record came, what was handled, and how many commits that takes."""

    def __init__(self, processor: Processor, topic: str, meter: Meter, profiled: bool) -> None:
        self._processor, self._topic, self._meter, self._profiled = processor, topic, meter, profiled
        self.name, self.inputs = processor.name, processor.inputs
        self.handled: dict[int, int] = {}
        self.commits: dict[int, tuple[int, int]] = {}
        """partition to (commits asked for, records handled before the last of them)"""
        self.profiles: list[cProfile.Profile] = []

    def task(self, partition: int) -> Task:
        """The processor's task, its ways in noted."""
        task = self._processor.task(partition)
        self.handled[partition], self.commits[partition] = 0, (0, 0)
        handle, positions = task.handle, task.positions
        profile: cProfile.Profile | None = None

        def begin() -> None:
            nonlocal profile
            self._meter.begin()
            if self._profiled and profile is None:
                profile = cProfile.Profile()
                self.profiles.append(profile)
                profile.enable()  # this thread, from its first record on, the runtime's own work included

        def noted(messages: Sequence[Message]) -> list[Output]:
            found = sum(m.topic == self._topic for m in messages)
            if found:
                begin()
            outputs = handle(messages)
            # A recorded backlog is taken in parts: what counts of the book processor is its journal.
            self.handled[partition] += sum(o.topic == "journal" for o in outputs) if self.name == "book" else found
            return outputs

        def counted() -> dict[str, int]:
            self.commits[partition] = (self.commits[partition][0] + 1, self.handled[partition])
            return positions()

        task.handle, task.positions = noted, counted
        if isinstance(task, ValueTask):
            handle_values = task.handle_values

            def noted_values(
                values: list[bytes], next_offset: int, message_at: Callable[[int], Message]
            ) -> list[Output]:
                begin()
                outputs = handle_values(values, next_offset, message_at)
                self.handled[partition] += len(values)
                return outputs

            task.handle_values = noted_values
        return task


def processor_of(kind: str, arguments: Arguments) -> Processor:
    """A processor by its name."""
    if kind == "market":
        from processors.market import MarketProcessor

        return MarketProcessor(arguments["partitions"], arguments["partitions"])
    from processors.book.task import BookProcessor

    return BookProcessor()


def processor(arguments: Arguments) -> Line:
    """Run a processor until `records` of its topic are committed, or until SIGTERM where no number is given."""
    from processors.runtime.kafka import ProcessorRunner

    meter, stop = Meter(), threading.Event()
    _end_on_sigterm(stop)
    measured = Measured(
        processor_of(arguments["processor"], arguments), arguments["topic"], meter, arguments.get("profile", False)
    )
    runner = ProcessorRunner(_cluster(arguments), measured, instance=arguments.get("instance", "bench"))
    wanted: int | None = arguments.get("records")
    result: Line = {}

    def watch() -> None:
        while wanted is not None and not stop.is_set():
            committed, transactions = 0, 0
            for partition, (progress, _) in runner.advanced().items():
                asked, handled = measured.commits.get(partition, (0, 0))
                transactions += progress
                if progress >= asked:
                    committed += handled
            if committed >= wanted:
                result.update(meter.end(wanted), transactions=transactions)
                stop.set()
            time.sleep(0.002)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    runner.run(stop)
    watcher.join(5)
    if measured.profiles:
        result["profile"] = _top(measured.profiles)
    return result


def _top(profiles: Sequence[cProfile.Profile]) -> str:
    out = io.StringIO()
    stats = pstats.Stats(profiles[0], stream=out)
    for other in profiles[1:]:
        stats.add(other)
    stats.sort_stats("tottime").print_stats(24)
    return out.getvalue()


# --- limits -----------------------------------------------------------------------------------------------------------


def consume(arguments: Arguments) -> Line:
    """The tuned bare consumer: every partition in one process, batches of 10,000, nothing done with them."""
    from confluent_kafka import Consumer, TopicPartition

    client = Consumer(
        {
            "bootstrap.servers": arguments["bootstrap"],
            "group.id": "bare-consumer",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "check.crcs": False,
        }
    )
    client.assign([TopicPartition(arguments["source"], p, 0) for p in range(arguments["partitions"])])
    meter, taken = Meter(), 0
    while taken < arguments["records"]:
        batch = client.consume(min(10_000, arguments["records"] - taken), 1)
        if batch:
            meter.begin()
        taken += len(batch)
    result = meter.end(taken)
    client.close()
    return result


def loop(arguments: Arguments) -> Line:
    """The bare transactional loop beside the book processor: decode a batch, a SHA-256 chain, a key put together by
    hand, one record out for each one in, offsets in the same transaction; no rules."""
    from hashlib import sha256

    from confluent_kafka import TopicPartition

    from infra.kafka.clients import reader, transactional_producer
    from schemas.codec import Codec

    cluster = _cluster(arguments)
    codec, most = Codec.load(), arguments["batch"]
    source, target = cluster.topic("market.marks"), cluster.topic("journal")
    client = reader(cluster, overrides={"group.id": cluster.group("bare"), "enable.partition.eof": False})
    out = transactional_producer(cluster, "bare", overrides={"linger.ms": 5})
    out.init_transactions(30)
    client.assign([TopicPartition(source, 0, arguments["offset"])])
    first = codec.header("JournalKey")
    meter, taken, number, previous, transactions = Meter(), 0, 0, b"0" * 64, 0
    while taken < arguments["records"]:
        batch = client.consume(min(most, arguments["records"] - taken), 1)
        if not batch:
            continue
        meter.begin()
        out.begin_transaction()
        values = [message.value() or b"" for message in batch]
        rows: Any = codec.decode_batch("Marks", values)
        numbers: list[int] = rows.column(1).to_pylist()
        times: list[int] = rows.column(2).to_pylist()
        for value, seq, at in zip(values, numbers, times, strict=True):
            key = b"".join(
                (first, _long(number), _long(at), b"\x10market/0", _long(seq), b"\nTAKEN", b"\0", b"\x80\x01", previous)
            )
            previous = sha256(key + value).hexdigest().encode()
            out.produce(target, value, key, 0)
            number += 1
        out.send_offsets_to_transaction(client.position(client.assignment()), client.consumer_group_metadata(), 30)
        out.commit_transaction(30)
        taken += len(batch)
        transactions += 1
    result = {**meter.end(taken), "transactions": transactions}
    client.close()
    return result


def _long(value: int) -> bytes:
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def answer(arguments: Arguments) -> Line:
    """The bare transactional loop of the latency benchmark: what has arrived, two records for each, one transaction."""
    from confluent_kafka import TopicPartition

    from infra.kafka.clients import reader, transactional_producer

    cluster = _cluster(arguments)
    source, target = cluster.topic("commands"), cluster.topic("ledger")
    partitions = range(arguments["partitions"])
    client = reader(cluster, overrides={"group.id": cluster.group("bare"), "enable.partition.eof": False})
    out = transactional_producer(cluster, "bare")
    out.init_transactions(30)
    client.assign([TopicPartition(source, p, 0) for p in partitions])
    stop = threading.Event()
    _end_on_sigterm(stop)
    taken = 0
    while not stop.is_set():
        first = client.poll(0.1)
        if first is None:
            continue
        batch = [first, *client.consume(1_000, 0)]
        out.begin_transaction()
        for message in batch:
            for _ in range(2):
                out.produce(target, message.value(), message.key(), message.partition() or 0)
        out.send_offsets_to_transaction(client.position(client.assignment()), client.consumer_group_metadata(), 30)
        out.commit_transaction(30)
        taken += len(batch)
    client.close()
    return {"records": taken}


# --- peers ------------------------------------------------------------------------------------------------------------


def quix(arguments: Arguments) -> Line:
    """quixstreams, exactly once, a tumbling window of 1 s with an OHLC reduce, state in RocksDB with changelog."""
    import shutil
    import tempfile

    import fastavro
    from quixstreams import Application
    from quixstreams.models import Deserializer, SerializationContext, Serializer

    from schemas.codec import HEADER_BYTES, Codec

    codec, meter, wanted = Codec.load(), Meter(), arguments["records"]
    tick: Any = fastavro.parse_schema(codec.version("Tick").parsed())
    bar: Any = fastavro.parse_schema(codec.version("Bar").parsed())
    bar_header = codec.header("Bar")

    class TickIn(Deserializer):
        def __call__(self, value: bytes, ctx: SerializationContext) -> Any:  # noqa: ARG002
            meter.begin()
            source = io.BytesIO(value)
            source.seek(HEADER_BYTES)
            return fastavro.schemaless_reader(source, tick, None)

    class BarOut(Serializer):
        def __call__(self, value: Any, ctx: SerializationContext) -> bytes:  # noqa: ARG002
            out = io.BytesIO()
            out.write(bar_header)
            fastavro.schemaless_writer(out, bar, value)
            return out.getvalue()

    def first(row: Any) -> Any:
        price = row["last_e4"]
        return {
            "symbol": row["symbol"], "start_us": row["time_us"] // 1_000_000 * 1_000_000, "seconds": 1,
            "open_e4": price, "high_e4": price, "low_e4": price, "close_e4": price, "volume": row["size"], "ticks": 1,
        }  # fmt: skip

    def fold(state: Any, row: Any) -> Any:
        price = row["last_e4"]
        state["high_e4"] = max(state["high_e4"], price)
        state["low_e4"] = min(state["low_e4"], price)
        state["close_e4"] = price
        state["volume"] += row["size"]
        state["ticks"] += 1
        return state

    seen = 0

    def done(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen >= wanted:
            application.stop()

    folder = tempfile.mkdtemp()
    application = Application(
        broker_address=arguments["bootstrap"],
        consumer_group=f"{arguments['namespace']}.quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=5.0,
        state_dir=folder,
        on_message_processed=done,
        loglevel="ERROR",
        consumer_extra_config={"fetch.queue.backoff.ms": 5},
    )
    source = application.topic(arguments["source"], key_deserializer="str", value_deserializer=TickIn())
    target = application.topic(f"{arguments['namespace']}.quix.bars", key_serializer="str", value_serializer=BarOut())
    frame = application.dataframe(source)
    frame = frame.tumbling_window(1000).reduce(fold, first).final()
    frame = frame.apply(lambda window: window["value"])
    frame.to_topic(target)
    application.run()
    result = meter.end(seen)
    shutil.rmtree(folder, ignore_errors=True)
    return result


def replay(arguments: Arguments) -> Line:
    """Events of some partitions of a topic to Arrow, by `schemas.batches.in_batches`; undecoded with `decode` false."""
    from confluent_kafka import Consumer, Message, TopicPartition

    from infra.collector import collect_rarely
    from infra.kafka.clients import reader
    from schemas.arrow import warm_up
    from schemas.batches import in_batches
    from schemas.codec import Codec

    warm_up()
    collect_rarely()
    client: Consumer = reader(
        _cluster(arguments), overrides={"enable.partition.eof": False, "queued.max.messages.kbytes": 256 << 10}
    )
    client.assign([TopicPartition(arguments["source"], p, 0) for p in arguments["partitions"]])
    meter, taken = Meter(), 0

    def parts() -> Iterator[list[bytes]]:
        nonlocal taken
        while taken < arguments["records"]:
            batch = client.consume(min(arguments["batch"], arguments["records"] - taken), 0.05)
            if batch:
                meter.begin()
                taken += len(batch)
                yield list(map(Message.value, batch))  # pyright: ignore[reportArgumentType, reportReturnType]

    if arguments["decode"]:
        rows = sum(batch.num_rows for _, batch in in_batches(Codec.load(), parts()))
    else:
        rows = sum(map(len, parts()))
    result = {**meter.end(taken), "ended": time.time()}
    result["began"] = result["ended"] - result["seconds"]
    assert rows == taken, f"{rows} rows of {taken} events"
    client.close()
    return result


# --- the process ------------------------------------------------------------------------------------------------------


def _end_on_sigterm(stop: threading.Event) -> None:
    def ended(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    signal.signal(signal.SIGTERM, ended)


def _cluster(arguments: Arguments) -> Borrowing:
    return Borrowing(arguments["bootstrap"], namespace=arguments["namespace"], borrowed=arguments["borrowed"])


KINDS: dict[str, Callable[[Arguments], Line]] = {
    "processor": processor, "consume": consume, "loop": loop, "answer": answer, "quix": quix, "replay": replay,
}  # fmt: skip


def main() -> None:
    """Run one kind."""
    kind, arguments = sys.argv[1], json.loads(sys.argv[2])
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    print(json.dumps(KINDS[kind](arguments)), flush=True)


if __name__ == "__main__":
    main()
