"""Option contracts by their OCC symbol (root, yymmdd, C or P, strike in 1e-3 dollars with 8 digits), unpadded."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

_EPOCH = date(1970, 1, 1).toordinal()
_SUFFIX = 15
IDENTICAL = {"GOOGL": "GOOG"}
"""Tickers whose shares count as identical for wash sales (protocol 4.4)."""


@dataclass(frozen=True, slots=True)
class Option:
    """A listed standard option: 100 shares of the underlying."""

    underlying: str
    expiry: int
    """days since 1970-01-01"""
    right: str
    """P or C"""
    strike_e3: int

    @property
    def strike_e4(self) -> int:
        """Strike in the scale of prices."""
        return self.strike_e3 * 10


@lru_cache(maxsize=65536)
def parse(contract: str) -> Option | None:
    """The option an OCC symbol names, `None` for a share ticker or an adjusted (non-standard) contract."""
    tail = contract[-_SUFFIX:]
    if len(contract) <= _SUFFIX or tail[6] not in "PC" or not (tail[:6] + tail[7:]).isdigit():
        return None
    root = contract[:-_SUFFIX]
    if not root.isalpha():
        return None
    expiry = date(2000 + int(tail[:2]), int(tail[2:4]), int(tail[4:6])).toordinal() - _EPOCH
    return Option(root, expiry, tail[6], int(tail[7:]))


def option(contract: str) -> Option:
    """As `parse`; the caller knows that it is an option. Raises ValueError otherwise."""
    found = parse(contract)
    if found is None:
        raise ValueError(f"{contract} is not a standard option")
    return found


@lru_cache(maxsize=65536)
def occ_symbol(underlying: str, expiry: int, right: str, strike_e3: int) -> str:
    """The OCC symbol of a listed option."""
    day = date.fromordinal(expiry + _EPOCH)
    return f"{underlying}{day:%y%m%d}{right}{strike_e3:08d}"


def ticker_of(contract: str) -> str:
    """Underlying of an option, the ticker itself of shares."""
    found = parse(contract)
    return found.underlying if found else contract


def moneyness(contract: str, spot_e4: int) -> Fraction:
    """p = (K - S)/K of a put, (S - K)/K of a call; positive = in the money (protocol 7.2, 7.4)."""
    terms = option(contract)
    p = Fraction(terms.strike_e4 - spot_e4, terms.strike_e4)
    return p if terms.right == "P" else -p
