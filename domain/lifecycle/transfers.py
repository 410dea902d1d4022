"""Contributions, transfers, withdrawals (protocol 10.5) and cash of recognised kinds (12.5)."""

from datetime import date
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import business_days_on, expire, on_decided, request
from domain.calendar import as_date, day_number
from domain.commands import RequestWithdrawal, TransferCapital
from domain.decision import Decision
from domain.identity import workflow_id
from domain.inputs import BrokerCashActivity
from domain.ledger import check_buffer, post
from domain.lifecycle.surplus import in_workflow, surplus_post
from domain.money import dollars, floor_int, round_half_up
from domain.quarters import net_result, previous_quarter, quarter_id, quarter_of, quarter_tax
from domain.reasons import Reason
from domain.state import (
    CASH,
    DIVIDEND_INCOME,
    EQUITY_BASE,
    FEES,
    INTEREST_INCOME,
    TRANSFER_CLEARING,
    Account,
    Approval,
)
from domain.tax import adjust_reserve
from domain.valuation import corpus, free_cash

ROOTS = ("GEN", "REV", "COM")
Refusal = tuple[Reason, str]


# --- contributions --------------------------------------------------------------------------------------------------


def detect_contribution(d: Decision, amount: int) -> None:
    """Cash at the broker that nothing explains: people decide, until then it belongs to no account (protocol 10.5)."""
    asked = any(a.kind == "CONTRIBUTION" and not a.account_id for a in d.book.approvals.values())
    if asked or not _roots(d):
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
    amount, reference = int(approval.proposal["amount"]), approval.approval_id
    if approval.account_id:
        if granted:
            _credit_one(d, d.book.accounts[approval.account_id], amount, approval.subject)
        return
    if not granted:
        return
    for kind, part in contribution_parts(d, amount).items():
        credit(d, d.book.accounts[f"{d.book.system_id}-{kind}-001"], part, workflow_id(reference, kind))


def _credit_one(d: Decision, account: Account, amount: int, reference: str) -> None:
    """What a person has declared: the broker is told, since nothing has shown it there yet."""
    if account.state not in OPEN:
        d.emit(e.CapitalTransferFailed(reference, account.state), f"account-{account.account_id}", account)
        return
    moved = e.CashMovementRequested(reference, "CONTRIBUTION", amount)
    d.emit(moved, f"broker-{d.book.broker_account}", account)
    credit(d, account, amount, reference)


OPEN = ("ACTIVE", "SUSPENDED", "FORKING")
"""States in which an account takes capital."""


def _roots(d: Decision) -> list[str]:
    """Types of the root accounts that take capital."""
    accounts = {kind: d.book.accounts.get(f"{d.book.system_id}-{kind}-001") for kind in ROOTS}
    return [kind for kind, account in accounts.items() if account is not None and account.state in OPEN]


def contribution_parts(d: Decision, amount: int) -> dict[str, int]:
    """PRO_RATA: as at inception (3.1). TOP_UP_TO_TARGET: to those furthest under their share of the whole.

    A root account that is not there has no part in it; the last one takes the remainder.
    """
    config, roots = d.config(), _roots(d)
    shares = {kind: config.fraction(f"alloc.{kind.lower()}_pct") for kind in roots}
    if config.text("alloc.contribution_policy") == "TOP_UP_TO_TARGET":
        worth = {kind: corpus(d.market, d.book.accounts[f"{d.book.system_id}-{kind}-001"]) for kind in roots}
        whole, of = sum(worth.values()) + amount, sum(shares.values(), Fraction(0))
        gaps = {kind: max(Fraction(0), whole * shares[kind] / (of or 1) - worth[kind]) for kind in roots}
        if any(gaps.values()):
            shares = gaps
    total = sum(shares.values(), Fraction(0))
    parts = {kind: floor_int(amount * shares[kind] / total) if total else 0 for kind in roots[:-1]}
    return {**parts, roots[-1]: amount - sum(parts.values())}


def credit(d: Decision, account: Account, amount: int, reference: str) -> None:
    """New capital of an account."""
    if not amount:
        return
    stream = f"account-{account.account_id}"
    d.emit(e.ContributionAllocated(amount), stream, account)
    d.emit(e.CapitalTransferred(reference, "CONTRIBUTION", "OUTSIDE", account.account_id, amount, 0), stream, account)
    post(d, account, "CONTRIBUTION", reference, {CASH: amount, EQUITY_BASE: -amount})
    check_buffer(d, account)


# --- transfers by command -------------------------------------------------------------------------------------------


def ask_to_transfer(d: Decision, command: TransferCapital) -> Refusal | None:
    """New capital for one account needs an owner, a correction between two accounts two people (10.5, 15.2)."""
    target, source = d.book.accounts.get(command.account_id), d.book.accounts.get(command.from_account or "")
    if target is None:
        return Reason.UNKNOWN_ACCOUNT, command.account_id
    if command.kind not in ("CONTRIBUTION", "CORRECTION") or command.amount <= 0:
        return Reason.INVALID_VALUE, f"{command.kind} {command.amount}: a positive CONTRIBUTION or CORRECTION"
    if target.state not in OPEN or in_workflow(d, target):
        return Reason.ILLEGAL_TRANSITION, f"{target.account_id} is {target.state}"
    header, proposal = command.header, {"amount": str(command.amount), "to": target.account_id}
    if command.kind == "CONTRIBUTION":
        request(
            d, target, "CONTRIBUTION", header.command_id, proposal, required=1, roles=["OWNER"],
            expires_us=business_days_on(d, 10), default="defer", requester=header.actor_id,
        )  # fmt: skip
        return None
    if source is None or source is target:
        return Reason.UNKNOWN_ACCOUNT, f"from_account {command.from_account}"
    refused = _correctable(d, source, target, command.amount)
    if refused is None:
        request(
            d, source, "CAPITAL_CORRECTION", header.command_id, proposal, required=2, roles=PEOPLE,
            expires_us=business_days_on(d, 5), default="deny", requester=header.actor_id,
        )  # fmt: skip
    return refused


PEOPLE = ["OWNER", "TRADER", "RISK", "OPERATOR"]


def _correctable(d: Decision, source: Account, target: Account, amount: int) -> Refusal | None:
    """A transfer is both legs or neither, and never leaves a buffer short (protocol 10.5)."""
    for account in (source, target):
        if account.state not in ("ACTIVE", "SUSPENDED") or in_workflow(d, account):
            return Reason.ILLEGAL_TRANSITION, f"{account.account_id} is {account.state}"
    room = may_leave(d, source)
    return None if amount <= room else (Reason.EXCEEDS_LIMIT, f"at most {dollars(room)} leave the buffer whole")


@on_decided("CAPITAL_CORRECTION")
def _correction_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    source, target = d.book.accounts[approval.account_id], d.book.accounts[approval.proposal["to"]]
    amount, transfer = int(approval.proposal["amount"]), approval.subject
    refused = (Reason.NOT_APPROVED, "denied or lapsed") if not granted else _correctable(d, source, target, amount)
    stream = f"transfer-{transfer}"
    if refused is not None:
        d.emit(e.CapitalTransferFailed(transfer, ": ".join(refused)), stream, source)
        return
    moved = e.CapitalTransferred(transfer, "CORRECTION", source.account_id, target.account_id, amount, 0)
    d.emit(moved, stream, source)
    post(d, source, "TRANSFER", transfer, {CASH: -amount, TRANSFER_CLEARING: amount})
    post(d, target, "TRANSFER", transfer, {CASH: amount, TRANSFER_CLEARING: -amount})
    post(d, source, "TRANSFER", transfer, {TRANSFER_CLEARING: -amount, EQUITY_BASE: amount})
    post(d, target, "TRANSFER", transfer, {TRANSFER_CLEARING: amount, EQUITY_BASE: -amount})
    check_buffer(d, source)
    check_buffer(d, target)


def may_leave(d: Decision, account: Account) -> int:
    """How much may leave so that free cash covers the buffer on what stays, cents (protocol 4.1, 10.5)."""
    rate = d.config(account.account_id).fraction("buffer.pct") / 100
    free, worth = free_cash(d.book, account), max(0, corpus(d.market, account))
    room = max(0, floor_int((free - rate * worth) / (1 - rate)))
    short = free - room < round_half_up(rate * max(0, worth - room))  # of half a cent
    return max(0, room - 1) if short else room


# --- withdrawals ----------------------------------------------------------------------------------------------------


def request_withdrawal(d: Decision, command: RequestWithdrawal) -> Refusal | None:
    """COM never; REV from its third anniversary out of the quarter's post-tax result; GEN out of its surplus."""
    account = d.book.accounts.get(command.account_id)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, command.account_id
    if command.amount <= 0:
        return Reason.INVALID_VALUE, f"amount {command.amount}"
    quarter = _quarter_for(d, account, command.quarter)
    if quarter is None:
        return Reason.INVALID_VALUE, f"quarter {command.quarter}: the last closed one, or in its last month this one"
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


def _quarter_for(d: Decision, account: Account, asked: str | None) -> str | None:
    """The quarter that a request is for; None where it may not be the one that was asked for (protocol 10.5).

    In a quarter's last month it may be this one. Without a word it is the last closed one while that waits for its run.
    """
    if account.type != "REV":
        return ""
    current = quarter_id(d.today)
    closed, last_month = previous_quarter(current), as_date(d.today).month % 3 == 0
    if asked is not None:
        return asked if asked == closed or (asked == current and last_month) else None
    results = quarter_of(account, closed)
    waits = not results.state and _earned(d, account, closed) > 0
    return current if last_month and not waits else closed


def _refused(d: Decision, account: Account, amount: int, quarter: str) -> Refusal | None:
    if account.type not in ("GEN", "REV"):
        return Reason.WITHDRAWAL_FORBIDDEN, f"{account.type} pays nothing out"
    if account.state != "ACTIVE" or in_workflow(d, account):
        return Reason.ILLEGAL_TRANSITION, account.state
    if account.type == "REV":
        anniversary = _anniversary(account, d.config(account.account_id).integer("withdraw.rev_after_years"))
        if d.today < anniversary:
            return Reason.TOO_EARLY, f"from {as_date(anniversary).isoformat()} on"
        if quarter == quarter_id(d.today):
            return None  # held to the limit when the quarter closes
    limit = withdrawable(d, account, quarter)
    if amount > limit:
        return Reason.EXCEEDS_LIMIT, f"at most {dollars(limit)}"
    return None


def _anniversary(account: Account, years: int) -> int:
    """The day, so many years after its funding; of 29 February the 28th where there is none."""
    funded = as_date(account.funded)
    year = funded.year + years
    there_is_none = (funded.month, funded.day) == (2, 29) and not (year % 4 == 0 and (year % 100 or year % 400 == 0))
    return day_number(date(year, funded.month, 28 if there_is_none else funded.day))


def _earned(d: Decision, account: Account, quarter: str) -> int:
    """A quarter's result after tax that has not been reinvested or withdrawn, cents."""
    results = quarter_of(account, quarter)
    return net_result(results) - quarter_tax(results, d.config(account.account_id)) - results.withdrawn - results.spent


def withdrawable(d: Decision, account: Account, quarter: str) -> int:
    """What may leave now, cents; never collateral, buffer or tax reserve (protocol 10.5)."""
    earned = surplus_post(d, account) if account.type == "GEN" else _earned(d, account, quarter)
    return max(0, min(earned, may_leave(d, account)))


@on_decided("WITHDRAWAL")
def _withdrawal_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account, amount = d.book.accounts[approval.account_id], int(approval.proposal["amount"])
    quarter, stream = approval.proposal["quarter"], f"withdrawal-{approval.subject}"
    if not granted:
        rejected = e.WithdrawalRejected(approval.subject, amount, Reason.NOT_APPROVED, "denied or lapsed")
        d.emit(rejected, stream, account)
        return
    d.emit(e.WithdrawalApproved(approval.subject, amount, list(approval.granted_by)), stream, account)
    if quarter and quarter == quarter_id(d.today):  # paid when it is closed and the limit is known; held until then
        held = min(amount, may_leave(d, account))
        d.emit(e.CapitalEarmarked(approval.subject, held), f"account-{account.account_id}", account)
        return
    pay(d, account, approval.subject, amount, quarter)


def pay(d: Decision, account: Account, identity: str, amount: int, quarter: str) -> None:
    """Pay out, if it is still within the limit and nothing else holds the account."""
    stream = f"withdrawal-{identity}"
    _release(d, account, identity)
    limit, active = withdrawable(d, account, quarter), account.state == "ACTIVE" and not in_workflow(d, account)
    if amount > limit or not active:
        why = (
            (Reason.EXCEEDS_LIMIT, f"at most {dollars(limit)}")
            if active
            else (Reason.ILLEGAL_TRANSITION, account.state)
        )
        d.emit(e.WithdrawalRejected(identity, amount, *why), stream, account)
        return
    d.emit(e.WithdrawalPaid(identity, amount, quarter), stream, account)
    transferred = e.CapitalTransferred(identity, "WITHDRAWAL", account.account_id, "OUTSIDE", amount, 0)
    d.emit(transferred, f"transfer-{identity}", account)
    post(d, account, "WITHDRAWAL", identity, {CASH: -amount, EQUITY_BASE: amount})
    d.emit(e.CashMovementRequested(identity, "WITHDRAWAL", -amount), f"broker-{d.book.broker_account}", account)
    check_buffer(d, account)


def _release(d: Decision, account: Account, identity: str) -> None:
    if identity in account.earmarks:
        released = e.CapitalEarmarkReleased(identity, account.earmarks[identity])
        d.emit(released, f"account-{account.account_id}", account)


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
        _release(d, account, identity)
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
