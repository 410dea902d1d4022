"""The metrics of reports, each by its definition (protocol 14.2, EX-29)."""

import statistics
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import metrics as m
from domain.calendar import day_number
from domain.metrics import Drawdown, Mark
from domain.money import dollars, percent_text

MONDAY = day_number(date(2025, 6, 2))
WEEK = 7


def dollar_marks(*corpora: str, start: int = MONDAY, step: int = WEEK) -> list[Mark]:
    """Valuations of dollars, a step apart."""
    return [Mark(start + i * step, int(Fraction(text) * 100)) for i, text in enumerate(corpora)]


# --- returns ----------------------------------------------------------------------------------------------------


def test_ex_29_return_with_a_flow() -> None:
    # given closes of four weeks, and a deposit of 50,000 after the third valuation's close
    friday = MONDAY + 4
    marks = [
        Mark(friday, 400_000_00),
        Mark(friday + 7, 404_000_00),
        Mark(friday + 14, 408_040_00, flow=50_000_00),
        Mark(friday + 21, 453_459_60),
    ]
    # then the weeks returned 1 %, 1 % and -1 %: the last on 458,040.00
    assert m.weekly_returns(marks) == {
        "2025W24": Fraction(1, 100),
        "2025W25": Fraction(1, 100),
        "2025W26": Fraction(-1, 100),
    }
    # and TWR is 0.9899 %, the gain 3,459.60 and the largest drawdown 1.00 %
    assert percent_text(m.time_weighted_return(marks)) == "0.9899%"
    assert dollars(m.gain(marks)) == "3459.60"
    assert m.max_drawdown(marks).depth == Fraction(1, 100)


def test_a_flow_inside_a_week_starts_a_new_sub_period() -> None:
    # given a week that gains 10 %, takes a deposit of its own size on Wednesday and then loses 10 %
    friday = MONDAY - 3
    marks = [Mark(friday, 100_00), Mark(MONDAY + 2, 110_00, flow=110_00), Mark(MONDAY + 4, 198_00)]
    # then the week's return is 1.1 x 0.9 - 1
    assert m.weekly_returns(marks) == {"2025W23": Fraction(-1, 100)}


def test_months_and_weeks_compound_to_the_whole() -> None:
    marks = dollar_marks("100", "104", "101", "99", "107", "111", "90", step=11)
    whole = 1 + m.time_weighted_return(marks)
    for parts in (m.weekly_returns(marks), m.monthly_returns(marks)):
        product = Fraction(1)
        for part in parts.values():
            product *= 1 + part
        assert product == whole


def test_a_month_is_named_by_the_day_that_ends_its_sub_periods() -> None:
    # given closes of the last sessions of May, June and July
    days = [day_number(date(2025, month, day)) for month, day in ((5, 30), (6, 30), (7, 31))]
    marks = [Mark(days[0], 100_00), Mark(days[1], 102_00), Mark(days[2], 51_00)]
    assert m.monthly_returns(marks) == {"2025-06": Fraction(2, 100), "2025-07": Fraction(-1, 2)}


def test_an_account_emptied_and_filled_again_earned_nothing_between() -> None:
    marks = [Mark(0, 100_00, flow=-100_00), Mark(1, 0, flow=200_00), Mark(2, 202_00)]
    assert m.time_weighted_return(marks) == Fraction(1, 100)


@pytest.mark.parametrize(
    "marks",
    [[Mark(0, 0), Mark(1, 5)], [Mark(0, 100, flow=-200), Mark(1, 5)], [Mark(1, 100), Mark(0, 100)]],
    ids=["from nothing", "from less than nothing", "days out of order"],
)
def test_returns_that_are_not_defined_are_refused(marks: list[Mark]) -> None:
    with pytest.raises(ValueError, match=r"sub-period|order"):
        m.time_weighted_return(marks)


def test_what_flows_after_the_last_valuation_is_not_in_the_gain() -> None:
    assert m.gain([Mark(0, 100_00, flow=50_00), Mark(1, 153_00, flow=-20_00)]) == 3_00


def test_one_valuation_has_no_return_yet() -> None:
    assert m.time_weighted_return([Mark(0, 100_00)]) == 0
    assert m.max_drawdown([Mark(0, 100_00)]).depth == 0
    assert m.weekly_returns([]) == {}


PERCENTS = st.lists(st.integers(-60, 60), min_size=1, max_size=6)
"""Returns in whole per cent."""


def history(percents: Sequence[int], flows: Sequence[int]) -> list[Mark]:
    """A history in which each day returns its percentage exactly, whatever flowed: all amounts divide by 100^n."""
    unit = 100 ** len(percents)
    corpus, marks = 1_000 * unit, list[Mark]()
    for day, percent in enumerate([*percents, 0]):
        # what leaves is at most half of what is there
        flow = max(flows[day % len(flows)] * unit, -(corpus // (2 * unit)) * unit)
        marks.append(Mark(day, corpus, flow=flow))
        corpus = (corpus + flow) * (100 + percent) // 100
    return marks


@given(PERCENTS, st.lists(st.integers(-500, 500), min_size=1, max_size=6))
def test_twr_and_drawdown_do_not_depend_on_flows(percents: list[int], flows: list[int]) -> None:
    # given two histories of the same returns, one with deposits and withdrawals
    still, moved = history(percents, [0]), history(percents, flows)
    # then the time-weighted return, the drawdown and its recovery are the same
    assert m.time_weighted_return(moved) == m.time_weighted_return(still)
    assert m.max_drawdown(moved) == m.max_drawdown(still)
    # and the gain of the still one is what its corpus rose by
    assert m.gain(still) == still[-1].corpus - still[0].corpus


CORPORA = st.lists(st.integers(1, 10**9), min_size=1, max_size=30)


@given(CORPORA)
def test_a_drawdown_lies_between_nothing_and_everything(corpora: list[int]) -> None:
    # given any history without flows
    found = m.max_drawdown([Mark(day, corpus) for day, corpus in enumerate(corpora)])
    # then the drawdown is what brute force finds
    falls = [1 - Fraction(low, high) for i, high in enumerate(corpora) for low in corpora[i:]]
    assert 0 <= found.depth < 1
    assert found.depth == max(falls)
    # and its peak, trough and recovery are in order
    assert found.peak_day <= found.trough_day
    assert 1 - Fraction(corpora[found.trough_day], corpora[found.peak_day]) == found.depth
    if found.recovered_day is None:
        assert all(corpus < corpora[found.peak_day] for corpus in corpora[found.trough_day :]) or not found.depth
    else:
        assert corpora[found.recovered_day] >= corpora[found.peak_day]


@given(CORPORA)
def test_without_flows_twr_is_end_over_start(corpora: list[int]) -> None:
    marks = [Mark(day, corpus) for day, corpus in enumerate(corpora)]
    assert m.time_weighted_return(marks) == Fraction(corpora[-1], corpora[0]) - 1


# --- drawdown and recovery --------------------------------------------------------------------------------------


def test_recovery_counts_sessions_from_the_trough_to_the_old_peak() -> None:
    # given a peak of 110 on a Tuesday, a trough of 88 on Thursday, and 110 again on the Tuesday after a weekend
    days = [MONDAY + i for i in (0, 1, 2, 3, 4, 7, 8)]
    marks = [Mark(day, corpus) for day, corpus in zip(days, (100, 110, 95, 88, 100, 105, 110), strict=True)]
    # then it fell by a fifth and took three sessions: Friday, Monday, Tuesday
    assert m.max_drawdown(marks) == Drawdown(Fraction(1, 5), MONDAY + 1, MONDAY + 3, MONDAY + 8, 3)


def test_a_drawdown_that_lasts_has_no_recovery_time() -> None:
    found = m.max_drawdown(dollar_marks("100", "90", "99"))
    assert (found.depth, found.recovered_day, found.recovery_sessions) == (Fraction(1, 10), None, None)


def test_a_peak_reached_twice_is_the_first() -> None:
    assert m.max_drawdown(dollar_marks("100", "95", "100", "90", start=0, step=1)).peak_day == 0


def test_two_valuations_of_one_session_count_once() -> None:
    marks = [Mark(0, 100), Mark(1, 80), Mark(2, 90, flow=10), Mark(2, 100), Mark(3, 120)]
    assert m.max_drawdown(marks).recovery_sessions == 2


# --- premium, chains, income, capital ---------------------------------------------------------------------------


def test_premium_yield_is_premium_over_average_collateral() -> None:
    assert m.premium_yield(1_500_00, [100_000_00, 50_000_00, 0]) == Fraction(3, 100)
    assert m.premium_yield(1_500_00, [0, 0]) is None


def test_win_rate_counts_a_result_of_zero_as_no_win() -> None:
    assert m.win_rate([10_00, -5_00, 0, 1]) == Fraction(1, 2)
    assert m.win_rate([]) is None


def test_income_is_premium_kept_and_dividends_and_interest() -> None:
    assert m.income(net_realised_premium=-120_00, dividends=30_00, interest=1_50) == -88_50


def test_capital_efficiency_is_average_collateral_over_average_corpus() -> None:
    # the averages may be of different numbers of sessions
    assert m.capital_efficiency([80_00, 40_00], [100_00, 100_00, 100_00]) == Fraction(3, 5)
    assert m.capital_efficiency([1], [0]) is None
    assert m.capital_efficiency([], [1]) is None


def test_tax_efficiency_and_fork_efficiency_are_ratios_of_returns() -> None:
    assert m.tax_efficiency(post_tax=Fraction(7, 100), pre_tax=Fraction(10, 100)) == Fraction(7, 10)
    assert m.fork_efficiency(child=Fraction(3, 100), parent=Fraction(2, 100)) == Fraction(3, 2)
    # a child that lost what its parent won
    assert m.fork_efficiency(child=Fraction(-1, 100), parent=Fraction(2, 100)) == Fraction(-1, 2)


@pytest.mark.parametrize("whole", [Fraction(0), Fraction(-1, 100)], ids=["nothing", "a loss"])
def test_a_share_of_no_gain_says_nothing(whole: Fraction) -> None:
    assert m.tax_efficiency(post_tax=Fraction(-1, 200), pre_tax=whole) is None
    assert m.fork_efficiency(child=Fraction(1, 100), parent=whole) is None


# --- statistics -------------------------------------------------------------------------------------------------

RETURNS = st.lists(st.fractions(Fraction(-1, 2), Fraction(1, 2), max_denominator=10**6), min_size=2, max_size=36)


def e10(value: float) -> int:
    return round(value * 10**10)


def test_volatility_of_a_known_year() -> None:
    # given months of +2 % and -2 % in turn, whose sample deviation is 2 % x sqrt(12 / 11)
    months = [Fraction(2, 100), Fraction(-2, 100)] * 6
    # then a year's volatility is that x sqrt 12 = 24 % / sqrt 11
    assert m.volatility_e10(months) == 723_627_227
    assert m.volatility_e10([Fraction(1, 100)] * 5) == 0
    assert m.volatility_e10(months[:1]) is None


def test_sharpe_and_sortino_of_a_known_pair_of_months() -> None:
    # given 3 % and -1 %, and a bill of 3 % a year, a quarter per cent a month
    months, bills = [Fraction(3, 100), Fraction(-1, 100)], [Fraction(3, 100)] * 2
    # then the excess is 2.75 % and -1.25 %: mean 0.75 %, sample deviation 4 % / sqrt 2, downside 1.25 % / sqrt 2
    assert m.sharpe_e10(months, bills) == e10(0.0075 / (0.04 / 2**0.5) * 12**0.5)
    assert m.sortino_e10(months, bills) == e10(0.0075 / (0.0125 / 2**0.5) * 12**0.5)


def test_ratios_to_a_deviation_of_nothing_are_not_defined() -> None:
    flat, bills = [Fraction(1, 100)] * 3, [Fraction(0)] * 3
    assert m.sharpe_e10(flat, bills) is None
    assert m.sortino_e10(flat, bills) is None
    with pytest.raises(ValueError, match="bill"):
        m.sharpe_e10(flat, bills[:2])


@settings(deadline=None)
@given(RETURNS)
def test_statistics_agree_with_floating_point(months: list[Fraction]) -> None:
    # given any months and no risk-free rate
    bills = [Fraction(0)] * len(months)
    floats = [float(month) for month in months]
    deviation = statistics.stdev(months)
    # then the exact figures are those of the textbook formulas
    volatility, sharpe = m.volatility_e10(months), m.sharpe_e10(months, bills)
    assert volatility == pytest.approx(float(deviation) * 12**0.5 * 1e10, rel=1e-9, abs=1)
    if deviation > 1e-5:
        expected = statistics.fmean(floats) / float(deviation) * 12**0.5 * 1e10
        assert sharpe == pytest.approx(expected, rel=1e-7, abs=1e4)


@given(RETURNS, st.fractions(Fraction(-1, 5), Fraction(1, 5), max_denominator=10**4))
def test_volatility_ignores_a_shift_and_follows_a_scale(months: list[Fraction], shift: Fraction) -> None:
    base, doubled = m.volatility_e10(months), m.volatility_e10([2 * month for month in months])
    assert m.volatility_e10([month + shift for month in months]) == base
    assert base is not None
    assert doubled is not None
    assert abs(doubled - 2 * base) <= 1


@given(RETURNS)
def test_sharpe_and_sortino_have_the_sign_of_the_mean(months: list[Fraction]) -> None:
    bills = [Fraction(0)] * len(months)
    mean = sum(months)
    for found in (m.sharpe_e10(months, bills), m.sortino_e10(months, bills)):
        assert found is None or found * mean >= 0


@given(st.integers(0, 10**30), st.integers(1, 10**30), st.sampled_from([1, 2, 3, 10]))
def test_a_root_is_the_nearest_at_ten_places(numerator: int, denominator: int, degree: int) -> None:
    # given any ratio, its root at 1e-10
    value = Fraction(numerator, denominator)
    root = m.root_e10(value, degree)
    # then the true root lies within half a step: 2 root - 1 <= 2e10 x root of value < 2 root + 1
    scaled = value * (2 * 10**10) ** degree
    assert root == 0 or (2 * root - 1) ** degree <= scaled
    assert scaled < (2 * root + 1) ** degree


def test_a_root_of_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        m.root_e10(Fraction(-1), 2)


# --- value at risk ----------------------------------------------------------------------------------------------


def test_value_at_risk_is_the_thirteenth_worst_of_250_sessions() -> None:
    # given 250 sessions that returned -1, -2, ... -250 in 1e-4, in an order of their own, after one worse
    returns = [Fraction(-(i * 83 % 250) - 1, 10_000) for i in range(250)]
    assert len({*returns}) == 250
    # then 12 of them, less than 5 %, lost more than 238e-4
    assert m.value_at_risk(returns) == Fraction(238, 10_000)
    # and only the last 250 count
    assert m.value_at_risk([Fraction(-1, 2)] * 50 + returns) == Fraction(238, 10_000)


def test_value_at_risk_needs_250_sessions() -> None:
    assert m.value_at_risk([Fraction(-1, 100)] * 249) is None
    assert m.value_at_risk([Fraction(-1, 100)] * 250) == Fraction(1, 100)


def test_days_that_only_gain_put_nothing_at_risk() -> None:
    assert m.value_at_risk([Fraction(1, 100)] * 250) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-5_000, 5_000), min_size=250, max_size=260))
def test_at_most_one_day_in_twenty_loses_more_than_the_value_at_risk(days: list[int]) -> None:
    returns = [Fraction(day, 10_000) for day in days]
    found = m.value_at_risk(returns)
    assert found is not None
    worse = sum(-one > found for one in returns[-250:])
    assert worse <= 12


# --- exposure ---------------------------------------------------------------------------------------------------


def position(underlying: str, shares: int, **more: Fraction) -> m.Exposed:
    """A position in a stock of 100.00, valued at 100.00 a share."""
    greeks = {"delta": Fraction(1), "gamma": Fraction(0), "theta": Fraction(0), "vega": Fraction(0), **more}
    return m.Exposed(underlying, shares, spot_e4=1_000_000, price_e4=1_000_000, **greeks)


def moves_with_delta(exposed: m.Exposed, shock: m.Shock) -> int:
    """A pricer of straight lines."""
    return exposed.price_e4 + int(exposed.delta * exposed.spot_e4 * (shock.spot - 1))


def test_exposure_adds_greeks_in_dollars() -> None:
    # given 300 shares and two short puts on them of -0.45 delta
    greeks = {"delta": Fraction(-45, 100), "gamma": Fraction(2, 100), "theta": Fraction(-1, 10)}
    put = position("TSLA", -200, vega=Fraction(5, 100), **greeks)
    found = m.exposure([position("TSLA", 300), put], moves_with_delta)
    # then delta is 390 shares of 100.00; gamma is what 1 % moves it by, theta a day, vega a point of volatility
    assert dollars(found.delta_cents) == "39000.00"
    assert dollars(found.gamma_cents) == "-400.00"
    assert dollars(found.theta_cents) == "20.00"
    assert dollars(found.vega_cents) == "-10.00"


def test_exposure_of_many_shares_is_exact_to_the_cent() -> None:
    # given 1,000,000 shares' worth of theta -0.10 a day and vega 0.05
    many = position("TSLA", 1_000_000, theta=Fraction(-1, 10), vega=Fraction(5, 100))
    found = m.exposure([many], moves_with_delta)
    assert (dollars(found.theta_cents), dollars(found.vega_cents)) == ("-100000.00", "50000.00")


def test_the_worst_shock_is_found_with_its_loss() -> None:
    # given long stock, the worst is -20 %; given a short position, +10 %
    held = m.exposure([position("AAPL", 100)], moves_with_delta)
    assert [dollars(cents) for _, cents in held.shocks] == ["-1000.00", "-2000.00", "1000.00"]
    assert (held.worst.spot, dollars(held.worst_cents)) == (Fraction(80, 100), "-2000.00")
    sold = m.exposure([position("AAPL", -100)], moves_with_delta)
    assert (sold.worst.spot, dollars(sold.worst_cents)) == (Fraction(110, 100), "-1000.00")


def test_every_shock_raises_volatility_by_three_tenths() -> None:
    assert [(shock.spot, shock.volatility) for shock in m.SHOCKS] == [
        (Fraction(9, 10), Fraction(13, 10)),
        (Fraction(8, 10), Fraction(13, 10)),
        (Fraction(11, 10), Fraction(13, 10)),
    ]


def test_no_positions_are_no_exposure() -> None:
    found = m.exposure([], moves_with_delta)
    assert (found.delta_cents, found.worst_cents) == (0, 0)


@pytest.mark.parametrize("metric", [m.time_weighted_return, m.gain], ids=["twr", "gain"])
def test_no_valuations_are_no_return(metric: Callable[[Sequence[Mark]], Fraction | int]) -> None:
    assert metric([]) == 0
