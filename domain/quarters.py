"""Calendar quarters and an account's realised results in them (protocol 10.4)."""

from domain.calendar import LAST, Calendar, as_date, business_day_rule, day_number
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


def is_run_day(calendar: Calendar, day: int, config: Config) -> bool:
    """A business day that `reinvest.day` names: the first of January, April, July and October (protocol 10.4)."""
    number, months = business_day_rule(config.text("reinvest.day"))
    when = as_date(day)
    if when.month not in months or not calendar.is_session(day):
        return False
    if number == LAST:
        following = calendar.open_after(calendar.close_us(day))
        return not following or as_date(calendar.day_of(following)).month != when.month
    return calendar.sessions_after(day - when.day, day) == number


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
