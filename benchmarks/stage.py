"""Books, prices and commands that the benchmarks feed: a market on a quiet Saturday, books taken over by ImportBook."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from benchmarks.workbench import Bench
from domain.commands import CommandHeader, ImportBook, ImportedAccount, ImportedLot, ImportedOption, RecordFee
from domain.contracts import occ_symbol
from domain.identity import partition_of
from domain.inputs import BrokerProgress, LogOpened, MarketCalendar, Watermark
from gateways.market.calendar import Sessions, day_number, new_york_us
from gateways.market.feed import command, opening
from infra.kafka.cluster import Cluster
from infra.stream.contract import Output
from processors.book.task import BookProcessor
from processors.runtime.kafka import KafkaLog, ProcessorRunner
from schemas.codec import Codec

DAY = dt.date(2025, 6, 7)
"""A Saturday: no session opens, so that marks are marks and nothing else."""
START_US = new_york_us(DAY, 10)
FAR_US = new_york_us(dt.date(2025, 12, 1))
STEP_US = 10_000
MARKET_PARTITIONS = 4
PRICE_E4 = 2_500_000


def log_opened(partitions: int, *, recorded: bool) -> LogOpened:
    """First entry of a benchmark's log."""
    return LogOpened("bench", partitions, MARKET_PARTITIONS, "CRC32", STEP_US, 100_000, recorded)


def header(name: str, book: str, time_us: int) -> CommandHeader:
    """Of a command of the owner."""
    return CommandHeader(name, book, time_us, 0, "USER", "owner", "OWNER", name)


def books(count: int) -> list[str]:
    """Names of books."""
    return [f"S{number:05d}" for number in range(1, count + 1)]


def imported(book: str, time_us: int, symbol: str = "") -> ImportBook:
    """A book with a GEN sleeve of 400,000.00; with a symbol, 500 shares and five short puts of it (timers; price
    watches follow with the first look at the buffer)."""
    friday = day_number(dt.date(2025, 6, 13))
    put = occ_symbol(symbol, friday, "P", 240_000) if symbol else ""
    lots = [ImportedLot(f"{book}-lot-1", symbol, 500, friday - 60, 12_500_000, 250_0000, 0)] if symbol else []
    options = [ImportedOption(put, 5, 30_000, 325, time_us, PRICE_E4)] if symbol else []
    account = ImportedAccount(
        f"{book}-GEN-001", "GEN", "ROOT", None, None, 0, friday - 100, 40_000_000, 0, 0, 40_000_000, 40_000_000,
        lots, options, [],
    )  # fmt: skip
    return ImportBook(
        header(f"import-{book}", book, time_us), "owner", f"DU-{book}", "benchmark", [account], {"env.mode": "SIM"}
    )


def fee(number: int, book: str, time_us: int, amount: int = 1) -> RecordFee:
    """A command that is decided in full and changes little: two or three events."""
    return RecordFee(header(f"fee-{number}", book, time_us), f"{book}-GEN-001", amount, "")


def calendar(partitions: int) -> list[Output]:
    """The session calendar, on every book partition."""
    record = Sessions(DAY - dt.timedelta(days=2), DAY + dt.timedelta(days=90)).record(START_US)
    data = Codec.load().encode_record(MarketCalendar(0, 0, START_US, record))
    return [Output("market.marks", p, None, data) for p in range(partitions)]


def marks(count: int, symbols: int) -> list[bytes]:
    """Marks records, the market partitions in turn, each with `symbols` prices that hover within 1 per cent."""
    codec = Codec.load()
    values: list[bytes] = []
    per_source = count // MARKET_PARTITIONS
    columns: list[list[bytes]] = []
    for source in range(MARKET_PARTITIONS):
        names = [f"SYM{source}{n:02d}" for n in range(symbols)]
        prices = [[PRICE_E4 + (k * 7919 + n * 101) % 20_000 for n in range(symbols)] for k in range(per_source)]
        times = [START_US + (k + 1) * STEP_US for k in range(per_source)]
        columns.append(
            codec.encode_batch(
                "Marks",
                {
                    "market_partition": [source] * per_source,
                    "source_seq": list(range(1, per_source + 1)),
                    "time_us": times,
                    "symbols": [names] * per_source,
                    "lasts_e4": prices,
                    "bids_e4": [[p - 50 for p in row] for row in prices],
                    "asks_e4": [[p + 50 for p in row] for row in prices],
                    "tick_times_us": [[t] * symbols for t in times],
                },
            )
        )
    for row in zip(*columns, strict=True):
        values.extend(row)
    return values


def opened(
    partitions: int, names: Sequence[str], *, recorded: bool, symbol: str = ""
) -> tuple[list[Output], list[Output]]:
    """What must be on the log before books can be there, and the commands that take them over. A recorded log gets both
    with the promises of its sources up to FAR_US."""
    codec = Codec.load()
    log = log_opened(partitions, recorded=recorded)
    first = [*opening(log), *calendar(partitions)]
    second = [command(book, imported(book, START_US + 1, symbol), partitions) for book in names]
    if recorded:
        counts = [sum(partition_of(book, partitions) == p for book in names) for p in range(partitions)]
        end = codec.encode_record(Watermark(FAR_US))
        second += [Output("commands", p, None, end) for p in range(partitions)]
        # The broker has seen each book's request to be linked, and has nothing to say.
        second += [
            Output("broker.reports", p, None, codec.encode_record(BrokerProgress(FAR_US, count)))
            for p, count in enumerate(counts)
        ]
    return first, second


class Stage:
    """A book processor in this process, to bring a log to where a benchmark begins."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster, self._partitions = cluster, partitions
        self._stop = threading.Event()
        self._runner = ProcessorRunner(cluster, BookProcessor(), instance="stage")
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._runner.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - told by `until`
            self._failure = error

    def __enter__(self) -> Stage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def until(self, entries: int, limit_s: float = 120) -> None:
        """Wait until the journal has so many entries in all."""
        await_entries(self._cluster, self._partitions, entries, limit_s, lambda: self._failure)


def await_entries(
    cluster: Cluster,
    partitions: int,
    entries: int,
    limit_s: float = 120,
    failure: Callable[[], BaseException | None] = lambda: None,
) -> None:
    """Wait until the journal has so many entries in all."""
    log, deadline = KafkaLog(cluster), time.monotonic() + limit_s
    counts, ends = [0] * partitions, [0] * partitions
    try:
        while True:
            for partition in range(partitions):
                for message in log.records("journal", partition, ends[partition]):
                    counts[partition], ends[partition] = counts[partition] + 1, message.offset + 1
            if sum(counts) >= entries:
                return
            if (error := failure()) is not None:
                raise RuntimeError("the book processor failed on the stage") from error
            if time.monotonic() > deadline:
                raise RuntimeError(f"the journal has {sum(counts)} of {entries} entries after {limit_s:.0f} s")
            time.sleep(0.05)
    finally:
        log.close()


def set_up(
    bench: Bench, cluster: Cluster, partitions: int, names: Sequence[str], *, recorded: bool = False, symbol: str = ""
) -> int:
    """Bring a fresh log to where `names` are its books; how many journal entries that makes.

    A recorded log's records are only written: they are merged by time when its processor runs.
    """
    first, second = opened(partitions, names, recorded=recorded, symbol=symbol)
    if recorded:
        bench.write(cluster, [*first, *second])
        return 2 * partitions + len(names)  # the end of the commands lies beyond the last price
    with Stage(cluster, partitions) as stage:
        bench.write(cluster, first)
        stage.until(
            2 * partitions
        )  # a live log takes records as they come: the calendar must be there before the books
        bench.write(cluster, second)
        stage.until(2 * partitions + len(names))
    return 2 * partitions + len(names)


def chained(log: KafkaLog, partition: int) -> int:
    """Entries of a journal, each checked to follow the one before it. Raises AssertionError."""
    previous, count = bytes(64), 0
    for message in log.records("journal", partition):
        key, value = message.key or b"", message.value or b""
        if count:
            assert key[-64:] == previous, f"entry {count} of partition {partition} does not follow"
        previous = sha256(key + value).hexdigest().encode()
        count += 1
    return count


def on_partition(partition: int, topic: str, values: Iterable[bytes]) -> Iterator[Output]:
    """Records of one partition."""
    for value in values:
        yield Output(topic, partition, None, value)
