"""Money and prices as scaled integers, listed ticks, and the rounding of protocol 2.1 and 2.7.

Cents for money, 1e-4 dollars for prices, `Fraction` where a rule needs an exact intermediate value.
"""

from fractions import Fraction

CONTRACT_MULTIPLIER = 100
COMMISSION_PER_CONTRACT = 65
"""Cents; the default for estimates (protocol 4.2)."""

E4 = 10_000
_PENNY, _NICKEL, _THREE_DOLLARS = 100, 500, 30_000
PENNY_CLASSES = frozenset({"SPY", "QQQ", "IWM"})
"""Classes that trade in pennies throughout (protocol 2.7)."""


def round_half_up(value: Fraction) -> int:
    """Nearest integer, halves away from zero towards plus infinity (computed charges and levels, protocol 2.1)."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def floor_int(value: Fraction) -> int:
    """Largest integer not above (transfers, splits, trading budgets, protocol 2.1)."""
    return value.numerator // value.denominator


def percent_of(amount: int, percent: Fraction) -> Fraction:
    """`percent` per cent of `amount`, exact."""
    return amount * percent / 100


def option_value(price_e4: int, contracts: int) -> int:
    """Cents of `contracts` options at a price per share. Listed prices are whole cents, so this is exact."""
    return price_e4 * contracts * CONTRACT_MULTIPLIER // 100


def shares_value(price_e4: int, shares: int) -> int:
    """Cents of shares at a price; half a cent rounds up."""
    return round_half_up(Fraction(price_e4 * shares, 100))


def strike_value(strike_e3: int, contracts: int) -> int:
    """Cents that exercise moves: strike x 100 x contracts."""
    return strike_e3 * contracts * CONTRACT_MULTIPLIER // 10


def tick_e4(price_e4: Fraction | int, ticker: str) -> int:
    """Listed tick at a price: 0.01 below 3.00 and 0.05 from 3.00 on; pennies throughout for some classes."""
    return _PENNY if ticker in PENNY_CLASSES or price_e4 < _THREE_DOLLARS else _NICKEL


def ceil_tick(price_e4: Fraction, ticker: str) -> int:
    """Lowest valid price not below: sell limits (protocol 2.7)."""
    tick = tick_e4(price_e4, ticker)
    return -(-price_e4.numerator // (price_e4.denominator * tick)) * tick


def floor_tick(price_e4: Fraction, ticker: str) -> int:
    """Highest valid price not above: buy limits (protocol 2.7)."""
    tick = tick_e4(price_e4, ticker)
    return price_e4.numerator // (price_e4.denominator * tick) * tick


def tick_below(price_e4: int, ticker: str) -> int:
    """The next valid price below a valid one; below 3.00 that is 2.99."""
    return price_e4 - tick_e4(price_e4 - 1, ticker)


def ladder(first_e4: int, floor_e4: int, ticker: str) -> list[int]:
    """Limits of a sell order from the first price down to its floor, which a lower first price is raised to (6.6)."""
    prices = [max(first_e4, floor_e4)]
    while (lower := tick_below(prices[-1], ticker)) >= floor_e4:
        prices.append(lower)
    return prices


def buy_ladder(first_e4: int, highest_e4: int, ticker: str) -> list[int]:
    """Limits of a buy order that a person asked for, from the first price up to the highest (protocol 6.6)."""
    prices = [first_e4]
    while (higher := prices[-1] + tick_e4(prices[-1], ticker)) <= highest_e4:
        prices.append(higher)
    return prices


def ratio_e10(value: Fraction) -> int:
    """A ratio for display and records: 1e-10, half up. Comparisons use the exact value."""
    return round_half_up(value * 10**10)


def dollars(cents: int) -> str:
    """Cents as a decimal string: 1234567 -> 12345.67."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def price_text(price_e4: int) -> str:
    """A price as a decimal string with 2 to 4 places."""
    text = f"{price_e4 // E4}.{price_e4 % E4:04d}"
    return text[:-2] if text.endswith("00") else text


def percent_text(ratio: Fraction) -> str:
    """A ratio in per cent, 4 places, for messages only."""
    hundredths = round_half_up(ratio * 10**6)
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 10_000}.{abs(hundredths) % 10_000:04d}%"
