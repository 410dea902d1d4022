"""A little world for the simulated broker: a calendar, market records, orders, and a runtime that can be killed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.contracts import option
from domain.events import (
    BrokerLinkRequested,
    CashMovementRequested,
    Envelope,
    OrderCancelRequested,
    OrderRepriced,
    OrderSubmitted,
)
from domain.inputs import (
    BookProgress,
    BrokerAssignment,
    BrokerCashActivity,
    BrokerExecution,
    BrokerLinked,
    BrokerOrderStatus,
    BrokerProgress,
    BrokerSession,
    BrokerStatement,
    CorporateAction,
    DailyBar,
    MarketAction,
    MarketCalendar,
    MarketHalt,
    Marks,
    OptionChain,
    SessionCalendar,
    TradingHalt,
)
from gateways.broker.paper import MARKETS, ORDERS, REPORTS, STATE, PaperBroker, PaperTask
from gateways.broker.port import Report
from infra.stream.contract import Message, Output
from schemas.codec import Codec
from schemas.records import from_plain

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LOOKAHEAD = 100_000

MONDAY = 20248
"""2025-06-09, the first session of the rig's calendar; New York is at UTC-4."""
FRIDAY = MONDAY + 4
NEXT_MONDAY = MONDAY + 7
PUT = "TSLA250613P00247500"
CALL = "TSLA250613C00255000"
LATER_PUT = "TSLA250620P00240000"
LATER_CALL = "TSLA250620C00260000"

Request = BrokerLinkRequested | CashMovementRequested | OrderSubmitted | OrderRepriced | OrderCancelRequested
"""What is sent to the broker."""
_RECORDS: dict[str, type[Report] | type[BrokerProgress]] = {
    cls.__name__: cls
    for cls in (
        BrokerLinked, BrokerOrderStatus, BrokerExecution, BrokerAssignment, BrokerCashActivity, BrokerStatement,
        BrokerSession, BrokerProgress,
    )
}  # fmt: skip


def et(day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    """A New York time as UTC microseconds."""
    return day * DAY + (hour + 4) * HOUR + minute * MINUTE + second * SECOND


def calendar(weeks: int = 3, early: frozenset[int] = frozenset()) -> SessionCalendar:
    """Monday to Friday of some weeks; sessions in `early` close at 13:00."""
    sessions = [MONDAY + 7 * week + day for week in range(weeks) for day in range(5)]
    return SessionCalendar(
        et(MONDAY, 0),
        sessions,
        [et(day, 9, 30) for day in sessions],
        [et(day, 13 if day in early else 16) for day in sessions],
        [day + 1 for day in sessions],
        [MONDAY - 30],
        [-4 * 3600],
    )


def envelope(book: str, at_us: int, name: str) -> Envelope:
    """Who, when and what of an order record; the rest does not matter to a broker."""
    return Envelope(
        f"{book}-{name}-{at_us}", f"order-{book}", 1, name, 1, at_us, at_us, book, None, "BOOK", book, "", "", "", 1, 0,
        0, 0,
    )  # fmt: skip


def submit(
    order_id: str, contract: str, side: str, effect: str, quantity: int, limit_e4: int, version: int = 1
) -> OrderSubmitted:
    """An order as the book sends it."""
    return OrderSubmitted(order_id, f"S1/A/{order_id}", version, contract, side, effect, quantity, limit_e4, "DAY", 0)


def roll(order_id: str, contract: str, new_contract: str, quantity: int, net_e4: int) -> OrderSubmitted:
    """A combination as the book sends it."""
    return OrderSubmitted(
        order_id, f"S1/A/{order_id}", 1, contract, "SELL", "ROLL", quantity, net_e4, "DAY", 0, new_contract
    )


@dataclass
class Wire:
    """What stands on the two inputs, as bytes, with the market's sequence numbers."""

    codec: Codec
    partitions: int = 1
    orders: list[bytes] = field(default_factory=list[bytes])
    marks: list[bytes] = field(default_factory=list[bytes])
    seqs: dict[int, int] = field(default_factory=dict[int, int])

    def seq(self, source: int) -> int:
        """Next source_seq of a market partition."""
        self.seqs[source] = self.seqs.get(source, -1) + 1
        return self.seqs[source]

    def market(self, record: object) -> None:
        """Append a market record."""
        self.marks.append(self.codec.encode_record(record))

    def opening(self, source: SessionCalendar) -> None:
        """The calendar."""
        self.market(MarketCalendar(0, self.seq(0), source.time_us, source))

    def marks_at(self, at_us: int, prices: dict[str, tuple[int, int, int]], source: int = 0) -> None:
        """Marks: symbol to (last, bid, ask); none only closes the moment."""
        names = list(prices)
        self.market(
            Marks(
                source, self.seq(source), at_us, names, [prices[n][0] for n in names], [prices[n][1] for n in names],
                [prices[n][2] for n in names], [at_us for _ in names],
            )
        )  # fmt: skip

    def chain(
        self, at_us: int, quotes: dict[str, tuple[int, int, int, int]], spot_e4: int = 0, source: int = 0
    ) -> None:
        """A chain snapshot: contract to (bid, ask, bid size, ask size), all of one underlying."""
        options = [option(contract) for contract in quotes]
        rows = list(quotes.values())
        n = len(rows)
        self.market(
            OptionChain(
                source, self.seq(source), at_us, options[0].underlying, spot_e4, [o.expiry for o in options],
                [o.strike_e3 for o in options], [o.right for o in options], [r[0] for r in rows], [r[1] for r in rows],
                [r[2] for r in rows], [r[3] for r in rows], [at_us] * n, [0] * n, [0] * n, [-1] * n, [0] * n, [-1] * n,
                "LISTED",
            )
        )  # fmt: skip

    def bar(self, symbol: str, session: int, close_e4: int, source: int = 0) -> None:
        """The official close, at 16:30 ET."""
        at = et(session, 16, 30)
        close = close_e4
        self.market(
            DailyBar(source, self.seq(source), at, symbol, session, close, close, close, close, 1, 0, 0, False)
        )  # fmt: skip

    def action(self, action: CorporateAction, source: int = 0) -> None:
        """A corporate action."""
        self.market(MarketAction(source, self.seq(source), action.time_us, action))

    def halt(self, halt: TradingHalt, source: int = 0) -> None:
        """A halt, or its end."""
        self.market(MarketHalt(source, self.seq(source), halt.time_us, halt))

    def order(self, book: str, at_us: int, event: Request) -> None:
        """A record to the broker."""
        self.orders.append(self.codec.encode_event(envelope(book, at_us, type(event).__name__), event))

    def progress(self, promise_us: int, recorded: bool = True) -> None:
        """The book's promise."""
        progress = BookProgress(promise_us, -1, recorded, LOOKAHEAD, self.partitions)
        self.orders.append(self.codec.encode_record(progress))


class Runtime:
    """Runs one partition as on Kafka: outputs, state and positions are one step; a kill loses the task."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.published: list[Output] = []
        self.state: dict[bytes, bytes] = {}
        self.committed: dict[str, int] = {}
        self.restarts = 0
        self._start()

    def _start(self) -> None:
        self.task: PaperTask = PaperBroker(self.wire.codec).task(0)
        self.task.restore(self)
        self.read = {ORDERS: self.committed.get(ORDERS, 0), MARKETS: self.committed.get(MARKETS, 0)}

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The log, as the task may read it."""
        assert topic == STATE
        return dict(self.state)

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        """Not needed by this task."""
        raise NotImplementedError

    def end(self, topic: str) -> int:
        """Not needed by this task."""
        raise NotImplementedError

    def kill(self) -> None:
        """The process dies between two steps, or in the middle of one that is then aborted."""
        self.restarts += 1
        self._start()

    def step(self, orders: int, marks: int, *, abort: bool = False) -> None:
        """Hand over up to so many records of each input; `abort` throws the step away."""
        full = self.task.full()
        batch: list[Message] = []
        for topic, values, count in ((ORDERS, self.wire.orders, orders), (MARKETS, self.wire.marks, marks)):
            if topic in full:
                continue
            at = self.read[topic]
            batch += [Message(topic, at + i, None, value) for i, value in enumerate(values[at : at + count])]
            self.read[topic] = min(len(values), at + count)
        out = self.task.handle(batch)
        if abort:
            self.kill()
            return
        self.published += out
        for output in out:
            if output.topic == STATE and output.key is not None and output.value is not None:
                self.state[output.key] = output.value
        self.committed = self.task.positions()

    def drain(self) -> None:
        """Everything that stands on the inputs."""
        while self.read[ORDERS] < len(self.wire.orders) or self.read[MARKETS] < len(self.wire.marks):
            self.step(1 << 30, 1 << 30)

    def out(self) -> list[Report | BrokerProgress]:
        """What was published on `broker.reports`, in order."""
        found: list[Report | BrokerProgress] = []
        for output in self.published:
            if output.topic == REPORTS and output.value is not None:
                name, plain = self.wire.codec.decode(output.value)
                found.append(from_plain(_RECORDS[name], plain))
        return found

    def reports(self) -> list[Report]:
        """Without progress."""
        return [r for r in self.out() if not isinstance(r, BrokerProgress)]

    def report_bytes(self) -> list[tuple[bytes | None, bytes | None]]:
        """Keys and bytes of the reports, without progress."""
        name_of = self.wire.codec.name_of
        return [
            (o.key, o.value)
            for o in self.published
            if o.topic == REPORTS and o.value is not None and name_of(o.value) != "BrokerProgress"
        ]


def statuses(reports: Sequence[Report], order_id: str) -> list[str]:
    """The statuses reported of an order, in order."""
    return [r.status for r in reports if isinstance(r, BrokerOrderStatus) and r.order_id == order_id]


def executions(reports: Sequence[Report], order_id: str | None = None) -> list[BrokerExecution]:
    """The executions reported, of one order or of all."""
    return [r for r in reports if isinstance(r, BrokerExecution) and order_id in (None, r.order_id)]
