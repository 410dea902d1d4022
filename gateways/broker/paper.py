"""The simulated broker as a processor: `orders` and `market.marks` in, `broker.reports` and its own state out.

In a recorded run its inputs are merged by event time (marks before orders at equal times), and after each step it
promises how long it will report nothing (`BrokerProgress`), so that the book need not wait for it. Live, inputs are
taken as they come. A record that cannot be read goes to the dead letters and stops nothing. State and positions are
saved together: docs/decisions/0005 says how a restart goes.
"""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from json import dumps, loads
from typing import Any, NamedTuple

from domain.events import (
    TO_BROKER,
    BrokerLinkRequested,
    CashMovementRequested,
    OrderCancelRequested,
    OrderRepriced,
    OrderSubmitted,
)
from domain.inputs import BookProgress, BrokerProgress, DailyBar, MarketAction, MarketCalendar, MarketHalt
from gateways.broker.letters import DeadLetters
from gateways.broker.lookout import Ahead, View
from gateways.broker.model import PaperModel
from gateways.broker.port import BrokerPort
from gateways.broker.quotes import DAY_US, ChainView, MarksView
from gateways.broker.wire import empty_list, prefix, short_text
from infra.stream.contract import LogReader, Message, Output
from infra.stream.merge import FOREVER, Merge
from schemas.codec import Codec
from schemas.errors import NotThisRecordError, SchemaError
from schemas.records import from_plain

ORDERS, MARKETS = "orders", "market.marks"
REPORTS, STATE = "broker.reports", "broker.state"
PARTITION_KEY, MARKET_KEY = b"*", b"*market"
"""Keys of `broker.state` that are no books: what the partition remembers; calendar, splits and dividends to come."""
BUFFER_RECORDS, BUFFER_BYTES = 50_000, 64 << 20
"""Beyond either, an input that is not the one waited for is read no further."""

_TO_BROKER = frozenset(event.__name__ for event in TO_BROKER)
_READ_AT_ONCE = frozenset({"DailyBar", "MarketCalendar", "MarketAction", "MarketHalt"})
"""Market records that are decoded when they come, not when somebody asks."""

_MARKS = ""
"""Stands for the underlying where a record is no chain."""


class Item(NamedTuple):
    """A record that waits for its moment."""

    offset: int
    name: str
    seq: int
    """of its source; of an order record its offset"""
    value: bytes
    view: View | None


class Setting(NamedTuple):
    """What the first `BookProgress` of the partition says of the log (`LogOpened`)."""

    recorded: bool
    lookahead_us: int
    market_partitions: int


class PaperTask:
    """One partition of the simulated broker."""

    def __init__(self, codec: Codec, partition: int) -> None:
        self._codec = codec
        self._partition = partition
        self._setting: Setting | None = None
        self._early: list[Message] = []
        self._orders_seen = 0
        self._orders_done = 0
        """offset of the first order record that has not been worked"""
        self._worked: list[int] = []
        """by market partition: source_seq of the last record that has been worked"""
        self._read: list[int] = []
        """the same of the last one read"""
        self._next: dict[str, int] = {}
        self._anchors: deque[tuple[int, int]] = deque()
        """(UTC day, offset in market.marks of the first record read with such a day or a later one)"""
        self._progress_offset: int | None = None
        self._waiting_orders: deque[int] = deque()
        """offsets of order records that wait for their moment; below, market records and their bytes that do"""
        self._waiting_marks = self._waiting_bytes = 0
        self._waiting_actions: list[int] = []
        """times of the corporate actions among them, ascending"""
        self._ahead: dict[tuple[int, str], Ahead] = {}
        self._told: tuple[int, int] | None = None
        self._letters = DeadLetters(codec, partition)

    # --- state -----------------------------------------------------------------------------------------------

    def restore(self, log: LogReader) -> None:
        """Accounts and what the partition remembers, from `broker.state`."""
        state = log.compacted(STATE)
        remembered = state.pop(PARTITION_KEY, None)
        if remembered is None:
            return
        plain: dict[str, Any] = loads(remembered)
        self._begin(Setting(*plain["setting"]))
        self._model.next_seq = plain["next_seq"]
        self._model.clock_us = plain["clock_us"]
        self._orders_seen = plain["orders_seen"]
        self._orders_done = plain["orders_done"]
        self._worked = plain["worked"]
        market = state.pop(MARKET_KEY, None)
        if market is not None:
            self._model.load_market(market)
        for book in sorted(state):
            self._model.load_account(state[book])

    def _begin(self, setting: Setting) -> None:
        self._setting = setting
        self._orders = setting.market_partitions
        self._merge: Merge[Item] = Merge(setting.market_partitions + 1)
        self._model = PaperModel(setting.lookahead_us if setting.recorded else 0)
        self._worked = [-1] * setting.market_partitions
        self._read = [-1] * setting.market_partitions

    def _remember(self, setting: Setting) -> bytes:
        plain = {
            "setting": list(setting),
            "next_seq": self._model.next_seq,
            "clock_us": self._model.clock_us,
            "orders_seen": self._orders_seen,
            "orders_done": self._orders_done,
            "worked": self._worked,
        }
        return dumps(plain, separators=(",", ":")).encode()

    def positions(self) -> dict[str, int]:
        """Where to go on: at the first order not worked or the last `BookProgress`, whose bound is needed again; at the
        beginning of the UTC day the broker has reached, whose quotes are."""
        found = dict(self._next)
        if ORDERS in found:
            held = [self._waiting_orders[0]] if self._waiting_orders else []
            if self._progress_offset is not None:
                held.append(self._progress_offset)
            found[ORDERS] = min([found[ORDERS], *held])
        if MARKETS in found and self._anchors:
            found[MARKETS] = self._anchors[0][1]
        for message in self._early:
            found[message.topic] = min(found[message.topic], message.offset)
        return found

    def full(self) -> frozenset[str]:
        """An input of which much waits, unless it is the one that the others wait for."""
        lagging = ORDERS
        if self._setting is not None:
            lagging = ORDERS if self._merge.horizon()[1] == self._orders else MARKETS
        full: set[str] = set()
        if lagging == ORDERS and (
            self._waiting_marks + len(self._early) > BUFFER_RECORDS or self._waiting_bytes > BUFFER_BYTES
        ):
            full.add(MARKETS)
        if lagging == MARKETS and len(self._waiting_orders) > BUFFER_RECORDS:
            full.add(ORDERS)
        return frozenset(full)

    @property
    def broker(self) -> BrokerPort:
        """The broker behind the port, for questions; orders reach it through `handle` alone."""
        return self._model

    # --- the loop --------------------------------------------------------------------------------------------

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        """Take records, work what is safe, publish reports, changed state and progress."""
        for message in messages:
            self._next[message.topic] = message.offset + 1
            try:
                if self._setting is not None or self._first(message):
                    self._take(message)
            except SchemaError as error:
                self._letters.add(message, error)
        if self._setting is None:
            return self._letters.drain(0)
        if self._setting.recorded:
            self._work_safe()
        self._drop_anchors()
        return self._publish(self._setting) + self._letters.drain(self._model.clock_us)

    def _first(self, message: Message) -> bool:
        """Before the first `BookProgress` nothing is known of the log: keep what comes, then take it in its order."""
        value = message.value
        if message.topic == ORDERS and value is not None and self._codec.name_of(value) == "BookProgress":
            progress = from_plain(BookProgress, self._codec.decode(value)[1])
            self._begin(Setting(progress.recorded, progress.lookahead_us, progress.market_partitions))
            early, self._early = self._early, []
            for kept in early:
                try:
                    self._take(kept)
                except SchemaError as error:
                    self._letters.add(kept, error)
            return True
        self._early.append(message)
        return False

    def _take(self, message: Message) -> None:
        value = message.value
        if value is None:
            return
        if message.topic == ORDERS:
            self._take_order(message.offset, value)
        else:
            self._take_market(message, value)

    def _take_order(self, offset: int, value: bytes) -> None:
        name = self._codec.name_of(value)
        if name == "BookProgress":
            self._merge.promise(self._orders, self._codec.decode(value)[1]["promise_us"])
            self._progress_offset = offset
        elif name in _TO_BROKER and offset >= self._orders_done:
            envelope = self._codec.decode(value)[1]["envelope"]
            item = Item(offset, name, offset, value, None)
            if self._waits(self._orders, envelope["recorded_at_us"], item):
                self._waiting_orders.append(offset)

    def _take_market(self, message: Message, value: bytes) -> None:
        offset, letters = message.offset, self._letters
        name = self._codec.name_of(value)
        partition, seq, time_us, end = prefix(value)
        if not 0 <= partition < len(self._read):
            raise NotThisRecordError(f"{name}: there is no market partition {partition}")
        if seq <= self._read[partition]:
            return
        underlying = short_text(value, end) if name == "OptionChain" else ""
        if name in _READ_AT_ONCE:
            self._codec.decode(value)
        self._read[partition] = seq
        day = time_us // DAY_US
        if not self._anchors or day > self._anchors[-1][0]:
            self._anchors.append((day, offset))
        view: View | None = None
        if name == "Marks":
            if not empty_list(value, end):
                view = MarksView(time_us, seq, value, lambda: letters.columns(message, value))
                self._look_ahead(partition, _MARKS, seq, view)
                self._take_item(partition, time_us, Item(offset, name, seq, value, view))
            self._close_moment(partition, time_us)
            return
        if name == "OptionChain":
            view = ChainView(time_us, seq, underlying, lambda: letters.columns(message, value))
            self._look_ahead(partition, underlying, seq, view)
        elif name not in _READ_AT_ONCE:
            self._merge.promise(partition, time_us)
            return
        self._take_item(partition, time_us, Item(offset, name, seq, value, view))

    def _close_moment(self, partition: int, time_us: int) -> None:
        assert self._setting is not None
        if self._setting.recorded:
            self._merge.promise(partition, time_us + 1)
        else:
            self._model.advance(max(self._model.clock_us, time_us))

    def _look_ahead(self, partition: int, symbol: str, seq: int, view: View) -> None:
        if seq > self._worked[partition] and self._setting is not None and self._setting.recorded:
            ahead = self._ahead.get((partition, symbol))
            if ahead is None:
                ahead = self._ahead[partition, symbol] = Ahead()
            ahead.push(view)

    def _take_item(self, partition: int, time_us: int, item: Item) -> None:
        if self._waits(partition, time_us, item):
            self._waiting_marks += 1
            self._waiting_bytes += len(item.value)
            if item.name == "MarketAction":
                insort(self._waiting_actions, time_us)

    def _waits(self, source: int, time_us: int, item: Item) -> bool:
        """Queue a record for its moment; live there is none to wait for: it is worked at once."""
        assert self._setting is not None
        if self._setting.recorded:
            self._merge.push(source, time_us, item)
            return True
        self._work(max(time_us, self._model.clock_us), source, item)
        return False

    def _work_safe(self) -> None:
        for time_us, source, item in self._merge.drain():
            if source == self._orders:
                self._waiting_orders.popleft()
            else:
                self._waiting_marks -= 1
                self._waiting_bytes -= len(item.value)
                if item.name == "MarketAction":
                    self._waiting_actions.remove(time_us)
            self._work(time_us, source, item)
        horizon = self._merge.horizon()[0]
        if -FOREVER < horizon < FOREVER:
            self._model.advance(horizon)

    # --- one record ------------------------------------------------------------------------------------------

    def _work(self, time_us: int, source: int, item: Item) -> None:
        if source == self._orders:
            self._work_order(time_us, item)
            return
        if item.seq <= self._worked[source]:
            self._see_again(item)
            return
        self._worked[source] = item.seq
        self._work_market(time_us, source, item)

    def _see_again(self, item: Item) -> None:
        """Worked before a restart: it only brings the quotes back."""
        if isinstance(item.view, ChainView):
            self._model.board.put_chain(item.view)
        elif item.view is not None:
            self._model.board.put_marks(item.view)

    def _work_market(self, time_us: int, source: int, item: Item) -> None:
        model, view = self._model, item.view
        if isinstance(view, ChainView):
            if (ahead := self._ahead.get((source, view.underlying))) is not None:
                ahead.reached()
            model.on_chain(view, time_us)
        elif view is not None:
            if (ahead := self._ahead.get((source, _MARKS))) is not None:
                ahead.reached()
            model.on_marks(view, time_us)
        else:
            plain = self._codec.decode(item.value)[1]
            if item.name == "DailyBar":
                model.on_bar(time_us, from_plain(DailyBar, plain))
            elif item.name == "MarketCalendar":
                model.on_calendar(time_us, from_plain(MarketCalendar, plain).calendar)
            elif item.name == "MarketAction":
                model.on_action(time_us, from_plain(MarketAction, plain).action)
            elif item.name == "MarketHalt":
                model.on_halt(time_us, from_plain(MarketHalt, plain).halt)

    def _work_order(self, time_us: int, item: Item) -> None:
        plain = self._codec.decode(item.value)[1]
        book: str = plain["envelope"]["system_id"]
        if item.name == "BrokerLinkRequested":
            self._model.connect(time_us, book, from_plain(BrokerLinkRequested, plain))
        elif item.name == "OrderSubmitted":
            self._model.place(time_us, book, from_plain(OrderSubmitted, plain))
        elif item.name == "OrderRepriced":
            self._model.replace(time_us, book, from_plain(OrderRepriced, plain))
        elif item.name == "CashMovementRequested":
            self._model.move_cash(time_us, book, from_plain(CashMovementRequested, plain))
        else:
            self._model.cancel(time_us, book, from_plain(OrderCancelRequested, plain))
        self._orders_seen += 1
        self._orders_done = item.offset + 1

    # --- what goes out ---------------------------------------------------------------------------------------

    def _drop_anchors(self) -> None:
        """Forget the beginnings of days that are over for this broker."""
        day = self._model.clock_us // DAY_US
        while len(self._anchors) > 1 and self._anchors[0][0] < day:
            self._anchors.popleft()

    def _publish(self, setting: Setting) -> list[Output]:
        model, codec, partition = self._model, self._codec, self._partition
        reports = model.reports()
        out = [Output(REPORTS, partition, r.book.encode(), codec.encode_record(r)) for r in reports]
        if reports or model.changed or model.market_changed:
            out += [Output(STATE, partition, b.encode(), model.accounts[b].dump()) for b in sorted(model.changed)]
            if model.market_changed:
                out.append(Output(STATE, partition, MARKET_KEY, model.dump_market()))
            out.append(Output(STATE, partition, PARTITION_KEY, self._remember(setting)))
            model.changed.clear()
            model.market_changed = False
        if setting.recorded:
            promise = self._promise(setting)
            told = self._told
            if promise > 0 and (told is None or self._orders_seen != told[1] or promise > told[0]):
                self._told = (promise, self._orders_seen)
                progress = BrokerProgress(promise, self._orders_seen)
                out.append(Output(REPORTS, partition, None, codec.encode_record(progress)))
        return out

    def _promise(self, setting: Setting) -> int:
        """The earliest time that a further report can bear, if no further order comes."""
        model = self._model
        if not model.accounts:
            return FOREVER
        unread = min(self._merge.bound(source) for source in range(setting.market_partitions))
        by_itself = model.next_report_us(min([unread, *self._waiting_actions[:1]]))
        times = [unread + setting.lookahead_us if by_itself is None else by_itself]
        if model.options or model.shares:
            times.append(min(unread, self._first_fill_us(unread)) + setting.lookahead_us)
        return min(times)

    def _first_fill_us(self, unread_us: int) -> int:
        """Time of the first record read and not reached that may fill a working order, at most `unread_us`."""
        model = self._model
        first = unread_us
        shares = tuple((symbol, model.shares.version(symbol)) for symbol in model.shares.symbols())
        for (_, symbol), ahead in self._ahead.items():
            if symbol in model.options:
                found = ahead.first(model.options.version(symbol), model.would_fill)
            elif symbol == _MARKS and shares:
                found = ahead.first(shares, model.would_fill)
            else:
                continue
            if found is not None:
                first = min(first, found)
        return first


class PaperBroker:
    """The simulated broker of protocol 12.4 under the processor contract."""

    name = "paper-broker"
    inputs: tuple[str, ...] = (ORDERS, MARKETS)
    plumbing: tuple[str, ...] = (STATE,)
    """How often state is written depends on how the inputs were cut; progress on `broker.reports` likewise."""

    def __init__(self, codec: Codec | None = None) -> None:
        self._codec = codec if codec is not None else Codec.load()

    def task(self, partition: int) -> PaperTask:
        """A fresh task for a partition."""
        return PaperTask(self._codec, partition)
