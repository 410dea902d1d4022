"""ATR(14) in integers of 1e-6 dollars, and what stands in for it when a bar is missing (protocol 5.3).

The measure of the protocol's levels (8.1) hangs on these values, so they are exact: each is rounded half-up to 6
decimals once, stored, and the recursion goes on from the stored value. Bars are split-adjusted and completed.
"""

from collections.abc import Sequence
from typing import Final

ATR_PERIODS: Final = 14
"""True ranges in the seed, and the smoothing of the recursion."""
FALLBACK_SESSIONS: Final = 5
"""Sessions for which the last valid ATR, enlarged, stands in for a missing one."""


def _divide_half_up(numerator: int, denominator: int) -> int:
    """Nearest integer of a fraction that is not negative, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def true_range_e6(high_e6: int, low_e6: int, previous_close_e6: int | None) -> int:
    """`TR = max(H-L, |H-C'|, |L-C'|)`, C' the close before; without one, H-L (protocol 5.3)."""
    if previous_close_e6 is None:
        return high_e6 - low_e6
    return max(high_e6 - low_e6, abs(high_e6 - previous_close_e6), abs(low_e6 - previous_close_e6))


def seed_atr_e6(true_ranges_e6: Sequence[int], period: int = ATR_PERIODS) -> int:
    """The first ATR: the mean of the first 14 true ranges (protocol 5.3). Raises ValueError for another number."""
    if len(true_ranges_e6) != period:
        raise ValueError(f"the seed takes {period} true ranges, not {len(true_ranges_e6)}")
    return _divide_half_up(sum(true_ranges_e6), period)


def next_atr_e6(atr_e6: int, true_range_e6: int, period: int = ATR_PERIODS) -> int:
    """`ATR_t = (13 ATR_{t-1} + TR_t) / 14`, from the stored value of the session before (protocol 5.3)."""
    return _divide_half_up((period - 1) * atr_e6 + true_range_e6, period)


def fallback_atr_e6(last_valid_atr_e6: int, sessions_missing: int, price_e4: int) -> int:
    """What is used when the last completed session has no ATR (protocol 5.3; each use emits `AtrFallbackUsed`).

    `sessions_missing` counts the sessions since the last valid value: 1 to 5 give that value x 1.1 (not compounded),
    more, or no valid value at all (0), give 2 % of the price.
    """
    if sessions_missing < 1:
        raise ValueError("a fallback is for at least one missing session")
    if last_valid_atr_e6 > 0 and sessions_missing <= FALLBACK_SESSIONS:
        return _divide_half_up(last_valid_atr_e6 * 11, 10)
    return price_e4 * 2  # 2 % of price_e4 / 1e4 dollars, in 1e-6 dollars


def split_adjusted(value: int, ratio_new: int, ratio_old: int) -> int:
    """A price or range of before a split of `ratio_new` for `ratio_old`, in today's shares (protocol 5.2), half-up."""
    return _divide_half_up(value * ratio_old, ratio_new)
