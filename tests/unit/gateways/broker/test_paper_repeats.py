"""The simulated broker's reports depend on its inputs alone, and its promises are true (architecture.md, "What makes a
run repeatable"): any cuts, interleavings, speeds of the sources, aborted steps and kills give the same bytes."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.contracts import option, parse
from domain.events import (
    BrokerLinkRequested,
    CashMovementRequested,
    OrderCancelRequested,
    OrderRepriced,
    OrderSubmitted,
)
from domain.inputs import (
    BrokerAssignment,
    BrokerCashActivity,
    BrokerExecution,
    BrokerOrderStatus,
    BrokerProgress,
    BrokerStatement,
    CorporateAction,
)
from domain.money import option_value, shares_value, strike_value
from schemas.codec import Codec
from tests.unit.gateways.broker.rig import (
    CALL,
    LATER_CALL,
    LATER_PUT,
    LOOKAHEAD,
    MINUTE,
    MONDAY,
    PUT,
    SECOND,
    Request,
    Runtime,
    Wire,
    calendar,
    et,
    roll,
    submit,
)

pytestmark = pytest.mark.unit

MSFT_PUT = "MSFT250609P00440000"
"""expires on the first day"""
END = et(MONDAY + 9, 0)
ROLLS = {PUT: LATER_PUT, CALL: LATER_CALL}
DEPOSIT = 30_000_000
TAKEN_OVER = {"TSLA": 300, PUT: -2, CALL: -1, LATER_CALL: 2}


@dataclass
class World:
    """What happened: market records by source and orders, each in order of time."""

    market: list[list[tuple[int, tuple[object, ...]]]]
    orders: list[tuple[int, str, Request]]


def world(seed: int) -> World:
    """A few days of quotes, and orders of two books that are mostly sensible."""
    random = Random(seed)
    sources = random.choice([1, 2])
    market: list[list[tuple[int, tuple[object, ...]]]] = [[] for _ in range(sources)]
    market[0].append((et(MONDAY, 0), ("calendar",)))
    for day in (MONDAY, MONDAY + 1, MONDAY + 4):
        for minute in random.sample(range(8 * 60), random.randint(3, 14)):
            at = et(day, 9, 0) + minute * MINUTE
            bid = random.randint(376, 392) * 100
            quotes = {
                PUT: (bid, bid + 500, random.randint(0, 5), random.randint(0, 5)),
                CALL: (bid // 4 // 100 * 100, bid // 4 // 100 * 100 + 300, 3, 3),
            }
            if random.random() < 0.9:
                quotes[LATER_PUT] = (bid + random.randint(-3, 12) * 100, bid + 1_500, random.randint(0, 5), 4)
                quotes[LATER_CALL] = (bid // 4 // 100 * 100 + random.randint(0, 9) * 100, bid, 3, random.randint(0, 3))
            market[0].append((at, ("chain", quotes)))
            market[0].append((at, ("marks", {"TSLA": (2_500_000, 2_499_900, random.randint(24_995, 25_002) * 100)})))
            msft = {MSFT_PUT: (random.randint(100, 110) * 100, 11_500, 2, 2)}
            market[-1].append((at + SECOND, ("chain", msft)))
            marks = {"MSFT": (4_400_000 + random.randint(-300, 300) * 100, 0, 0)}
            market[-1].append((at + 2 * SECOND, ("marks", marks)))
        market[0].append((et(day, 16, 30), ("bar", "TSLA", day, random.randint(2400, 2600) * 1000)))
        if random.random() < 0.7:
            market[-1].append((et(day, 16, 30), ("bar", "MSFT", day, random.randint(4390, 4410) * 1000)))
    if random.random() < 0.5:
        split = CorporateAction("TSLA", "SPLIT", MONDAY + 2, et(MONDAY + 1, 18), 5, 1, 0)
        market[0].append((split.time_us, ("action", split)))
    for symbol, session in random.sample([(s, MONDAY + d) for s in ("TSLA", "MSFT") for d in range(5)], 2):
        at = et(session, 9) + random.choice([-14 * 60, 5, 15, 30, 90]) * MINUTE
        action = CorporateAction(symbol, "DIVIDEND", session, at, 1, 1, random.randint(1, 9_999))
        market[-1].append((at, ("action", action)))
    for records in market:
        records.sort(key=lambda record: record[0])
        records.append((END, ("marks", {})))
    return World(market, _orders(random))


def _orders(random: Random) -> list[tuple[int, str, Request]]:
    orders: list[tuple[int, str, Request]] = [
        (et(MONDAY, 8) + SECOND, book, BrokerLinkRequested(f"DU{book}", DEPOSIT, dict(TAKEN_OVER)))
        for book in ("S1", "S2")
    ]
    for number in range(random.randint(1, 14)):
        book = random.choice(["S1", "S1", "S2", "S3"])
        at = et(random.choice([MONDAY, MONDAY + 1]), 9, 25) + random.randint(0, 400 * 60 * 10) * SECOND // 10
        name = f"{book}-{number}"
        contract, side, effect = random.choice(
            [
                (PUT, "SELL", "OPEN"), (PUT, "SELL", "OPEN"), (CALL, "SELL", "OPEN"), (MSFT_PUT, "SELL", "OPEN"),
                (PUT, "BUY", "CLOSE"), ("TSLA", "BUY", "OPEN"), ("TSLA", "SELL", "CLOSE"),
                (PUT, "SELL", "ROLL"), (PUT, "SELL", "ROLL"), (CALL, "SELL", "ROLL"),
                (LATER_CALL, "BUY", "OPEN"), (LATER_CALL, "SELL", "CLOSE"),
            ]
        )  # fmt: skip
        base = {PUT: 385, CALL: 95, MSFT_PUT: 105, "TSLA": 25_000, LATER_CALL: 110}[contract]
        limit = (base + random.randint(-8, 8)) // 5 * 5 * 100
        if effect == "ROLL":
            limit = random.randint(-8, 4) * 100
            orders.append((at, book, roll(name, contract, ROLLS[contract], random.randint(1, 3), limit)))
        else:
            orders.append((at, book, submit(name, contract, side, effect, random.randint(1, 6), limit)))
        for version in range(2, 2 + random.randint(0, 3)):
            at += random.choice([50_000, 30 * SECOND, 20 * MINUTE])
            orders.append((at, book, OrderRepriced(name, version, limit - 500 * (version - 1))))
        if random.random() < 0.4:
            at += random.choice([50_000, 10 * MINUTE])
            orders.append((at, book, OrderCancelRequested(name, 9, "TEST")))
    for number in range(random.randint(0, 4)):
        at = et(MONDAY + random.randint(0, 4), 8, 30) + random.randint(0, 9 * 60) * MINUTE
        amount = random.randint(-100_000, 5_000_000)
        movement = CashMovementRequested(f"m{number // 2}", "CONTRIBUTION", amount)
        orders.append((at, random.choice(["S1", "S2", "S3"]), movement))
    orders.sort(key=lambda order: order[0])
    return orders


def wire(happened: World, seed: int) -> Wire:
    """The world on the wire: the sources of the market at some speed, the book promising often or seldom."""
    random = Random(seed)
    made = Wire(Codec.load(), partitions=len(happened.market))
    at = [0] * len(happened.market)
    while any(at[s] < len(happened.market[s]) for s in range(len(at))):
        source = random.choice([s for s in range(len(at)) if at[s] < len(happened.market[s])])
        for _ in range(random.randint(1, 6)):
            if at[source] < len(happened.market[source]):
                _put(made, source, *happened.market[source][at[source]])
                at[source] += 1
    promised = 0
    made.progress(promised)
    for time, book, event in happened.orders:
        for _ in range(random.choice([0, 0, 1, 2])):
            promised = max(promised, random.choice([time, time - SECOND, promised + MINUTE if promised else 0]))
            promised = min(promised, time)
            made.progress(promised)
        made.order(book, time, event)
    for time in sorted(random.randint(promised, END) for _ in range(3)):
        if time >= happened.orders[-1][0]:
            made.progress(time)
    made.progress(END)
    return made


def _put(made: Wire, source: int, time: int, what: tuple[object, ...]) -> None:
    kind, *rest = what
    if kind == "calendar":
        made.opening(calendar())
    elif kind == "chain":
        made.chain(time, rest[0], source=source)  # type: ignore[arg-type]
    elif kind == "marks":
        made.marks_at(time, rest[0], source=source)  # type: ignore[arg-type]
    elif kind == "bar":
        made.bar(rest[0], rest[1], rest[2], source=source)  # type: ignore[arg-type]
    else:
        made.action(rest[0], source=source)  # type: ignore[arg-type]


def straight(made: Wire) -> Runtime:
    """Everything in one step."""
    runtime = Runtime(made)
    runtime.drain()
    return runtime


def troubled(made: Wire, seed: int) -> Runtime:
    """Steps of any size, one input before the other, steps thrown away, the process killed."""
    random = Random(seed)
    runtime = Runtime(made)
    trouble = random.choice([0.0, 0.05, 0.2])
    while True:
        size = random.choice([1, 1, 3, 20])
        leaning = random.random()
        orders = random.randint(0, size) if leaning < 0.7 else 0
        marks = random.randint(0, size) if leaning > 0.3 else 0
        runtime.step(orders, marks, abort=random.random() < trouble and runtime.restarts < 20)
        if random.random() < trouble and runtime.restarts < 20:
            runtime.kill()
        read = runtime.read
        if read["orders"] == len(made.orders) and read["market.marks"] == len(made.marks):
            return runtime


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_cut_speed_and_kill_gives_the_same_reports(seed: int, speed: int, trouble: int) -> None:
    """Given the same world, when it arrives in another way, then the reports and the accounts are the same bytes."""
    happened = world(seed)
    expected = straight(wire(happened, 0))
    found = troubled(wire(happened, speed), trouble)
    assert found.report_bytes() == expected.report_bytes()
    books = [b"S1", b"S2"]
    assert [found.state[b] for b in books] == [expected.state[b] for b in books]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_every_promise_is_kept(seed: int, speed: int, trouble: int) -> None:
    """Given promises of the broker, then no later report has an earlier time, but for an order not yet counted in them.

    Killed processes included. A promise of more counted orders binds as one of fewer does.
    """
    happened = world(seed)
    runtime = troubled(wire(happened, speed), trouble)
    times = [time for time, _, _ in happened.orders]
    promises: dict[int, int] = {}
    for record in runtime.out():
        if isinstance(record, BrokerProgress):
            promises[record.orders_seen] = max(promises.get(record.orders_seen, 0), record.promise_us)
            continue
        for seen, promise in promises.items():
            answer = times[seen] + LOOKAHEAD if seen < len(times) else 1 << 62
            assert record.time_us >= min(promise, answer), (record, seen, promise)


def _cash_of(record: object) -> int:
    """Cents that a report moves."""
    if isinstance(record, BrokerExecution):
        worth = option_value if parse(record.contract) else shares_value
        sign = 1 if record.side == "SELL" else -1
        return sign * worth(record.price_e4, record.quantity) - record.commission
    if isinstance(record, BrokerAssignment):
        terms = option(record.contract)
        return strike_value(terms.strike_e3, record.quantity) * (1 if terms.right == "C" else -1)
    return record.amount if isinstance(record, BrokerCashActivity) else 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_cash_is_what_was_reported_and_moved(seed: int, speed: int, trouble: int) -> None:
    """Given any world, then the cash of every statement is deposit + executions - commissions + dividends + strikes of
    assignments + movements, each movement once, to the cent (12.5)."""
    happened = world(seed)
    reports = troubled(wire(happened, speed), trouble).reports()
    for book in ("S1", "S2"):
        moved: dict[str, tuple[int, int]] = {}
        for at, owner, event in happened.orders:
            if owner == book and isinstance(event, CashMovementRequested):
                moved.setdefault(event.movement_id, (at, event.amount))
        cash = DEPOSIT
        for report in reports:
            if report.book != book:
                continue
            cash += _cash_of(report)
            if isinstance(report, BrokerStatement):
                entered = sum(amount for at, amount in moved.values() if at <= report.time_us - LOOKAHEAD)
                assert report.cash == cash + entered


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_both_sides_of_a_combination_or_none(seed: int) -> None:
    """Given rolls, then each fill is a purchase and a sale of the same quantity, one after the other, never for less
    than the limit then in force and together never for more than was ordered."""
    happened = world(seed)
    rolls = {e.order_id: e for _, _, e in happened.orders if isinstance(e, OrderSubmitted) and e.effect == "ROLL"}
    lowest = {order_id: event.limit_e4 for order_id, event in rolls.items()}
    for _, _, event in happened.orders:
        if isinstance(event, OrderRepriced) and event.order_id in lowest:
            lowest[event.order_id] = min(lowest[event.order_id], event.limit_e4)
    found = [r for r in straight(wire(happened, 0)).reports() if isinstance(r, BrokerExecution) and r.order_id in rolls]
    done: dict[str, int] = {}
    for bought, sold in zip(found[::2], found[1::2], strict=True):
        order = rolls[bought.order_id]
        assert (bought.side, bought.contract, sold.side, sold.contract) == (
            "BUY", order.contract, "SELL", order.new_contract,
        )  # fmt: skip
        assert (bought.order_id, bought.quantity, bought.time_us) == (sold.order_id, sold.quantity, sold.time_us)
        assert sold.source_seq == bought.source_seq + 1
        assert bought.exec_id.rpartition("/")[0] == sold.exec_id.rpartition("/")[0]
        assert sold.price_e4 - bought.price_e4 >= lowest[order.order_id]
        done[order.order_id] = done.get(order.order_id, 0) + bought.quantity
        assert done[order.order_id] <= order.quantity


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_promises_do_not_go_back_without_an_order(seed: int, speed: int) -> None:
    """Given no restart, then among promises of the same count of orders each is later than the one before."""
    runtime = Runtime(wire(world(seed), speed))
    random = Random(speed)
    while runtime.read["orders"] < len(runtime.wire.orders) or runtime.read["market.marks"] < len(runtime.wire.marks):
        runtime.step(random.randint(0, 4), random.randint(0, 4))
    last: BrokerProgress | None = None
    for record in runtime.out():
        if isinstance(record, BrokerProgress):
            assert last is None or record.orders_seen > last.orders_seen or (
                record.orders_seen == last.orders_seen and record.promise_us > last.promise_us
            )  # fmt: skip
            last = record


def test_the_worlds_are_lively() -> None:
    """The properties above would hold of a broker that never does anything: this one must fill, refuse and assign."""
    kinds: dict[str, int] = {}
    for seed in range(40):
        for report in straight(wire(world(seed), 0)).reports():
            kind = type(report).__name__
            kind = report.status if isinstance(report, BrokerOrderStatus) else kind
            if isinstance(report, BrokerExecution) and report.exec_id.endswith("/2") and report.exec_id.count("/") == 3:
                kind = "ROLL"
            kinds[kind] = kinds.get(kind, 0) + 1
    wanted = ["ACKNOWLEDGED", "REPLACED", "CANCELLED", "CANCEL_REJECTED", "REJECTED", "EXPIRED"]
    wanted += ["ROLL", *(cls.__name__ for cls in (BrokerExecution, BrokerAssignment, BrokerCashActivity))]
    assert all(kinds.get(kind, 0) > 5 for kind in wanted), kinds


def test_reports_are_numbered_without_a_gap_in_order_of_time() -> None:
    """Given a troubled run, then source_seq counts from 0 without a gap and time never goes back."""
    for seed in range(10):
        reports = troubled(wire(world(seed), seed), seed).reports()
        assert [r.source_seq for r in reports] == list(range(len(reports)))
        assert [r.time_us for r in reports] == sorted(r.time_us for r in reports)
