"""Daily bars, ATR, volatility, splits and the calendar (protocol 2.3, 2.4, 5.2 to 5.4)."""

import math
import statistics
from itertools import pairwise

import pytest

from tests.unit.processors.market import market_log as log
from tests.unit.processors.market.market_log import DAY0, HOUR, OPEN0, Run, S, tick, watermark

CLOSE0 = OPEN0 + 13 * HOUR // 2
DUE0 = OPEN0 + 7 * HOUR
NEXT = 24 * HOUR
EX_28 = [92, 101, 87, 113, 99, 104, 120, 95, 88, 106, 111, 97, 102, 85, 134]
"""True ranges of EX-28 in tenths of a dollar; the last one is the fifteenth's."""


def ranges_as_bars(symbol: str, tenths: list[int]) -> list[bytes]:
    """Historical bars whose highest and lowest prices are so far apart, around a close of 300."""
    e4 = 1000
    return [
        log.historical(symbol, DAY0 - 30 + i, 3_000_000 + t * e4 // 2, 3_000_000 - t * e4 // 2, 3_000_000)
        for i, t in enumerate(tenths)
    ]


def test_ex_28_atr_of_historical_bars() -> None:
    # given 14 historical bars with the true ranges of EX-28, and a fifteenth
    run = Run().feed(*ranges_as_bars("IBM", EX_28))
    # then there is no ATR before the fourteenth, then the seed, then the recursion
    bars = run.of("DailyBar")
    assert [bar["atr_e6"] for bar in bars] == [0] * 13 + [10_000_000, 10_242_857]
    assert all(bar["historical"] for bar in bars)
    assert [bar["time_us"] for bar in bars] == [OPEN0 - HOUR] * 15


def test_a_session_gives_its_bar_at_half_past_four_before_the_marks_that_close_the_moment() -> None:
    run = Run().feed(
        log.calendar(),
        tick("IBM", OPEN0 - 1, 1_000_000, size=1000),  # before the open
        tick("IBM", OPEN0, 1_010_000, size=2),
        tick("IBM", OPEN0 + HOUR, 1_030_000, size=3),
        tick("IBM", OPEN0 + 2 * HOUR, 1_005_000, size=4),
        tick("IBM", CLOSE0, 1_020_000, size=5),
        tick("IBM", CLOSE0 + 1, 1_090_000, size=1000),  # after the close
        watermark(DUE0 - 1),
    )
    assert run.of("DailyBar") == []
    run.feed(watermark(DUE0))
    (bar,) = run.of("DailyBar")
    assert (bar["open_e4"], bar["high_e4"], bar["low_e4"], bar["close_e4"]) == (
        1_010_000,
        1_030_000,
        1_005_000,
        1_020_000,
    )
    assert (bar["volume"], bar["session"], bar["time_us"], bar["historical"]) == (14, DAY0, DUE0, False)
    assert [name for name, _ in run.records("market.marks")[-2:]] == ["DailyBar", "Marks"]
    assert run.records("market.marks")[-1][1]["time_us"] == DUE0


def test_without_a_watermark_the_first_tick_of_the_next_session_gives_the_bar() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0, 1_000_000), tick("AAPL", OPEN0 + S, 2_000_000))
    run.feed(tick("AAPL", OPEN0 + NEXT, 2_000_000), tick("IBM", OPEN0 + NEXT, 1_000_000))
    assert [(bar["symbol"], bar["session"], bar["time_us"]) for bar in run.of("DailyBar")] == [
        ("IBM", DAY0, DUE0),
        ("AAPL", DAY0, DUE0),
    ]


def test_no_tick_no_bar() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0, 1_000_000), watermark(DUE0), watermark(DUE0 + NEXT))
    assert [bar["session"] for bar in run.of("DailyBar")] == [DAY0]


def test_an_early_close_ends_the_bar_at_one_but_publishes_it_at_half_past_four() -> None:
    run = Run().feed(
        log.calendar(early=[0]), tick("IBM", OPEN0 + HOUR, 1_000_000), tick("IBM", OPEN0 + 4 * HOUR, 1_100_000)
    )
    run.feed(watermark(DUE0))
    (bar,) = run.of("DailyBar")
    assert (bar["close_e4"], bar["time_us"]) == (1_000_000, DUE0)


def test_the_official_close_replaces_close_and_volume() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0, 1_000_000, size=7), tick("AAPL", OPEN0, 1_000_000, size=7))
    run.feed(
        log.official("IBM", DAY0, 1_001_000, 5_000, CLOSE0 + S), log.official("AAPL", DAY0, 990_000, 0, CLOSE0 + S)
    )
    run.feed(watermark(DUE0))
    ibm, aapl = run.of("DailyBar")
    assert (ibm["close_e4"], ibm["volume"], ibm["high_e4"]) == (1_001_000, 5_000, 1_001_000)
    assert (aapl["close_e4"], aapl["volume"], aapl["low_e4"]) == (990_000, 7, 990_000)


def test_an_official_close_after_the_bar_is_flagged() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0, 1_000_000), watermark(DUE0))
    run.feed(log.official("IBM", DAY0, 1_001_000, 5_000, DUE0 + S))
    assert [issue["rule"] for issue in run.of("DataQualityIssue")] == ["OUT_OF_ORDER"]
    run.feed(tick("IBM", OPEN0 + NEXT, 1_000_000), watermark(DUE0 + NEXT))
    assert run.of("DailyBar")[-1]["close_e4"] == 1_000_000


def test_volatility_is_the_sample_deviation_of_20_returns() -> None:
    closes = [1_000_000 + 7_000 * (i * i % 11) for i in range(21)]
    run = Run().feed(*[log.historical("IBM", DAY0 - 30 + i, c + 5_000, c - 5_000, c) for i, c in enumerate(closes)])
    returns = [math.log(b / a) for a, b in pairwise(closes)]
    hv = [bar["hv_e10"] for bar in run.of("DailyBar")]
    assert hv[:20] == [0] * 20
    assert hv[20] == pytest.approx(statistics.stdev(returns) * math.sqrt(252) * 1e10, abs=1)


def test_a_split_changes_neither_atr_in_new_shares_nor_volatility() -> None:
    # given a stock at 300 and one at 150, both with the same relative moves
    e4 = 10_000
    whole, halves = Run(), Run()
    whole.feed(log.calendar(), *[log.historical("IBM", DAY0 - 21 + i, 310 * e4, 290 * e4, 300 * e4) for i in range(21)])
    # when the first is split two for one from DAY0 on
    whole.feed(log.split("IBM", DAY0, 2, 1))
    halves.feed(
        log.calendar(), *[log.historical("IBM", DAY0 - 21 + i, 155 * e4, 145 * e4, 150 * e4) for i in range(21)]
    )
    for run in (whole, halves):
        run.feed(tick("IBM", OPEN0, 155 * e4), tick("IBM", OPEN0 + S, 145 * e4), tick("IBM", OPEN0 + 2 * S, 150 * e4))
        run.feed(watermark(DUE0))
    # then nothing is taken for a jump and both say the same afterwards
    assert whole.of("DataQualityIssue") == []
    last, other = whole.of("DailyBar")[-1], halves.of("DailyBar")[-1]
    assert (last["atr_e6"], last["hv_e10"]) == (other["atr_e6"], other["hv_e10"])
    assert (last["atr_e6"], last["hv_e10"]) == (10_000_000, 0)
    (action,) = whole.of("MarketAction")
    assert (action["action"]["ratio_new"], action["time_us"]) == (2, OPEN0 - HOUR)


def test_the_price_before_a_split_is_no_jump_after_it() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0, 3_000_000), log.split("IBM", DAY0 + 1, 2, 1, OPEN0 + S))
    run.feed(tick("IBM", OPEN0 + 2 * S, 3_010_000), watermark(DUE0), tick("IBM", OPEN0 + NEXT, 1_505_000))
    assert run.of("DataQualityIssue") == []


def test_only_partition_0_forwards_the_calendar() -> None:
    assert len(Run(partition=0).feed(log.calendar()).of("MarketCalendar")) == 1
    other = Run(partition=1).feed(log.calendar(), tick("IBM", OPEN0, 1_000_000), watermark(DUE0))
    assert other.of("MarketCalendar") == []
    assert len(other.of("DailyBar")) == 1


def test_a_historical_bar_repeated_is_flagged_and_not_folded() -> None:
    bars = ranges_as_bars("IBM", EX_28)
    run = Run().feed(*bars, bars[-1])
    assert len(run.of("DailyBar")) == 15
    assert [issue["rule"] for issue in run.of("DataQualityIssue")] == ["OUT_OF_ORDER"]
