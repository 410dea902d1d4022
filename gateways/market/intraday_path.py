"""A modelled path through one session that honours its daily bar.

The path starts at the open, ends at the close, touches high and low exactly and never leaves them. Between those
anchors it is a random walk bent to its ends and folded back at high and low. It is made of uniform random bits and the
four basic operations alone, which every machine computes alike.
"""

from itertools import pairwise

import numpy as np

from gateways.market.counter_random import seed_of, stream
from gateways.market.daily_bars import Floats, Ints

CENT_E4 = 100

_ROUGHNESS = 0.9
"""Half-width of one step's uniform noise, as a share of the day's range over the square root of the number of steps."""

_RISING_DAY_LOW_FIRST = 0.8
"""On a day that closes higher the low comes before the high with this probability; on a falling day after it."""


def path_e4(symbol: str, session: int, bar: tuple[int, int, int, int], points: int) -> Ints:
    """Prices in 1e-4 dollars at `points` evenly spaced times; `bar` is open, high, low, close.

    Points between the anchors lie on whole cents where the range holds one.
    """
    _, high, low, _ = bar
    uniform = stream(seed_of("path", symbol, session), points + 3)
    anchors = _anchors(bar, points, uniform[points:])
    value = np.empty(points, dtype=np.float64)
    noise = (uniform[:points] * 2.0 - 1.0) * (_ROUGHNESS * (high - low) / points**0.5)
    for (a, price_a), (b, price_b) in pairwise(anchors):
        along = np.arange(b - a + 1) / (b - a)
        walk = np.concatenate(([0.0], np.cumsum(noise[a:b])))
        value[a : b + 1] = price_a + (price_b - price_a) * along + walk - walk[-1] * along
    cents = np.rint(_folded(value, low, high) / CENT_E4).astype(np.int64) * CENT_E4
    prices = np.clip(cents, low, high)
    first_cent, last_cent = -(-low // CENT_E4) * CENT_E4, high // CENT_E4 * CENT_E4
    if first_cent <= last_cent:
        prices = np.clip(prices, first_cent, last_cent)
    for at, price in anchors:
        prices[at] = price
    return prices


def volumes(symbol: str, session: int, volume: int, points: int) -> Ints:
    """A day's volume over `points` times: more at both ends of the day, the sum exactly `volume`."""
    from_noon = np.abs(np.arange(points) / (points - 1) * 2.0 - 1.0)
    weight = (0.5 + from_noon**2) * (0.6 + 0.8 * stream(seed_of("volume", symbol, session), points))
    shares = np.floor(weight / weight.sum() * volume).astype(np.int64)
    shares[-1] += volume - int(shares.sum())
    return shares


def _anchors(bar: tuple[int, int, int, int], points: int, uniform: Floats) -> list[tuple[int, int]]:
    """(index, price) the path must pass through, ascending: open, extremes that are neither open nor close, close."""
    opening, high, low, closing = bar
    extremes = [p for p in (low, high) if p not in (opening, closing)]
    low_first = (uniform[0] < _RISING_DAY_LOW_FIRST) == (closing >= opening)
    if not low_first:
        extremes.reverse()
    inner = points - 2
    if len(extremes) == 2:
        first = 1 + int(uniform[1] * (inner - 1))
        places = [first, first + 1 + int(uniform[2] * (inner - first))]
    else:
        places = [1 + int(uniform[1] * inner)] * len(extremes)
    return [(0, opening), *zip(places, extremes, strict=True), (points - 1, closing)]


def _folded(value: Floats, low: int, high: int) -> Floats:
    """Reflected at low and high as often as needed."""
    width = high - low
    if width == 0:
        return np.full_like(value, low)
    phase = np.mod(value - low, 2.0 * width)
    return low + np.minimum(phase, 2.0 * width - phase)
