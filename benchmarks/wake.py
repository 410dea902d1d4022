"""What a mark costs when it wakes nobody, whatever the number of books, and what a wake costs. In memory: no Kafka."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks import stage
from benchmarks.workbench import Bench, Level, Report
from domain.decision import Entry
from domain.inputs import ClockTick
from gateways.market.calendar import new_york_us
from infra.stream.contract import Message
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec

BOOKS = (1, 100, 1_000, 10_000)
MARKS, BATCH, PASSES = 10_000, 1_000, 6
SYMBOL = "SYMA"
METHOD = (
    "In memory, one partition of a live log. Every book is taken over by ImportBook with 500 shares and five "
    "short puts of the one symbol that all marks carry, then pays a fee, which sets its price watch (buffer "
    "slack): each book has an open position, a watch and three timers. Quiet: marks within the narrowest watch. "
    "`take_marks` alone, and `BookTask.handle` of 1,000 Marks records a call (decode, market view, index, entry, "
    "hash chain). Each round goes through all sizes six times, up and down; the best pass of each counts. Wakes: "
    "one mark that crosses the watches of many books, divided by the watches; one clock tick at which the timers "
    "of many books fire (the weekly job, Monday's open, the first look at each position), divided by the timers. A "
    "command is a RecordFee for every book in one call."
)


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """Each round goes through all sizes."""
    report = Report("wake", "A mark that wakes nobody, and a wake", METHOD)
    count = int(MARKS * scale) // BATCH * BATCH or BATCH
    worlds = {size: World(size) for size in BOOKS}
    for number in range(rounds):
        best: dict[int, tuple[float, float]] = dict.fromkeys(worlds, (float("inf"), float("inf")))
        for passed in range(PASSES):
            for size in BOOKS if passed % 2 else reversed(BOOKS):
                alone, whole = best[size]
                world = worlds[size]
                best[size] = (min(alone, world.quiet_partition(count)), min(whole, world.quiet_handle(count)))
        for size, (alone, whole) in best.items():
            line = {"take_marks_ns": round(alone, 1), "handle_ns": round(whole, 1)}
            report.add({"round": number, "variant": f"{size:,} books", **line})
        bench.say(f"wake, round {number + 1}: {[round(x['handle_ns']) for x in report.lines[-len(BOOKS) :]]} ns")
    for size, world in worlds.items():
        report.add({"variant": f"wakes, {size:,} books", **world.wakes()})
    _tell(report)
    return report


class World:
    """A partition with so many books."""

    def __init__(self, size: int) -> None:
        self._codec, self.size = Codec.load(), size
        log = MemoryLog(1)
        runtime = MemoryRuntime(log, [(stage.BookProcessor(), 1)])
        names = stage.books(size)
        first, second = stage.opened(1, names, recorded=False, symbol=SYMBOL)
        for record in first:
            log.append(*record)
        runtime.run()
        log.append("market.marks", 0, None, self._marks(1, 1, 0)[0])
        runtime.run()
        for record in second:
            log.append(*record)
        for number, book in enumerate(names):
            log.append(*stage.command(book, stage.fee(number, book, stage.START_US + 2), 1))
        runtime.run()
        task = runtime.task("book", 0)
        assert isinstance(task, BookTask)
        self.task = task
        self._next, self._time = 2, stage.START_US + 10 * stage.STEP_US
        held = task.partition.books
        assert len(held) == size, f"{len(held)} books of {size}"
        assert all(book.watches and book.timers for book in held.values()), "a book waits for nothing"
        self.watched = sum(len(book.watches) for book in held.values())
        # A snapshot due would be taken inside a measured batch.
        task.handle([])
        task.last_snapshot = 1 << 60

    def _marks(self, count: int, first: int, time_us: int, price_e4: int = stage.PRICE_E4) -> list[bytes]:
        return [
            self._codec.encode(
                "Marks",
                {
                    "market_partition": 0,
                    "source_seq": first + k,
                    "time_us": time_us + k,
                    "symbols": [SYMBOL],
                    "lasts_e4": [price_e4 + k % 3],
                    "bids_e4": [price_e4 - 50],
                    "asks_e4": [price_e4 + 50],
                    "tick_times_us": [time_us + k],
                },
            )
            for k in range(count)
        ]

    def quiet_partition(self, count: int) -> float:
        """ns of a `take_marks` that reaches nothing."""
        partition, entry = self.task.partition, Entry(0, 0, self._time)
        prices = [[stage.PRICE_E4 + k % 3] for k in range(count)]

        def marks() -> None:
            for price in prices:
                partition.take_marks(entry, (SYMBOL,), price, price, price, price)

        found = _timed(marks) / count * 1e9
        assert not entry.emitted
        return found

    def quiet_handle(self, count: int) -> float:
        """ns a record of `handle` where nobody is woken."""
        values = self._marks(count, self._next, self._time)
        self._next, self._time = self._next + count, self._time + count
        messages = [Message("market.marks", 1_000 + k, None, value) for k, value in enumerate(values)]
        batches = [messages[k : k + BATCH] for k in range(0, count, BATCH)]
        outputs = 0
        began = time.perf_counter()
        for batch in batches:
            outputs += len(self.task.handle(batch))
        seconds = time.perf_counter() - began
        assert outputs == count, f"{outputs} outputs of {count} quiet marks"
        return seconds / count * 1e9

    def wakes(self) -> dict[str, float]:
        """us a book that a price or a timer wakes."""
        held = self.task.partition.books.values()
        fees = [
            stage.command(name, stage.fee(1_000_000, name, self._time), 1) for name in sorted(self.task.partition.books)
        ]
        sent = [Message("commands", 1_000_000 + n, fee.key, fee.value) for n, fee in enumerate(fees)]
        decided, command_seconds = self._events(sent)
        reached = max(high for book in held for _, _, high in book.watches.values())
        (mark,) = self._marks(1, self._next, self._time, price_e4=int(reached))
        crossed, seconds = self._events([Message("market.marks", 1_000_000, None, mark)])
        monday = new_york_us(stage.DAY + dt.timedelta(days=2), 9, 31)
        timers = sum(due <= monday for book in held for due in book.timers.values())
        tick = self._codec.encode_record(ClockTick(monday, 0))
        fired, tick_seconds = self._events([Message("clock.ticks", 0, None, tick)])
        return {
            "command_us": round(command_seconds / self.size * 1e6, 1),
            "command_events": decided + 1 - self.size,
            "watches": self.watched,
            "crossing_us": round(seconds / self.watched * 1e6, 1),
            "crossing_events": crossed,
            "timers": timers,
            "timer_us": round(tick_seconds / timers * 1e6, 1),
            "timer_events": fired,
        }

    def _events(self, messages: Sequence[Message]) -> tuple[int, float]:
        found: list[int] = []
        seconds = _timed(lambda: found.append(len(self.task.handle(messages)) - 1))
        return found[0], seconds


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _tell(report: Report) -> None:
    report.columns = (
        "books",
        "take_marks, ns",
        "handle, ns a record",
        "handle, of 1 book's",
        "a command, us (events)",
        "a crossing, us (events)",
        "a timer, us (events)",
    )
    one = f"{BOOKS[0]:,} books"
    for size in BOOKS:
        name = f"{size:,} books"
        (wake,) = [line for line in report.lines if line["variant"] == f"wakes, {name}"]
        report.rows.append(
            (
                f"{size:,}",
                report.spread(name, "take_marks_ns"),
                report.spread(name, "handle_ns"),
                f"{statistics.median(report.ratios(name, one, 'handle_ns')):.2f}",
                f"{wake['command_us']} ({wake['command_events'] / size:.1f} a command)",
                f"{wake['crossing_us']} ({wake['crossing_events'] / wake['watches']:.1f} a watch)",
                f"{wake['timer_us']} ({wake['timer_events'] / wake['timers']:.1f} a timer)",
            )
        )
    most = f"{BOOKS[-1]:,} books"
    for key, what in (("take_marks_ns", "take_marks"), ("handle_ns", "handle")):
        ratios = report.ratios(most, one, key)
        report.levels.append(
            Level(
                f"{what}: {BOOKS[-1]:,} books against 1",
                "<= 1.2",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})",
                statistics.median(ratios) <= 1.2,
            )
        )
