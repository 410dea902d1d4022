"""The kill switch (protocol 9): cancels always pass; level-3 exits go on."""

from domain import events as e
from domain.alerts import raise_alert
from domain.decision import Decision
from domain.orders import request_cancel
from domain.reasons import Reason
from domain.state import KILLED_ACCOUNT, KILLED_BOOK


def engage(d: Decision, account_id: str | None, reason: str, by: str) -> None:
    """Stop an account, or the whole book: working orders but level-3 exits are cancelled, accounts suspended."""
    d.emit(e.KillSwitchEngaged(account_id or "SYSTEM", reason, by), f"system-{d.book.system_id}")
    stopped = d.book.accounts[account_id] if account_id else None
    raise_alert(d, stopped, "SYSTEM_STATUS", "CRITICAL", None, "Kill switch", f"{account_id or 'SYSTEM'}: {reason}")
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if account_id not in (None, key):
            continue
        for order in [o for o in d.book.orders.values() if o.account_id == key and o.working]:
            if order.purpose != "STOP_LOSS":
                request_cancel(d, order, Reason.KILL_SWITCH)
        if account.state not in ("ACTIVE", "SUSPENDED"):
            continue  # a workflow holds it: the cause acts when that ends
        cause = KILLED_ACCOUNT if account_id else KILLED_BOOK
        d.emit(e.AccountSuspended(cause, by), f"account-{key}", account)
