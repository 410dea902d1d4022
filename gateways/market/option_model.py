"""The modelled option market of the source `sample`: what it takes for the volatility, the quote, the open interest.

docs/market-data.md explains each choice. All of it works on arrays: moments down, contracts across. Prices are European
Black-Scholes with zero rate and no dividend; early exercise is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from gateways.market.daily_bars import DailyBars, Floats, Ints

YEAR_US = 31_536_000_000_000
"""A year of 365 days in microseconds (protocol 5.5)."""

DAY_SHARE_OF_YEAR = 1.0 / 365.0

# Volatility: premium over what was realised, term, smile.
_PREMIUM_FACTOR, _PREMIUM_POINTS = 1.10, 0.02
_ATM_FLOOR, _ATM_CAP = 0.15, 1.50
_SKEW, _SMILE, _WING = 0.06, 0.015, 4.0

# Quote: half-spread rises with the price and falls with the dollars traded in the stock.
_SPREAD_AT_5_BILLION, _SPREAD_MIN, _SPREAD_MAX = 0.012, 0.008, 0.04
_SPREAD_BASE_USD = 0.002


@dataclass(frozen=True, slots=True)
class Surface:
    """What is known of a stock before a session opens."""

    atm: float
    """at-the-money volatility a year, before the term effect"""
    spread_share: float
    """width of a quote as a share of its mid"""
    depth: float
    """contracts of open interest at the money of an expiry that has been listed for a week"""
    size: float
    """contracts displayed near the money"""


def surface_before(bars: DailyBars, position: int) -> Surface:
    """The surface for the session of a bar, from the bars before it alone."""
    realised = 0.5 * bars.volatility_before(position, 20) + 0.5 * bars.volatility_before(position, 60)
    dollars = bars.dollars_traded_before(position, 20)
    price = float(bars.close_e4[position - 1]) / 1e4
    return Surface(
        atm=min(max(_PREMIUM_FACTOR * realised + _PREMIUM_POINTS, _ATM_FLOOR), _ATM_CAP),
        spread_share=min(max(_SPREAD_AT_5_BILLION * (5e9 / dollars) ** 0.5, _SPREAD_MIN), _SPREAD_MAX),
        depth=2_500.0 * (dollars / 1e9) ** 0.5 * min(max((200.0 / price) ** 0.5, 0.7), 3.0),
        size=min(max(20_000.0 / price, 10.0), 500.0),
    )


def term_factor(days_left: Floats | float) -> Floats | float:
    """Nearer expiries are dearer: 1.10 on the last day, 1.04 a week, 1.03 two weeks before."""
    return 1.0 + 0.5 / (5.0 + days_left)


def standardised_moneyness(spot: Floats, strike: Floats, atm: Floats, years: Floats) -> Floats:
    """ln(K/S) in at-the-money standard deviations to expiry; the last day counts as a whole one."""
    return np.log(strike / spot) / (atm * np.sqrt(np.maximum(years, DAY_SHARE_OF_YEAR)))


def implied_volatility(spot: Floats, strike: Floats, atm: Floats, years: Floats) -> Floats:
    """The smile: low strikes dearer than high ones, both wings dearer than the middle, bounded far out."""
    k = standardised_moneyness(spot, strike, atm, years)
    k = k / np.sqrt(1.0 + (k / _WING) ** 2)
    return atm * (1.0 - _SKEW * k + _SMILE * k * k)


def black_scholes(spot: Floats, strike: Floats, volatility: Floats, years: Floats) -> tuple[Floats, Floats]:
    """(call price, call delta) in dollars, r = 0, no dividend. The put is call − S + K, its delta is call delta − 1.

    At expiry (years = 0): intrinsic value, delta 0, 1 or, exactly at the money, one half.
    """
    deviation = np.maximum(volatility * np.sqrt(years), 1e-9)
    d1 = np.log(spot / strike) / deviation + 0.5 * deviation
    delta = ndtr(d1)
    return np.maximum(spot * delta - strike * ndtr(d1 - deviation), np.maximum(spot - strike, 0.0)), delta


def quote_e4(mid: Floats, spread_share: float) -> tuple[Ints, Ints]:
    """Bid and ask around a mid in dollars, on the listed tick (0.01 below 3.00, 0.05 from there: protocol 2.7).

    The bid is rounded down and the ask up, so that bid ≤ mid ≤ ask; the bid of a worthless option is 0, its ask 0.01.
    """
    half = 0.5 * (spread_share * mid + _SPREAD_BASE_USD)
    low, high = np.maximum(mid - half, 0.0), mid + half
    bid = np.where(low < 3.0, np.floor(low * 100.0 + 1e-7) * 100.0, np.floor(low * 20.0 + 1e-7) * 500.0)
    ask = np.where(high <= 3.0, np.ceil(high * 100.0 - 1e-7) * 100.0, np.ceil(high * 20.0 - 1e-7) * 500.0)
    return bid.astype(np.int64), ask.astype(np.int64)


def nearness(k: Floats) -> Floats:
    """How much of the at-the-money interest a contract draws: 1 at the money, 0.25 one standard deviation away."""
    return 1.0 / (1.0 + k * k) ** 2


def day_share(since_open_us: NDArray[np.int64], length_us: int) -> Floats:
    """Share of a session's option volume traded by then: 0 at the open, 1 at the close, faster at both ends."""
    x = since_open_us / length_us
    return x + 0.35 * x * (1.0 - x) * (1.0 - 2.0 * x)
