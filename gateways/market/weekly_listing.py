"""Which weekly options are listed: strike steps of 2011 to 2013, strikes added as the price moves, never taken away.

Steps. Until November 2012 one dollar below 50 (the dollar-strike programme) and 2.50 from there to 250; from then on
the finer steps of the short-term series rules: 0.50 below 75, 1 below 150, 2.50 below 250 (Federal Register 77 FR 68177
and its sister filings for the steps below 150; the 2.50 is ours). 5 from 250 on, all along. More than 10 % away from
the price every second strike only.
"""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np

from gateways.market.calendar import Session, day_number
from gateways.market.counter_random import hashed, seed_of
from gateways.market.daily_bars import Floats, Ints
from gateways.market.option_model import (
    DAY_SHARE_OF_YEAR,
    YEAR_US,
    Surface,
    nearness,
    standardised_moneyness,
    term_factor,
)

FINER_STEPS_FROM = day_number(dt.date(2012, 11, 8))
_COARSE = ((50, 1_000), (250, 2_500))
_FINE = ((75, 500), (150, 1_000), (250, 2_500))
_STEP_ABOVE_E3 = 5_000
_FAR = 0.10

_Z_95_LOW, _Z_95_HIGH = 1.645 * 1.2, 1.645 * 1.05
"""At-the-money deviations to a 5-delta option: the smile makes low strikes dearer, so that it lies further out."""

_INTRADAY_MOVES = 1.0
"""Strikes are listed this many daily standard deviations beyond 5 delta, so that a move in the day stays covered."""

CALL, PUT = 0, 1


def step_e3(price_usd: float, session: int) -> int:
    """The strike step near a price, in 1e-3 dollars."""
    table = _FINE if session >= FINER_STEPS_FROM else _COARSE
    return next((step for below, step in table if price_usd < below), _STEP_ABOVE_E3)


def strikes_to_list(spot: float, deviation_to_expiry: float, deviation_of_day: float, session: int) -> list[int]:
    """Strikes in 1e-3 dollars within 5 to 95 delta of a price, and the reach of a day's move beyond.

    Deviations are standard deviations of the log price.
    """
    move = _INTRADAY_MOVES * deviation_of_day
    down, up = _Z_95_LOW * deviation_to_expiry + move, _Z_95_HIGH * deviation_to_expiry + move
    step = step_e3(spot, session)
    first = int(spot * (1.0 - down) * 1000 // step)
    last = int(-(-spot * (1.0 + up + up * up) * 1000 // step))
    return [n * step for n in range(max(first, 1), last + 1) if n % 2 == 0 or abs(n * step / 1000 / spot - 1.0) <= _FAR]


@dataclass
class WeeklyListing:
    """The contracts of one weekly expiry and what has been traded in them so far."""

    symbol: str
    expiry: Session
    strikes: set[int] = field(default_factory=set[int])
    """1e-3 dollars"""
    listed_for: int = 0
    """sessions completed since listing"""
    traded: dict[tuple[int, int], list[int]] = field(default_factory=dict[tuple[int, int], list[int]])
    """(strike, right) → contracts traded in each completed session since it was listed"""

    def open_session(self, session: Session, spot: float, surface: Surface) -> "DayOfListing":
        """List what this session's opening price asks for and say what is known at the open."""
        years = max(self.expiry.close_us - session.open_us, 0) / YEAR_US
        atm = surface.atm * float(term_factor(years * 365.0))
        self.strikes.update(strikes_to_list(spot, atm * years**0.5, atm * DAY_SHARE_OF_YEAR**0.5, session.number))
        strikes = np.array(sorted(self.strikes), dtype=np.int64)
        both = np.concatenate((strikes, strikes))
        rights = np.repeat(np.array([CALL, PUT], dtype=np.int64), len(strikes))
        k = standardised_moneyness(np.array(spot), both / 1e3, np.array(atm), np.array(years))
        luck = hashed(seed_of("interest", self.symbol, self.expiry.number), both, rights)
        grown = min(0.25 + 0.15 * self.listed_for, 1.0)
        interest = np.floor(surface.depth * nearness(k) * grown * (0.4 + 1.2 * luck)).astype(np.int64)
        mood = hashed(seed_of("traded", self.symbol, self.expiry.number, session.number), both, rights)
        last_day = 1.5 if session.number == self.expiry.number else 1.0
        day_volume = np.floor(last_day * surface.depth * nearness(k) * (0.2 + 0.3 * grown + 0.8 * mood * luck))
        history = [self.traded.get(contract) for contract in zip(both.tolist(), rights.tolist(), strict=True)]
        average = [sum(days) // len(days) if days else -1 for days in history]
        return DayOfListing(self, both, rights, interest, day_volume, average, nearness(k))


@dataclass(frozen=True, slots=True)
class DayOfListing:
    """The contracts of one expiry in one session: calls by strike, then puts by strike; all of the same length."""

    listing: WeeklyListing
    strikes_e3: Ints
    rights: Ints
    """CALL or PUT"""
    open_interest: Ints
    day_volume: Floats
    """contracts the session will have traded by its close"""
    adv20: list[int]
    """contracts a session since the strike was listed, -1 on its first"""
    near: Floats
    """1 at the money, less further out"""

    def complete(self) -> None:
        """The session is over: its volume counts from the next one on."""
        traded = self.listing.traded
        for strike, right, volume in zip(
            self.strikes_e3.tolist(), self.rights.tolist(), self.day_volume.tolist(), strict=True
        ):
            traded.setdefault((strike, right), []).append(int(volume))
        self.listing.listed_for += 1
