"""Post-tax surplus (protocol 10.1) and what every watchdog of an account looks at."""

from domain.decision import Decision
from domain.state import TAX_RESERVE, Account
from domain.valuation import nav, unrealised


def surplus_post(d: Decision, account: Account) -> int:
    """`(NAV - tax_reserve) - max(0, U) - base_capital`, cents: unrealised losses count, unrealised gains never."""
    worth = nav(d.market, account) - account.balance(TAX_RESERVE)
    return worth - max(0, unrealised(d.market, account)) - account.base_capital


def in_workflow(d: Decision, account: Account) -> bool:
    """The account is forking, merging, or its merge is stalled (INV-9)."""
    group = d.book.groups.get(account.fork_group_id or "")
    return account.state in ("FORKING", "MERGING") or (group is not None and group.state in ("MERGING", "STALLED"))
