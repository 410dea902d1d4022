"""Implied volatility from the mid and Black-Scholes delta from it, vectorised over a chain (protocol 5.2, 5.5).

Floating point is confined to this file: statistics, rounded to the record's scaled integers before they leave it. What
the books decide by is the record, never a second computation. No dividend, r = the record's rate, time in years of
31,536,000 seconds to 16:00 ET of the expiry.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

YEAR_US: Final = 31_536_000 * 1_000_000
IV_MIN, IV_MAX = 0.01, 5.0
"""Implied volatility outside 1 to 500 % is refused (protocol 5.2)."""
_LOWEST, _HIGHEST = 0.001, 10.0
"""Bracket of the search: wider, so that what is outside the limits is seen to be outside."""
_ITERATIONS: Final = 64
_CONVERGED: Final = 1e-11


def implied_volatility(mid: Floats, spot: float, strike: Floats, years: Floats, rate: float, call: Mask) -> Floats:
    """Volatility at which the Black-Scholes value is the mid; NaN where no volatility gives it.

    All arrays have one element an option; prices in dollars. Safeguarded Newton: a step that leaves the bracket is
    replaced by its middle, so the search ends like a bisection at worst. In-the-money options are solved by the value
    of their out-of-the-money twin (put-call parity), where the mid says most about the volatility.
    """
    forward_gap = spot - strike * np.exp(-rate * years)
    intrinsic = np.where(call, forward_gap, -forward_gap)
    value = np.where(intrinsic > 0, mid - intrinsic, mid)
    as_call = np.where(intrinsic > 0, ~call, call)
    sigma = np.full_like(mid, 0.3)
    low, high = np.full_like(mid, _LOWEST), np.full_like(mid, _HIGHEST)
    with np.errstate(all="ignore"):
        open_ = (years > 0) & (value > 0) & (strike > 0)
        open_ &= value >= _price(low, spot, strike, years, rate, as_call)[0]
        open_ &= value <= _price(high, spot, strike, years, rate, as_call)[0]
        solvable = open_.copy()
        todo = np.flatnonzero(open_)
        for _ in range(_ITERATIONS):
            if not len(todo):
                break
            at = sigma[todo]
            price, vega = _price(at, spot, strike[todo], years[todo], rate, as_call[todo])
            miss = price - value[todo]
            low[todo] = np.where(miss < 0, at, low[todo])
            high[todo] = np.where(miss >= 0, at, high[todo])
            step = at - miss / vega
            middle = 0.5 * (low[todo] + high[todo])
            inside = (step > low[todo]) & (step < high[todo])
            sigma[todo] = np.where(inside, step, middle)
            todo = todo[np.abs(sigma[todo] - at) > _CONVERGED]
    return np.where(solvable, sigma, np.nan)


def delta(sigma: Floats, spot: float, strike: Floats, years: Floats, rate: float, call: Mask) -> Floats:
    """Black-Scholes delta without dividend: N(d1) of a call, N(d1) - 1 of a put; NaN where the volatility is none."""
    with np.errstate(all="ignore"):
        d1 = _d1(sigma, spot, strike, years, rate)
        return np.where(call, ndtr(d1), -ndtr(-d1))


def scaled(values: Floats, scale: float) -> npt.NDArray[np.int64]:
    """Half-up to integers after a first rounding to a thousandth of the last place, so that noise of the computation in
    the last bits does not show; NaN gives 0."""
    clean = np.nan_to_num(values, nan=0.0) * scale
    return np.floor(np.round(clean, 3) + 0.5).astype(np.int64)


def _d1(sigma: Floats, spot: float, strike: Floats, years: Floats, rate: float) -> Floats:
    return (np.log(spot / strike) + (rate + 0.5 * sigma * sigma) * years) / (sigma * np.sqrt(years))


def _price(sigma: Floats, spot: float, strike: Floats, years: Floats, rate: float, call: Mask) -> tuple[Floats, Floats]:
    """(value, vega) in dollars."""
    root = np.sqrt(years)
    d1 = _d1(sigma, spot, strike, years, rate)
    d2 = d1 - sigma * root
    sign = np.where(call, 1.0, -1.0)
    value = sign * (spot * ndtr(sign * d1) - strike * np.exp(-rate * years) * ndtr(sign * d2))
    vega = spot * root * np.exp(-0.5 * d1 * d1) * 0.3989422804014327  # 1 / sqrt(2 pi)
    return value, vega
