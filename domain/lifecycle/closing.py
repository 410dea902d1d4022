"""Closing an account for good (protocol 3.3): flat, cash swept."""

from domain import events as e
from domain.approvals import business_days_on, on_decided, request
from domain.decision import Decision
from domain.identity import workflow_id
from domain.ledger import post
from domain.lifecycle.liquidation import GOES_ON, is_flat, liquidate, next_try_us
from domain.lifecycle.surplus import in_workflow
from domain.orders import cancel_opening_orders
from domain.reasons import Reason
from domain.state import CASH, CASH_UNSETTLED, EQUITY_BASE, TAX_RESERVE, Account, Approval

Refusal = tuple[Reason, str]


def ask_to_close(d: Decision, account_id: str, by: str) -> Refusal | None:
    """Two approvals; no open fork or merge."""
    account = d.book.accounts.get(account_id)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, account_id
    if account.state not in ("ACTIVE", "SUSPENDED") or in_workflow(d, account):
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> CLOSING"
    request(
        d, account, "CLOSE_ACCOUNT", account_id, {}, required=2, roles=["OWNER", "TRADER", "RISK", "OPERATOR"],
        expires_us=business_days_on(d, 5), default="deny", requester=by,
    )  # fmt: skip
    return None


@on_decided("CLOSE_ACCOUNT")
def _close_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account = d.book.accounts[approval.subject]
    if not granted or account.state not in ("ACTIVE", "SUSPENDED") or in_workflow(d, account):
        return
    cancel_opening_orders(d, account, Reason.CLOSING)
    started = e.AccountClosingStarted(", ".join(approval.granted_by))
    d.emit(started, f"account-{account.account_id}", account)
    go_on(d, account)


def go_on(d: Decision, account: Account) -> None:
    """A step of the closing: liquidate; flat and settled: the cash leaves, the tax reserve with it."""
    if account.state != "CLOSING":
        return
    flat = is_flat(d, account)
    if not flat:
        liquidate(d, account, "CLOSING", d.today)
    if not flat or account.balance(CASH_UNSETTLED):
        following = next_try_us(d)
        if following:
            d.set_timer(f"closing|{account.account_id}|", following)
        return
    cash, reserve = account.balance(CASH), account.balance(TAX_RESERVE)
    transfer = workflow_id(account.account_id, "CLOSE")
    if cash + reserve:
        transferred = e.CapitalTransferred(transfer, "CORRECTION", account.account_id, "OUTSIDE", cash, reserve)
        d.emit(transferred, f"transfer-{transfer}", account)
        post(d, account, "CLOSING", transfer, {CASH: -cash, TAX_RESERVE: -reserve, EQUITY_BASE: cash + reserve})
        moved = e.CashMovementRequested(transfer, "CLOSING", -(cash + reserve))
        d.emit(moved, f"broker-{d.book.broker_account}", account)
    d.clear_timer(f"closing|{account.account_id}|")
    d.emit(e.AccountClosed(cash + reserve), f"account-{account.account_id}", account)


GOES_ON["CLOSING"] = go_on
