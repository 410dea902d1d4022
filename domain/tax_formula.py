"""The estimate of a year's tax (protocol 4.4): pure arithmetic over results by class. Estimates, not advice."""

from datetime import date
from fractions import Fraction

from domain.calendar import as_date, day_number
from domain.config import Config
from domain.money import round_half_up
from domain.state import TaxYear


def is_long_term(acquired: int, sold: int) -> bool:
    """Sold after the first anniversary of acquisition: acquired 1 March, long-term from 2 March of the next year."""
    start = as_date(acquired)
    last = 28 if (start.month, start.day) == (2, 29) else start.day
    return sold > day_number(date(start.year + 1, start.month, last))


def net_results(years: dict[str, TaxYear], key: str) -> tuple[int, int]:
    """(short-term, long-term) result of a year, carried losses included; a loss of one class offsets the other.

    What is left negative at the year's end is carried by class into the next year's estimate.
    """
    year, before = years.get(key, TaxYear()), str(int(key) - 1)
    lost_short, lost_long = net_results(years, before) if before in years else (0, 0)
    short = year.short_term + year.carried_short + min(0, lost_short)
    long = year.long_term + year.carried_long + min(0, lost_long)
    if short < 0 < long:
        return min(0, long + short), max(0, long + short)
    if long < 0 < short:
        return max(0, short + long), min(0, short + long)
    return short, long


def estimated_tax(years: dict[str, TaxYear], key: str, config: Config) -> int:
    """T of a year in cents: income is taxed apart, capital losses do not reduce it; rounded once."""
    year = years.get(key, TaxYear())
    short, long = net_results(years, key)
    rate_st, rate_lt, rate_q = (config.fraction(f"tax.rate_{kind}") for kind in ("st", "lt", "qdiv"))
    amount = (
        rate_st * max(0, short)
        + rate_lt * max(0, long)
        + rate_st * max(0, year.income_ordinary)
        + rate_q * max(0, year.income_qualified)
    )
    return round_half_up(Fraction(amount) / 100)
