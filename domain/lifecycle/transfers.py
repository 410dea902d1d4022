"""Contributions, withdrawals (protocol 10.5) and cash of recognised kinds (12.5)."""

from datetime import date
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import business_days_on, expire, on_decided, request
from domain.calendar import as_date, day_number
from domain.commands import RequestWithdrawal
from domain.decision import Decision
from domain.identity import workflow_id
from domain.inputs import BrokerCashActivity
from domain.ledger import check_buffer, post
from domain.lifecycle.surplus import in_workflow, surplus_post
from domain.money import dollars, floor_int, percent_of
from domain.quarters import net_result, previous_quarter, quarter_id, quarter_of, quarter_tax
from domain.reasons import Reason
from domain.state import (
    CASH,
    DIVIDEND_INCOME,
    EQUITY_BASE,
    FEES,
    INTEREST_INCOME,
    Account,
    Approval,
)
from domain.tax import adjust_reserve
from domain.valuation import corpus, deployable

ROOTS = ("GEN", "REV", "COM")
Refusal = tuple[Reason, str]


# --- contributions --------------------------------------------------------------------------------------------------


def detect_contribution(d: Decision, amount: int) -> None:
    """Cash at the broker that nothing explains: people decide, until then it belongs to no account (protocol 10.5)."""
    pending = next((a for a in d.book.approvals.values() if a.kind == "CONTRIBUTION"), None)
    if pending is not None:
        return
    d.emit(e.ContributionDetected(amount), f"broker-{d.book.broker_account}")
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Contribution detected", dollars(amount))
    request(
        d, None, "CONTRIBUTION", d.book.system_id, {"amount": str(amount)},
        required=1, roles=["OWNER"], expires_us=business_days_on(d, 10), default="defer",
    )  # fmt: skip


@on_decided("CONTRIBUTION")
def _contribution_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """Split as at inception over the root accounts, or towards their target shares; base and sizing rise alike."""
    if not granted:
        return
    amount, reference = int(approval.proposal["amount"]), approval.approval_id
    parts = contribution_parts(d, amount)
    for kind in ROOTS:
        account = d.book.accounts[f"{d.book.system_id}-{kind}-001"]
        credit(d, account, parts[kind], workflow_id(reference, kind))


def contribution_parts(d: Decision, amount: int) -> dict[str, int]:
    """PRO_RATA: as at inception (3.1). TOP_UP_TO_TARGET: to those furthest under their share of the whole."""
    config = d.config()
    shares = {kind: config.fraction(f"alloc.{kind.lower()}_pct") for kind in ROOTS}
    if config.text("alloc.contribution_policy") == "TOP_UP_TO_TARGET":
        worth = {kind: corpus(d.market, d.book.accounts[f"{d.book.system_id}-{kind}-001"]) for kind in ROOTS}
        whole = sum(worth.values()) + amount
        gaps = {kind: max(Fraction(0), percent_of(whole, shares[kind]) - worth[kind]) for kind in ROOTS}
        total = sum(gaps.values(), Fraction(0))
        if total:
            shares = {kind: gaps[kind] * 100 / total for kind in ROOTS}
    parts = {kind: floor_int(percent_of(amount, shares[kind])) for kind in ("GEN", "REV")}
    parts["COM"] = amount - sum(parts.values())
    return parts


def credit(d: Decision, account: Account, amount: int, reference: str) -> None:
    """New capital of an account."""
    if not amount:
        return
    stream = f"account-{account.account_id}"
    d.emit(e.ContributionAllocated(amount), stream, account)
    d.emit(e.CapitalTransferred(reference, "CONTRIBUTION", "OUTSIDE", account.account_id, amount, 0), stream, account)
    post(d, account, "CONTRIBUTION", reference, {CASH: amount, EQUITY_BASE: -amount})
    check_buffer(d, account)


# --- withdrawals ----------------------------------------------------------------------------------------------------


def request_withdrawal(d: Decision, command: RequestWithdrawal) -> Refusal | None:
    """COM never; REV from its third anniversary out of the quarter's post-tax result; GEN out of its surplus."""
    account = d.book.accounts.get(command.account_id)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, command.account_id
    if command.amount <= 0:
        return Reason.INVALID_VALUE, f"amount {command.amount}"
    quarter = _quarter_for(d, account)
    identity = workflow_id(account.account_id, "WITHDRAWAL", command.header.command_id)
    stream = f"withdrawal-{identity}"
    d.emit(e.WithdrawalRequested(identity, command.amount, quarter), stream, account)
    refused = _refused(d, account, command.amount, quarter)
    if refused is not None:
        d.emit(e.WithdrawalRejected(identity, command.amount, *refused), stream, account)
        return refused
    request(
        d, account, "WITHDRAWAL", identity, {"amount": str(command.amount), "quarter": quarter},
        required=2 if account.type == "GEN" else 1, roles=["OWNER"], expires_us=business_days_on(d, 5),
        default="deny", requester=command.header.actor_id,
    )  # fmt: skip
    return None


def _quarter_for(d: Decision, account: Account) -> str:
    """A request in a quarter's last month is for that quarter, else for the last closed one (protocol 10.5)."""
    if account.type != "REV":
        return ""
    current = quarter_id(d.today)
    return current if as_date(d.today).month % 3 == 0 else previous_quarter(current)


def _refused(d: Decision, account: Account, amount: int, quarter: str) -> Refusal | None:
    if account.type not in ("GEN", "REV"):
        return Reason.WITHDRAWAL_FORBIDDEN, f"{account.type} pays nothing out"
    if account.state != "ACTIVE" or in_workflow(d, account):
        return Reason.ILLEGAL_TRANSITION, account.state
    if account.type == "REV":
        funded, years = as_date(account.funded), d.config(account.account_id).integer("withdraw.rev_after_years")
        leap = (funded.month, funded.day) == (2, 29)
        anniversary = day_number(date(funded.year + years, funded.month, 28 if leap else funded.day))
        if d.today < anniversary:
            return Reason.TOO_EARLY, f"from {as_date(anniversary).isoformat()} on"
        if quarter == quarter_id(d.today):
            return None  # held to the limit when the quarter closes
    limit = withdrawable(d, account, quarter)
    if amount > limit:
        return Reason.EXCEEDS_LIMIT, f"at most {dollars(limit)}"
    return None


def withdrawable(d: Decision, account: Account, quarter: str) -> int:
    """What may leave now, cents; never collateral, buffer or tax reserve (protocol 10.5)."""
    room = deployable(d, account)
    if account.type == "GEN":
        return max(0, min(surplus_post(d, account), room))
    results = quarter_of(account, quarter)
    free = net_result(results) - quarter_tax(results, d.config(account.account_id)) - results.withdrawn - results.spent
    return max(0, min(free, room))


@on_decided("WITHDRAWAL")
def _withdrawal_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account, amount = d.book.accounts[approval.account_id], int(approval.proposal["amount"])
    quarter, stream = approval.proposal["quarter"], f"withdrawal-{approval.subject}"
    if not granted:
        rejected = e.WithdrawalRejected(approval.subject, amount, Reason.NOT_APPROVED, "denied or lapsed")
        d.emit(rejected, stream, account)
        return
    d.emit(e.WithdrawalApproved(approval.subject, amount, list(approval.granted_by)), stream, account)
    if quarter and quarter == quarter_id(d.today):
        return  # paid when the quarter is closed and the limit is known
    pay(d, account, approval.subject, amount, quarter)


def pay(d: Decision, account: Account, identity: str, amount: int, quarter: str) -> None:
    """Pay out, if it is still within the limit."""
    stream, limit = f"withdrawal-{identity}", withdrawable(d, account, quarter)
    if amount > limit:
        rejected = e.WithdrawalRejected(identity, amount, Reason.EXCEEDS_LIMIT, f"at most {dollars(limit)}")
        d.emit(rejected, stream, account)
        return
    d.emit(e.WithdrawalPaid(identity, amount, quarter), stream, account)
    transferred = e.CapitalTransferred(identity, "WITHDRAWAL", account.account_id, "OUTSIDE", amount, 0)
    d.emit(transferred, f"transfer-{identity}", account)
    post(d, account, "WITHDRAWAL", identity, {CASH: -amount, EQUITY_BASE: amount})
    d.emit(e.CashMovementRequested(identity, "WITHDRAWAL", -amount), f"broker-{d.book.broker_account}", account)
    check_buffer(d, account)


def pay_pending(d: Decision, account: Account, quarter: str) -> None:
    """The quarter is closed: what was approved for it in its last month is held to the limit and paid (10.5)."""
    for identity, amount in list(account.withdrawals.items()):
        if account.withdrawal_quarter.get(identity) == quarter:
            pay(d, account, identity, amount, quarter)


def cancel_withdrawals(d: Decision, account: Account) -> None:
    """A workflow takes the account over: what was asked of it or approved, and not paid, is refused."""
    asked = [a for a in d.book.approvals.values() if a.kind == "WITHDRAWAL" and a.account_id == account.account_id]
    amounts = {a.subject: int(a.proposal["amount"]) for a in asked} | account.withdrawals
    for approval in asked:
        expire(d, approval, Reason.WITHDRAWN)
    for identity, amount in amounts.items():
        refused = e.WithdrawalRejected(identity, amount, Reason.ILLEGAL_TRANSITION, account.state)
        d.emit(refused, f"withdrawal-{identity}", account)


# --- cash of recognised kinds ---------------------------------------------------------------------------------------


def on_cash_activity(d: Decision, report: BrokerCashActivity) -> bool:
    """Dividends, interest and fees are booked as they are reported (protocol 12.5). False for one already taken."""
    if report.activity_id in d.book.notices:
        return False
    holders = _holders(d, report.symbol) if report.kind == "DIVIDEND" else []
    account = d.book.accounts[sorted(d.book.accounts)[0]]
    parts = holders or [(account, 1)]
    told = given = 0
    total = sum(weight for _, weight in parts)
    for one, weight in parts:
        told += weight
        due = report.amount * told // total
        book_cash(d, one, report.kind, due - given, report.symbol, report.activity_id, qualified=report.qualified)
        given = due
    d.emit(e.CashActivityTaken(report.activity_id, report.kind, report.amount), f"broker-{d.book.broker_account}")
    return True


def _holders(d: Decision, symbol: str) -> list[tuple[Account, int]]:
    found = ((d.book.accounts[key], d.book.accounts[key].shares(symbol)) for key in sorted(d.book.accounts))
    return [(account, shares) for account, shares in found if shares]


def book_cash(
    d: Decision, account: Account, kind: str, amount: int, symbol: str, reference: str, *, qualified: bool = False
) -> None:
    """Income or a charge of an account (protocol 4.4); the reserve follows."""
    stream = f"account-{account.account_id}"
    if kind == "FEE":
        charge = abs(amount)
        d.emit(e.FeeCharged(charge, symbol), stream, account)
        post(d, account, "FEE", reference, {CASH: -charge, FEES: charge})
    elif kind == "DIVIDEND":
        d.emit(e.DividendReceived(amount, symbol, qualified), stream, account)
        post(d, account, "DIVIDEND", reference, {CASH: amount, DIVIDEND_INCOME: -amount})
    else:
        d.emit(e.InterestAccrued(amount, symbol), stream, account)
        post(d, account, "INTEREST", reference, {CASH: amount, INTEREST_INCOME: -amount})
    adjust_reserve(d, account, as_date(d.today).year)
    check_buffer(d, account)
