"""What a quarter reinvests and what it buys (protocol 10.4, 6.6, EX-14, EX-15)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import shares_value
from domain.purchases import (
    LeapsCandidate,
    buy_leaps,
    buy_shares,
    carry_out,
    purchase_limit_e4,
    quarterly_amounts,
    sale_limit_e4,
)

COM_TICKERS = ["AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "TSLA"]
EX_15_PRICES = {"AAPL": 230, "MSFT": 440, "GOOG": 175, "AMZN": 205, "NVDA": 130, "TSLA": 250}
PLENTY = 1_000_000_00


def e4(text: str) -> int:
    return int(Fraction(text) * 10_000)


def leaps_at(**mids: str) -> dict[str, LeapsCandidate]:
    """The candidate of each ticker by its mid."""
    return {ticker: LeapsCandidate(f"{ticker}260918C00100000", Fraction(e4(mid))) for ticker, mid in mids.items()}


# --- worked examples --------------------------------------------------------------------------------------------


def test_ex_14_rev_quarterly_reinvestment() -> None:
    # given N 24,000.00 short-term and deployable 60,000.00
    found = quarterly_amounts(net_realised=24_000_00, tax=7_200_00, deployable=60_000_00)
    assert (found.reinvested, found.primary, found.leaps) == (16_800_00, 12_600_00, 4_200_00)
    # when LEAPS stand at 38.50
    bought = buy_leaps(found.leaps, ["AAPL", "MSFT"], leaps_at(AAPL="38.50"))
    # then one contract for 3,850.65, and 349.35 is carried
    assert [(p.ticker, p.contracts, p.cost) for p in bought.purchases] == [("AAPL", 1, 3_850_65)]
    assert carry_out(found, found.primary + bought.spent) == 349_35


def test_ex_14_before_tax() -> None:
    found = quarterly_amounts(net_realised=24_000_00, tax=0, deployable=60_000_00)
    assert (found.reinvested, found.primary, found.leaps) == (24_000_00, 18_000_00, 6_000_00)


def test_ex_14_with_an_approved_withdrawal() -> None:
    found = quarterly_amounts(net_realised=24_000_00, tax=7_200_00, withdrawals=6_800_00, deployable=60_000_00)
    assert (found.reinvested, found.primary, found.leaps) == (10_000_00, 7_500_00, 2_500_00)
    bought = buy_leaps(found.leaps, ["AAPL"], leaps_at(AAPL="38.50"))
    assert bought.purchases == []
    assert carry_out(found, found.primary + bought.spent) == 2_500_00


def test_ex_15_com_quarterly_reinvestment() -> None:
    # given N 18,000.00, merged capital 40,000.00 and enough cash
    found = quarterly_amounts(net_realised=18_000_00, tax=5_400_00, uninvested=40_000_00, deployable=PLENTY)
    assert (found.reinvested, found.primary, found.leaps) == (52_600_00, 39_450_00, 13_150_00)
    # then six tickers share 39,450.00 in two passes
    shares = buy_shares(found.primary, [(ticker, EX_15_PRICES[ticker] * 10_000) for ticker in COM_TICKERS])
    assert [(p.ticker, p.shares) for p in shares.purchases] == list(
        zip(COM_TICKERS, (29, 15, 37, 32, 51, 26), strict=True)
    )
    assert (shares.spent, shares.left) == (39_435_00, 15_00)
    # and LEAPS go to AAPL and MSFT, the next being too dear
    leaps = buy_leaps(found.leaps, COM_TICKERS, leaps_at(AAPL="41.20", MSFT="83.00", GOOG="90.00"))
    assert [(p.ticker, p.contracts) for p in leaps.purchases] == [("AAPL", 1), ("MSFT", 1)]
    assert (leaps.spent, leaps.left, leaps.last_bought) == (12_421_30, 728_70, "MSFT")
    assert carry_out(found, shares.spent + leaps.spent) == 743_70


# --- amounts ----------------------------------------------------------------------------------------------------


def test_a_losing_quarter_still_invests_what_was_not_invested_yet() -> None:
    found = quarterly_amounts(net_realised=-5_000_00, tax=0, uninvested=8_000_00, deployable=PLENTY)
    assert (found.reinvested, found.no_gains) == (8_000_00, False)


@pytest.mark.parametrize(("net", "uninvested", "no_gains"), [(0, 0, True), (-1, 0, True), (1, 0, False), (0, 1, False)])
def test_without_gains_and_uninvested_capital_the_run_is_skipped(net: int, uninvested: int, no_gains: bool) -> None:
    assert quarterly_amounts(net_realised=net, tax=0, uninvested=uninvested, deployable=PLENTY).no_gains is no_gains


def test_what_deployable_does_not_cover_is_carried() -> None:
    found = quarterly_amounts(net_realised=0, tax=0, uninvested=40_000_00, carry_in=1_00, deployable=10_000_00)
    assert (found.available, found.reinvested) == (40_001_00, 10_000_00)
    assert carry_out(found, 9_000_00) == 31_001_00


def test_the_split_rounds_the_primary_bucket_down() -> None:
    found = quarterly_amounts(net_realised=3, tax=0, deployable=PLENTY)
    assert (found.primary, found.leaps) == (2, 1)
    halves = quarterly_amounts(net_realised=3, tax=0, deployable=PLENTY, primary_pct=Fraction(50))
    assert (halves.primary, halves.leaps) == (1, 2)


def test_a_skipped_run_and_a_run_that_spent_too_much() -> None:
    found = quarterly_amounts(net_realised=100, tax=0, deployable=PLENTY)
    assert carry_out(found, 0) == 100
    # a fill above the counted ask is taken from the carry, which does not go below nothing
    assert carry_out(found, 101) == 0


money = st.integers(-10_000_000, 10_000_000)
positive = st.integers(0, 10_000_000)


@given(money, positive, positive, positive, positive, positive)
def test_r_is_within_deployable_and_splits_whole(
    net: int, tax: int, uninvested: int, carry: int, withdrawals: int, deployable: int
) -> None:
    found = quarterly_amounts(
        net_realised=net, tax=tax, uninvested=uninvested, carry_in=carry, withdrawals=withdrawals, deployable=deployable
    )
    assert 0 <= found.reinvested <= deployable
    assert found.reinvested <= found.available
    assert found.primary + found.leaps == found.reinvested
    assert min(found.primary, found.leaps) >= 0
    assert carry_out(found, found.reinvested) == found.available - found.reinvested


def test_nothing_is_deployable_under_the_buffer() -> None:
    assert quarterly_amounts(net_realised=100, tax=0, deployable=-1).reinvested == 0


# --- shares -----------------------------------------------------------------------------------------------------


def test_equal_deficits_go_by_list_order() -> None:
    # given 2 x 150.00 and shares of 100.00: 50.00 left of each, together one share
    assert [(p.ticker, p.shares) for p in buy_shares(300_00, [("B", e4("100")), ("A", e4("100"))]).purchases] == [
        ("B", 2),
        ("A", 1),
    ]


def test_the_residue_goes_to_the_furthest_below_whose_price_fits() -> None:
    # given 100.00 each: A buys nothing (150.00), B 99.00, C 60.00; 141.00 are left, A is furthest below but too dear
    found = buy_shares(300_00, [("A", e4("150")), ("B", e4("33")), ("C", e4("60"))])
    # then C is next, 40.00 below, and then B, 1.00 below, as long as its price fits
    assert [(p.ticker, p.shares) for p in found.purchases] == [("B", 5), ("C", 2)]
    assert found.left == 300_00 - 5 * 33_00 - 2 * 60_00


def test_a_purchase_carries_its_limit() -> None:
    (purchase,) = buy_shares(1_000_00, [("AAPL", e4("230.03"))]).purchases
    assert (purchase.shares, purchase.cost, purchase.limit_e4) == (4, 920_12, e4("230.26"))


def test_nothing_to_buy() -> None:
    assert buy_shares(1_000_00, []).left == 1_000_00
    assert buy_shares(0, [("AAPL", e4("230"))]).purchases == []
    with pytest.raises(ValueError, match="AAPL"):
        buy_shares(1_000_00, [("AAPL", 0)])


baskets = st.lists(st.integers(1, 6_000_000), min_size=1, max_size=7).map(
    lambda asks: [(f"T{i}", ask) for i, ask in enumerate(asks)]
)


@given(st.integers(0, 50_000_00), baskets)
def test_share_purchases_stay_in_the_budget_and_use_it(budget: int, asks: list[tuple[str, int]]) -> None:
    asks = [(ticker, ask + 10_000) for ticker, ask in asks]
    found = buy_shares(budget, asks)
    prices = dict(asks)
    assert found.spent + found.left == budget
    assert found.left >= 0
    assert found.spent == sum(shares_value(prices[p.ticker], p.shares) for p in found.purchases)
    assert all(p.shares > 0 for p in found.purchases)
    # no single share more fits
    held = {p.ticker: p.shares for p in found.purchases}
    for ticker, ask in asks:
        one_more = shares_value(ask, held.get(ticker, 0) + 1) - shares_value(ask, held.get(ticker, 0))
        assert one_more > found.left
    # and each ticker has at least what its equal amount buys
    for ticker, ask in asks:
        assert ask * (held.get(ticker, 0) + 1) > budget // len(asks) * 100


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "buy", "sell"),
    [("230", "230.23", "229.77"), ("100.01", "100.11", "99.91"), ("5", "5", "5"), ("2.99", "2.99", "2.99")],
)
def test_share_limits_round_to_the_cent_inwards(price: str, buy: str, sell: str) -> None:
    assert purchase_limit_e4(e4(price)) == e4(buy)
    assert sale_limit_e4(e4(price)) == e4(sell)


@given(st.integers(100, 10_000_000).map(lambda cents: cents * 100))
def test_limits_reach_the_quote_and_do_not_pass_a_tenth_of_a_percent(price: int) -> None:
    assert price <= purchase_limit_e4(price) <= price * Fraction(1001, 1000)
    assert price * Fraction(999, 1000) <= sale_limit_e4(price) <= price


# --- LEAPS ------------------------------------------------------------------------------------------------------


def test_leaps_go_round_from_the_one_after_the_last_bought() -> None:
    mids = leaps_at(AAPL="10", MSFT="10", GOOG="10")
    found = buy_leaps(4_100_00, ["AAPL", "MSFT", "GOOG"], mids, last_bought="AAPL")
    # given money for four contracts at 1,000.65
    assert [(p.ticker, p.contracts) for p in found.purchases] == [("MSFT", 2), ("GOOG", 1), ("AAPL", 1)]
    assert found.last_bought == "MSFT"
    assert found.left == 4_100_00 - 4 * 1_000_65


def test_a_ticker_that_is_too_dear_or_has_no_candidate_is_passed_over() -> None:
    found = buy_leaps(2_500_00, ["AAPL", "MSFT", "GOOG"], leaps_at(AAPL="30", GOOG="10"))
    assert [(p.ticker, p.contracts) for p in found.purchases] == [("GOOG", 2)]


def test_without_a_purchase_the_rotation_stands_still() -> None:
    found = buy_leaps(100_00, ["AAPL", "MSFT"], leaps_at(AAPL="30", MSFT="30"), last_bought="AAPL")
    assert (found.purchases, found.left, found.last_bought) == ([], 100_00, "AAPL")


def test_a_last_bought_that_is_no_longer_listed_starts_at_the_front() -> None:
    found = buy_leaps(1_100_00, ["AAPL", "MSFT"], leaps_at(AAPL="10", MSFT="10"), last_bought="META")
    assert found.last_bought == "AAPL"


def test_the_commission_counts() -> None:
    assert buy_leaps(1_000_64, ["AAPL"], leaps_at(AAPL="10")).purchases == []
    assert buy_leaps(1_000_65, ["AAPL"], leaps_at(AAPL="10")).left == 0
    assert buy_leaps(1_000_65, ["AAPL"], leaps_at(AAPL="10"), commission=66).purchases == []


@given(
    st.integers(0, 30_000_00),
    st.lists(st.one_of(st.none(), st.integers(1, 1_000_000)), min_size=1, max_size=6),
    st.integers(-1, 5),
)
def test_leaps_stay_in_the_budget_and_take_turns(budget: int, mids: list[int | None], last: int) -> None:
    tickers = [f"T{i}" for i in range(len(mids))]
    candidates = {
        t: LeapsCandidate(f"{t}C", Fraction(mid + 10_000))
        for t, mid in zip(tickers, mids, strict=True)
        if mid is not None
    }
    found = buy_leaps(budget, tickers, candidates, last_bought=tickers[last] if 0 <= last < len(tickers) else "")
    assert found.spent + found.left == budget
    assert found.left >= 0
    bought = {p.ticker: p.contracts for p in found.purchases}
    costs = {t: (p.cost // p.contracts) for p in found.purchases for t in [p.ticker]}
    # whatever was bought least often and is not dearer was not passed over unfairly
    for ticker, count in bought.items():
        for other, cost in costs.items():
            if cost <= costs[ticker]:
                assert bought[other] >= count - 1
    assert all(candidates[t].mid_e4 + 65 > found.left for t in candidates)
