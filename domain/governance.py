"""Commands of people on a running book (protocol 3.3, 3.4, 9, 10.5, 15.2, 18, 19.2)."""

from domain import events as e
from domain import kill_switch
from domain.alerts import raise_alert
from domain.approvals import TWO_PEOPLE, business_days_on, on_decided, refusal, request
from domain.approvals import deny as deny_request
from domain.approvals import grant as grant_request
from domain.calendar import as_date, is_week_id
from domain.commands import (
    AbortFork,
    AcknowledgeAlert,
    AllocateContribution,
    CancelOrder,
    CloseAccount,
    CloseTaxYear,
    CommandHeader,
    CompleteFork,
    CompleteMerge,
    CorrectLedger,
    DenyApproval,
    EngageKillSwitch,
    EvaluateFork,
    EvaluateMerge,
    GenerateExitSignal,
    GrantApproval,
    GuessWeekMode,
    InitiateFork,
    InitiateMerge,
    LiftTradingModeRestriction,
    LinkBrokerAccount,
    RaiseAlert,
    RecordDividend,
    RecordFee,
    RecordInterest,
    RecordTaxPayment,
    ReleaseKillSwitch,
    ReleasePreservation,
    RequestWithdrawal,
    ResetCircuitBreaker,
    ResolveAlert,
    RestrictTradingMode,
    ResumeAccount,
    RunQuarterlyReinvestment,
    SuspendAccount,
    TransferCapital,
)
from domain.contracts import parse
from domain.decision import Decision
from domain.leaps import sell_long
from domain.ledger import check_buffer, post
from domain.lifecycle import forking, merging
from domain.lifecycle.closing import ask_to_close
from domain.lifecycle.forking import link_child
from domain.lifecycle.founding import child_answered
from domain.lifecycle.reinvestment import run_now
from domain.lifecycle.transfers import ask_to_transfer, book_cash, request_withdrawal
from domain.modes import SEVERITY
from domain.monitoring import close_by_person
from domain.orders import cancel_opening_orders, request_cancel
from domain.reasons import Reason, Refusal
from domain.restrictions import lift, restrict
from domain.risk.breakers import ask_for_reset, kill_switch_released
from domain.risk.ending import L3
from domain.risk.levels import ask_to_leave_preservation, sell_uncovered
from domain.state import (
    EQUITY_BASE,
    KILLED_ACCOUNT,
    KILLED_BOOK,
    LEDGER_ACCOUNTS,
    TAX_RESERVE,
    TERMINAL,
    Account,
    Approval,
)
from domain.tax import adjust_reserve, close_year

MANUAL = "MANUAL:"
"""Restrictions set by a person carry this prefix, so that no clearing rule removes them."""


def _find(d: Decision, account_id: str) -> Account | None:
    return d.book.accounts.get(account_id)


def _unknown(account_id: str) -> Refusal:
    return Reason.UNKNOWN_ACCOUNT, account_id


def grant(d: Decision, command: GrantApproval) -> Refusal | None:
    """A person approves."""
    reason = refusal(d, command.approval_id, command.header.actor_id, command.header.role)
    if reason is not None:
        return reason, command.approval_id
    choices = d.book.approvals[command.approval_id].proposal.get("choices", "")
    if command.choice not in ("", *choices.split(",")):
        return Reason.INVALID_VALUE, f"choice {command.choice}: expected one of {choices or 'none'}"
    grant_request(d, command.approval_id, command.header.actor_id, command.choice)
    return None


def deny(d: Decision, command: DenyApproval) -> Refusal | None:
    """A person denies."""
    reason = refusal(d, command.approval_id, command.header.actor_id, command.header.role)
    if reason is not None:
        return reason, command.approval_id
    deny_request(d, command.approval_id, command.header.actor_id, command.reason)
    return None


def engage_kill_switch(d: Decision, command: EngageKillSwitch) -> Refusal | None:
    """One person is enough: working orders are cancelled, accounts suspended (protocol 9)."""
    if command.account_id is not None and _find(d, command.account_id) is None:
        return _unknown(command.account_id)
    kill_switch.engage(d, command.account_id, command.reason, command.header.actor_id)
    return None


def release_kill_switch(d: Decision, command: ReleaseKillSwitch) -> Refusal | None:
    """Two people release it, the one who asks for it is neither (protocol 15.2)."""
    account = _find(d, command.account_id) if command.account_id else None
    if command.account_id and account is None:
        return _unknown(command.account_id)
    engaged = d.book.killed if account is None else KILLED_ACCOUNT in account.suspensions
    if not engaged:
        return Reason.NOT_ENGAGED, command.account_id or d.book.system_id
    request(
        d,
        account,
        "KILL_SWITCH_RELEASE",
        command.account_id or "SYSTEM",
        {},
        required=2,
        roles=TWO_PEOPLE,
        expires_us=business_days_on(d, 5),
        default="deny",
        requester=command.header.actor_id,
    )
    return None


@on_decided("KILL_SWITCH_RELEASE")
def _release_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """Accounts go on, but for those that another cause keeps suspended."""
    if not granted:
        return
    d.emit(e.KillSwitchReleased(approval.subject, list(approval.granted_by)), f"system-{d.book.system_id}")
    if approval.subject == "SYSTEM":
        kill_switch_released(d)
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if approval.subject in ("SYSTEM", key) and account.state == "SUSPENDED" and not account.suspensions:
            d.emit(e.AccountResumed("kill switch released"), f"account-{key}", account)


def suspend(d: Decision, command: SuspendAccount) -> Refusal | None:
    """Pause: the account opens nothing, but is still watched (protocol 3.3)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if account.state not in ("ACTIVE", "SUSPENDED"):
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> SUSPENDED"
    if command.reason in (KILLED_BOOK, KILLED_ACCOUNT):
        return Reason.INVALID_VALUE, f"{command.reason} is the kill switch's; use EngageKillSwitch"
    cancel_opening_orders(d, account, Reason.SUSPENDED)
    d.emit(e.AccountSuspended(command.reason, command.header.actor_id), f"account-{account.account_id}", account)
    return None


def resume(d: Decision, command: ResumeAccount) -> Refusal | None:
    """One approval; a kill switch must be released first."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if account.state != "SUSPENDED" or _killed(account) or Reason.MERGE in account.suspensions:
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> ACTIVE, causes {account.suspensions}"
    request(
        d,
        account,
        "RESUME_ACCOUNT",
        account.account_id,
        {},
        required=1,
        roles=TWO_PEOPLE,
        expires_us=business_days_on(d, 5),
        default="deny",
        requester=command.header.actor_id,
    )
    return None


def _killed(account: Account) -> bool:
    return KILLED_BOOK in account.suspensions or KILLED_ACCOUNT in account.suspensions


@on_decided("RESUME_ACCOUNT")
def _resume_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """A kill switch that was engaged since stays engaged."""
    account = d.book.accounts[approval.subject]
    if granted and account.state == "SUSPENDED" and not _killed(account) and Reason.MERGE not in account.suspensions:
        d.emit(e.AccountResumed(", ".join(approval.granted_by)), f"account-{account.account_id}", account)


def restrict_mode(d: Decision, command: RestrictTradingMode) -> Refusal | None:
    """A person restricts an account."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if command.mode not in SEVERITY[1:]:
        return Reason.INVALID_VALUE, f"mode {command.mode}: one of {', '.join(SEVERITY[1:])}"
    restrict(d, account, MANUAL + command.reason, command.mode)
    return None


def lift_restriction(d: Decision, command: LiftTradingModeRestriction) -> Refusal | None:
    """Only what a person added; everything else has its own clearing rule."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if MANUAL + command.reason not in account.restrictions:
        return Reason.UNKNOWN_RESTRICTION, f"{command.reason}; in force: {sorted(account.restrictions)}"
    lift(d, account, MANUAL + command.reason)
    return None


def cancel_order(d: Decision, command: CancelOrder) -> Refusal | None:
    """Cancels always pass."""
    order = d.book.orders.get(command.order_id)
    if order is None:
        return Reason.UNKNOWN_ORDER, command.order_id
    if order.state in TERMINAL:
        return Reason.NOT_CANCELLABLE, order.state
    request_cancel(d, order, Reason.USER)
    return None


def record_fee(d: Decision, command: RecordFee) -> Refusal | None:
    """A charge of the broker; it may push free cash under the buffer (EX-24)."""
    return _record_cash(d, command.header, "FEE", command.account_id, command.amount, command.symbol)


def record_dividend(d: Decision, command: RecordDividend) -> Refusal | None:
    """Income, not a capital gain (protocol 4.4)."""
    amount, symbol = command.amount, command.symbol
    return _record_cash(d, command.header, "DIVIDEND", command.account_id, amount, symbol, qualified=command.qualified)


def record_interest(d: Decision, command: RecordInterest) -> Refusal | None:
    """Interest on cash."""
    return _record_cash(d, command.header, "INTEREST", command.account_id, command.amount, "")


def _record_cash(
    d: Decision, header: CommandHeader, kind: str, account_id: str, amount: int, symbol: str, *, qualified: bool = False
) -> Refusal | None:
    account = _find(d, account_id)
    if account is None:
        return _unknown(account_id)
    if amount <= 0 and kind != "INTEREST":
        return Reason.INVALID_VALUE, f"amount {amount}"
    book_cash(d, account, kind, amount, symbol, header.command_id, qualified=qualified)
    moved = e.CashMovementRequested(header.command_id, kind, -amount if kind == "FEE" else amount)
    d.emit(moved, f"broker-{d.book.broker_account}", account)
    return None


def record_tax_payment(d: Decision, command: RecordTaxPayment) -> Refusal | None:
    """Estimated tax leaves the reserve."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if str(command.year) not in account.tax:
        return Reason.INVALID_VALUE, f"no results of tax year {command.year}"
    if not 0 < command.amount <= account.balance(TAX_RESERVE):
        return Reason.INVALID_VALUE, f"amount {command.amount}, reserve {account.balance(TAX_RESERVE)} cents"
    d.emit(e.TaxPaymentRecorded(command.year, command.amount), f"tax-{account.account_id}-{command.year}", account)
    post(
        d,
        account,
        "TAX_PAYMENT",
        command.header.command_id,
        {TAX_RESERVE: -command.amount, EQUITY_BASE: command.amount},
    )
    adjust_reserve(d, account, command.year)
    return None


def transfer_capital(d: Decision, command: TransferCapital) -> Refusal | None:
    """New capital for an account, or a correction between accounts: people approve (protocol 10.5, 15.2)."""
    return ask_to_transfer(d, command)


def generate_exit(d: Decision, command: GenerateExitSignal) -> Refusal | None:
    """A person closes a position; closes by people pass the kill switch (protocol 6.6, 9)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    short = account.shorts.get(command.contract)
    if short is None and not account.shares(command.contract):
        return Reason.NOT_FOUND, f"no position in {command.contract}"
    if short is not None:
        order = close_by_person(d, account, short, min(command.quantity or short.quantity, short.quantity))
    elif parse(command.contract) is not None:
        order = sell_long(d, account, command.contract, "CLOSE")
    else:
        order = sell_uncovered(d, account, command.contract, "", command.quantity or 0)
    return None if order is not None else (Reason.STALE_QUOTE, f"no quote, or a check refused: {command.contract}")


def release_preservation(d: Decision, command: ReleasePreservation) -> Refusal | None:
    """Ask to leave PRESERVATION: every position calm for a full session, then one approval (protocol 8.3)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if L3 not in account.restrictions:
        return Reason.NOT_ENGAGED, "the account is not in PRESERVATION by a level"
    if account.worst_level or account.calm_sessions < d.config().integer("protocol.release_sessions"):
        return Reason.TOO_EARLY, "positions were not at level 0 for a full session"
    ask_to_leave_preservation(d, account, command.header.actor_id)
    return None


def reset_breaker(d: Decision, command: ResetCircuitBreaker) -> Refusal | None:
    """Acknowledge losses, or ask for the reset of another breaker (protocol 9)."""
    return ask_for_reset(d, command.breaker, command.account_id or "SYSTEM", command.header.actor_id)


def withdraw(d: Decision, command: RequestWithdrawal) -> Refusal | None:
    """A withdrawal within its limits (protocol 10.5)."""
    return request_withdrawal(d, command)


def link_broker_account(d: Decision, command: LinkBrokerAccount) -> Refusal | None:
    """The brokerage account of the system that an approved Rev fork founds (protocol 10.2)."""
    return link_child(d, command.broker_account, command.system_id, command.amount or 0)


def evaluate_fork(d: Decision, command: EvaluateFork) -> Refusal | None:
    """The look at a fork, which starts nothing (protocol 10.2)."""
    account = _find(d, command.account_id)
    return _unknown(command.account_id) if account is None else forking.evaluate(d, account)


def abort_fork(d: Decision, command: AbortFork) -> Refusal | None:
    """Before the first transfer a person may give a fork up (protocol 10.2)."""
    return forking.give_up(d, command.fork_id, command.reason)


def evaluate_merge(d: Decision, command: EvaluateMerge) -> Refusal | None:
    """The count of valuations is judged by the parameters of now (protocol 10.3)."""
    group = d.book.groups.get(command.fork_group_id)
    return _no_group(command.fork_group_id) if group is None else merging.evaluate(d, group)


def initiate_merge(d: Decision, command: InitiateMerge) -> Refusal | None:
    """A merge that is due starts now (protocol 10.3)."""
    group = d.book.groups.get(command.fork_group_id)
    return _no_group(command.fork_group_id) if group is None else merging.initiate(d, group)


def _no_group(group_id: str) -> Refusal:
    return Reason.NOT_FOUND, f"fork group {group_id}"


def complete_merge(d: Decision, command: CompleteMerge) -> Refusal | None:
    """Nothing is left to sell or to settle: everything moves now (protocol 10.3)."""
    return merging.complete(d, command.merge_id)


def allocate_contribution(d: Decision, command: AllocateContribution) -> Refusal | None:
    """The same as granting the request that a detected contribution has raised (protocol 10.5, 15.2)."""
    waiting = [a for a in d.book.approvals.values() if a.kind == "CONTRIBUTION" and not a.account_id]
    wanted = [a.approval_id for a in waiting if command.approval_id in (None, a.approval_id)]
    if not wanted:
        return Reason.UNKNOWN_APPROVAL, f"no detected contribution waits: {command.approval_id or d.book.system_id}"
    reason = refusal(d, wanted[0], command.header.actor_id, command.header.role)
    if reason is not None:
        return reason, wanted[0]
    grant_request(d, wanted[0], command.header.actor_id, "")
    return None


def initiate_fork(d: Decision, command: InitiateFork) -> Refusal | None:
    """The daily look at a fork, now (protocol 10.2)."""
    account = _find(d, command.account_id)
    return _unknown(command.account_id) if account is None else forking.initiate(d, account, command.fork_id)


def run_reinvestment(d: Decision, command: RunQuarterlyReinvestment) -> Refusal | None:
    """The quarter's run; once run it has no further effect (protocol 10.4)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    return run_now(d, account)


def complete_fork(d: Decision, command: CompleteFork) -> Refusal | None:
    """The founded system has answered (protocol 10.2)."""
    return child_answered(d, command.fork_id, command.founded, command.reason)


def close_tax_year(d: Decision, command: CloseTaxYear) -> Refusal | None:
    """Of every account; the year must be over (protocol 4.4)."""
    if command.year >= as_date(d.today).year:
        return Reason.TOO_EARLY, f"{command.year} is not over"
    years = [a for a in _accounts(d) if str(command.year) in a.tax and not a.tax[str(command.year)].closed]
    if not years:
        return Reason.INVALID_VALUE, f"no open results of tax year {command.year}"
    for account in years:
        close_year(d, account, command.year)
    return None


def close_account(d: Decision, command: CloseAccount) -> Refusal | None:
    """Two approvals (protocol 3.3)."""
    return ask_to_close(d, command.account_id, command.header.actor_id)


def correct_ledger(d: Decision, command: CorrectLedger) -> Refusal | None:
    """Reversing or adjusting entries with two approvals, never edits (protocol 4.2, 12.5)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    unknown = sorted(set(command.lines) - set(LEDGER_ACCOUNTS))
    if unknown or not command.lines or sum(command.lines.values()):
        return Reason.INVALID_VALUE, f"lines must balance over {', '.join(LEDGER_ACCOUNTS)}; unknown: {unknown}"
    request(
        d, account, "LEDGER_CORRECTION", command.header.command_id,
        {"reason": command.reason, **{name: str(amount) for name, amount in command.lines.items()}},
        required=2, roles=TWO_PEOPLE, expires_us=business_days_on(d, 5), default="deny",
        requester=command.header.actor_id,
    )  # fmt: skip
    return None


@on_decided("LEDGER_CORRECTION")
def _correction_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account = d.book.accounts[approval.account_id]
    if not granted:
        return
    lines = {name: int(amount) for name, amount in approval.proposal.items() if name != "reason"}
    corrected = e.LedgerCorrected([approval.subject], approval.proposal["reason"], list(approval.granted_by))
    d.emit(corrected, f"account-{account.account_id}", account)
    post(d, account, "CORRECTION", approval.subject, lines)
    check_buffer(d, account)


def raise_by_watchdog(d: Decision, command: RaiseAlert) -> Refusal | None:
    """A watchdog proposes, the book records (architecture.md)."""
    account = _find(d, command.account_id) if command.account_id else None
    if command.account_id and account is None:
        return _unknown(command.account_id)
    if command.priority not in ("CRITICAL", "HIGH", "MEDIUM", "LOW"):
        return Reason.INVALID_VALUE, f"priority {command.priority}"
    raise_alert(d, account, command.type, command.priority, command.ticker, command.title, command.message)
    return None


def _raised(d: Decision, alert_id: str) -> bool:
    """Every alert that this book has raised has its own stream."""
    return f"alert-{alert_id}" in d.book.streams


def acknowledge_alert(d: Decision, command: AcknowledgeAlert) -> Refusal | None:
    """A person has seen it."""
    if not _raised(d, command.alert_id):
        return Reason.NOT_FOUND, f"alert {command.alert_id}"
    d.emit(e.AlertAcknowledged(command.alert_id, command.header.actor_id), f"alert-{command.alert_id}")
    return None


def resolve_alert(d: Decision, command: ResolveAlert) -> Refusal | None:
    """What it was about is settled."""
    if not _raised(d, command.alert_id):
        return Reason.NOT_FOUND, f"alert {command.alert_id}"
    d.emit(e.AlertResolved(command.alert_id, command.header.actor_id, command.reason), f"alert-{command.alert_id}")
    return None


def _accounts(d: Decision) -> list[Account]:
    return [d.book.accounts[key] for key in sorted(d.book.accounts)]


def guess_week_mode(d: Decision, command: GuessWeekMode) -> Refusal | None:
    """The predictor's guess; whether it acts is a parameter (protocol 6.4)."""
    if command.mode not in ("GREEN", "RED", "CHOP"):
        return Reason.INVALID_VALUE, f"mode {command.mode}: expected GREEN, RED or CHOP"
    if not is_week_id(command.week_id):
        return Reason.INVALID_VALUE, f"week_id {command.week_id}: expected an ISO week such as 2025W25"
    d.emit(e.WeekModePredicted(command.week_id, command.mode), "predictor")
    return None
