"""Daily history of a symbol: what ATR, volatility and splits need (protocol 5.2 to 5.4). Touched once a session."""

import json
import math
from dataclasses import dataclass, field
from typing import Final

from domain.indicators import ATR_PERIODS, next_atr_e6, seed_atr_e6, split_adjusted, true_range_e6

HV_RETURNS: Final = 20
"""Daily log returns in the volatility (protocol 5.4)."""
SESSIONS_A_YEAR: Final = 252
_E4_TO_E6: Final = 100


@dataclass(slots=True)
class History:
    """Split-adjusted to the last session folded."""

    session: int = -1
    """last session folded, days since 1970-01-01"""
    close_e6: int | None = None
    """its close"""
    true_ranges_e6: list[int] = field(default_factory=list[int])
    """true ranges until there are enough for the seed; empty afterwards"""
    atr_e6: int = 0
    """0 = not enough history"""
    returns: list[float] = field(default_factory=list[float])
    """the last 20 daily log returns"""
    splits: list[list[int]] = field(default_factory=list[list[int]])
    """(ex session, new, old) of splits that are not in effect yet"""
    official: list[int] | None = None
    """(session, close_e4, volume) as the exchange gave them, until that session is folded"""

    def split(self, ex_session: int, ratio_new: int, ratio_old: int) -> None:
        """A split from `ex_session` on; without effect where a bar of that session or a later one is folded already."""
        if ex_session > self.session:
            self.splits.append([ex_session, ratio_new, ratio_old])

    def adjust(self, session: int) -> list[tuple[int, int]]:
        """Put the splits of sessions up to this one into effect; return their ratios (new, old)."""
        due = sorted(s for s in self.splits if s[0] <= session)
        self.splits = [s for s in self.splits if s[0] > session]
        for _, new, old in due:
            self.atr_e6 = split_adjusted(self.atr_e6, new, old)
            self.true_ranges_e6 = [split_adjusted(value, new, old) for value in self.true_ranges_e6]
            if self.close_e6 is not None:
                self.close_e6 = split_adjusted(self.close_e6, new, old)
        return [(new, old) for _, new, old in due]

    def fold(self, session: int, high_e4: int, low_e4: int, close_e4: int) -> None:
        """Take a completed session, raw prices (protocol 5.3, 5.4)."""
        self.adjust(session)
        high, low, close = high_e4 * _E4_TO_E6, low_e4 * _E4_TO_E6, close_e4 * _E4_TO_E6
        true_range = true_range_e6(high, low, self.close_e6)
        if self.atr_e6:
            self.atr_e6 = next_atr_e6(self.atr_e6, true_range)
        else:
            self.true_ranges_e6.append(true_range)
            if len(self.true_ranges_e6) == ATR_PERIODS:
                self.atr_e6 = seed_atr_e6(self.true_ranges_e6)
                self.true_ranges_e6 = []
        if self.close_e6:
            self.returns = [*self.returns, math.log(close / self.close_e6)][-HV_RETURNS:]
        self.close_e6 = close
        self.session = session

    def hv_e10(self) -> int:
        """Sample standard deviation (divisor 19) of 20 daily log returns x sqrt(252), 10 decimals; 0 = too few."""
        if len(self.returns) < HV_RETURNS:
            return 0
        mean = math.fsum(self.returns) / HV_RETURNS
        variance = math.fsum((r - mean) ** 2 for r in self.returns) / (HV_RETURNS - 1)
        return math.floor(math.sqrt(variance * SESSIONS_A_YEAR) * 1e10 + 0.5)

    def encoded(self) -> bytes:
        """Durable form; floats are written so that they are read back bit by bit."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":")).encode()

    @staticmethod
    def decoded(data: bytes) -> "History":
        """What `encoded` wrote."""
        return History(**json.loads(data))
