"""Trading mode of an account (protocol 3.4): a set of restrictions, the most severe one counts."""

from domain import events as e
from domain.decision import Decision
from domain.state import Account, Approval

SEVERITY = ("NORMAL", "CC_ONLY", "NO_NEW_ENTRIES", "PRESERVATION")


def effective_mode(account: Account) -> str:
    """NORMAL < CC_ONLY < NO_NEW_ENTRIES < PRESERVATION."""
    return max(account.restrictions.values(), key=SEVERITY.index, default="NORMAL")


def permits(account: Account, right: str) -> bool:
    """Whether the mode allows a new short put (P) or covered call (C)."""
    mode = effective_mode(account)
    return mode == "NORMAL" or (mode == "CC_ONLY" and right == "C")


def restrict(d: Decision, account: Account, reason: str, mode: str) -> None:
    """Add a restriction; entries that it forbids lose their pending approvals, PRESERVATION also their orders."""
    if account.restrictions.get(reason) == mode:
        return
    modes = [*(m for r, m in account.restrictions.items() if r != reason), mode]
    effective = max(modes, key=SEVERITY.index)
    d.emit(e.TradingModeRestricted(reason, mode, effective), f"account-{account.account_id}", account)
    for approval in [a for a in d.book.approvals.values() if a.account_id == account.account_id]:
        if approval.kind in ("PREMIUM_BELOW_GATE", "CC_FLOOR") and not permits(account, _right_of(approval)):
            d.emit(
                e.ApprovalExpired(approval.approval_id, "RESTRICTED", "deny"),
                f"approval-{approval.approval_id}",
                account,
            )
            d.clear_timer(f"approval|{approval.approval_id}")
    if mode == "PRESERVATION":
        from domain.orders import cancel_opening_orders

        cancel_opening_orders(d, account, "PRESERVATION")


def lift(d: Decision, account: Account, reason: str) -> None:
    """Remove a restriction by its own clearing rule."""
    modes = [m for r, m in account.restrictions.items() if r != reason]
    effective = max(modes, key=SEVERITY.index, default="NORMAL")
    d.emit(e.TradingModeRestrictionLifted(reason, effective), f"account-{account.account_id}", account)


def _right_of(approval: Approval) -> str:
    return "C" if approval.kind == "CC_FLOOR" else "P"
