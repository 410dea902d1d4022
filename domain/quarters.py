"""Calendar quarters and an account's realised results in them (protocol 10.4)."""

from domain.calendar import Calendar, as_date, day_number
from domain.config import Config
from domain.state import Account, Quarter, TaxYear
from domain.tax_formula import estimated_tax


def quarter_id(day: int) -> str:
    """Such as 2025Q2."""
    when = as_date(day)
    return f"{when.year}Q{(when.month + 2) // 3}"


def first_day(quarter: str) -> int:
    """First calendar day of a quarter."""
    year, number = int(quarter[:4]), int(quarter[5])
    return day_number(as_date(0).replace(year=year, month=3 * number - 2, day=1))


def previous_quarter(quarter: str) -> str:
    """The quarter before."""
    return quarter_id(first_day(quarter) - 1)


def is_first_session(calendar: Calendar, day: int) -> bool:
    """First business day of January, April, July or October (protocol 10.4)."""
    return calendar.is_session(day) and calendar.previous_session(day) < first_day(quarter_id(day))


def quarter_of(account: Account, quarter: str) -> Quarter:
    """The results of a quarter; empty where there were none."""
    return account.quarters.get(quarter, _EMPTY)


_EMPTY = Quarter()


def net_result(quarter: Quarter) -> int:
    """N: options, shares, dividends and interest after costs, cents."""
    return quarter.short_term + quarter.long_term + quarter.income_ordinary + quarter.income_qualified - quarter.fees


def quarter_tax(quarter: Quarter, config: Config) -> int:
    """Tq: the formula of 4.4 on the quarter's own results, nothing carried (protocol 10.4), cents."""
    year = TaxYear(
        quarter.short_term - quarter.fees, quarter.long_term, quarter.income_ordinary, quarter.income_qualified
    )
    return estimated_tax({"1": year}, "1", config)
