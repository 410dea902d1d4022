"""ATR of other periods than 14, which the book works out from the bars (protocol 5.3, `atr.period`)."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.inputs import CorporateAction, DailyBar
from domain.market import Market
from processors.market.history import History

NINETY_FIVE = Fraction(95)
PRICES = st.integers(10_000, 5_000_000)
BARS = st.lists(st.tuples(PRICES, PRICES, PRICES), min_size=1, max_size=60)
SPLITS = st.lists(
    st.tuples(st.integers(2, 60), st.sampled_from([(2, 1), (3, 2), (1, 4), (7, 3)])),
    max_size=3,
    unique_by=lambda s: s[0],
)


def bar(session: int, high: int, low: int, close: int, atr_e6: int = 0) -> DailyBar:
    return DailyBar(0, session, 0, "TSLA", session, close, high, low, close, 1, atr_e6, 0, historical=True)


def split(session: int, new: int, old: int) -> CorporateAction:
    return CorporateAction("TSLA", "SPLIT", session, 0, new, old, 0)


@given(BARS, SPLITS)
def test_worked_out_for_14_it_is_what_the_market_processor_makes(
    bars: list[tuple[int, int, int]], splits: list[tuple[int, tuple[int, int]]]
) -> None:
    # given sessions with splits between them, folded by the market processor
    history, market = History(), Market()
    for ex, (new, old) in sorted(splits):
        history.split(ex, new, old)
        market.actions.append(split(ex, new, old))
    for session, prices in enumerate(bars, start=1):
        low, close, high = sorted(prices)
        history.fold(session, high, low, close)
        market.take_bar(bar(session, high, low, close, history.atr_e6))
    # when the book smooths the same bars by itself
    found = market._smooth("TSLA", market.bars["TSLA"], 14)  # pyright: ignore[reportPrivateUsage]
    # then it says the same of every session
    assert [day.atr_e6 for day in found] == [day.atr_e6 for day in market.bars["TSLA"]]


def test_another_period_has_its_own_seed_and_smoothing() -> None:
    # given true ranges of 10, 8, 2, 10, 10 and 13 dollars
    market = Market()
    rows = [(110, 100, 105), (109, 101, 105), (106, 104, 105), (111, 101, 106), (111, 101, 106)]
    for session, (high, low, close) in enumerate(rows, start=1):
        market.take_bar(bar(session, high * 10_000, low * 10_000, close * 10_000))
    found = market.atr_record("TSLA", 5, 5)
    assert found is not None
    assert found.atr_e6 == 8_000_000
    market.take_bar(bar(6, 1_110_000, 980_000, 1_000_000))
    found = market.atr_record("TSLA", 6, 5)
    assert found is not None
    assert found.atr_e6 == 9_000_000
    # and a split of two for one halves it
    market.actions.append(split(7, 2, 1))
    found = market.atr_record("TSLA", 7, 5)
    assert found is not None
    assert found.atr_e6 == 4_500_000
    # and five sessions are too few for six
    assert market.atr_record("TSLA", 7, 7) is None


def test_the_volatility_filter_reads_the_same_period() -> None:
    # given thirty calm sessions and a wild one, whose bars bring no ATR of their own
    market = Market()
    for session in range(1, 31):
        market.take_bar(bar(session, 1_010_000, 990_000, 1_000_000))
    market.take_bar(bar(31, 1_500_000, 1_000_000, 1_000_000))
    # then only the period that the book has set sees it
    assert not market.atr_above_percentile("TSLA", NINETY_FIVE, 252)[0]
    assert market.atr_above_percentile("TSLA", NINETY_FIVE, 252, 5)[0]
