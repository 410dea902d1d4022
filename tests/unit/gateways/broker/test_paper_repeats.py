"""The simulated broker's reports depend on its inputs alone, and its promises are true (architecture.md, "What makes a
run repeatable"): any cuts, interleavings, speeds of the sources, aborted steps and kills give the same bytes."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import BrokerLinkRequested, OrderCancelRequested, OrderRepriced, OrderSubmitted
from domain.inputs import BrokerAssignment, BrokerExecution, BrokerOrderStatus, BrokerProgress, CorporateAction
from schemas.codec import Codec
from tests.unit.gateways.broker.rig import (
    CALL,
    LOOKAHEAD,
    MINUTE,
    MONDAY,
    PUT,
    SECOND,
    Runtime,
    Wire,
    calendar,
    et,
    submit,
)

pytestmark = pytest.mark.unit

MSFT_PUT = "MSFT250609P00440000"
"""expires on the first day"""
END = et(MONDAY + 9, 0)
Order = BrokerLinkRequested | OrderSubmitted | OrderRepriced | OrderCancelRequested


@dataclass
class World:
    """What happened: market records by source and orders, each in order of time."""

    market: list[list[tuple[int, tuple[object, ...]]]]
    orders: list[tuple[int, str, Order]]


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
                CALL: (bid // 4, bid // 4 + 300, 3, 3),
            }
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
    for records in market:
        records.sort(key=lambda record: record[0])
        records.append((END, ("marks", {})))
    return World(market, _orders(random))


def _orders(random: Random) -> list[tuple[int, str, Order]]:
    orders: list[tuple[int, str, Order]] = [
        (et(MONDAY, 8) + SECOND, book, BrokerLinkRequested(f"DU{book}", 30_000_000, {"TSLA": 300}))
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
            ]
        )  # fmt: skip
        base = {PUT: 385, CALL: 95, MSFT_PUT: 105, "TSLA": 25_000}[contract]
        limit = (base + random.randint(-8, 8)) // 5 * 5 * 100
        orders.append((at, book, submit(name, contract, side, effect, random.randint(1, 6), limit)))
        for version in range(2, 2 + random.randint(0, 3)):
            at += random.choice([50_000, 30 * SECOND, 20 * MINUTE])
            orders.append((at, book, OrderRepriced(name, version, limit - 500 * (version - 1))))
        if random.random() < 0.4:
            at += random.choice([50_000, 10 * MINUTE])
            orders.append((at, book, OrderCancelRequested(name, 9, "TEST")))
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
            kinds[kind] = kinds.get(kind, 0) + 1
    wanted = ["ACKNOWLEDGED", "REPLACED", "CANCELLED", "CANCEL_REJECTED", "REJECTED", "EXPIRED"]
    assert all(kinds.get(kind, 0) > 5 for kind in [*wanted, BrokerExecution.__name__, BrokerAssignment.__name__]), kinds


def test_reports_are_numbered_without_a_gap_in_order_of_time() -> None:
    """Given a troubled run, then source_seq counts from 0 without a gap and time never goes back."""
    for seed in range(10):
        reports = troubled(wire(world(seed), seed), seed).reports()
        assert [r.source_seq for r in reports] == list(range(len(reports)))
        assert [r.time_us for r in reports] == sorted(r.time_us for r in reports)
