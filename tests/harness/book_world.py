"""A little world round one book, on the real mechanism: records are encoded, journalled, decided and published by the
book processor under the memory runtime; the tests see what it published, decoded.

    world = BookWorld("2025-06-09", "2025-06-27")            # New York days; sessions of XNYS
    world.at("2025-06-12 10:00")                             # the clock: due timers fire on the way
    world.chain("TSLA", 250, put(FRIDAY, "247.50", 3.85, 3.95, 45))
    world.fill(world.order("TSLA"), 7, "3.90")
    world.one(e.OptionExpiredWorthless)

Live log by default: every report comes from the test's own broker (`HandBroker`, which keeps cash and positions by
itself, so that a book can be compared with it). With `paper=True` the log is recorded and the paper broker answers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, cast

from domain import commands as c
from domain import events as e
from domain import inputs as i
from domain.calendar import Calendar
from domain.contracts import occ_symbol, option
from domain.decision import Decision, Entry
from domain.money import option_value, shares_value, strike_value
from domain.state import Account, Book, Order
from domain.valuation import buffer_required, corpus, deployable
from gateways.broker.paper import PaperBroker
from gateways.market.calendar import Sessions, day_number, new_york_us
from infra.stream.contract import Message
from processors.book.task import BookProcessor, BookTask
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from schemas.records import from_plain

EVENT_TOPICS = ("signals", "orders", "fills", "accounts", "ledger", "protocol", "alerts")
_EVENT_CLASSES: dict[str, type] = {cls.__name__: cls for cls in e.TOPIC_OF}
FAR = new_york_us(date(2099, 1, 1))
Number = int | float | str | Decimal
T = TypeVar("T")
OCC_LENGTH = 15
"""Longer than any ticker: the contract is an option."""


def e4(price: Number) -> int:
    """Dollars as 1e-4 dollars: 3.85 -> 38500."""
    return int(Decimal(str(price)) * 10_000)


def cents(amount: Number) -> int:
    """Dollars as cents: "1,000.05" -> 100005."""
    return int(Decimal(str(amount).replace(",", "")) * 100)


def day(text: str) -> int:
    """Day number of an ISO date."""
    return day_number(date.fromisoformat(text))


def et(text: str) -> int:
    """ "2025-06-12 10:00[:30]" New York as microseconds UTC."""
    when, _, clock = text.partition(" ")
    parts = [int(p) for p in (clock or "00:00").split(":")]
    return new_york_us(date.fromisoformat(when), *parts)


class Happened(NamedTuple):
    """An event that the book published."""

    envelope: e.Envelope
    event: Any

    @property
    def name(self) -> str:
        """The event's name."""
        return type(self.event).__name__


@dataclass(frozen=True, slots=True)
class Listed:
    """One option of a chain that a test writes."""

    expiry: int
    right: str
    strike_e3: int
    bid_e4: int
    ask_e4: int
    delta_e2: int
    open_interest: int
    volume: int
    adv20: int
    iv_e6: int
    age_s: int


def put(
    expiry: str, strike: Number, bid: Number, ask: Number, delta: Number, *, right: str = "P",
    open_interest: int = 5_000, volume: int = 2_000, adv20: int = 5_000, iv: Number = "0.5", age_s: int = 0,
) -> Listed:  # fmt: skip
    """A listed put; prices in dollars, delta in points."""
    return Listed(
        day(expiry), right, int(Decimal(str(strike)) * 1_000), e4(bid), e4(ask), int(Decimal(str(delta)) * 100),
        open_interest, volume, adv20, int(Decimal(str(iv)) * 1_000_000), age_s,
    )  # fmt: skip


def call(expiry: str, strike: Number, bid: Number, ask: Number, delta: Number, **rest: Any) -> Listed:
    """A listed call."""
    return put(expiry, strike, bid, ask, delta, right="C", **rest)


def occ(ticker: str, expiry: str, right: str, strike: Number) -> str:
    """OCC symbol from readable parts."""
    return occ_symbol(ticker, day(expiry), right, int(Decimal(str(strike)) * 1_000))


@dataclass
class HandBroker:
    """What a broker would hold after the reports of the test: kept from them alone, never from the book."""

    cash: int = 0
    positions: dict[str, int] = field(default_factory=dict[str, int])

    def move(self, contract: str, quantity: int, cash: int) -> None:
        """Change a position and cash."""
        self.cash += cash
        left = self.positions.get(contract, 0) + quantity
        self.positions.pop(contract, None)
        if left:
            self.positions[contract] = left

    def lines(self) -> list[i.BrokerPosition]:
        """The positions of a statement."""
        return [i.BrokerPosition(contract, self.positions[contract]) for contract in sorted(self.positions)]


class BookWorld:
    """One book, its market, its broker and its people."""

    def __init__(self, first: str, last: str, *, book: str = "S001", paper: bool = False) -> None:
        self.book_id = book
        self.codec = Codec.load()
        self.log = MemoryLog(1)
        self.broker = HandBroker()
        self.happened: list[Happened] = []
        self.now = et(first)
        self._paper = paper
        self.watcher: Callable[[list[Happened]], None] | None = None
        """told after every input what it made happen"""
        processors: list[tuple[Any, int]] = [(BookProcessor(), 1), *([(PaperBroker(), 1)] if paper else [])]
        self.runtime = MemoryRuntime(self.log, processors)
        self._seqs: dict[str, int] = {}
        self._read: dict[str, int] = dict.fromkeys(EVENT_TOPICS, 0)
        self._commands = 0
        self._linked = 0
        opened = i.LogOpened("test", 1, 1, "CRC32", 1_000_000, 100_000, paper)
        self.log.append("commands", 0, None, self.codec.encode_record(opened))
        self.sessions = Sessions(date.fromisoformat(first), date.fromisoformat(last))
        source = self.sessions.record(self.now)
        self.calendar = Calendar(source)
        self._market(lambda seq: i.MarketCalendar(0, seq, self.now, source))

    # --- state ------------------------------------------------------------------------------------------------------

    @property
    def task(self) -> BookTask:
        """The book processor's task."""
        task = self.runtime.task("book", 0)
        assert isinstance(task, BookTask)
        return task

    @property
    def book(self) -> Book:
        """The live book."""
        return self.task.partition.books[self.book_id]

    def account(self, kind: str) -> Account:
        """A root account by type."""
        return self.book.accounts[f"{self.book_id}-{kind}-001"]

    def order(self, ticker: str, kind: str | None = None) -> Order:
        """The newest order of a ticker."""
        return [
            o
            for o in self.book.orders.values()
            if o.ticker == ticker and (kind is None or o.account_id.split("-")[1] == kind)
        ][-1]

    def decision(self) -> Decision:
        """A context for questions about values; nothing may be decided with it."""
        return Decision(self.book, self.task.partition.market, Entry(0, 0, self.now))

    def deployable(self, kind: str) -> int:
        """Deployable cash of an account, cents."""
        return deployable(self.decision(), self.account(kind))

    def buffer(self, kind: str) -> int:
        """Buffer required, cents."""
        return buffer_required(self.decision(), self.account(kind))

    def corpus(self, kind: str) -> int:
        """Corpus, cents."""
        return corpus(self.task.partition.market, self.account(kind))

    # --- time -------------------------------------------------------------------------------------------------------

    def at(self, when: str | int) -> list[Happened]:
        """Let time pass to a moment; timers that are due fire, in it included."""
        start = len(self.happened)
        to = et(when) if isinstance(when, str) else when
        assert to >= self.now, "time goes forward"
        if self._paper:
            self.now = to
            self.log.append("commands", 0, None, self.codec.encode_record(i.Watermark(to)))
            self._market(lambda seq: i.Marks(0, seq, to, [], [], [], [], []))
            return self.happened[start:]
        while (due := self.task.partition.next_due_us()) is not None and due <= to:
            self.tick(max(due, self.now))
        self.now = to
        return self.happened[start:]

    def tick(self, time_us: int) -> list[Happened]:
        """A clock tick."""
        self.now = time_us
        return self._put("clock.ticks", i.ClockTick(time_us, self._next("clock")))

    # --- market -----------------------------------------------------------------------------------------------------

    def mark(self, *prices: tuple[str, Number]) -> list[Happened]:
        """Last trades."""
        lasts = [e4(price) for _, price in prices]
        times = [self.now] * len(lasts)
        return self._market(lambda seq: i.Marks(0, seq, self.now, [t for t, _ in prices], lasts, lasts, lasts, times))

    def chain(self, ticker: str, spot: Number, *listed: Listed) -> list[Happened]:
        """Marks the underlying and publishes a chain snapshot of it."""
        self.mark((ticker, spot))
        return self._market(
            lambda seq: i.OptionChain(
                0, seq, self.now, ticker, e4(spot), [q.expiry for q in listed], [q.strike_e3 for q in listed],
                [q.right for q in listed], [q.bid_e4 for q in listed], [q.ask_e4 for q in listed], [100] * len(listed),
                [100] * len(listed), [self.now - q.age_s * 1_000_000 for q in listed], [q.volume for q in listed],
                [q.open_interest for q in listed], [q.adv20 for q in listed], [q.iv_e6 for q in listed],
                [q.delta_e2 for q in listed], "LISTED",
            )
        )  # fmt: skip

    def bar(self, ticker: str, close: Number, session: str | None = None, *, atr: Number = 0) -> list[Happened]:
        """The completed session of a ticker: its official close."""
        number = day(session) if session else self.calendar.day_of(self.now)
        price = e4(close)
        return self._market(
            lambda seq: i.DailyBar(
                0, seq, self.now, ticker, number, price, price, price, price, 1_000_000, e4(atr) * 100, 0, False
            )
        )

    def split(self, ticker: str, new: int, old: int) -> list[Happened]:
        """A split of `new` for `old`."""
        action = i.CorporateAction(ticker, "SPLIT", self.calendar.day_of(self.now), self.now, new, old, 0)
        return self._market(lambda seq: i.MarketAction(0, seq, self.now, action))

    def earnings(self, ticker: str, when: str) -> list[Happened]:
        """An announced earnings date."""
        return self._market(lambda seq: i.MarketEarnings(0, seq, self.now, i.EarningsDate(ticker, day(when), self.now)))

    # --- people -----------------------------------------------------------------------------------------------------

    def header(
        self, *, command_id: str = "", by: str = "owner", role: str = "OWNER", valid_until: int = 0
    ) -> c.CommandHeader:
        """Header of a command; a fresh id unless one is given."""
        self._commands += 1
        identity = command_id or f"c{self._commands}"
        return c.CommandHeader(identity, self.book_id, self.now, valid_until, "USER", by, role, identity)

    def ask(
        self, kind: type, /, *fields: Any, command_id: str = "", by: str = "owner", role: str = "OWNER"
    ) -> list[Happened]:
        """Send a command with these fields after its header."""
        return self.send(kind(self.header(command_id=command_id, by=by, role=role), *fields))

    def send(self, command: Any) -> list[Happened]:
        """Send a command as it is."""
        return self._put("commands", command, key=command.header.book.encode())

    def create(self, capital: Number, config: dict[str, str] | None = None, *, command_id: str = "") -> list[Happened]:
        """CreateSystem, simulated unless the configuration says otherwise."""
        overrides = {"env.mode": "SIM", "sim.hitl_policy": "SCRIPTED", **(config or {})}
        return self.ask(c.CreateSystem, cents(capital), "subject-1", "DU1", overrides, command_id=command_id)

    def take_over(self, *accounts: c.ImportedAccount, config: dict[str, str] | None = None) -> list[Happened]:
        """ImportBook."""
        overrides = {"env.mode": "SIM", "sim.hitl_policy": "SCRIPTED", **(config or {})}
        return self.ask(c.ImportBook, "subject-1", "DU1", "a worked example", list(accounts), overrides)

    def sleeve(
        self, kind: str, cash: Number, *, lots: Sequence[c.ImportedLot] = (), options: Sequence[c.ImportedOption] = (),
        tax_years: Sequence[c.ImportedTaxYear] = (), tax_reserve: Number = 0, sizing_base: Number | None = None,
    ) -> c.ImportedAccount:  # fmt: skip
        """A root account to import."""
        base = cents(cash if sizing_base is None else sizing_base)
        return c.ImportedAccount(
            f"{self.book_id}-{kind}-001", kind, "ROOT", None, None, 0, self.calendar.day_of(self.now), cents(cash), 0,
            cents(tax_reserve), base, base, list(lots), list(options), list(tax_years),
        )  # fmt: skip

    def grant(
        self, approval_id: str, *, by: str = "trader-1", role: str = "TRADER", choice: str = ""
    ) -> list[Happened]:
        """A person approves."""
        return self.ask(c.GrantApproval, approval_id, choice, by=by, role=role)

    def deny(self, approval_id: str, *, by: str = "trader-1", role: str = "TRADER") -> list[Happened]:
        """A person denies."""
        return self.ask(c.DenyApproval, approval_id, "no", by=by, role=role)

    # --- broker -----------------------------------------------------------------------------------------------------

    def report(self, kind: type, *fields: Any) -> list[Happened]:
        """A report with these fields after book, number and time."""
        return self._put("broker.reports", kind(self.book_id, self._next("broker"), self.now, *fields))

    def link(self, deposit: Number) -> list[Happened]:
        """Link verified, deposit arrived."""
        return self.report(i.BrokerLinked, "DU1", cents(deposit), "CSP_AND_CC")

    def session(self, connected: bool = True) -> list[Happened]:
        """The broker's session comes up or goes down."""
        return self.report(i.BrokerSession, connected, "test")

    def statement(self, occasion: str = "PRE_OPEN", *, cash: int | None = None) -> list[Happened]:
        """Positions and cash of the hand broker."""
        return self.report(i.BrokerStatement, occasion, self.broker.cash if cash is None else cash, self.broker.lines())

    def status(self, order: Order, status: str, code: str = "") -> list[Happened]:
        """What the broker says of an order."""
        return self.report(
            i.BrokerOrderStatus, order.order_id, f"b-{order.order_id[:8]}", order.version, status, code, ""
        )

    def ack(self, order: Order) -> list[Happened]:
        """Acknowledged."""
        return self.status(order, "ACKNOWLEDGED")

    def fill(
        self,
        order: Order,
        quantity: int,
        price: Number,
        *,
        exec_id: str = "",
        commission: int | None = None,
        again: bool = False,
    ) -> list[Happened]:
        """An execution; `again` = one that was reported before, so the broker holds it already.

        Of a roll both legs: `price` is the net, the old option is bought back at 10.00 or what the net asks for.
        """
        if order.new_contract:
            net = e4(price)
            bought = max(100_000, 100 - net)
            both: list[Happened] = []
            for leg, (contract, side, at) in enumerate(
                ((order.contract, "BUY", bought), (order.new_contract, "SELL", bought + net))
            ):
                identity = f"{exec_id or self._seqs.get('broker', 0)}/{leg}"
                both += self._execution(order, contract, side, quantity, at, identity, 65 * quantity, again=again)
            return both
        shares = len(order.contract) < OCC_LENGTH
        paid = (0 if shares else 65 * quantity) if commission is None else commission
        identity = exec_id or f"x{self._seqs.get('broker', 0)}"
        return self._execution(order, order.contract, order.side, quantity, e4(price), identity, paid, again=again)

    def _execution(
        self, order: Order, contract: str, side: str, quantity: int, price_e4: int, exec_id: str, paid: int, *,
        again: bool,
    ) -> list[Happened]:  # fmt: skip
        value = (shares_value if len(contract) < OCC_LENGTH else option_value)(price_e4, quantity)
        if not again:
            sign = -1 if side == "SELL" else 1
            self.broker.move(contract, sign * quantity, -sign * value - paid)
        return self.report(
            i.BrokerExecution, order.order_id, f"b-{order.order_id[:8]}", exec_id, contract, side, quantity, price_e4,
            paid,
        )  # fmt: skip

    def assign(
        self, contract: str, quantity: int, session: str | int, *, notice_id: str = "", held: int | None = None
    ) -> list[Happened]:
        """A notice of assignment or exercise. `held` contracts are still on the broker's books (default all)."""
        terms = option(contract)
        sign = 1 if terms.right == "P" else -1
        left = quantity if held is None else held
        self.broker.move(contract, left, 0)
        self.broker.move(terms.underlying, sign * 100 * quantity, -sign * strike_value(terms.strike_e3, quantity))
        identity = notice_id or f"n{self._seqs.get('broker', 0)}"
        number = day(session) if isinstance(session, str) else session
        return self.report(i.BrokerAssignment, identity, contract, quantity, number)

    def lapse(self, contract: str) -> None:
        """The broker removes an option that expired."""
        self.broker.positions.pop(contract, None)

    # --- what happened ----------------------------------------------------------------------------------------------

    def events(self, kind: type[T], within: Iterable[Happened] | None = None, **fields: Any) -> list[T]:
        """The events of a kind, in order, whose fields have these values."""
        chosen = self.happened if within is None else within
        return [
            h.event for h in chosen
            if isinstance(h.event, kind) and all(getattr(h.event, name) == value for name, value in fields.items())
        ]  # fmt: skip

    def one(self, kind: type[T], within: Iterable[Happened] | None = None, **fields: Any) -> T:
        """The one event of a kind with these values."""
        found = self.events(kind, within, **fields)
        assert len(found) == 1, f"{len(found)} {kind.__name__} with {fields}: {self.events(kind, within)}"
        return found[0]

    # --- the log ----------------------------------------------------------------------------------------------------

    def _next(self, source: str) -> int:
        self._seqs[source] = self._seqs.get(source, -1) + 1
        return self._seqs[source]

    def _market(self, make: Callable[[int], object]) -> list[Happened]:
        return self._put("market.marks", make(self._next("market")))

    def _put(self, topic: str, record: object, key: bytes | None = None) -> list[Happened]:
        self.log.append(topic, 0, key, self.codec.encode_record(record))
        self.runtime.run()
        return self._collect()

    def _collect(self) -> list[Happened]:
        """Read what was published; entries and ordinals give the order over the topics."""
        found: list[Happened] = []
        for topic in EVENT_TOPICS:
            for message in self.log.records(topic, 0, self._read[topic]):
                self._read[topic] = message.offset + 1
                name, plain = self.codec.decode(message.value or b"")
                if name in _EVENT_CLASSES:
                    found.append(
                        Happened(from_plain(e.Envelope, plain["envelope"]), from_plain(_EVENT_CLASSES[name], plain))
                    )
        found.sort(key=lambda h: (h.envelope.sequence, h.envelope.ordinal))
        for h in found:
            if isinstance(h.event, e.BrokerLinkRequested):
                self.broker.cash += h.event.deposit
                self.broker.positions.update(h.event.positions)
            elif isinstance(h.event, e.CashMovementRequested) and h.event.kind == "CONTRIBUTION":
                self.broker.cash += h.event.amount
        self.happened.extend(found)
        if self.watcher is not None:
            self.watcher(found)
        return found

    def journal(self) -> list[Message]:
        """The journal's records."""
        return list(self.log.records("journal", 0))


def in_order(happened: Iterable[Happened], *wanted: tuple[type, dict[str, Any]] | type) -> None:
    """These events happened in this order; others may stand between them."""
    pairs = [w if isinstance(w, tuple) else (w, cast(dict[str, Any], {})) for w in wanted]
    rest = list(happened)
    seen: list[str] = []
    for kind, fields in pairs:
        while rest:
            head = rest.pop(0)
            if isinstance(head.event, kind) and all(
                getattr(head.event, name) == value for name, value in fields.items()
            ):
                seen.append(kind.__name__)
                break
        else:
            raise AssertionError(f"after {seen}: no {kind.__name__} with {fields}")
