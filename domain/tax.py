"""Tax ledger (protocol 4.4): estimates, not advice."""

from datetime import date
from fractions import Fraction

from domain import events as e
from domain.calendar import as_date, day_number
from domain.config import Config
from domain.decision import Decision
from domain.ledger import post
from domain.money import round_half_up
from domain.state import CASH, TAX_RESERVE, Account, TaxYear


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


def record_gain(
    d: Decision,
    account: Account,
    contract: str,
    gain: int,
    day: int,
    *,
    lot_id: str | None = None,
    acquired: int | None = None,
) -> None:
    """Book a realised gain or loss on `day` (tax date) in its class and bring the reserve to its target."""
    long = acquired is not None and is_long_term(acquired, day)
    held = day - acquired if acquired is not None else 0
    year = as_date(day).year
    d.emit(
        e.TaxableEventRecorded(year, "LT" if long else "ST", gain, contract, lot_id, held),
        f"tax-{account.account_id}-{year}",
        account,
    )
    adjust_reserve(d, account, year)


def adjust_reserve(d: Decision, account: Account, year: int) -> None:
    """Move cash into or out of TAX_RESERVE so that it equals the target over all open years."""
    config = d.config(account.account_id)
    t_ytd = estimated_tax(account.tax, str(year), config)
    target = 0
    for key, other in account.tax.items():
        if not other.closed:
            target += max(0, estimated_tax(account.tax, key, config) - other.payments)
    delta = target - account.balance(TAX_RESERVE)
    before = account.tax.get(str(year))
    if not delta and (before.target if before else 0) == t_ytd:
        return
    d.emit(e.TaxReserveAdjusted(year, t_ytd, delta, target), f"tax-{account.account_id}-{year}", account)
    post(d, account, "TAX_RESERVE", str(year), {TAX_RESERVE: delta, CASH: -delta})
