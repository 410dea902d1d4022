"""Marks, bars and refused ticks (protocol 5.1, 5.2), and records that can't be used."""

import pytest

from infra.errors import UnavailableError
from infra.stream.contract import Message
from processors.market import MarketProcessor
from tests.unit.processors.market.market_log import CODEC, T0, Run, S, State, messages, tick, watermark


def test_marks_are_conflated_on_the_grid() -> None:
    # given three ticks up to the moment T0 + 1 s, that moment included
    run = Run().feed(tick("IBM", T0 + 1, 1_000_000), tick("GOOG", T0 + 2, 5_000_000), tick("IBM", T0 + S, 1_010_000))
    assert run.of("Marks") == []
    # when a later tick comes, then the moment is closed, with the last price of each symbol
    run.feed(tick("GOOG", T0 + S + 1, 5_010_000))
    (marks,) = run.of("Marks")
    assert (marks["time_us"], marks["symbols"], marks["lasts_e4"]) == (T0 + S, ["IBM", "GOOG"], [1_010_000, 5_000_000])
    assert marks["tick_times_us"] == [T0 + S, T0 + 2]


def test_a_moment_lists_only_what_ticked_in_it_and_carries_trade_and_quote() -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000, 990_000, 1_010_000), tick("GOOG", T0, 5_000_000))
    run.feed(tick("IBM", T0 + S, 0, 980_000, 1_000_000, size=0))
    run.feed(tick("IBM", T0 + 2 * S, 1_005_000), watermark(T0 + 2 * S))
    first, quote, trade = run.of("Marks")
    assert first["symbols"] == ["IBM", "GOOG"]
    assert (quote["symbols"], quote["lasts_e4"], quote["bids_e4"]) == (["IBM"], [1_000_000], [980_000])
    assert (trade["lasts_e4"], trade["bids_e4"], trade["asks_e4"]) == ([1_005_000], [980_000], [1_000_000])


def test_a_symbol_that_never_traded_has_no_mark() -> None:
    run = Run().feed(tick("IBM", T0, 0, 990_000, 1_010_000), watermark(T0))
    (marks,) = run.of("Marks")
    assert marks["symbols"] == []


def test_a_watermark_tells_the_books_even_between_moments() -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000), watermark(T0 + S // 2), watermark(T0 + S // 2), watermark(T0 + 3 * S))
    assert [(m["time_us"], m["symbols"]) for m in run.of("Marks")] == [
        (T0, ["IBM"]),
        (T0 + S // 2, []),
        (T0 + 3 * S, []),
    ]
    # and what comes at or before it is out of order
    run.feed(tick("IBM", T0 + 3 * S, 1_000_000))
    assert [issue["rule"] for issue in run.of("DataQualityIssue")] == ["OUT_OF_ORDER"]


def test_every_book_partition_gets_the_same_bytes_under_one_number() -> None:
    run = Run(book_partitions=3).feed(tick("IBM", T0, 1_000_000), watermark(T0), watermark(T0 + S))
    published = run.published()
    assert published["market.marks", 0] == published["market.marks", 1] == published["market.marks", 2]
    assert [m["source_seq"] for m in run.of("Marks")] == [0, 1]


def test_bars_of_a_second_and_a_minute() -> None:
    run = Run(partition=1)
    prices = [(0, 100), (1, 103), (S - 1, 98), (S, 101), (30 * S, 99), (60 * S, 102)]
    run.feed(*[tick("IBM", T0 + at, price * 10_000, size=10) for at, price in prices], watermark(T0 + 61 * S))
    bars = [
        (
            b["seconds"],
            (b["start_us"] - T0) // S,
            b["open_e4"],
            b["high_e4"],
            b["low_e4"],
            b["close_e4"],
            b["volume"],
            b["ticks"],
        )
        for b in run.of("Bar")
    ]
    e4 = 10_000
    assert bars == [
        (1, 0, 100 * e4, 103 * e4, 98 * e4, 98 * e4, 30, 3),
        (1, 1, 101 * e4, 101 * e4, 101 * e4, 101 * e4, 10, 1),
        (1, 30, 99 * e4, 99 * e4, 99 * e4, 99 * e4, 10, 1),
        (60, 0, 100 * e4, 103 * e4, 98 * e4, 99 * e4, 50, 5),
        (1, 60, 102 * e4, 102 * e4, 102 * e4, 102 * e4, 10, 1),
    ]
    assert {key for key, _ in run.published()["market.bars", 1]} == {b"IBM"}


@pytest.mark.parametrize(
    ("refused", "rule"),
    [
        (tick("IBM", T0 + S, -1), "NON_POSITIVE_PRICE"),
        (tick("IBM", T0 + S, 0), "NON_POSITIVE_PRICE"),
        (tick("IBM", T0 + S, 1_000_000, 1_010_000, 1_000_000), "BID_ABOVE_ASK"),
        (tick("IBM", T0 - 1, 1_000_000), "OUT_OF_ORDER"),
        (tick("IBM", 1 << 61, 1_000_000), "OUT_OF_ORDER"),
        (tick("IBM", T0 + S, 1_200_001), "JUMP"),
        (tick("IBM", T0 + S, 799_999), "JUMP"),
    ],
)
def test_refused_ticks_are_kept_and_flagged_and_change_nothing(refused: bytes, rule: str) -> None:
    # given a trade at 100
    run = Run().feed(tick("IBM", T0, 1_000_000), refused, tick("IBM", T0 + S, 1_200_000), watermark(T0 + S))
    # then the next one, 20 % off exactly, is taken, and the refused one is only flagged
    (issue,) = run.of("DataQualityIssue")
    assert (issue["rule"], issue["symbol"], issue["market_partition"]) == (rule, "IBM", 0)

    assert issue["last_e4"] == CODEC.decode(refused)[1]["last_e4"]
    assert [m["lasts_e4"] for m in run.of("Marks")] == [[1_000_000], [1_200_000]]


@pytest.mark.parametrize("restart", [False, True])
def test_a_jump_is_taken_when_a_second_trade_confirms_it(restart: bool) -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000), tick("IBM", T0 + 1, 1_500_000))
    if restart:
        run.restart()
    run.feed(tick("IBM", T0 + 2, 1_530_000), tick("IBM", T0 + 3, 1_000_000), watermark(T0 + S))
    assert [(i["rule"], i["last_e4"]) for i in run.of("DataQualityIssue")] == [("JUMP", 1_500_000), ("JUMP", 1_000_000)]
    assert run.of("Marks")[-1]["lasts_e4"] == [1_530_000]


def test_two_jumps_that_differ_confirm_nothing() -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000), tick("IBM", T0, 1_500_000), tick("IBM", T0, 1_531_000), watermark(T0))
    assert [issue["last_e4"] for issue in run.of("DataQualityIssue")] == [1_500_000, 1_531_000]
    assert run.of("Marks")[-1]["lasts_e4"] == [1_000_000]


GOOD = tick("IBM", T0, 1_000_000)
BROKEN = {
    "cut off": (GOOD[:-2], "TRUNCATED_RECORD"),
    "goes on": (GOOD + b"x", "UNREADABLE_RECORD"),
    "unknown id": (b"\0\x7f\xff\xff\xff" + GOOD[5:], "UNKNOWN_SCHEMA_ID"),
    "magic": (b"\1" + GOOD[1:], "WRONG_MAGIC"),
    "empty": (b"", "TRUNCATED_RECORD"),
    "missing": (None, "TRUNCATED_RECORD"),
    "not UTF-8": (GOOD.replace(b"IBM", b"\xff\xfe\xfd"), "UNREADABLE_RECORD"),
    "another record": (CODEC.encode("ClockTick", {"time_us": T0, "source_seq": 0}), "NOT_THIS_RECORD"),
    "watermark in the year 2200": (watermark(7_300_000_000_000_000), "MALFORMED_RECORD"),
}


@pytest.mark.parametrize(("value", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_a_record_that_cannot_be_used_goes_to_the_dead_letters_and_stops_nothing(
    value: bytes | None, code: str
) -> None:
    # given the record between two good ticks of one batch
    run = Run(partition=1)
    broken = Message("market.ticks", 8, b"IBM", value, [("source", b"\x01")])
    outputs = run.task.handle(
        [Message("market.ticks", 7, b"IBM", GOOD), broken, Message("market.ticks", 11, b"GOOG", tick("GOOG", T0, 5))]
    )
    run.outputs += outputs
    # then it is kept whole, with where it stood and why
    (output,) = [o for o in outputs if o.topic == "dead-letters"]
    assert output.key == b"IBM"
    letter = CODEC.decode(output.value or b"")[1]
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("market.ticks", 1, 8)
    assert bytes.fromhex(letter["value_hex"]) == (value or b"")
    assert (letter["key_hex"], letter["headers"]) == (b"IBM".hex(), {"source": "01"})
    assert (letter["error_code"], letter["processor"], letter["attempt"]) == (code, "market", 1)
    # and the ticks around it are folded
    run.outputs += run.task.handle([Message("market.ticks", 12, None, watermark(T0))])
    assert run.of("Marks")[0]["symbols"] == ["IBM", "GOOG"]
    assert run.task.positions() == {"market.ticks": 13}


def test_only_touched_symbols_are_written_to_the_state() -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000), tick("GOOG", T0, 1_000_000))
    outputs = run.task.handle(messages([tick("GOOG", T0, 1_000_000)], 2))
    assert {o.key for o in outputs if o.topic == "market.state"} == {b"row:GOOG", b"progress"}


@pytest.mark.parametrize("harm", ["another grid", "a shorter row", "a lost row"])
def test_a_state_that_does_not_fit_is_refused(harm: str) -> None:
    run = Run().feed(tick("IBM", T0, 1_000_000), tick("GOOG", T0, 1_000_000))
    state = State()
    state.values = dict(run.state.values)
    grid_us = 2 * S if harm == "another grid" else S
    if harm == "a shorter row":
        state.values[b"row:IBM"] = state.values[b"row:IBM"][:-8]
    if harm == "a lost row":
        del state.values[b"row:IBM"]
    with pytest.raises(UnavailableError) as caught:
        MarketProcessor(2, 2, grid_us).task(0).restore(state)
    assert caught.value.code == "MARKET_STATE_UNREADABLE"
