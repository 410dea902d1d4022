"""Types of a week and the exact rules of single outcomes (protocol 11.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from domain.config import Config

SEVERITY: dict[str, int] = {
    "P-DD": 14, "P-AOL": 13, "P-RO": 12, "P-XL": 11, "C-REC": 10, "C-RO": 9, "C-XL": 8, "P-AWL": 7, "C-PNO": 6,
    "C-WAP": 5, "C-WAP+": 4, "P-EW": 3, "W-CAR": 2, "W-IDL": 1,
}  # fmt: skip
"""Primary types, most severe first."""
CALL_KEPT = "CALL_KEPT"
"""A call that expired or was closed at profit: C-PNO if the shares stand well enough at the week's end."""


@dataclass(frozen=True, slots=True)
class WeekBounds:
    """`weektype.*`, per cent: how deep a put or shares stand, how far called-away shares have risen (protocol 11.1)."""

    within: Fraction = Fraction(5)
    recovery: Fraction = Fraction(10)
    deep: Fraction = Fraction(15)
    strong: Fraction = Fraction(5)

    @staticmethod
    def of(config: Config) -> "WeekBounds":
        """The bounds in force for an account."""
        return WeekBounds(*(config.fraction(f"weektype.{n}_pct") for n in ("within", "recovery", "deep", "strong")))


DEFAULT_BOUNDS = WeekBounds()
"""Those of the catalogue."""


def put_moneyness_pct(strike_e4: int, spot_e4: int) -> Fraction:
    """p = (K - S)/K of a put in per cent."""
    return Fraction(strike_e4 - spot_e4, strike_e4) * 100


def put_assignment_type(strike_e4: int, close_e4: int, bounds: WeekBounds = DEFAULT_BOUNDS) -> str:
    """P-AWL, P-AOL or P-DD by p = (K - S)/K."""
    p = put_moneyness_pct(strike_e4, close_e4)
    return "P-DD" if p >= bounds.deep else "P-AOL" if p > bounds.within else "P-AWL"


def put_closed_type(strike_e4: int, spot_e4: int, pnl: int, bounds: WeekBounds = DEFAULT_BOUNDS) -> str:
    """P-DD by p at the trade, else P-EW or P-XL by the net result; exactly 0 counts as profit."""
    if spot_e4 and put_moneyness_pct(strike_e4, spot_e4) >= bounds.deep:
        return "P-DD"
    return "P-EW" if pnl >= 0 else "P-XL"


def put_rolled_type(strike_e4: int, spot_e4: int, bounds: WeekBounds = DEFAULT_BOUNDS) -> str:
    """P-RO, or P-DD where the put was 15 % or more in the money at the roll."""
    return "P-DD" if put_moneyness_pct(strike_e4, spot_e4) >= bounds.deep else "P-RO"


def called_away_type(basis_e4: Fraction, price_e4: int, bounds: WeekBounds = DEFAULT_BOUNDS) -> str:
    """C-XL, C-WAP or C-WAP+ by u = (S - B)/B; without a known B (no shares) as if bought at S."""
    if not basis_e4:
        return "C-WAP"
    u = (price_e4 - basis_e4) / basis_e4 * 100
    return "C-XL" if u < 0 else "C-WAP" if u <= bounds.strong else "C-WAP+"


def held_shares_type(u_pct: Fraction, bounds: WeekBounds = DEFAULT_BOUNDS) -> str:
    """P-DD, C-REC or C-RO of shares held under their acquisition price, empty above -5 %."""
    if u_pct <= -bounds.deep:
        return "P-DD"
    return "C-REC" if u_pct <= -bounds.recovery else "C-RO" if u_pct <= -bounds.within else ""


def most_severe(types: Iterable[str], default: str = "") -> str:
    """The type with the highest severity."""
    return max(types, key=SEVERITY.__getitem__, default=default)


def primary(types: Iterable[str], *, open_position: bool) -> str:
    """Highest severity; without an outcome W-CAR or W-IDL. Total: there is always exactly one (INV-11)."""
    return most_severe(types, "W-CAR" if open_position else "W-IDL")
