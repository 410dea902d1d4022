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


def estimated_tax(year: TaxYear, config: Config) -> int:
    """T_ytd in cents: a net loss in one class first offsets the other; income is taxed apart; rounded once."""
    short, long = year.short_term + year.carried_short, year.long_term + year.carried_long
    if short < 0 < long:
        short, long = 0, long + short
    elif long < 0 < short:
        short, long = short + long, 0
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
    tax = account.tax.setdefault(str(year), TaxYear())
    t_ytd = estimated_tax(tax, d.config(account.account_id))
    before = account.balance(TAX_RESERVE)
    target = sum(
        max(0, (t_ytd if key == str(year) else other.target) - other.payments)
        for key, other in account.tax.items()
        if not other.closed
    )
    delta = target - before
    if not delta and tax.target == t_ytd:
        return
    d.emit(e.TaxReserveAdjusted(year, t_ytd, delta, target), f"tax-{account.account_id}-{year}", account)
    post(d, account, "TAX_RESERVE", str(year), {TAX_RESERVE: delta, CASH: -delta})
