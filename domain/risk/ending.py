"""What ends with a position or with its level: requests, scripts, hedges, restrictions (protocol 8.3)."""

from domain.approvals import expire
from domain.decision import Decision
from domain.reasons import Reason
from domain.restrictions import lift
from domain.risk import hedges, measure
from domain.risk.scripts import lapse_scripts
from domain.state import Account

L2, L3 = Reason.L2, Reason.L3
"""Names of the restrictions that levels 2 and 3 set."""


def withdraw_requests(d: Decision, account: Account, name: str) -> None:
    for approval in list(d.book.approvals.values()):
        if approval.kind == "LEVEL2_SCRIPT" and approval.subject == name and approval.account_id == account.account_id:
            expire(d, approval, Reason.WITHDRAWN)


def withdraw_release(d: Decision, account: Account) -> None:
    """A position has left level 0: the calm session that would have released PRESERVATION no longer counts (8.3)."""
    for approval in list(d.book.approvals.values()):
        if approval.kind == "LEAVE_PRESERVATION" and approval.account_id == account.account_id:
            expire(d, approval, Reason.WITHDRAWN)


def release_level2(d: Decision, account: Account) -> None:
    """NO_NEW_ENTRIES(L2) and CC_ONLY(L2) end when no position of the account is at level 2 or above (protocol 8.3)."""
    if L2 in account.restrictions and measure.worst_level(d, account) < 2:
        lift(d, account, L2)


def end_of_position(d: Decision, account: Account, contract: str, *, rolled: bool = False) -> None:
    """A short option is gone: scripts, requests and hedges that served it end. After a roll what level 2 restricted
    ends when the roll has been told."""
    lapse_scripts(d, account, contract, 4, Reason.POSITION_GONE)
    withdraw_requests(d, account, contract)
    hedges.release_for(d, account, contract, "POSITION_ENDED")
    if not rolled:
        release_level2(d, account)
