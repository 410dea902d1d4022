"""The market processor as the runtimes see it (contract in `infra.stream.contract`)."""

from collections.abc import Callable, Sequence

from domain.inputs import SessionCalendar
from infra.errors import UnavailableError
from infra.stream.contract import LogReader, Message, Output, Processor, Task
from processors.market.engine import Engine
from processors.market.history import History
from processors.market.intake import Intake, Special
from processors.market.progress import NOT_YET, Progress
from processors.market.publish import STATE, TICKS, Publisher
from processors.market.records import CALENDAR_KEY, MalformedRecordError, Records
from processors.market.symbols import SymbolTable
from processors.market.ticks import Ticks
from schemas.codec import Codec
from schemas.errors import NotThisRecordError

PROGRESS_KEY = b"progress"
ROW_PREFIX, HISTORY_PREFIX = b"row:", b"history:"


class MarketTask(Task):
    """One partition of market.ticks. Durable: the compacted topic market.state, in the transaction of the outputs.

    Keys there: `progress` (where the task stands), `calendar` (the SessionCalendar record), `row:SYMBOL` (what ticks
    change) and `history:SYMBOL` (what a session changes); see docs/decisions.
    """

    def __init__(self, partition: int, book_partitions: int, grid_us: int, *, forwards_calendar: bool) -> None:
        self._codec = Codec.load()
        self._progress = Progress(grid_us)
        self._table = SymbolTable()
        self._publisher = Publisher(partition, book_partitions, self._codec, self._progress, self._table)
        self._engine = Engine(self._progress, self._table, self._publisher)
        self._records = Records(self._engine, self._publisher, forwards_calendar=forwards_calendar)
        self._intake = Intake(self._codec, self._table)

    def restore(self, log: LogReader) -> None:
        """Take the state from market.state. Raises UnavailableError when it was made by another layout or grid."""
        rows: dict[str, bytes] = {}
        durable = log.compacted(STATE)
        try:
            for key, value in durable.items():
                if key.startswith(ROW_PREFIX):
                    rows[key.removeprefix(ROW_PREFIX).decode()] = value
                elif key.startswith(HISTORY_PREFIX):
                    self._engine.histories[key.removeprefix(HISTORY_PREFIX).decode()] = History.decoded(value)
            self._table.restore(rows)
            if PROGRESS_KEY in durable:
                self._adopt(Progress.decoded(durable[PROGRESS_KEY]))
        except (ValueError, TypeError) as error:
            raise UnavailableError(
                "MARKET_STATE_UNREADABLE",
                f"The state on market.state can't be taken over: {error}.",
                "Run the release that wrote it, or start a new log (another namespace) and feed it again.",
            ) from error
        if CALENDAR_KEY in durable:
            _, calendar = self._codec.decode(durable[CALENDAR_KEY])
            self._engine.sessions.adopt(SessionCalendar(**calendar), self._progress.closed_us)

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        """Take records of market.ticks; return marks, bars, dead letters and the state that changed."""
        if not messages:
            return []
        values: list[bytes] = [message[3] for message in messages]  # pyright: ignore[reportAssignmentType]
        return self.handle_values(values, messages[-1].offset + 1, messages.__getitem__)

    def handle_values(
        self, values: list[bytes], next_offset: int, message_at: Callable[[int], Message]
    ) -> list[Output]:
        """`handle` without an object a record: only what goes to the dead letters is asked for, by its place."""
        ticks, specials = self._intake.split(values)
        start = 0
        for special in specials:
            stop = int(ticks.at.searchsorted(special.place))
            self._fold(ticks, start, stop)
            start = stop
            self._take(special, message_at)
        self._fold(ticks, start, len(ticks))
        self._progress.next_offset = next_offset
        self._publish_state()
        return self._publisher.take()

    def positions(self) -> dict[str, int]:
        """Offset of market.ticks to go on from."""
        return {} if self._progress.next_offset == NOT_YET else {TICKS: self._progress.next_offset}

    def full(self) -> frozenset[str]:
        """Never: nothing is buffered."""
        return frozenset()

    def _adopt(self, progress: Progress) -> None:
        if progress.grid_us != self._progress.grid_us:
            raise ValueError(f"it was made on a grid of {progress.grid_us} us, not {self._progress.grid_us}")
        self._progress = self._engine.progress = self._publisher.progress = progress

    def _fold(self, ticks: Ticks, start: int, stop: int) -> None:
        if start < stop:
            self._engine.fold(ticks if stop - start == len(ticks) else ticks.take(slice(start, stop)))

    def _take(self, special: Special, message_at: Callable[[int], Message]) -> None:
        if special.value is None:
            code, text = special.refusal
        elif not self._records.knows(special.name):
            code, text = NotThisRecordError.code, f"{special.name} does not belong on {TICKS}"
        else:
            try:
                self._records.take(special.name, special.value)
                return
            except MalformedRecordError as error:
                code, text = error.code, str(error)
        self._publisher.dead_letter(message_at(special.place), code, text, max(0, self._progress.latest_us))

    def _publish_state(self) -> None:
        publisher, engine = self._publisher, self._engine
        for symbol, row in self._table.take_touched():
            publisher.state(ROW_PREFIX + symbol.encode(), row)
        for symbol in sorted(engine.changed_histories):
            publisher.state(HISTORY_PREFIX + symbol.encode(), engine.histories[symbol].encoded())
        engine.changed_histories.clear()
        if self._records.calendar is not None:
            publisher.state(CALENDAR_KEY, self._codec.encode("SessionCalendar", self._records.calendar))
            self._records.calendar = None
        publisher.state(PROGRESS_KEY, self._progress.encoded())


class MarketProcessor(Processor):
    """Makes the tasks. `market_partitions` are those of market.ticks, `book_partitions` those of market.marks."""

    name = "market"
    inputs: tuple[str, ...] = (TICKS,)

    def __init__(self, market_partitions: int, book_partitions: int, grid_us: int = 1_000_000) -> None:
        self.market_partitions = market_partitions
        self.book_partitions = book_partitions
        self.grid_us = grid_us

    def task(self, partition: int) -> MarketTask:
        """A fresh task. Partition 0 forwards the calendar, which the gateway sends to every partition."""
        if not 0 <= partition < self.market_partitions:
            raise ValueError(f"market.ticks has {self.market_partitions} partitions, there is no {partition}")
        return MarketTask(partition, self.book_partitions, self.grid_us, forwards_calendar=partition == 0)
