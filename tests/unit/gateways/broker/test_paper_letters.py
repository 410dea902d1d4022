"""What the simulated broker cannot read goes to the dead letters, whole, and the rest goes on."""

import pytest

from domain.events import BrokerLinkRequested
from domain.inputs import DailyBar, DeadLetter
from gateways.broker.paper import MARKETS, ORDERS
from gateways.broker.port import Report
from schemas.codec import Codec
from schemas.records import from_plain
from tests.unit.gateways.broker.rig import (
    LOOKAHEAD,
    MINUTE,
    MONDAY,
    PUT,
    Runtime,
    Wire,
    calendar,
    envelope,
    et,
    executions,
    statuses,
    submit,
)

CODEC = Codec.load()
OPEN = et(MONDAY, 10)
GOOD = CODEC.encode_event(envelope("S001", OPEN, "OrderSubmitted"), submit("o1", PUT, "SELL", "OPEN", 1, 30_000))
BAR = CODEC.encode_record(DailyBar(0, 900, OPEN, "TSLA", MONDAY, 1, 1, 1, 1, 1, 0, 0, False))
BROKEN = {
    "magic": (b"\1nonsense", "WRONG_MAGIC"),
    "unknown id": (b"\0\x7f\xff\xff\xff....", "UNKNOWN_SCHEMA_ID"),
    "empty": (b"", "TRUNCATED_RECORD"),
    "cut off": (GOOD[:-3], "TRUNCATED_RECORD"),
    "goes on": (GOOD + b"x", "UNREADABLE_RECORD"),
}
BROKEN_MARKET = {
    "magic": (b"\1nonsense", "WRONG_MAGIC"),
    "unknown id": (b"\0\x7f\xff\xff\xff....", "UNKNOWN_SCHEMA_ID"),
    "cut in the prefix": (CODEC.header("Marks"), "TRUNCATED_RECORD"),
    "cut behind the prefix": (CODEC.header("Marks") + b"\0\x90\x03\0", "TRUNCATED_RECORD"),
    "no such market": (CODEC.header("Marks") + b"\x10\0\0\0\0\0\0\0\0", "NOT_THIS_RECORD"),
    "a market below zero": (CODEC.header("Marks") + b"\x01\0\0\0\0\0\0\0\0", "NOT_THIS_RECORD"),
    "a cut bar": (BAR[:-2], "TRUNCATED_RECORD"),
    "a ticker that is no text": (CODEC.header("OptionChain") + b"\0\x90\x03\0\x04\xff\xfe", "UNREADABLE_RECORD"),
}


def day(*, broken_order: bytes | None = None, broken_market: bytes | None = None, at_the_start: bool = False) -> Wire:
    """A put is sold at its bid; what is broken stands before the order, or before everything."""
    wire = Wire(CODEC)
    broken = [value for value in (broken_order,) if value is not None]
    if at_the_start:
        wire.orders += broken
    wire.progress(et(MONDAY, 9))
    wire.opening(calendar())
    wire.order("S001", et(MONDAY, 9), BrokerLinkRequested("DU1", 100_000_000, {}))
    if not at_the_start:
        wire.orders += broken
    if broken_market is not None:
        wire.marks.append(broken_market)
    wire.marks_at(OPEN - MINUTE, {"TSLA": (2_500_000, 2_499_000, 2_501_000)})
    wire.chain(OPEN - MINUTE, {PUT: (30_000, 31_000, 10, 10)})
    wire.orders.append(GOOD)
    wire.progress(et(MONDAY, 18))
    wire.marks_at(OPEN + MINUTE, {"TSLA": (2_500_000, 2_499_000, 2_501_000)})
    wire.chain(OPEN + MINUTE, {PUT: (30_000, 31_000, 10, 10)})
    wire.marks_at(et(MONDAY, 18), {})
    return wire


def letters(runtime: Runtime) -> list[DeadLetter]:
    """The dead letters, in order."""
    return [
        from_plain(DeadLetter, CODEC.decode(o.value or b"")[1]) for o in runtime.published if o.topic == "dead-letters"
    ]


def played(wire: Wire) -> tuple[Runtime, list[Report]]:
    """The day, record by record."""
    runtime = Runtime(wire)
    while runtime.read[ORDERS] < len(wire.orders) or runtime.read[MARKETS] < len(wire.marks):
        runtime.step(1, 1)
    return runtime, runtime.reports()


def test_the_day_without_anything_broken() -> None:
    runtime, reports = played(day())
    assert letters(runtime) == []
    assert statuses(reports, "o1") == ["ACKNOWLEDGED"]
    assert [e.price_e4 for e in executions(reports, "o1")] == [30_000]


@pytest.mark.parametrize("at_the_start", [False, True], ids=["later", "before the first promise"])
@pytest.mark.parametrize(("value", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_order_record_is_set_aside_and_the_rest_goes_on(value: bytes, code: str, at_the_start: bool) -> None:
    runtime, reports = played(day(broken_order=value, at_the_start=at_the_start))
    (letter,) = letters(runtime)
    assert (letter.topic, letter.offset) == (ORDERS, 0 if at_the_start else 2)
    assert (letter.error_code, letter.processor) == (code, "paper-broker")
    assert bytes.fromhex(letter.value_hex) == value
    assert executions(reports) == executions(played(day())[1])


@pytest.mark.parametrize(("value", "code"), BROKEN_MARKET.values(), ids=BROKEN_MARKET.keys())
def test_a_broken_market_record_is_set_aside_and_the_rest_goes_on(value: bytes, code: str) -> None:
    runtime, reports = played(day(broken_market=value))
    (letter,) = letters(runtime)
    assert (letter.topic, letter.offset, letter.error_code) == (MARKETS, 1, code)
    assert bytes.fromhex(letter.value_hex) == value
    assert executions(reports) == executions(played(day())[1])


@pytest.mark.parametrize(("which", "order_id"), [("OptionChain", "o1"), ("Marks", "o2")])
def test_quotes_that_end_in_the_middle_are_no_quotes(which: str, order_id: str) -> None:
    # given that the last record before the orders is cut off, which only shows when somebody asks for its quotes
    wire = day()
    buy = submit("o2", "TSLA", "BUY", "OPEN", 1, 2_600_000)
    wire.orders.insert(2, CODEC.encode_event(envelope("S001", OPEN, "OrderSubmitted"), buy))
    at = next(n for n, value in enumerate(wire.marks) if CODEC.name_of(value) == which)
    whole = wire.marks[at]
    at_once = [e.time_us for e in executions(played(wire)[1], order_id)]
    wire.marks[at] = whole[:-1]
    # when the day is played
    runtime, reports = played(wire)
    # then the record is a dead letter, and the order waits for the next quote
    assert {(x.topic, x.offset, x.error_code) for x in letters(runtime)} == {(MARKETS, at, "TRUNCATED_RECORD")}
    assert bytes.fromhex(letters(runtime)[0].value_hex) == whole[:-1]
    later = [e.time_us for e in executions(reports, order_id)]
    assert at_once == [OPEN + LOOKAHEAD]
    assert later == [OPEN + MINUTE + LOOKAHEAD]
