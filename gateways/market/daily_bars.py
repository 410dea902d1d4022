"""Daily bars of one symbol as arrays, prices raw (not adjusted) and scaled to whole 1e-4 dollars."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.inputs import HistoricalBar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DailyBars:
    """Bars in ascending order of session; all arrays have the same length."""

    symbol: str
    sessions: list[int]
    """days since 1970-01-01"""
    open_e4: Ints
    high_e4: Ints
    low_e4: Ints
    close_e4: Ints
    volume: Ints
    """shares"""

    def position(self, session: int) -> int | None:
        """Where the bar of a session stands, None when there is none."""
        i = bisect_left(self.sessions, session)
        return i if i < len(self.sessions) and self.sessions[i] == session else None

    def historical(self, first: int, before: int, time_us: int) -> list[HistoricalBar]:
        """The bars of sessions in [first, before) as records of `time_us`."""
        a, b = bisect_left(self.sessions, first), bisect_left(self.sessions, before)
        columns: Sequence[list[int]] = [
            c[a:b].tolist() for c in (self.open_e4, self.high_e4, self.low_e4, self.close_e4, self.volume)
        ]
        return [
            HistoricalBar(self.symbol, session, time_us, o, h, low, c, v)
            for session, o, h, low, c, v in zip(self.sessions[a:b], *columns, strict=True)
        ]

    @cached_property
    def _returns(self) -> Floats:
        return np.diff(np.log(self.close_e4.astype(np.float64)))

    def volatility_before(self, position: int, days: int) -> float:
        """Standard deviation of the last `days` daily log returns up to the close BEFORE a bar, annualised with √252.

        NaN when there are fewer.
        """
        end = position - 1
        return float("nan") if end < days else float(self._returns[end - days : end].std(ddof=1) * 252**0.5)

    def dollars_traded_before(self, position: int, days: int) -> float:
        """Mean of close × volume over the `days` bars before a bar, US dollars a day; NaN when there are fewer."""
        if position < days:
            return float("nan")
        window = slice(position - days, position)
        return float((self.close_e4[window] / 1e4 * self.volume[window]).mean())
