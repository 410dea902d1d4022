"""The books of one partition: one market view, one timer queue, one price index, and which input wakes which book."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from domain import commands as c
from domain import events as e
from domain import inputs as i
from domain.book import COMMAND_RULES, FOUNDING, PARKED, REFUSED, TAKEN, finish, on_command, on_report, reject
from domain.calendar import Calendar
from domain.config import Config
from domain.contracts import Option
from domain.decision import Decision, Entry
from domain.ledger import check_buffer
from domain.looks import KINDS, Looks
from domain.market import Mark, Market, Quote
from domain.monitoring import evaluate, evaluate_package
from domain.reasons import Reason
from domain.risk.breakers import check_vix
from domain.schedule import on_timer, rank_of, resume_exit, take_calendar
from domain.splits import adjust
from domain.state import Book
from domain.thresholds import PriceIndex

EVERY_BOOK = "*"


class PoisonedBook(Exception):  # noqa: N818 - a condition, not a mistake of the caller
    """A rule of one book failed on an input: the entry must be undone and the book parked."""

    def __init__(self, book: str, cause: Exception) -> None:
        super().__init__(f"{book}: {type(cause).__name__}: {cause}")
        self.book = book


class Partition:
    """State of the book processor for one partition."""

    def __init__(
        self,
        number: int,
        decode: Callable[[bytes], Any],
        read_quote: Callable[[bytes, str, Option], Quote | None] | None = None,
    ) -> None:
        self.number = number
        self.market = Market(decode_chain=decode, read_quote=read_quote)
        self.books: dict[str, Book] = {}
        self.changed: set[str] = set()
        """books touched since the last snapshot"""
        self._decode = decode
        self._timers: list[tuple[int, int, str, str, str]] = []
        self._prices = PriceIndex()
        self._configs: dict[str, dict[str, Config]] = {}
        """parameters in force by book and scope, until one of the book's is changed"""
        self.looks = Looks()

    # --- restoring ----------------------------------------------------------------------------------------------

    def adopt(self, book: Book) -> None:
        """Take a book out of a snapshot: its timers and watches come with it."""
        self.books[book.system_id] = book
        self._enqueue(book)

    def _enqueue(self, book: Book) -> None:
        for key, due in book.timers.items():
            self._push_timer(book.system_id, due, key)
        for key, watch in book.watches.items():
            symbol, low, high = watch
            assert isinstance(symbol, str)
            assert isinstance(low, int)
            assert isinstance(high, int)
            self._prices.add(symbol, low, high, book.system_id, key)

    # --- timers -------------------------------------------------------------------------------------------------

    def _push_timer(self, book: str, due_us: int, key: str) -> None:
        account = key.partition("|")[2].partition("|")[0]
        heappush(self._timers, (due_us, rank_of(key), account, book, key))

    def next_due_us(self) -> int | None:
        """When the next timer of the partition is due, `None` when nothing waits."""
        timers = self._timers
        while timers:
            due, _, _, name, key = timers[0]
            book = self.books.get(name)
            if book is not None and not book.parked and book.timers.get(key) == due:
                return due
            heappop(timers)
        return None

    def take_clock(self, entry: Entry) -> str:
        """Fire what is due at the entry's time, in order of due time, rank and account (protocol 2.9)."""
        while (due := self.next_due_us()) is not None and due <= entry.time_us:
            _, _, _, name, key = heappop(self._timers)
            book = self.books[name]
            if not key.startswith(KINDS):
                del book.timers[key]
                self._run(book, entry, None, lambda d, key=key: _fire(d, key))
            elif step_us := self.looks.step_us(name, key, self.market, entry.time_us):
                book.timers[key] = entry.time_us + step_us
                self._push_timer(name, entry.time_us + step_us, key)
                self.changed.add(name)
            else:
                self._look(book, entry, key)
        return TAKEN

    def _look(self, book: Book, entry: Entry, key: str) -> None:
        """A look at a position; where it decides nothing, the next ones may be left out until something changes."""
        del book.timers[key]
        emitted, sent, calm = len(entry.emitted), len(entry.sent), book.memory.get(key)
        d = self._decision(book, entry, None)
        self._apply(d, lambda d: _fire(d, key))
        if len(entry.emitted) != emitted or len(entry.sent) != sent:
            self.looks.forget(book.system_id)
        elif [name for _, name in d.timers_set] == [key] and not d.watches_set and book.memory.get(key) == calm:
            self.looks.note(d, key)
        else:
            self.looks.forget(book.system_id, key)

    # --- market -------------------------------------------------------------------------------------------------

    def take_marks(
        self,
        entry: Entry,
        symbols: Sequence[str],
        lasts: Sequence[int],
        bids: Sequence[int],
        asks: Sequence[int],
        times: Sequence[int],
    ) -> str:
        """Last prices of a moment; books whose thresholds they reach are woken."""
        marks, upper, lower = self.market.marks, self._prices.next_upper, self._prices.next_lower
        for symbol, last, bid, ask, time in zip(symbols, lasts, bids, asks, times, strict=True):
            marks[symbol] = Mark(last, bid, ask, time)
            if symbol in upper and not lower[symbol] < last < upper[symbol]:
                for name, key in self._prices.crossed(symbol, last, self._watched):
                    self._run(self.books[name], entry, None, lambda d, key=key: _reached(d, key))
        return TAKEN

    def _watched(self, symbol: str, name: str, key: str, price: int, upper: bool) -> bool:
        book = self.books.get(name)
        watch = book.watches.get(key) if book is not None and not book.parked else None
        return watch is not None and watch[0] == symbol and watch[2 if upper else 1] == price

    def take_market(self, entry: Entry, record: Any) -> str:
        """Reference data and daily bars."""
        self.looks.forget_all()
        match record:
            case i.DailyBar():
                self.market.take_bar(record)
            case i.MarketCalendar():
                self.market.calendar = Calendar(record.calendar)
                for name in sorted(self.books):
                    self._run(self.books[name], entry, None, take_calendar)
            case i.MarketEarnings():
                days = self.market.earnings.setdefault(record.earnings.symbol, [])
                if record.earnings.session not in days:
                    days.append(record.earnings.session)
                    days.sort()
            case i.MarketHalt():
                if record.halt.halted:
                    self.market.halted[record.halt.symbol] = True
                else:
                    self.market.halted.pop(record.halt.symbol, None)
            case i.MarketAction():
                self.market.actions.append(record.action)
                if record.action.kind == "SPLIT":
                    self.market.take_split(record.action)
                    for name in sorted(self.books):
                        self._run(self.books[name], entry, None, lambda d: adjust(d, record.action))
            case _:
                raise ValueError(f"no market input: {type(record).__name__}")
        return TAKEN

    # --- books --------------------------------------------------------------------------------------------------

    def take_report(self, entry: Entry, record: Any) -> str:
        """A broker's report for one book."""
        book = self.books.get(record.book)
        if book is None:
            return REFUSED
        return self._run(book, entry, None, lambda d: on_report(d, record))

    def take_command(self, entry: Entry, command: Any) -> str:
        """A command for one book, or for every book of the partition."""
        header: c.CommandHeader = command.header
        if header.book == EVERY_BOOK:
            dispositions = [self._command(self.books[name], entry, command) for name in sorted(self.books)]
            return TAKEN if TAKEN in dispositions else dispositions[0] if dispositions else REFUSED
        book = self.books.get(header.book)
        if book is None:
            book = Book(header.book)
            if not isinstance(command, FOUNDING):
                d = Decision(book, self.market, entry, header)
                reject(d, type(command).__name__, header.command_id, Reason.UNKNOWN_BOOK, header.book)
                return REFUSED
            self.books[header.book] = book  # refused or not: its answer is remembered
            return self._command(book, entry, command)
        return self._command(book, entry, command)

    def _command(self, book: Book, entry: Entry, command: Any) -> str:
        if isinstance(command, c.ReleaseBook):
            return self._release(book, entry, command)
        if type(command) not in COMMAND_RULES:
            raise ValueError(f"no command: {type(command).__name__}")
        return self._run(book, entry, command.header, lambda d: on_command(d, command))

    def _run(
        self, book: Book, entry: Entry, header: c.CommandHeader | None, rule: Callable[[Decision], str | None]
    ) -> str:
        """Let a rule of a book decide; its timers and watches join the partition's."""
        if book.parked:
            book.parked_inputs += 1
            return PARKED
        self.looks.forget(book.system_id)
        return self._apply(self._decision(book, entry, header), rule)

    def _decision(self, book: Book, entry: Entry, header: c.CommandHeader | None) -> Decision:
        configs = self._configs.get(book.system_id)
        if configs is None:
            configs = self._configs[book.system_id] = {}
        return Decision(book, self.market, entry, header, configs)

    def _apply(self, d: Decision, rule: Callable[[Decision], str | None]) -> str:
        book = d.book
        try:
            disposition = rule(d)
        except Exception as error:
            raise PoisonedBook(book.system_id, error) from error
        self.changed.add(book.system_id)
        for due, key in d.timers_set:
            self._push_timer(book.system_id, due, key)
        for symbol, low, high, key in d.watches_set:
            self._prices.add(symbol, low, high, book.system_id, key)
        return disposition or TAKEN

    # --- parking ------------------------------------------------------------------------------------------------

    def park(self, entry: Entry, record: i.ParkBook) -> str:
        """Set a book aside: its inputs become dead letters until ops release it."""
        book = self.books.setdefault(record.book, Book(record.book))
        book.parked = True
        self.looks.forget(record.book)
        self.changed.add(record.book)
        d = Decision(book, self.market, entry)
        d.emit(
            e.BookParked(record.error_code, record.message, record.topic, record.source_seq), f"system-{record.book}"
        )
        return TAKEN

    def _release(self, book: Book, entry: Entry, command: c.ReleaseBook) -> str:
        d = Decision(book, self.market, entry, command.header)
        if not book.parked:
            reject(d, "ReleaseBook", command.header.command_id, Reason.NOT_PARKED, book.system_id)
            return REFUSED
        book.parked, count = False, book.parked_inputs
        book.parked_inputs = 0
        d.emit(e.BookReleased(command.header.actor_id, count, not command.records), f"system-{book.system_id}")
        self._enqueue(book)
        for text in command.records:
            record = self._decode(bytes.fromhex(text))
            if type(record) in COMMAND_RULES:
                self._command(book, entry, record)
            else:
                self.take_report(entry, record)
        return TAKEN


def _fire(d: Decision, key: str) -> None:
    on_timer(d, key)
    finish(d)


def _reached(d: Decision, key: str) -> None:
    """A price watch was reached: slack of buffer and drawdown, the price at which level 3 may be left, VIX."""
    kind, account_id, name = key.split("|", 2)
    d.unwatch_price(key)
    match kind:
        case "buffer":
            check_buffer(d, d.book.accounts[account_id])
        case "monitor":
            evaluate(d, d.book.accounts[account_id], name)
        case "stop":
            resume_exit(d, d.book.accounts[account_id], name)
        case "package":
            evaluate_package(d, d.book.accounts[account_id], name)
        case _:
            check_vix(d)
    finish(d)
