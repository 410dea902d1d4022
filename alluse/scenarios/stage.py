"""Where a scenario is played: the processors' own tasks over a recorded log in memory, fed a moment at a time.

Everything written here is kept as `recording`: the same records, fed to Kafka, must give the same log. A step has the
millisecond from its time on: the market at once, then timers of that very moment, then actions 20 us apart; the
broker answers 10 us after it is asked, and so do books that ask each other something.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from alluse.scenarios.expecting import Happened
from alluse.scenarios.facts import ActionFact, Facts, MarketDesk, Price, flat_bar, processor_records
from alluse.scenarios.hand_broker import HandBroker
from alluse.scenarios.loading import new_york_date
from alluse.scenarios.scenario import Scenario
from domain import events as e
from domain import inputs as i
from domain.decision import Decision, Entry
from domain.indicators import split_adjusted
from domain.state import Book
from gateways.broker.paper import PaperBroker
from gateways.market.calendar import Sessions, day_number, new_york_us
from infra.stream.contract import Output, Processor
from processors.book.digest import EVENT_TOPICS, digest_of
from processors.book.task import BookProcessor, BookTask
from processors.market import MarketProcessor
from processors.market.sessions import Sessions as MarketSessions
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from schemas.records import from_plain

LOOKAHEAD_US, SPACING_US, STEP_US = 10, 20, 1_000
GRID_US = 1_000_000
DAILY_BARS_AT = (16, 15)
ACTIONS_MOST = STEP_US // SPACING_US - 2


@dataclass(frozen=True)
class Place:
    """Which partition of how many a scenario is played on; ids depend on it."""

    partition: int = 0
    partitions: int = 1


class Stage:
    """A log that one scenario is played on."""

    def __init__(self, scenario: Scenario, place: Place) -> None:
        self.place = place
        self.codec = Codec.load()
        self.log = MemoryLog(place.partitions)
        self.recording: list[Output] = []
        self.founded = 0
        """how many records of the recording come before the broker's first answer"""
        self.happened: list[Happened] = []
        self.hand = HandBroker(scenario.broker) if scenario.broker.scripted else None
        self._through_processor = scenario.through_processor
        processors: list[tuple[Processor, int]] = [(BookProcessor(), place.partitions)]
        if self.hand is None:
            processors.append((PaperBroker(), place.partitions))
        if self._through_processor:
            processors.insert(0, (MarketProcessor(1, place.partitions, GRID_US), 1))
        self.runtime = MemoryRuntime(self.log, processors)
        self._events: dict[str, type] = {cls.__name__: cls for cls in e.TOPIC_OF}
        self._progress = self.codec.header("BookProgress")
        self._read = dict.fromkeys(EVENT_TOPICS, 0)
        self._collected = 0
        self._answered = 0
        self._report_us = 0
        self._done_us = self._promised_us = -1
        self._daily_bars = scenario.daily_bars
        self._atr: dict[str, int] = {}
        """ATR that holds until another is given, by ticker"""
        self._marks: dict[str, Price] = {}
        self._barred: dict[str, int] = {}
        """last session of which the scenario has given a bar, by ticker"""
        self._splits: list[tuple[int, str, ActionFact]] = []
        """splits to come, by ex day"""
        self._shown = False
        self.now_us = scenario.start_us
        self.sessions = Sessions(scenario.first, scenario.last)
        self._open(scenario)

    def _open(self, scenario: Scenario) -> None:
        markets = 2 if self._through_processor else 1
        # A log of its own in that partition: scenarios that share topics do not wait for each other.
        opened = i.LogOpened(
            f"scenario-{scenario.identity}", 1, markets, "CRC32", GRID_US, LOOKAHEAD_US, True, LOOKAHEAD_US
        )
        for partition in range(self.place.partitions):
            if partition == self.place.partition:
                self.feed("commands", opened)
        calendar = self.sessions.record(self.now_us)
        known = MarketSessions()
        known.adopt(calendar, self.now_us)
        self._desk = MarketDesk(markets - 1, known)
        self.calendar = known.calendar
        if self._through_processor:
            self.feed("market.ticks", calendar)
        self.feed("market.marks", self._desk.calendar(self.now_us, calendar))

    # --- state ------------------------------------------------------------------------------------------------

    @property
    def task(self) -> BookTask:
        """The book processor's task of this partition."""
        task = self.runtime.task("book", self.place.partition)
        assert isinstance(task, BookTask)
        return task

    @property
    def books(self) -> dict[str, Book]:
        """The live books."""
        return self.task.partition.books

    def decision(self, book: Book) -> Decision:
        """A context for questions about values; nothing may be decided with it."""
        return Decision(book, self.task.partition.market, Entry(0, 0, self.now_us))

    @property
    def today(self) -> int:
        """The New York day of now."""
        return day_number(new_york_date(self.now_us))

    def digest(self) -> str:
        """Digest of the log; checks chain and events on the way."""
        return digest_of(self.log.records, self.place.partitions).value()

    @property
    def entries(self) -> int:
        """Journal entries so far."""
        return self.task.chain.sequence

    @property
    def promised_us(self) -> int:
        """What the book partition has promised on `orders`: on Kafka it must get as far."""
        last = 0
        for message in self.log.records("orders", self.place.partition):
            if message.value is not None and message.value[:5] == self._progress:
                last = self.codec.decode(message.value)[1]["promise_us"]
        return last

    # --- feeding ----------------------------------------------------------------------------------------------

    def feed(self, topic: str, record: Any, key: bytes | None = None) -> None:
        """Write a record, and keep it for Kafka."""
        output = Output(topic, self.place.partition, key, self.codec.encode_record(record))
        self.recording.append(output)
        self.log.append(*output)

    def command(self, command: Any) -> None:
        """Send a command now."""
        self.feed("commands", command, command.header.book.encode())

    def report(self, report: Any) -> None:
        """Let the scripted broker report something."""
        self._report_us = max(self._report_us, report.time_us)
        self.feed("broker.reports", report, report.book.encode())

    # --- time -------------------------------------------------------------------------------------------------

    def market(self, facts: Facts) -> None:
        """What the market shows now. A split to come is shown on its day, as gateways do."""
        later = {t: a for t, a in facts.actions.items() if a.kind == "SPLIT" and (a.ex or 0) > self.today}
        self._splits.extend((action.ex or 0, ticker, action) for ticker, action in later.items())
        facts = replace(facts, actions={t: a for t, a in facts.actions.items() if t not in later})
        for ticker, action in facts.actions.items():
            if action.kind == "SPLIT":
                self._split(ticker, action)
        self._marks |= facts.marks
        self._atr |= facts.atr
        for ticker, bar in facts.bars.items():
            self._barred[ticker] = max(self._barred.get(ticker, 0), bar.session or self.today)
        for record in processor_records(facts, self.now_us):
            self.feed("market.ticks", record, record.symbol.encode())
        for record in self._desk.records(facts, self.now_us):
            self.feed("market.marks", record, b"marks")

    def _split(self, ticker: str, action: ActionFact) -> None:
        """What is known of a ticker, in the shares of after a split."""
        new, old = action.new, action.old
        if ticker in self._atr:
            self._atr[ticker] = split_adjusted(self._atr[ticker], new, old)
        if ticker in self._marks:
            before = self._marks[ticker]
            self._marks[ticker] = Price(*(p * old // new for p in (before.last_e4, before.bid_e4, before.ask_e4)))
        self._desk.split(ticker, new, old)
        if self.hand is not None:
            self.hand.split(ticker, new, old)

    def show_again(self) -> None:
        """Marks from before the first book were nobody's: once it is there, they are sent again."""
        if not self._shown and self.books:
            self._shown = True
            if self._marks:
                self.now_us += SPACING_US
                self.market(Facts(marks=dict(self._marks)))
                self.pass_to(self.now_us)

    def pass_to(self, to_us: int) -> None:
        """Let everything happen up to and including a time, and on the way what happens daily."""
        while (due := self._due(to_us)) is not None:
            at_us, what = due
            self._promise(at_us - 1)
            self.now_us = at_us
            if what == "bars":
                self._bars_of_the_day()
            elif what == "splits":
                due_now = {ticker: action for ex, ticker, action in self._splits if ex <= self.today}
                self._splits = [one for one in self._splits if one[0] > self.today]
                self.market(Facts(actions=due_now))
            elif self.hand is not None:
                at = self._next_report_us()
                for report in self.hand.close(at) if what == "close" else self.hand.morning(at, self.today):
                    self.report(report)
            self._promise(at_us)
            self._done_us = at_us
        self._promise(to_us)
        self.now_us = to_us

    def _due(self, to_us: int) -> tuple[int, str] | None:
        """What happens daily next, up to a time: statements and the close at the scripted broker, then daily bars."""
        after = max(self._done_us, self.now_us - 1)
        due = [(new_york_us(dt.date(1970, 1, 1) + dt.timedelta(days=ex), 0), "splits") for ex, _, _ in self._splits]
        for session in self.sessions.between(new_york_date(after), new_york_date(to_us)):
            if self.hand is not None and self.hand.accounts:
                due.append((session.close_us, "close"))
                if self.hand.plan.statements:
                    due.append((new_york_us(session.day, 9), "morning"))
            if self._atr and self._daily_bars:
                due.append((new_york_us(session.day, *DAILY_BARS_AT), "bars"))
        return min((pair for pair in due if after < pair[0] <= to_us), default=None)

    def _bars_of_the_day(self) -> None:
        """Close and ATR of each symbol whose ATR was given, unless the scenario has given its bar."""
        today = self.today
        bars = {
            ticker: flat_bar(today, self._marks[ticker].last_e4, atr, False)
            for ticker, atr in self._atr.items()
            if ticker in self._marks and self._barred.get(ticker, 0) < today
        }
        if bars:
            self.market(Facts(bars=bars))

    def _next_report_us(self) -> int:
        return max(self.now_us, self._report_us)

    def act_at(self) -> int:
        """The time of the next action: after everything that is known, within this step's millisecond."""
        at_us = max(self.now_us, self._report_us) + SPACING_US
        self.now_us = at_us
        return at_us

    def _promise(self, to_us: int) -> None:
        """Every source has sent everything up to a time: what is due until then happens."""
        if to_us > self._promised_us:  # a second word on the same time would be late on a recorded log
            self._promised_us = to_us
            if self._through_processor:
                self.feed("market.ticks", i.Watermark(to_us))
            self.feed("market.marks", self._desk.closed(to_us), b"marks")
            self.feed("commands", i.Watermark(to_us))
        self.settle(to_us)

    def settle(self, to_us: int) -> None:
        """Run until nothing is left to do; the scripted broker answers what it is asked."""
        first = self.hand is not None
        while True:
            self.runtime.run()
            self._collect()
            hand = self.hand
            if hand is None:
                return
            asked = [h for h in self.happened[self._answered :] if type(h.event) in e.TO_BROKER]
            self._answered = len(self.happened)
            for happened in asked:
                self.founded = self.founded or len(self.recording)
                at_us = max(happened.envelope.recorded_at_us + LOOKAHEAD_US, self._report_us)
                for report in hand.answers(happened.envelope.system_id, happened.event, at_us):
                    self.report(report)
            if not first and not asked and not self.task.sequencer.unanswered:
                return
            if self.founded:
                self.feed("broker.reports", i.BrokerProgress(to_us + 1, self.task.sequencer.orders_sent))
            first = False

    def _collect(self) -> None:
        """Read what was published; entries and ordinals give the order over the topics."""
        found: list[Happened] = []
        for topic in EVENT_TOPICS:
            for message in self.log.records(topic, self.place.partition, self._read[topic]):
                self._read[topic] = message.offset + 1
                value = message.value or b""
                if value[:5] == self._progress:
                    continue
                name, plain = self.codec.decode(value)
                found.append(Happened(from_plain(e.Envelope, plain["envelope"]), from_plain(self._events[name], plain)))
        found.sort(key=lambda h: (h.envelope.sequence, h.envelope.ordinal))
        self.happened.extend(found)
