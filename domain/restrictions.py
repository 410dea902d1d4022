"""Restrictions come and go, each by its own rule (protocol 3.4)."""

from domain import events as e
from domain.decision import Decision
from domain.modes import most_severe, permits
from domain.orders import cancel_opening_orders
from domain.reasons import Reason
from domain.state import Account, Approval


def restrict(d: Decision, account: Account, reason: str, mode: str) -> None:
    """Add a restriction; entries that it forbids lose their pending approvals, PRESERVATION also their orders."""
    if account.restrictions.get(reason) == mode:
        return
    effective = most_severe([*(m for r, m in account.restrictions.items() if r != reason), mode])
    d.emit(e.TradingModeRestricted(reason, mode, effective), f"account-{account.account_id}", account)
    for approval in [a for a in d.book.approvals.values() if a.account_id == account.account_id]:
        if approval.kind in ("PREMIUM_BELOW_GATE", "CC_FLOOR") and not permits(account, _right_of(approval)):
            stream = f"approval-{approval.approval_id}"
            d.emit(e.ApprovalExpired(approval.approval_id, Reason.RESTRICTED, "deny"), stream, account)
            d.clear_timer(f"approval|{approval.approval_id}")
    if mode == "PRESERVATION":
        cancel_opening_orders(d, account, Reason.PRESERVATION)


def lift(d: Decision, account: Account, reason: str) -> None:
    """Remove a restriction by its own clearing rule."""
    effective = most_severe(m for r, m in account.restrictions.items() if r != reason)
    d.emit(e.TradingModeRestrictionLifted(reason, effective), f"account-{account.account_id}", account)


def _right_of(approval: Approval) -> str:
    return "C" if approval.kind == "CC_FLOOR" else "P"


def follow_breaks(d: Decision) -> None:
    """NO_NEW_ENTRIES(RECON) on every account while a reconciliation break is open (protocol 9, 12.5)."""
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if d.book.breaks and Reason.RECON not in account.restrictions:
            restrict(d, account, Reason.RECON, "NO_NEW_ENTRIES")
        elif not d.book.breaks and Reason.RECON in account.restrictions:
            lift(d, account, Reason.RECON)
