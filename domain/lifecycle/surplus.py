"""Post-tax surplus (protocol 10.1), its cross-check, and what every watchdog of an account looks at."""

from domain.alerts import raise_alert
from domain.decision import Decision
from domain.money import dollars
from domain.state import (
    COMMISSIONS,
    DIVIDEND_INCOME,
    FEES,
    INTEREST_INCOME,
    REALISED_OPTION_PNL,
    REALISED_SHARE_PNL,
    TAX_RESERVE,
    Account,
)
from domain.valuation import nav, unrealised

TOLERANCE = 1_00
"""Cents by which the two ways to the surplus may differ (protocol 10.1)."""
RESULTS = (REALISED_OPTION_PNL, REALISED_SHARE_PNL, DIVIDEND_INCOME, INTEREST_INCOME, COMMISSIONS, FEES)


def surplus_post(d: Decision, account: Account) -> int:
    """`(NAV - tax_reserve) - max(0, U) - base_capital`, cents: unrealised losses count, unrealised gains never."""
    worth = nav(d.market, account) - account.balance(TAX_RESERVE)
    return worth - max(0, unrealised(d.market, account)) - account.base_capital


def surplus_by_results(d: Decision, account: Account) -> int:
    """The same by the other way, `R - T - W + min(0, U)`, cents: from what the ledger says was realised, instead of
    what cash and positions are worth.

    Counted since the account was opened, so forks stand beside withdrawals; what it had earned before a take-over is
    `brought`. R: commissions of what is still open count when it is closed, as U counts them until then.
    """
    realised = -sum(account.balance(name) for name in RESULTS)
    opening = sum(part.commission for short in account.shorts.values() for part in short.slices)
    taken = account.balance(TAX_RESERVE) + account.drawn
    return account.brought + realised + opening - taken + min(0, unrealised(d.market, account))


def cross_check(d: Decision, account: Account) -> None:
    """Each evening both ways must agree; where they do not, a person is told: a fork rests on this figure."""
    if account.type not in ("GEN", "REV"):
        return
    by_worth, by_results = surplus_post(d, account), surplus_by_results(d, account)
    if abs(by_worth - by_results) > TOLERANCE:
        message = f"{dollars(by_worth)} by what it is worth, {dollars(by_results)} by its results"
        raise_alert(d, account, "SYSTEM_STATUS", "HIGH", None, "Surplus does not add up", message)


def in_workflow(d: Decision, account: Account) -> bool:
    """The account is forking, merging, or its merge is stalled (INV-9)."""
    group = d.book.groups.get(account.fork_group_id or "")
    return account.state in ("FORKING", "MERGING") or (group is not None and group.state in ("MERGING", "STALLED"))
