"""Recorded runs: book and broker advance from event to event, not from lookahead to lookahead; nothing blocks."""

from dataclasses import dataclass

import pytest

from domain.events import BrokerLinkRequested, CashMovementRequested, OrderRepriced
from domain.inputs import BrokerCashActivity, BrokerProgress, BrokerStatement, CorporateAction
from gateways.broker import paper
from infra.stream.contract import Message
from infra.stream.merge import FOREVER
from schemas.codec import Codec
from tests.unit.gateways.broker.rig import (
    CALL,
    LATER_PUT,
    LOOKAHEAD,
    MINUTE,
    MONDAY,
    PUT,
    SECOND,
    Runtime,
    Wire,
    calendar,
    et,
    executions,
    roll,
    submit,
)

pytestmark = pytest.mark.unit


@dataclass
class Book:
    """The book's half of the protocol: orders at set times, no promise beyond what the broker's own lets it."""

    wire: Wire
    orders: list[tuple[int, object]]
    end_us: int
    sent: int = 0
    bound: int = 0

    def step(self, told: BrokerProgress | None) -> int:
        """Send what is due before the broker can say more; promise. Returns the promise."""
        answered = told is not None and told.orders_seen == self.sent
        horizon = min(self.end_us, told.promise_us if told is not None and answered else self.bound)
        while self.sent < len(self.orders) and self.orders[self.sent][0] <= horizon:
            at, event = self.orders[self.sent]
            self.wire.progress(at)
            self.wire.order("S1", at, event)  # type: ignore[arg-type]
            self.sent += 1
            self.bound = horizon = at + LOOKAHEAD
        following = self.orders[self.sent][0] if self.sent < len(self.orders) else self.end_us
        promise = min(horizon, following)
        self.wire.progress(promise)
        return promise


def converse(wire: Wire, book: Book) -> tuple[Runtime, int]:
    """Turn by turn until the book reaches its end; the number of turns."""
    wire.progress(0)
    runtime = Runtime(wire)
    told: BrokerProgress | None = None
    for turn in range(1, 2000):
        runtime.drain()
        told = next((r for r in reversed(runtime.out()) if isinstance(r, BrokerProgress)), told)
        if book.step(told) >= book.end_us:
            runtime.drain()
            return runtime, turn
    raise AssertionError("book and broker wait for each other")


def test_a_day_with_a_resting_order_takes_few_turns() -> None:
    """Given a profit-take that rests all day through 390 snapshots that do not reach it, then turns are counted by
    orders, fills and statements, not by snapshots and not by lookaheads."""
    wire = Wire(Codec.load())
    wire.opening(calendar())
    for minute in range(390):
        ask = 13_600 if minute == 300 else 14_000
        wire.chain(et(MONDAY, 9, 30) + minute * MINUTE, {PUT: (13_500, ask, 9, 9)})
        wire.marks_at(et(MONDAY, 9, 30) + minute * MINUTE, {"TSLA": (2_500_000, 0, 0)})
    wire.marks_at(et(MONDAY + 2, 0), {})
    orders: list[tuple[int, object]] = [
        (et(MONDAY, 8), BrokerLinkRequested("DU1", 40_000_000, {PUT: -7})),
        (et(MONDAY, 9, 40), submit("tp", PUT, "BUY", "CLOSE", 7, 13_500)),
        (et(MONDAY, 9, 41), OrderRepriced("tp", 2, 13_600)),
    ]
    runtime, turns = converse(wire, Book(wire, orders, et(MONDAY + 1, 12)))
    assert [e.quantity for e in executions(runtime.reports())] == [7]
    assert executions(runtime.reports())[0].time_us == et(MONDAY, 14, 30) + LOOKAHEAD
    assert sum(isinstance(r, BrokerStatement) for r in runtime.reports()) == 4
    assert turns < 25


def test_a_day_with_a_resting_roll_takes_few_turns() -> None:
    """Given a roll whose net is short of its limit by a cent all day, while each side alone moves, then the same."""
    wire = Wire(Codec.load())
    wire.opening(calendar())
    for minute in range(390):
        old = 20_500 + 100 * (minute % 7)
        new = old + (4_500 if minute == 300 else 4_400)
        wire.chain(et(MONDAY, 9, 30) + minute * MINUTE, {PUT: (20_000, old, 9, 9), LATER_PUT: (new, 30_000, 9, 9)})
        wire.marks_at(et(MONDAY, 9, 30) + minute * MINUTE, {"TSLA": (2_500_000, 0, 0)})
    wire.marks_at(et(MONDAY + 2, 0), {})
    orders: list[tuple[int, object]] = [
        (et(MONDAY, 8), BrokerLinkRequested("DU1", 40_000_000, {PUT: -7})),
        (et(MONDAY, 9, 40), roll("r1", PUT, LATER_PUT, 7, 4_600)),
        (et(MONDAY, 9, 41), OrderRepriced("r1", 2, 4_500)),
    ]
    runtime, turns = converse(wire, Book(wire, orders, et(MONDAY + 1, 12)))
    assert [e.side for e in executions(runtime.reports())] == ["BUY", "SELL"]
    assert {e.time_us for e in executions(runtime.reports())} == {et(MONDAY, 14, 30) + LOOKAHEAD}
    assert turns < 25


def test_weeks_with_shares_and_a_dividend_take_few_turns() -> None:
    """Given shares that go ex once in two weeks, then the sessions without dividend cost no turn for it."""
    turns: list[int] = []
    for dividends in (0, 1):
        wire = Wire(Codec.load())
        wire.opening(calendar())
        for day in range(14):
            if dividends and day == 7:
                at = et(MONDAY + day, 9, 15)
                wire.action(CorporateAction("TSLA", "DIVIDEND", MONDAY + day, at, 1, 1, 5_000))
            wire.marks_at(et(MONDAY + day, 10), {"TSLA": (2_500_000, 0, 0)})
        orders: list[tuple[int, object]] = [(et(MONDAY, 8), BrokerLinkRequested("DU1", 40_000_000, {"TSLA": 200}))]
        runtime, taken = converse(wire, Book(wire, orders, et(MONDAY + 13, 9)))
        found = [r for r in runtime.reports() if isinstance(r, BrokerCashActivity)]
        assert [r.amount for r in found] == [10_000] * dividends
        turns.append(taken)
    assert turns[1] <= turns[0] + 2


@pytest.mark.parametrize(
    ("announced", "market_us", "promise"),
    [
        pytest.param(True, et(MONDAY + 1, 9), et(MONDAY, 9, 30) + LOOKAHEAD, id="read, not reached"),
        pytest.param(False, et(MONDAY, 9, 20), et(MONDAY, 9, 30) + LOOKAHEAD, id="may yet come"),
        pytest.param(False, et(MONDAY, 9, 30), et(MONDAY, 16, 20), id="comes no more"),
    ],
)
def test_an_open_that_may_pay_a_dividend_bounds_the_promise(announced: bool, market_us: int, promise: int) -> None:
    """Given shares and a broker at 09:10, then it promises to the open where a dividend is read or may yet come."""
    wire = Wire(Codec.load())
    wire.opening(calendar())
    wire.progress(0)
    wire.order("S1", et(MONDAY, 8), BrokerLinkRequested("DU1", 100, {"TSLA": 100}))
    wire.progress(et(MONDAY, 9, 10))
    if announced:
        wire.action(CorporateAction("TSLA", "DIVIDEND", MONDAY, et(MONDAY, 9, 15), 1, 1, 5_000))
    wire.marks_at(market_us, {})
    runtime = Runtime(wire)
    runtime.drain()
    told = runtime.out()[-1]
    assert isinstance(told, BrokerProgress)
    assert told.promise_us == promise


def test_movements_are_counted_and_answered_by_progress_alone() -> None:
    """Given a movement of cash, then `orders_seen` counts it (TO_BROKER) and nothing is reported."""
    wire = Wire(Codec.load())
    wire.opening(calendar())
    wire.progress(0)
    wire.order("S1", et(MONDAY, 8), BrokerLinkRequested("DU1", 100, {}))
    wire.progress(et(MONDAY, 15))
    wire.marks_at(et(MONDAY, 12), {})
    runtime = Runtime(wire)
    runtime.drain()
    before = len(runtime.reports())
    wire.order("S1", et(MONDAY, 15), CashMovementRequested("m1", "CONTRIBUTION", 500))
    wire.progress(et(MONDAY, 15, 30))
    wire.marks_at(et(MONDAY, 15, 30), {})
    runtime.drain()
    last = runtime.out()[-1]
    assert isinstance(last, BrokerProgress)
    assert last.orders_seen == 2
    assert len(runtime.reports()) == before
    assert runtime.task.broker.account_summary("S1").cash == 600


def test_nothing_linked_promises_for_ever() -> None:
    """Given no account, then no report can come without an order."""
    wire = Wire(Codec.load())
    wire.progress(et(MONDAY, 8))
    runtime = Runtime(wire)
    runtime.drain()
    assert runtime.out() == [BrokerProgress(FOREVER, 0)]


def test_progress_is_told_only_when_it_is_news() -> None:
    """Given marks that change nothing for an account without orders, then no record at all."""
    wire = Wire(Codec.load())
    wire.opening(calendar())
    wire.progress(0)
    wire.order("S1", et(MONDAY, 8), BrokerLinkRequested("DU1", 100, {}))
    wire.progress(et(MONDAY, 15))
    wire.marks_at(et(MONDAY, 9, 30), {"TSLA": (2_500_000, 0, 0)})
    runtime = Runtime(wire)
    runtime.drain()
    before = len(runtime.published)
    for minute in range(60):
        wire.chain(et(MONDAY, 10) + minute * MINUTE, {CALL: (10_000, 10_500, 1, 1)})
        wire.marks_at(et(MONDAY, 10) + minute * MINUTE, {"TSLA": (2_500_000, 0, 0)})
        runtime.drain()
    assert len(runtime.published) == before


def test_the_input_waited_for_is_never_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two sources in one topic, one far ahead, then the topic is read on; stopped only while orders lag."""
    monkeypatch.setattr(paper, "BUFFER_RECORDS", 10)
    wire = Wire(Codec.load(), partitions=2)
    wire.progress(et(MONDAY, 12))
    for second in range(30):
        wire.marks_at(et(MONDAY, 10) + second * SECOND, {"TSLA": (2_500_000, 0, 0)}, source=0)
    task = paper.PaperBroker(wire.codec).task(0)
    task.handle([Message(paper.ORDERS, 0, None, wire.orders[0])])
    task.handle([Message(paper.MARKETS, i, None, value) for i, value in enumerate(wire.marks)])
    assert task.full() == frozenset()
    wire.marks_at(et(MONDAY, 13), {}, source=1)
    for minute in range(30):
        wire.marks_at(et(MONDAY, 13) + minute * MINUTE, {"TSLA": (2_500_000, 0, 0)}, source=0)
    task.handle([Message(paper.MARKETS, 30 + i, None, value) for i, value in enumerate(wire.marks[30:])])
    assert task.full() == {paper.MARKETS}
