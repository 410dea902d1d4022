"""The modelled option market: QuantLib is the oracle of price and delta; quotes leave no free money."""

# QuantLib has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from gateways.market.calendar import day_number
from gateways.market.option_model import (
    black_scholes,
    day_share,
    implied_volatility,
    quote_e4,
    term_factor,
)
from gateways.market.weekly_listing import step_e3, strikes_to_list

spots = st.floats(5.0, 1_500.0)
volatilities = st.floats(0.10, 1.5)
spreads = st.floats(0.008, 0.04)
days_left = st.floats(0.02, 14.0)


def oracle(spot: float, strike: float, volatility: float, years: float, *, call: bool) -> tuple[float, float]:
    """(price, delta) by QuantLib's Black formula with r = 0."""
    calculator = QuantLib.BlackCalculator(
        QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if call else QuantLib.Option.Put, strike),
        spot,
        volatility * years**0.5,
        1.0,
    )
    return float(calculator.value()), float(calculator.delta(spot))


def engine(spot: float, strike: float, volatility: float, days: int, *, call: bool) -> tuple[float, float]:
    """(price, delta) by QuantLib's analytic European engine, whole days."""
    today = QuantLib.Date(1, 6, 2012)
    QuantLib.Settings.instance().evaluationDate = today
    count = QuantLib.Actual365Fixed()
    flat = QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, 0.0, count))
    surface = QuantLib.BlackVolTermStructureHandle(
        QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), volatility, count)
    )
    process = QuantLib.BlackScholesMertonProcess(QuantLib.QuoteHandle(QuantLib.SimpleQuote(spot)), flat, flat, surface)
    option = QuantLib.VanillaOption(
        QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if call else QuantLib.Option.Put, strike),
        QuantLib.EuropeanExercise(today + days),
    )
    option.setPricingEngine(QuantLib.AnalyticEuropeanEngine(process))
    return float(option.NPV()), float(option.delta())


@pytest.mark.parametrize("days", [1, 4, 11])
@pytest.mark.parametrize("moneyness", [0.85, 0.97, 1.0, 1.04, 1.2])
@pytest.mark.parametrize("volatility", [0.15, 0.35, 0.9])
def test_price_and_delta_are_those_of_quantlibs_european_engine(days: int, moneyness: float, volatility: float) -> None:
    spot, strike = 600.0, 600.0 * moneyness
    call, delta = black_scholes(np.array(spot), np.array(strike), np.array(volatility), np.array(days / 365))
    expected_call, expected_delta = engine(spot, strike, volatility, days, call=True)
    expected_put, expected_put_delta = engine(spot, strike, volatility, days, call=False)
    assert float(call) == pytest.approx(expected_call, abs=1e-8)
    assert float(delta) == pytest.approx(expected_delta, abs=1e-9)
    assert float(call) - spot + strike == pytest.approx(expected_put, abs=1e-8)
    assert float(delta) - 1 == pytest.approx(expected_put_delta, abs=1e-9)


@given(spots, st.floats(0.7, 1.4), volatilities, days_left)
def test_price_and_delta_agree_with_the_black_formula_anywhere(
    spot: float, moneyness: float, volatility: float, days: float
) -> None:
    strike = spot * moneyness
    call, delta = black_scholes(np.array(spot), np.array(strike), np.array(volatility), np.array(days / 365))
    expected, expected_delta = oracle(spot, strike, volatility, days / 365, call=True)
    assert float(call) == pytest.approx(expected, abs=1e-8 * spot)
    assert float(delta) == pytest.approx(expected_delta, abs=1e-8)


@pytest.mark.parametrize(("spot", "value", "delta"), [(110.0, 10.0, 1.0), (90.0, 0.0, 0.0), (100.0, 0.0, 0.5)])
def test_at_expiry_only_the_intrinsic_value_is_left(spot: float, value: float, delta: float) -> None:
    call, d = black_scholes(np.array(spot), np.array(100.0), np.array(0.4), np.array(0.0))
    assert float(call) == pytest.approx(value, abs=1e-6)
    assert float(d) == pytest.approx(delta, abs=1e-6)


def chain(spot: float, atm_base: float, days: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(strikes in dollars, call mids, put mids) of what is listed at that price."""
    years = days / 365
    atm = atm_base * float(term_factor(days))
    strikes = (
        np.array(strikes_to_list(spot, atm * years**0.5, atm * (1 / 365) ** 0.5, day_number(dt.date(2012, 6, 1)))) / 1e3
    )
    volatility = implied_volatility(np.array(spot), strikes, np.array(atm), np.array(years))
    call, _ = black_scholes(np.array(spot), strikes, volatility, np.array(years))
    return strikes, call, np.maximum(call - spot + strikes, 0.0)


@given(spots, volatilities, days_left)
def test_model_prices_leave_no_free_money(spot: float, atm: float, days: float) -> None:
    """Calls fall and puts rise with the strike, by at most the strike's difference; both are convex."""
    strikes, calls, puts = chain(spot, atm, days)
    slack = 1e-9 * spot
    for prices, sign in ((calls, -1.0), (puts, 1.0)):
        slopes = np.diff(prices) / np.diff(strikes)
        assert np.all(sign * slopes >= -slack)
        assert np.all(sign * slopes <= 1.0 + slack)
        assert np.all(np.diff(slopes) >= -1e-7), "a butterfly costs something"


@given(spots, volatilities, days_left, spreads)
def test_quotes_hold_parity_within_their_spreads(spot: float, atm: float, days: float, spread: float) -> None:
    """Buying a call, selling the put and the share (or the reverse) at the quotes never pays."""
    strikes, calls, puts = chain(spot, atm, days)
    call_bid, call_ask = (q / 1e4 for q in quote_e4(calls, spread))
    put_bid, put_ask = (q / 1e4 for q in quote_e4(puts, spread))
    assert np.all(call_ask - put_bid - spot + strikes >= -1e-9)
    assert np.all(put_ask - call_bid + spot - strikes >= -1e-9)


@given(st.lists(st.floats(0.0, 400.0), min_size=1, max_size=20), spreads)
def test_quotes_stand_on_the_listed_tick_around_the_mid(mids: list[float], spread: float) -> None:
    mid = np.array(mids)
    bids, asks = quote_e4(mid, spread)
    for m, bid, ask in zip(mids, bids.tolist(), asks.tolist(), strict=True):
        assert 0 <= bid < ask
        assert bid <= m * 1e4 + 1e-2 <= ask + 2e-2
        for price in (bid, ask):
            assert price % (100 if price < 30_000 else 500) == 0
        assert ask - bid <= spread * m * 1e4 + 20 + 2 * 500


def test_a_worthless_option_has_no_bid() -> None:
    bid, ask = quote_e4(np.array([0.0, 0.004]), 0.01)
    assert bid.tolist() == [0, 0]
    assert ask.tolist() == [100, 100]


def test_the_smile_is_dearer_below_than_above_and_bounded() -> None:
    spot, atm, years = np.array(100.0), np.array(0.3), np.array(7 / 365)
    low, mid, high = (float(implied_volatility(spot, np.array(k), atm, years)) for k in (94.0, 100.0, 106.0))
    assert low > mid > high
    far = float(implied_volatility(spot, np.array(10.0), atm, years))
    assert far < 1.6 * 0.3


@given(st.lists(st.integers(0, 390), min_size=2, max_size=20))
def test_traded_volume_grows_from_nothing_to_all(minutes: list[int]) -> None:
    shares = [float(day_share(np.array(m), 390)) for m in sorted(minutes)]
    assert all(a <= b + 1e-12 for a, b in pairwise(shares))
    assert float(day_share(np.array(0), 390)) == 0.0
    assert float(day_share(np.array(390), 390)) == 1.0


@pytest.mark.parametrize(
    ("price", "day", "step"),
    [
        (28.0, dt.date(2012, 6, 1), 1_000),
        (28.0, dt.date(2012, 12, 3), 500),
        (190.0, dt.date(2012, 6, 1), 2_500),
        (190.0, dt.date(2012, 12, 3), 2_500),
        (560.0, dt.date(2012, 6, 1), 5_000),
        (560.0, dt.date(2012, 12, 3), 5_000),
        (120.0, dt.date(2012, 12, 3), 1_000),
    ],
)
def test_strike_steps_are_those_of_the_years(price: float, day: dt.date, step: int) -> None:
    assert step_e3(price, day_number(day)) == step


def test_far_strikes_are_twice_as_wide() -> None:
    strikes = strikes_to_list(600.0, 0.10, 0.02, day_number(dt.date(2012, 6, 1)))
    assert {b - a for a, b in pairwise(k for k in strikes if k < 535_000)} == {10_000}
    assert {b - a for a, b in pairwise(k for k in strikes if 540_000 <= k <= 660_000)} == {5_000}
